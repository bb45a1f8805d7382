"""The definitions of a win rate side by side."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from opp_analytics.plots import labels, style

_TITLE = "Win rate by definition"


@style.drawing("rate", "rate_low", "rate_high", "n")
def win_rate_definitions(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.win_rate_definitions`: the rate of each definition with its interval and n."""
    ax = style.canvas(ax, rows=len(table))
    if not table["rate"].notna().any():
        style.nothing(ax, "no closed deals")
        return style.finish(ax, _TITLE, style.caption(table))
    reach = style.whiskers(table["rate"], table["rate_low"], table["rate_high"])
    places = np.arange(len(table))
    ax.errorbar(table["rate"], places, xerr=reach, fmt="o", color=style.COLORS["won"], ecolor=style.QUIET)
    names = [f"{name} (n={n:,})" for name, n in zip(table.index, table["n"], strict=True)]
    labels.label_rows(ax, names, width=48)
    labels.percent_axis(ax.xaxis)
    ax.set_xlim(-0.02, 1.02)
    return style.finish(ax, _TITLE, style.caption(table))
