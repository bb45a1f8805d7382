"""How fast: money per day by group, days to a win, and cohorts at equal age."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from opp_analytics.plots import style


def win_rate_cohorts(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.win_rate_cohorts`: the share of each cohort won and still open at the same age.

    Parameters
    ----------
    table : DataFrame
        What `oa.win_rate_cohorts` returns.
    ax : Axes, optional
        Where to draw; a new figure when None.

    Returns
    -------
    Axes
        One slot per row: the share won with its interval, the share still open above it as a pale bar.

    Raises
    ------
    ArgumentTypeError, MissingColumnError
        When `table` is something else.
    """
    style.check_table(
        table, "created", "rate", "rate_low", "rate_high", "open_share", made_by="oa.win_rate_cohorts"
    )
    ax = style.canvas(ax)
    age = table.attrs.get("age_days")
    title = f"Won within {age} days, by period of creation" if age is not None else "Won by the same age"
    if not len(table):
        style.nothing(ax, "no cohort is old enough")
        return style.finish(ax, title, style.caption(table))
    places = np.arange(len(table))
    ax.bar(places, table["rate"], width=0.7, color=style.COLOURS["won"], label="won")
    ax.bar(
        places,
        table["open_share"],
        bottom=table["rate"],
        width=0.7,
        color=style.COLOURS["open"],
        alpha=0.25,
        label="still open at that age",
    )
    ends = np.array([table["rate"] - table["rate_low"], table["rate_high"] - table["rate"]])
    ax.errorbar(places, table["rate"], yerr=np.maximum(ends, 0), fmt="none", ecolor=style.INK, capsize=3)
    style.label_slots(ax, style.slot_names(table))
    ax.set_ylim(0, 1.12)
    style.rate_axis(ax.yaxis)
    if len(table) <= 24:
        for place, created in zip(places, table["created"], strict=True):
            ax.annotate(f"n={created:,}", (place, 1.05), ha="center", color=style.QUIET, fontsize=7.5)
    style.legend(ax)
    return style.finish(ax, title, style.caption(table))
