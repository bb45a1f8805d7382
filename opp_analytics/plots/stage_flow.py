"""The stage-to-stage matrix, and what became of the entries into each stage."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from opp_analytics.plots.style import (
    COLOURS,
    INK,
    QUIET,
    canvas,
    caption,
    check_table,
    finish,
    label_rows,
    legend,
    nothing,
    rate_axis,
    row_names,
)

_ENDS = ("advanced", "still", "back", "lost", "removed")
_END_COLOURS = {"advanced": COLOURS["won"], "back": COLOURS["overdue"], "removed": COLOURS["removed"]}


def stage_flow(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the table of `analysis.stage_flow`: a bar for each stage, cut into what became of its entries.

    Parameters
    ----------
    table : DataFrame
        ``entries``, ``advanced``, ``lost``, ``back``, ``removed``, ``still``, ``median_days`` by ``stage``.
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
    check_table(table, "entries", *_ENDS, "conversion", "median_days", made_by="stage_flow")
    ax = canvas(ax, rows=len(table))
    if not table["entries"].sum():
        nothing(ax, "no deal entered a stage in this stretch of time")
    else:
        _ends(ax, table)
    since, until = (str(table.attrs.get(f"{name}_at", ""))[:10] for name in ("opening", "closing"))
    title = "What became of the entries into each stage"
    return finish(
        ax, title, caption(table, f"entries after {since} until {until}" if since and until else "")
    )


def _ends(ax: Axes, table: pd.DataFrame) -> None:
    entries = table["entries"].to_numpy()
    whole = np.where(entries > 0, entries, 1)
    left = np.zeros(len(table))
    for end in _ENDS:
        share = table[end].to_numpy() / whole
        colour = _END_COLOURS.get(end, COLOURS.get(end, QUIET))
        ax.barh(range(len(table)), share, left=left, color=colour, height=0.62, label=end)
        left = left + share
    for row, (count, days) in enumerate(zip(entries, table["median_days"], strict=True)):
        stay = f", {days:,.0f} d" if np.isfinite(days) else ""
        ax.annotate(
            f"{count:,}{stay}",
            (1.0, row),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
            color=INK,
        )
    label_rows(ax, row_names(table.index))
    rate_axis(ax.xaxis, "share of the entries; at the right: entries, median days in the stage")
    ax.set_xlim(0, 1)
    if ax.get_legend() is None:
        legend(ax, bbox_to_anchor=(1.12, 1.0), loc="upper left")
