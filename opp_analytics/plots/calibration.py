"""Stated win probabilities against actual wins."""

from __future__ import annotations

import math

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import text
from opp_analytics.analysis import sentence
from opp_analytics.plots import labels, palette, style


@style.drawing("n", "stated", "realized", "realized_low", "realized_high")
def calibration(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.calibration`: the share won against the stated probability, with intervals and n.

    Points on the diagonal are accurate; points below it were stated too high.
    """
    ax = style.canvas(ax, size=(6.0, 5.6))
    judged = table[(table["n"] > 0) & table["realized"].notna()]
    note = style.caption(table, text.count(int(table["n"].sum()), "deal"), "above each range: its deals")
    if judged.empty:
        style.nothing(ax, "no deal is old enough to judge")
        return style.finish(ax, sentence(table), note)
    ax.plot([0, 1], [0, 1], color=palette.QUIET, linestyle="--", linewidth=1)
    ax.errorbar(
        judged["stated"],
        judged["realized"],
        yerr=style.whiskers(judged["realized"], judged["realized_low"], judged["realized_high"]),
        fmt="o",
        color=style.COLORS["won"],
        ecolor=palette.QUIET,
    )
    labels.percent_axis(ax.xaxis, "stated")
    labels.percent_axis(ax.yaxis, "won")
    ax.set_xlim(-0.02, 1.02)
    ax.set_ylim(-0.02, 1.12)
    _count(ax, judged)
    labels.at_ends(ax, [(1.0, 1.0, "as stated", palette.QUIET)])
    return style.finish(ax, sentence(table), note)


def _count(ax: Axes, judged: pd.DataFrame) -> None:
    """The deals behind each point above its range, where the last text leaves room for it."""
    size = 0.83 * style.text_size()
    taken = -math.inf
    for (name, n), stated, top in sorted(
        zip(judged["n"].items(), judged["stated"], judged["realized_high"], strict=True),
        key=lambda point: float(point[1]),
    ):
        group = " · ".join(map(str, name[:-1])) if isinstance(name, tuple) else ""
        words = f"{labels.shorten(group, 14)} ({n:,})" if group else f"{n:,}"
        half = 0.35 * len(words) * size / style.room(ax, "x")
        if stated - half > taken:
            labels.above(ax, words, (stated, top + 0.01), size=size)
            taken = stated + half
