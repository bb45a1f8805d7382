"""The definitions of a win rate side by side."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import text
from opp_analytics.analysis import sentence
from opp_analytics.plots import labels, palette, style

_RATES, _WORDS = 0.36, 0.5
"""Share of the width for the rates, and where the words on each definition begin."""


@style.drawing("rate", "rate_low", "rate_high", "n", "misleads_when")
def win_rate_definitions(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.win_rate_definitions`: the rate of each definition with its interval and n, and when it misleads."""
    ax = style.canvas(ax, rows=len(table), size=(11.0, 3.2))
    if not table["rate"].notna().any():
        style.nothing(ax, "no closed deals")
        return style.finish(ax, sentence(table), style.caption(table))
    reach = style.whiskers(table["rate"], table["rate_low"], table["rate_high"])
    places = range(len(table))
    ax.errorbar(table["rate"], places, xerr=reach, fmt="o", color=palette.BAR, ecolor=palette.MUTE)
    labels.label_rows(ax, [str(name) for name in table.index], width=48)
    size = labels.row_text_size(ax, len(table))
    rows = zip(table["rate"], table["n"], table["misleads_when"], strict=True)
    for place, (rate, n, why) in enumerate(rows):
        said = f"{text.percent(rate)} of {n:,}" if n else "no deals"
        for start, words, color in ((_RATES, said, palette.INK), (_WORDS, why, palette.QUIET)):
            labels.beside(ax, words, (start, place), size=size, color=color, coords=("axes fraction", "data"))
    labels.percent_axis(ax.xaxis)
    ax.set_xticks([0.0, 0.5, 1.0])
    ax.set_xlim(-0.02, 1.02 / _RATES)
    note = "each row is a definition, with its 95% interval and when it misleads"
    return style.finish(ax, sentence(table), style.caption(table, "", note))
