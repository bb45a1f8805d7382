"""Forecast error of each method."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import text
from opp_analytics.analysis import sentence
from opp_analytics.plots import labels, palette, style


@style.drawing("n", "wape", "bias", "interval_coverage", "behind", "behind_low")
def backtest_methods(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.backtest_methods`: how far each method missed, the best one in blue, with bias and ranges held beside it."""
    ax = style.canvas(ax, rows=len(table), size=(7.5, 2.4))
    if not table["wape"].notna().any():
        style.nothing(ax, "nothing was booked in the periods that have ended")
        return style.finish(ax, sentence(table), style.caption(table))
    ranked = table.sort_values("wape", kind="stable")
    colors = [palette.HI if place == 0 else palette.MUTE for place in range(len(ranked))]
    errors = ranked["wape"].fillna(0)
    ax.barh(range(len(ranked)), errors, height=0.62, color=colors)
    labels.label_rows(ax, [text.label(str(method)) for method in ranked.index], least=1)
    labels.label_bars(ax, errors.tolist(), [_says(row) for row in ranked.itertuples()], color=palette.INK)
    labels.percent_axis(ax.xaxis, "missed, as a share of the booked value")
    judged = text.count(int(table["n"].max()), "forecast")
    return style.finish(ax, sentence(table), style.caption(table, f"each method on the same {judged}"))


def _says(row: Any) -> str:
    if np.isnan(row.wape):
        return "too little history"
    bias = text.percent(abs(row.bias))
    lean = "" if bias in ("0%", "<1%") else f", {bias} too {'high' if row.bias > 0 else 'low'} in all"
    held = (
        "" if np.isnan(row.interval_coverage) else f", {text.percent(row.interval_coverage)} of ranges held"
    )
    return f"{text.percent(row.wape)}{lean}{held}"
