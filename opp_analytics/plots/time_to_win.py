"""Days from creation to the win."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import text
from opp_analytics.plots import labels, style

_TITLE = "Days to win"


@style.drawing("days", "days_of_won")
def time_to_win(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.time_to_win`: the days until each share of the wins, one row per group."""
    days = table["days_of_won"]
    # One column per share, as they came.
    wide = days.unstack("quantile", sort=False) if days.index.nlevels > 1 else days.to_frame("all").T  # noqa: PD010
    ax = style.canvas(ax, rows=len(wide))
    note = style.caption(table, "", "days until each share of the wins so far")
    if not wide.notna().any(axis=None):
        style.nothing(ax, "no won deals")
        return style.finish(ax, _TITLE, note)
    places = np.arange(len(wide))
    ax.hlines(places, wide.min(axis=1), wide.max(axis=1), color=style.QUIET, linewidth=1.5)
    looks = style.series_colors([text.percent(float(share)) for share in wide.columns])
    for (label, (color, mark)), share in zip(looks.items(), wide.columns, strict=True):
        ax.plot(wide[share], places, mark, color=color, markersize=6, label=label)
    labels.label_rows(ax, labels.row_names(wide.index))
    ax.set_xlim(left=0)
    ax.grid(visible=True, axis="x", color=style.GRID, linewidth=0.8)
    labels.axis_label(ax.xaxis, "days since created")
    style.legend(ax)
    return style.finish(ax, _TITLE, note)
