"""The definitions of a win rate side by side."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import text
from opp_analytics.analysis import sentence
from opp_analytics.plots import labels, palette, style


@style.drawing("rate", "rate_low", "rate_high", "n")
def win_rate_definitions(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.win_rate_definitions`: the rate of each definition with its interval and n."""
    ax = style.canvas(ax, rows=len(table))
    if not table["rate"].notna().any():
        style.nothing(ax, "no closed deals")
        return style.finish(ax, sentence(table), style.caption(table))
    reach = style.whiskers(table["rate"], table["rate_low"], table["rate_high"])
    places = np.arange(len(table))
    ax.errorbar(table["rate"], places, xerr=reach, fmt="o", color=palette.BAR, ecolor=palette.MUTE)
    labels.label_rows(ax, [str(name) for name in table.index], width=48)
    size = labels.row_text_size(ax, len(table))
    for place, (rate, n) in enumerate(zip(table["rate"], table["n"], strict=True)):
        words = f"{text.percent(rate)} of {n:,}" if n else "no deals"
        labels.beside(ax, words, (1.0, place), size=size, coords=("axes fraction", "data"))
    labels.percent_axis(ax.xaxis)
    ax.set_xlim(-0.02, 1.02)
    return style.finish(
        ax, sentence(table), style.caption(table, "", "each row is a definition, with its 95% interval")
    )
