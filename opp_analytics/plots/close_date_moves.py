"""Histogram of close-date pushes per deal."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import text
from opp_analytics.analysis import push_counts, sentence
from opp_analytics.plots import labels, palette, style

_MOST = 8


@style.drawing("pushes", "days_pushed")
def close_date_moves(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.close_date_moves`: deals by number of pushes, with the median days pushed above each bar."""
    ax = style.canvas(ax)
    if table.empty:
        style.nothing(ax, "no deals in this period")
        return style.finish(ax, sentence(table), style.caption(table))
    counts = push_counts(table, most=_MOST)
    colors = [palette.HI if pushes else palette.PALE for pushes in counts.index]
    ax.bar(range(len(counts)), counts["deals"], color=colors, width=0.7)
    for slot, (pushes, deals, days) in enumerate(
        zip(counts.index, counts["deals"], counts["median_days"], strict=True)
    ):
        words = f"{deals:,}" + (f"\nmedian {text.number(days)} days" if pushes else "")
        labels.above(ax, words, (slot, deals), color=palette.INK)
    labels.label_slots(
        ax, [f"{pushes}" if pushes < _MOST else f"{pushes} or more" for pushes in counts.index]
    )
    labels.axis_label(ax.xaxis, "pushes seen")
    labels.count_axis(ax.yaxis, "deals")
    ax.set_ylim(0, float(counts["deals"].max()) * 1.22)
    note = style.caption(table, text.count(len(table)), "counts are lower bounds")
    return style.finish(ax, sentence(table), note)
