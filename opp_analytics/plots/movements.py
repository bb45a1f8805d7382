"""The largest movements in the open pipeline, deal by deal."""

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
    """Draw `oa.movements`: the twenty deals that moved the open pipeline most, largest first."""
    shown = table.sort_values("value", key=abs, ascending=False, kind="stable").head(_MOST)
    ax = style.canvas(ax, rows=len(shown))
    if shown.empty:
        style.nothing(ax, "nothing moved in this period")
        return style.finish(ax, sentence(table), style.caption(table))
    moves = list(zip(shown["movement"], shown["value"], strict=True))
    ax.barh(
        range(len(shown)), shown["value"], color=[style.color_of_move(*move) for move in moves], height=0.7
    )
    # The end of a name is often what tells two deals of one customer apart.
    labels.label_rows(ax, shown["name"].fillna(shown["unique_id"]).tolist(), width=40)
    money = money_of(table)
    says = [f"{money(value, signed=True)} {text.label(movement)}" for movement, value in moves]
    labels.label_bars(ax, shown["value"].tolist(), says)
    labels.money_axis(ax.xaxis, "change in open value", table)
    ax.axvline(0, color=palette.QUIET, linewidth=0.8)
    rest = len(table) - len(shown)
    further = f"{text.count(rest, 'smaller deal')} not shown" if rest else ""
    return style.finish(
        ax, sentence(table), style.caption(table, text.count(len(table), "movement"), further)
    )
