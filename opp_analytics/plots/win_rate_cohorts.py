"""Win rates of cohorts at the same age."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import text
from opp_analytics.plots import labels, style


@style.drawing("created", "rate", "rate_low", "rate_high", "open_share")
def win_rate_cohorts(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.win_rate_cohorts`: the share of each cohort that was won, and still open, at the same age."""
    ax = style.canvas(ax)
    age = table.attrs.get("age_days")
    title = f"Share won {f'within {age} days' if age else 'at the same age'}, by period of creation"
    note = style.caption(table, text.count(int(table["created"].sum()), "deal"))
    if table.empty:
        style.nothing(ax, "no cohort is old enough")
        return style.finish(ax, title, note)
    places = np.arange(len(table))
    ax.bar(places, table["rate"], width=0.7, color=style.COLORS["won"], label="won")
    ax.bar(
        places,
        table["open_share"],
        bottom=table["rate"],
        width=0.7,
        color=style.COLORS["open"],
        alpha=0.25,
        label="open at that age",
    )
    reach = style.whiskers(table["rate"], table["rate_low"], table["rate_high"])
    ax.errorbar(places, table["rate"], yerr=reach, fmt="none", ecolor=style.INK, capsize=3)
    labels.label_slots(ax, labels.slot_names(table))
    labels.percent_axis(ax.yaxis)
    labels.counts_above(ax, table["created"].tolist())
    style.legend(ax)
    return style.finish(ax, title, note)
