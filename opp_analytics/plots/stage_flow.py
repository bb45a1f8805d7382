"""The outcomes of the entries into each stage."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import text
from opp_analytics.plots import labels, style

_ENDS = ("advanced", "still", "back", "lost", "removed")
_TITLE = "Outcome of the entries into each stage"


@style.drawing("entries", *_ENDS, "conversion", "median_days")
def stage_flow(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.stage_flow`: a bar of entries per stage, cut by their outcome, with conversion and median days."""
    ax = style.canvas(ax, rows=len(table))
    entries = int(table["entries"].sum())
    if not entries:
        style.nothing(ax, "no deal entered a stage in this period")
        return style.finish(ax, _TITLE, style.caption(table))
    left = np.zeros(len(table))
    for end in _ENDS:
        label = "still there" if end == "still" else text.label(end)
        ax.barh(range(len(table)), table[end], left=left, color=style.color_of(end), height=0.62, label=label)
        left = left + table[end].to_numpy()
    labels.label_rows(ax, labels.row_names(table.index))
    labels.label_bars(
        ax, table["entries"].tolist(), [_says(row) for row in table.itertuples()], color=style.INK
    )
    labels.count_axis(ax.xaxis, "entries · share of finished stays that advanced · median days in the stage")
    style.legend(ax)
    return style.finish(ax, _TITLE, style.caption(table, text.count(entries, "entry")))


def _says(row: Any) -> str:
    return f"{row.entries:,} · {text.percent(row.conversion)} · {text.number(row.median_days)} d"
