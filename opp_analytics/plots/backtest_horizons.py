"""Forecast error, bias and coverage of the ranges against the weeks left in the period."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import text
from opp_analytics.analysis import sentence
from opp_analytics.plots import labels, palette, style


@style.drawing("n", "wape", "bias", "interval_coverage")
def backtest_horizons(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.backtest_horizons`: error, bias, and how often the range held, against the weeks left.

    Time runs to the right, to the end of the period. The dotted line is the share of ranges that should hold.
    """
    ax = style.canvas(ax)
    note = style.caption(table, text.count(int(table["n"].sum()), "forecast"), style.method(table))
    if not table["wape"].notna().any():
        style.nothing(ax, "nothing was booked in the periods that have ended")
        return style.finish(ax, sentence(table), note)
    ends = []
    for column, label, color, mark in (
        ("wape", "error", palette.INK, "o"),
        ("bias", "bias", style.COLORS["lost"], "s"),
        ("interval_coverage", "range held", style.COLORS["open"], "^"),
    ):
        ax.plot(table.index, table[column], color=color, marker=mark, markersize=4.5)
        known = table[column].dropna().sort_index()
        if len(known):
            ends.append((float(known.index[0]), float(known.iloc[0]), label, color))
    ax.axhline(0, color=palette.QUIET, linewidth=0.8)
    confidence = table.attrs.get("confidence")
    if confidence is not None:
        ax.axhline(confidence, color=style.COLORS["open"], linewidth=0.9, linestyle=":")
    ax.invert_xaxis()
    labels.percent_axis(ax.yaxis, "share of booked value · share of forecasts")
    labels.axis_label(ax.xaxis, "weeks before the period's end")
    labels.at_ends(ax, ends)
    return style.finish(ax, sentence(table), note)
