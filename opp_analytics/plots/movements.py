"""The largest movements in the open pipeline, deal by deal."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import text
from opp_analytics.plots import labels, style

_MOST = 20
_TITLE = "Largest movements in the open pipeline"


@style.drawing("unique_id", "name", "movement", "value")
def movements(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.movements`: the twenty deals that moved the open pipeline most, largest first."""
    shown = table.sort_values("value", key=abs, ascending=False, kind="stable").head(_MOST)
    ax = style.canvas(ax, rows=len(shown))
    if shown.empty:
        style.nothing(ax, "nothing moved in this period")
        return style.finish(ax, _TITLE, style.caption(table))
    moves = list(zip(shown["movement"], shown["value"], strict=True))
    ax.barh(
        range(len(shown)), shown["value"], color=[style.color_of_move(*move) for move in moves], height=0.7
    )
    labels.label_rows(ax, shown["name"].fillna(shown["unique_id"]).tolist())
    says = [f"{text.label(movement)} {labels.money(value, signed=True)}" for movement, value in moves]
    labels.label_bars(ax, shown["value"].tolist(), says)
    labels.money_axis(ax.xaxis, "change in open value")
    ax.axvline(0, color=style.QUIET, linewidth=0.8)
    rest = len(table) - len(shown)
    further = f"{text.count(rest, 'smaller deal')} not shown" if rest else ""
    return style.finish(ax, _TITLE, style.caption(table, text.count(len(table), "movement"), further))
