"""Days from creation to the win."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import text
from opp_analytics.analysis import sentence
from opp_analytics.plots import labels, palette, style
from opp_analytics.schema import unstack_level


@style.drawing("days", "days_of_won")
def time_to_win(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.time_to_win`: the days until each share of the wins, one row per group."""
    days = table["days_of_won"]
    # One column per share, as they came.
    wide = unstack_level(days, "quantile") if days.index.nlevels > 1 else days.to_frame("all").T
    ax = style.canvas(ax, rows=len(wide))
    shares = text.joined(
        [f"{text.percent(float(share))}{' (blue)' * (float(share) == 0.5)}" for share in wide.columns]
    )
    note = style.caption(table, "", f"dots: {shares} of the wins so far" if shares else "")
    if not wide.notna().any(axis=None):
        style.nothing(ax, "no won deals")
        return style.finish(ax, sentence(table), note)
    wide = wide.sort_values(min(wide.columns, key=lambda share: abs(float(share) - 0.5)), kind="stable")
    places = np.arange(len(wide))
    ax.hlines(places, wide.min(axis=1), wide.max(axis=1), color=palette.QUIET, linewidth=1.5)
    for share in wide.columns:
        middle = float(share) == 0.5
        ax.plot(
            wide[share],
            places,
            "o",
            color=palette.HI if middle else palette.BAR,
            markersize=7 if middle else 5,
        )
    labels.label_rows(ax, labels.row_names(wide.index))
    ax.set_xlim(left=0)
    for row in np.flatnonzero(wide.isna().all(axis=1)):
        labels.beside(ax, "no wins", (0.0, float(row)), size=labels.row_text_size(ax, len(wide)))
    ax.grid(visible=True, axis="x", color=palette.RULE, linewidth=0.8)
    labels.axis_label(ax.xaxis, "days since created")
    return style.finish(ax, sentence(table), note)
