"""The deals that moved the open pipeline most."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import text
from opp_analytics.analysis import sentence
from opp_analytics.org import money_of
from opp_analytics.plots import labels, palette, style

_MOST = 20


@style.drawing("unique_id", "name", "movement", "value")
def movements(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.movements`: the twenty deals that moved the open pipeline most, with all that happened to each.

    A deal that came and left again changed nothing: its movements add up.
    """
    deals = table.groupby("unique_id", sort=False).agg(
        name=("name", "last"), value=("value", "sum"), moves=("movement", _joined)
    )
    moved = deals[deals["value"].abs() >= _LEAST].sort_values(
        "value", key=abs, ascending=False, kind="stable"
    )
    shown = moved.head(_MOST)
    ax = style.canvas(ax, rows=len(shown))
    title = sentence(table).partition(". The largest")[0]
    if shown.empty:
        style.nothing(ax, "nothing moved in this period")
        return style.finish(ax, title, style.caption(table))
    colors = [style.color_of_move("", value) for value in shown["value"]]
    ax.barh(range(len(shown)), shown["value"], color=colors, height=0.7)
    # The end of a name is often what tells two deals of one customer apart.
    names = shown["name"].fillna(pd.Series(shown.index, index=shown.index))
    labels.label_rows(ax, names.tolist(), width=40)
    money = money_of(table)
    says = [
        f"{money(value, signed=True)}, {labels.shorten(moves, 32)}"
        for value, moves in zip(shown["value"], shown["moves"], strict=True)
    ]
    labels.label_bars(ax, shown["value"].tolist(), says, color=palette.INK)
    labels.money_axis(ax.xaxis, "change in open value", table, signed=True)
    ax.axvline(0, color=palette.QUIET, linewidth=0.8)
    rest = len(moved) - len(shown)
    further = f"{text.count(rest, 'smaller deal')} not shown" if rest else ""
    return style.finish(ax, title, style.caption(table, text.count(len(table), "movement"), further))


_LEAST = 0.005


def _joined(moves: pd.Series[str]) -> str:
    """The movements of a deal in order, each once."""
    return ", ".join(dict.fromkeys(text.label(str(move)) for move in moves))
