"""How good forecasts have been: their errors one by one, by the weeks left, and by method."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics.plots import style

PROMISED = 0.8
"""How often a 10–90 % band should hold the truth."""


def backtest(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.backtest`: each forecast's error against the weeks left, in share of what was booked in the end.

    Parameters
    ----------
    table : DataFrame
        What `oa.backtest` returns.
    ax : Axes, optional
        Where to draw; a new figure when None.

    Returns
    -------
    Axes
        Time runs to the right, to the end of the period; one line per period.

    Raises
    ------
    ArgumentTypeError, MissingColumnError
        When `table` is something else.
    """
    style.check_table(table, "weeks_before", "expected", "actual", "error", made_by="oa.backtest")
    ax = style.canvas(ax)
    scores = [
        f"{name} {table.attrs[name]:.0%}"
        for name in ("wape", "bias", "interval_coverage")
        if table.attrs.get(name) is not None
    ]
    note = style.caption(table, ", ".join(scores))
    if not len(table):
        style.nothing(ax, "no period was over by the last record")
        return style.finish(ax, "Forecasts against what was booked", note)
    periods = list(dict.fromkeys(table.index.get_level_values("period")))
    looks = style.series_colours(periods)
    for name in periods:
        part = table.xs(name, level="period")
        colour, mark = looks[name]
        label = name if len(periods) <= 12 else None
        ax.plot(
            part["weeks_before"],
            part["error"],
            color=colour,
            marker=mark,
            markersize=3.5,
            linewidth=1,
            label=label,
        )
    ax.axhline(0, color=style.INK, linewidth=1)
    ax.invert_xaxis()
    style.money_axis(ax.yaxis, "forecast − booked")
    ax.set_xlabel("weeks before the period's end", color=style.QUIET, fontsize=9)
    if len(periods) <= 12:
        style.legend(ax)
    return style.finish(ax, "Forecasts against what was booked", note)
