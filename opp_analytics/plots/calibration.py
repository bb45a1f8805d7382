"""Whether to believe it: reliability of probabilities, findings of the audit."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from opp_analytics.plots import style


def calibration(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.calibration`: realized against stated, with intervals and n; on the diagonal is right.

    Parameters
    ----------
    table : DataFrame
        What `oa.calibration` returns.
    ax : Axes, optional
        Where to draw; a new figure when None.

    Returns
    -------
    Axes
        Square, both axes 0–100 %.

    Raises
    ------
    ArgumentTypeError, MissingColumnError
        When `table` is something else.
    """
    style.check_table(
        table, "n", "stated", "realized", "realized_low", "realized_high", made_by="oa.calibration"
    )
    ax = style.canvas(ax, size=(6.0, 5.6))
    scores = [
        f"{name} {table.attrs[name]:.3f}"
        for name in ("brier", "skill", "ece")
        if table.attrs.get(name) is not None
    ]
    note = style.caption(table, ", ".join(scores))
    held = table[table["n"] > 0]
    if not len(held):
        style.nothing(ax, "no deal old enough to judge")
        return style.finish(ax, "Stated and realized probability", note)
    ax.plot([0, 1], [0, 1], color=style.QUIET, linestyle="--", linewidth=1, label="as stated")
    ends = np.maximum(
        np.array([held["realized"] - held["realized_low"], held["realized_high"] - held["realized"]]), 0
    )
    ax.errorbar(
        held["stated"],
        held["realized"],
        yerr=ends,
        fmt="o",
        color=style.COLOURS["won"],
        ecolor=style.QUIET,
        label="realized",
    )
    for stated, top, name, n in zip(
        held["stated"], held["realized_high"], held.index, held["n"], strict=True
    ):
        text = f"{n:,}" if table.index.name == "bin" else f"{style.shorten(name, 14)} ({n:,})"
        ax.annotate(
            text,
            (stated, top),
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
            fontsize=7.5,
            color=style.QUIET,
        )
    style.rate_axis(ax.xaxis, "stated")
    style.rate_axis(ax.yaxis, "realized")
    ax.set_xlim(-0.02, 1.02)
    ax.set_ylim(-0.02, 1.08)
    ax.legend(frameon=False, fontsize=9, labelcolor=style.INK, loc="upper left")
    return style.finish(ax, "Stated and realized probability", note)
