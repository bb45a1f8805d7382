"""The push histogram: how many deals had their close date pushed how often, and by how long."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from opp_analytics.plots.style import (
    COLOURS,
    INK,
    QUIET,
    canvas,
    caption,
    check_table,
    finish,
    label_slots,
    nothing,
)

_MOST = 8


def close_date_moves(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the table of `analysis.close_date_moves`: deals by number of pushes, with the median days of each bar.

    Parameters
    ----------
    table : DataFrame
        ``pushes``, ``days_pushed`` (days), one row per opportunity.
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
    check_table(table, "pushes", "pulls", "days_pushed", made_by="close_date_moves")
    ax = canvas(ax)
    if table.empty:
        nothing(ax, "no deals in this stretch of time")
    else:
        _bars(ax, table)
    pulled = int((table["pulls"] > 0).sum())
    notes = [f"{pulled:,} pulled earlier" if pulled else "", "counts are lower bounds" if len(table) else ""]
    return finish(ax, "How often close dates were pushed", caption(table, *notes))


def _bars(ax: Axes, table: pd.DataFrame) -> None:
    pushes = table["pushes"].clip(upper=_MOST)
    slots = range(int(pushes.max()) + 1)
    counts = pushes.value_counts().reindex(slots, fill_value=0)
    days = table["days_pushed"].groupby(pushes).median().reindex(slots)
    colours = [QUIET if slot == 0 else COLOURS["pushed_out"] for slot in slots]
    ax.bar(list(slots), counts, color=colours, width=0.7)
    for slot in slots:
        if counts[slot]:
            text = f"{counts[slot]:,}" + (f"\nmedian {_days(days[slot])}" if slot else "")
            ax.annotate(
                text,
                (slot, counts[slot]),
                xytext=(0, 3),
                textcoords="offset points",
                ha="center",
                va="bottom",
                fontsize=8.5,
                color=INK,
            )
    label_slots(ax, [f"{slot}" if slot < _MOST else f"{slot} or more" for slot in slots])
    ax.set_xlabel("pushes seen", color=QUIET, fontsize=9)
    ax.set_ylabel("deals", color=QUIET, fontsize=9)
    ax.set_ylim(0, float(counts.max()) * 1.22)
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))


def _days(days: float) -> str:
    return f"{days:,.0f} d" if np.isfinite(days) else "–"
