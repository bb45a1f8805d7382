"""The stage-to-stage matrix."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from opp_analytics import text
from opp_analytics.analysis import transition_matrix
from opp_analytics.plots import labels, style

_BLUES = LinearSegmentedColormap.from_list("steps", ["#FFFFFF", style.COLORS["open"]])
_TITLE = "Steps from stage to stage"


@style.drawing("from_stage", "to_stage", "days_in_stage")
def transitions(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.transitions` as a matrix: how many steps went from each stage to each other one."""
    ax = style.canvas(ax, size=(7.5, 4.6))
    counts = transition_matrix(table)
    cells = counts.to_numpy()
    if not cells.any():
        style.nothing(ax, "no stage change seen yet")
        return style.finish(ax, _TITLE, style.caption(table))
    ax.imshow(cells, cmap=_BLUES, vmin=0, aspect="auto")
    for row, column in zip(*np.nonzero(cells), strict=True):
        n = cells[row, column]
        labels.write(ax, f"{n:,}", (column, row), color="white" if n > 0.6 * cells.max() else style.INK)
    labels.label_rows(ax, [str(stage) for stage in counts.index])
    labels.label_slots(ax, [str(stage) for stage in counts.columns])
    labels.axis_label(ax.yaxis, "from")
    labels.axis_label(ax.xaxis, "to")
    ax.set_xlim(-0.5, cells.shape[1] - 0.5)
    ax.set_ylim(cells.shape[0] - 0.5, -0.5)
    return style.finish(ax, _TITLE, style.caption(table, text.count(int(cells.sum()), "step")))
