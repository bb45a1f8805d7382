"""Errors of past forecasts against the weeks left in the period."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import text
from opp_analytics.analysis import sentence
from opp_analytics.plots import labels, palette, style

_MOST_NAMED = 12


@style.drawing("weeks_before", "expected", "low", "high", "actual", "error")
def backtest(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.backtest`: forecast minus actual against the weeks left, one line per period.

    Time runs to the right, to the end of the period.
    """
    ax = style.canvas(ax)
    if table.empty:
        style.nothing(ax, "no period had ended by the last record")
        return style.finish(ax, "Past forecasts", style.caption(table))
    names = list(dict.fromkeys(table.index.get_level_values("period")))
    ends = []
    for name, (color, mark) in style.series_colors(names).items():
        part = table.xs(name, level="period")
        ax.plot(
            part["weeks_before"],
            part["error"],
            color=color,
            marker=mark,
            markersize=3.5,
            linewidth=1,
        )
        last = part.iloc[-1]
        said = text.period(name, table.attrs.get("freq"))
        ends.append((float(last["weeks_before"]), float(last["error"]), said, color))
    ax.axhline(0, color=palette.INK, linewidth=1)
    ax.invert_xaxis()
    labels.money_axis(ax.yaxis, "forecast − actual", table)
    labels.axis_label(ax.xaxis, "weeks before the period's end")
    if len(names) <= _MOST_NAMED:
        labels.at_ends(ax, ends)
    note = style.caption(table, text.count(len(table), "forecast"), style.method(table))
    return style.finish(ax, sentence(table), note)
