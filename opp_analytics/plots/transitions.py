"""The stage-to-stage matrix, and what became of the entries into each stage."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from opp_analytics.plots.style import (
    COLOURS,
    INK,
    QUIET,
    canvas,
    caption,
    check_table,
    counted,
    finish,
    label_rows,
    label_slots,
    nothing,
)

_BLUES = LinearSegmentedColormap.from_list("of one stage", ["#FFFFFF", COLOURS["open"]])


def transitions(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the table of `analysis.transitions` as a matrix: where deals went from each stage, in per cent of the row.

    Parameters
    ----------
    table : DataFrame
        ``from_stage``, ``to_stage`` (ordered category), ``days_in_stage`` (days).
    ax : Axes, optional
        Where to draw; default: a new figure.

    Returns
    -------
    Axes

    Raises
    ------
    ArgumentTypeError, MissingColumnError
        When this is not such a table.
    """
    check_table(table, "from_stage", "to_stage", "days_in_stage", made_by="transitions")
    steps = table[table["from_stage"].notna()]
    ax = canvas(ax, size=(7.5, 4.6))
    if steps.empty:
        nothing(ax, "no change of stage was seen yet")
    else:
        _matrix(ax, steps)
    return finish(ax, "Where deals went from each stage", caption(table, counted(len(steps), "step")))


def _matrix(ax: Axes, steps: pd.DataFrame) -> None:
    counts = pd.crosstab(steps["from_stage"], steps["to_stage"])
    counts = counts.reindex(
        columns=[s for s in steps["to_stage"].cat.categories if s in {*counts.index, *counts}]
    )
    counts = counts.fillna(0).astype("int64")
    days = steps.groupby("from_stage", observed=True)["days_in_stage"].median()
    shares = counts.div(counts.sum(axis=1), axis=0).to_numpy()
    ax.imshow(shares, cmap=_BLUES, vmin=0, vmax=1, aspect="auto")
    for row, column in zip(*np.nonzero(counts.to_numpy()), strict=True):
        share = shares[row, column]
        ax.text(
            column,
            row,
            f"{share:.0%}\n{counts.iloc[row, column]:,}",
            ha="center",
            va="center",
            fontsize=8,
            color="white" if share > 0.6 else INK,
        )
    label_rows(ax, [f"{stage} ({days[stage]:,.0f} d)" for stage in counts.index])
    label_slots(ax, [str(stage) for stage in counts.columns])
    ax.set_ylabel("from (median days there)", color=QUIET, fontsize=9)
    ax.set_xlabel("to", color=QUIET, fontsize=9)
    ax.set_xlim(-0.5, counts.shape[1] - 0.5)
    ax.set_ylim(counts.shape[0] - 0.5, -0.5)
