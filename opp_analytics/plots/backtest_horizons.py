"""How good forecasts have been: their errors one by one, by the weeks left, and by method."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics.plots import style
from opp_analytics.plots.backtest import PROMISED
from opp_analytics.plots.backtest_methods import method_label


def backtest_horizons(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.backtest_horizons`: error, bias and how often the band held, against the weeks left.

    Parameters
    ----------
    table : DataFrame
        What `oa.backtest_horizons` returns.
    ax : Axes, optional
        Where to draw; a new figure when None.

    Returns
    -------
    Axes
        Time runs to the right, to the end of the period; the dotted line is how often the band should hold.

    Raises
    ------
    ArgumentTypeError, MissingColumnError
        When `table` is something else.
    """
    style.check_table(table, "n", "wape", "bias", "interval_coverage", made_by="oa.backtest_horizons")
    ax = style.canvas(ax)
    title = "Forecast error by weeks before the period's end"
    note = style.caption(table, *method_label(table))
    if not table["wape"].notna().any():
        style.nothing(ax, "nothing was booked in the periods that are over")
        return style.finish(ax, title, note)
    for column, label, colour, mark in (
        ("wape", "error (WAPE)", style.INK, "o"),
        ("bias", "bias", style.COLOURS["lost"], "s"),
        ("interval_coverage", "band held", style.COLOURS["open"], "^"),
    ):
        ax.plot(table.index, table[column], label=label, color=colour, marker=mark, markersize=4.5)
    ax.axhline(0, color=style.QUIET, linewidth=0.8)
    ax.axhline(PROMISED, color=style.COLOURS["open"], linewidth=0.9, linestyle=":")
    ax.invert_xaxis()
    style.rate_axis(ax.yaxis, "share of what was booked · of the forecasts")
    ax.set_xlabel("weeks before the period's end", color=style.QUIET, fontsize=9)
    style.legend(ax)
    return style.finish(ax, title, note)
