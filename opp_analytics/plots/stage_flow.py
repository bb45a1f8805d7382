"""The outcomes of the entries into each stage."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import text
from opp_analytics.analysis import sentence
from opp_analytics.plots import labels, palette, style

_COLORS = {**style.COLORS, "still there": style.COLORS["still"]}
_ENDS = ("advanced", "still", "back", "lost", "removed")


@style.drawing("entries", *_ENDS, "conversion", "median_days")
def stage_flow(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.stage_flow`: a bar of entries per stage, cut by their outcome, with conversion and median days."""
    ax = style.canvas(ax, rows=len(table))
    entries = int(table["entries"].sum())
    if not entries:
        style.nothing(ax, "no deal entered a stage in this period")
        return style.finish(ax, sentence(table), style.caption(table))
    labels.label_rows(ax, labels.row_names(table.index))
    labels.label_bars(
        ax, table["entries"].tolist(), [_says(row) for row in table.itertuples()], color=palette.INK
    )
    labels.count_axis(ax.xaxis, "deals that entered")
    parts = table[list(_ENDS)].rename(columns={"still": "still there"})
    labels.stacked(ax, parts, _COLORS)
    note = "at the right: entries, share of finished stays that advanced, median days in the stage"
    notes = (labels.in_order(parts), note)
    return style.finish(ax, sentence(table), style.caption(table, text.count(entries, "entry"), *notes))


def _says(row: Any) -> str:
    return f"{row.entries:,}, {text.percent(row.conversion)}, {text.number(row.median_days)} days"
