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
    """Draw `oa.backtest_methods`: error and bias of each method, and how often its range held.

    One row per method: the bar is its error (shorter is better), the diamond its bias.
    """
    ax = style.canvas(ax, rows=len(table))
    note = style.caption(table, "", "bar: error as a share of booked value (WAPE) · diamond: bias")
    if not table["wape"].notna().any():
        style.nothing(ax, "nothing was booked in the periods that have ended")
        return style.finish(ax, sentence(table), note)
    errors, places = table["wape"].fillna(0), np.arange(len(table))
    ax.barh(places, errors, height=0.62, color=style.COLORS["expected"])
    ax.plot(table["bias"].abs(), places, "D", color=palette.INK, markersize=4.5)
    labels.label_rows(ax, [text.label(str(method)) for method in table.index])
    labels.label_bars(ax, errors.tolist(), [_says(row) for row in table.itertuples()])
    labels.percent_axis(ax.xaxis)
    return style.finish(ax, sentence(table), note)


def _says(row: Any) -> str:
    if np.isnan(row.wape):
        return "too little history"
    held = text.percent(row.interval_coverage)
    return f"{text.percent(row.wape)} · bias {text.percent(row.bias, signed=True)} · range held {held} · n={row.n:,}"
