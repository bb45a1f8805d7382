"""Stated win probabilities against actual wins."""

from __future__ import annotations

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
    note = style.caption(table, text.count(int(table["n"].sum()), "deal"))
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
    for stated, top, name, n in zip(
        judged["stated"], judged["realized_high"], judged.index, judged["n"], strict=True
    ):
        group = " · ".join(map(str, name[:-1])) if isinstance(name, tuple) else ""
        words = f"{labels.shorten(group, 14)} ({n:,})" if group else f"{n:,}"
        labels.above(ax, words, (stated, top), size=7.5)
    labels.percent_axis(ax.xaxis, "stated")
    labels.percent_axis(ax.yaxis, "won")
    ax.set_xlim(-0.02, 1.02)
    ax.set_ylim(-0.02, 1.08)
    labels.at_ends(ax, [(1.0, 1.0, "as stated", palette.QUIET)])
    return style.finish(ax, sentence(table), note)
