"""The win-rate curve with the deals at risk under it, and the definitions of a win rate side by side."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from opp_analytics.plots import style


def win_rate_definitions(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.win_rate_definitions`: each definition with its interval and n.

    Parameters
    ----------
    table : DataFrame
        What `oa.win_rate_definitions` returns.
    ax : Axes, optional
        Where to draw; a new figure when None.

    Returns
    -------
    Axes
        Rows are the definitions.

    Raises
    ------
    ArgumentTypeError, MissingColumnError
        When `table` is something else.
    """
    style.check_table(table, "rate", "rate_low", "rate_high", "n", made_by="oa.win_rate_definitions")
    ax = style.canvas(ax, rows=len(table))
    if not table["rate"].notna().any():
        style.nothing(ax, "no closed deals")
        return style.finish(ax, "Win rate by definition", style.caption(table))
    places = np.arange(len(table))
    ends = np.maximum(np.array([table["rate"] - table["rate_low"], table["rate_high"] - table["rate"]]), 0)
    ax.errorbar(table["rate"], places, xerr=ends, fmt="o", color=style.COLOURS["won"], ecolor=style.QUIET)
    style.label_rows(
        ax, [f"{name} (n = {n:,})" for name, n in zip(table.index, table["n"], strict=True)], width=48
    )
    style.rate_axis(ax.xaxis)
    ax.set_xlim(-0.02, 1.02)
    return style.finish(ax, "Win rate by definition", style.caption(table))
