"""How good forecasts have been: their errors one by one, by the weeks left, and by method."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from opp_analytics.plots import style
from opp_analytics.plots.style import said


def backtest_methods(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.backtest_methods`: each method's error and bias, and how often its band held.

    Parameters
    ----------
    table : DataFrame
        What `oa.backtest_methods` returns.
    ax : Axes, optional
        Where to draw; a new figure when None.

    Returns
    -------
    Axes
        One row per method, the bar its error; further left is better.

    Raises
    ------
    ArgumentTypeError, MissingColumnError
        When `table` is something else.
    """
    style.check_table(table, "n", "wape", "bias", "interval_coverage", made_by="oa.backtest_methods")
    ax = style.canvas(ax, rows=len(table))
    title = "Forecast error by method"
    note = style.caption(table, "error: WAPE, share of what was booked")
    if not table["wape"].notna().any():
        style.nothing(ax, "nothing was booked in the periods that are over")
        return style.finish(ax, title, note)
    places = np.arange(len(table))
    bars = ax.barh(
        places, table["wape"].fillna(0), height=0.62, color=style.COLOURS["weighted_open"], label="error"
    )
    ax.plot(table["bias"].abs(), places, "D", color=style.INK, markersize=4.5, label="of it bias")
    style.label_rows(ax, list(map(str, table.index)))
    style.label_bars(ax, bars, [said(row) for row in table.itertuples()])
    style.rate_axis(ax.xaxis)
    style.legend(ax)
    return style.finish(ax, title, note)


def method_label(table: pd.DataFrame) -> list[str]:
    """The method that gave the chances, as a line of the caption."""
    return [str(table.attrs["method"])] if table.attrs.get("method") else []
