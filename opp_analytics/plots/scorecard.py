"""Owners, teams or segments compared: win rates that differ beyond chance, and the other scores beside them."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from opp_analytics import text
from opp_analytics.analysis import sentence
from opp_analytics.plots import labels, palette, style

_HEADS = ("won", "days to win", "slips", "forecast bias")
_ENDS = (0.66, 0.78, 0.85, 1.0)
"""Right ends of the columns, in widths of the axes."""
_RATES = 0.55
"""Share of the width for the rates."""


@style.drawing(
    "won", "rate", "rate_low", "rate_high", "differs", "days_to_win", "slip_rate", "forecast_bias", "n"
)
def scorecard(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.scorecard`: win rates with intervals, highest first, blue where beyond chance; the other scores beside them."""
    ax = style.canvas(ax, rows=len(table) + 1, size=(9.5, 3.2))
    confidence = table.attrs.get("confidence")
    note = style.caption(
        table,
        text.count(int(table["n"].sum()), "closed deal"),
        f"{text.percent(confidence)} intervals" if confidence else "",
        "blue: differs from the others beyond chance",
    )
    if not table["n"].any():
        style.nothing(ax, "no closed deals")
        return style.finish(ax, sentence(table), note)
    ranked = table.sort_values("rate", ascending=False, kind="stable")
    reach = style.whiskers(ranked["rate"], ranked["rate_low"], ranked["rate_high"])
    for row, differs in enumerate(ranked["differs"]):
        color = palette.HI if differs else palette.BAR
        ax.errorbar(
            ranked["rate"].iloc[[row]], [row], xerr=reach[:, [row]], fmt="o", color=color,
            ecolor=color if differs else palette.MUTE,
        )  # fmt: skip
    ax.axvline(ranked["won"].sum() / ranked["n"].sum(), color=palette.QUIET, linewidth=0.8)
    labels.label_rows(ax, labels.row_names(ranked.index))
    ax.set_ylim(top=-1.5)
    labels.percent_axis(ax.xaxis, "win rate; line: of all")
    top = min(1.0, 1.05 * float(ranked["rate_high"].max()))
    ax.set_xticks([tick for tick in MaxNLocator(5).tick_values(0, top) if 0 <= tick <= top])
    ax.set_xlim(0, top / _RATES)
    _beside(ax, ranked)
    return style.finish(ax, sentence(table), note)


def _beside(ax: Axes, ranked: pd.DataFrame) -> None:
    """The columns of text right of the rates."""
    size = labels.row_text_size(ax, len(ranked))
    for place, head in zip(_ENDS, _HEADS, strict=True):
        _cell(ax, head, place, -1, palette.QUIET, size)
    for row, (_, scores) in enumerate(ranked.iterrows()):
        for place, words in zip(_ENDS, _words(scores), strict=True):
            _cell(ax, words, place, row, palette.INK, size)


def _words(scores: pd.Series[Any]) -> tuple[str, ...]:
    bias, slips, days = scores["forecast_bias"], scores["slip_rate"], scores["days_to_win"]
    return (
        f"{int(scores['won']):,} of {int(scores['n']):,}",
        text.number(days),
        text.percent(slips) if math.isfinite(slips) else text.MISSING,
        text.percent(bias, signed=True) if math.isfinite(bias) else text.MISSING,
    )


def _cell(ax: Axes, words: str, place: float, row: float, color: str, size: float) -> None:
    ax.annotate(
        words, (place, row), xycoords=("axes fraction", "data"), ha="right", va="center", color=color, fontsize=size,
        parse_math=False, annotation_clip=False,
    )  # fmt: skip
