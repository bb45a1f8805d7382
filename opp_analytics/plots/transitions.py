"""The stage-to-stage matrix."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

from opp_analytics import text
from opp_analytics.analysis import sentence, transition_matrix
from opp_analytics.plots import labels, palette, style


@style.drawing("unique_id", "from_stage", "to_stage", "days_in_stage")
def transitions(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.transitions` as a matrix: how many steps went from each stage to each other one."""
    ax = style.canvas(ax, size=(7.5, 4.6))
    counts = transition_matrix(table)
    cells = counts.to_numpy()
    if not cells.any():
        style.nothing(ax, "no stage change seen yet")
        return style.finish(ax, sentence(table), style.caption(table))
    for row, column in zip(*np.nonzero(cells), strict=True):
        n = cells[row, column]
        share = n / cells.max()
        ax.add_patch(
            Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=(*to_rgb(palette.HI), share), linewidth=0)
        )
        labels.write(ax, f"{n:,}", (column, row), color=palette.BACK if share > 0.6 else palette.INK)
    labels.label_rows(ax, [text.label(str(stage)) for stage in counts.index])
    labels.label_slots(ax, [text.label(str(stage)) for stage in counts.columns])
    labels.axis_label(ax.yaxis, "from")
    labels.axis_label(ax.xaxis, "to")
    ax.set_xlim(-0.5, cells.shape[1] - 0.5)
    ax.set_ylim(cells.shape[0] - 0.5, -0.5)
    return style.finish(ax, sentence(table), style.caption(table, text.count(int(cells.sum()), "step")))
