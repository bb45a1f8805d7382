"""Win rates of cohorts at the same age."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from opp_analytics import text
from opp_analytics.analysis import sentence
from opp_analytics.plots import labels, palette, style


@style.drawing("created", "rate", "rate_low", "rate_high", "open_share")
def win_rate_cohorts(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.win_rate_cohorts`: the share of each cohort that was won, and still open, at the same age."""
    ax = style.canvas(ax)
    age = table.attrs.get("age_days")
    measure = (
        f"share won and still open {f'after {age} days' if age else 'at the same age'}, by period of creation"
    )
    note = style.caption(table, text.count(int(table["created"].sum()), "deal"), measure)
    if table.empty:
        style.nothing(ax, "no cohort is old enough")
        return style.finish(ax, sentence(table), note)
    places = np.arange(len(table))
    ax.bar(places, table["rate"], width=0.7, color=palette.BAR)
    ax.bar(
        places,
        table["open_share"],
        bottom=table["rate"],
        width=0.7,
        color=palette.PALE,
    )
    reach = style.whiskers(table["rate"], table["rate_low"], table["rate_high"])
    ax.errorbar(places, table["rate"], yerr=reach, fmt="none", ecolor=palette.MUTE, capsize=3)
    labels.label_slots(ax, labels.slot_names(table))
    labels.percent_axis(ax.yaxis)
    labels.counts_above(ax, table["created"].tolist())
    _name_parts(ax, table)
    return style.finish(ax, sentence(table), note)


def _name_parts(ax: Axes, table: pd.DataFrame) -> None:
    """Name the two parts beside the last bar."""
    end = len(table) - 0.65
    won, still = float(table["rate"].iloc[-1]), float(table["open_share"].iloc[-1])
    parts = [("won", won / 2, won), ("open", won + still / 2, still)]
    labels.at_ends(ax, [(end, middle, name, palette.INK) for name, middle, size in parts if size > 0])
