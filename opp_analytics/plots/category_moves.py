"""What became of each forecast category."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import text
from opp_analytics.analysis import sentence
from opp_analytics.org import money_of
from opp_analytics.plots import labels, palette, style
from opp_analytics.schema import unstack_level

_COLORS = {
    "won": palette.BAR,
    "slipped": palette.HI,
    "lost": palette.MUTE,
    "removed": palette.PALE,
    **dict.fromkeys(("commit", "best case", "pipeline", "omitted"), palette.BAND),
}


@style.drawing("count", "value")
def category_moves(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.category_moves`: a bar of shares of money per category at the start, cut by what became of it."""
    whole = table.groupby(level=["from_category", "to_category"], sort=False)[["count", "value"]].sum()
    value = unstack_level(whole["value"], "to_category")
    deals = whole["count"].groupby(level="from_category", sort=False).sum()
    value = value[(value.sum(axis=1) > 0) & (deals.reindex(value.index) > 0)]
    ax = style.canvas(ax, rows=len(value), size=(9.0, 2.8))
    if value.empty:
        style.nothing(ax, "no open deal with a value was due in this period")
        return style.finish(ax, sentence(table), style.caption(table))
    money = money_of(table)
    names = [f"{text.label(str(name))} ({money(row.sum())})" for name, row in value.iterrows()]
    labels.label_rows(ax, names, width=40)
    shares = value.div(value.sum(axis=1), axis=0).rename(columns=lambda name: text.label(str(name)))
    labels.percent_axis(ax.xaxis, "share of the value at the start")
    ax.set_xlim(0, 1)
    labels.stacked(ax, shares.loc[:, shares.sum() > 0], _COLORS, every_row=True)
    return style.finish(ax, sentence(table), style.caption(table, text.count(int(deals.sum()))))
