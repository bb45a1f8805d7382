"""How fast: money per day by group, days to a win, and cohorts at equal age."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from opp_analytics.plots import style


def time_to_win(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.time_to_win`: the days until each share of the wins had come, one row per group.

    Parameters
    ----------
    table : DataFrame
        What `oa.time_to_win` returns.
    ax : Axes, optional
        Where to draw; a new figure when None.

    Returns
    -------
    Axes
        Points joined by a line, each named by its share.

    Raises
    ------
    ArgumentTypeError, MissingColumnError
        When `table` is something else.
    """
    style.check_table(table, "days", "days_of_won", made_by="oa.time_to_win")
    days = table["days_of_won"]
    # One column per share, as they came.
    wide = days.unstack("quantile", sort=False) if days.index.nlevels > 1 else days.to_frame("all").T  # noqa: PD010
    ax = style.canvas(ax, rows=len(wide))
    note = style.caption(table, "share of the wins seen so far that had come by then")
    if not wide.notna().any(axis=None):
        style.nothing(ax, "no won deals")
        return style.finish(ax, "Days to win", note)
    places = np.arange(len(wide))
    ax.hlines(places, wide.min(axis=1), wide.max(axis=1), color=style.QUIET, linewidth=1.5)
    looks = style.series_colours([f"{share:.0%}" for share in wide.columns])
    for (label, (colour, mark)), share in zip(looks.items(), wide.columns, strict=True):
        ax.plot(wide[share], places, mark, color=colour, markersize=6, label=label)
    style.label_rows(ax, style.row_names(wide.index))
    ax.set_xlim(left=0)
    ax.grid(visible=True, axis="x", color=style.GRID, linewidth=0.8)
    ax.set_xlabel("days since created", color=style.QUIET, fontsize=9)
    style.legend(ax)
    return style.finish(ax, "Days to win", note)
