"""The win-rate curve, with the deals at risk below."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from opp_analytics import text
from opp_analytics.analysis import sentence
from opp_analytics.plots import labels, palette, style

_MOST_CURVES = 6
"""Largest number of curves in one picture."""


@style.drawing("at_risk", "won_share", "lost_share", "disqualified_share", "won_low", "won_high")
def win_rate_curve(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.win_rate_curve`: share won (with its interval) and lost by age; with `by`, one curve per group, the highest in blue.

    The ticks show the age and the deals still open at it. If there are more than six groups, only the six with the most
    deals are drawn, and the caption says so.
    """
    ax = style.canvas(ax)
    ax.set_ylim(-0.03, 1)
    if table.empty:
        style.nothing(ax, "no closed deals to follow")
        return style.finish(ax, sentence(table), style.caption(table))
    if table.index.nlevels == 1:
        _one(ax, table)
        deals, further = text.count(int(table["at_risk"].iloc[0])), ""
    else:
        table, groups = _largest(table)
        _several(ax, table)
        deals, further = (
            "",
            f"the {_MOST_CURVES} of {groups:,} groups with the most deals" * (groups > _MOST_CURVES),
        )
    ax.set_xlim(left=0)
    labels.percent_axis(ax.yaxis)
    labels.axis_label(ax.xaxis, "days since created")
    return style.finish(ax, sentence(table), style.caption(table, deals, further))


def _steps(days: pd.Index[Any], values: pd.Series[Any]) -> tuple[Any, Any]:
    """A step curve from day 0."""
    return np.concatenate([[0], days.to_numpy()]), np.concatenate([[0.0], values.to_numpy()])


def _one(ax: Axes, table: pd.DataFrame) -> None:
    days, low = _steps(table.index, table["won_low"])
    _, high = _steps(table.index, table["won_high"])
    ax.fill_between(days, low, high, step="post", color=palette.BAND, linewidth=0)
    ends = []
    for name in ("won", "lost", "disqualified"):
        share = table[f"{name}_share"]
        if name != "disqualified" or share.any():
            color = palette.HI if name == "won" else palette.MUTE
            ax.step(*_steps(table.index, share), where="post", color=color)
            ends.append((float(table.index[-1]), float(share.iloc[-1]), name, color))
    labels.at_ends(ax, ends)
    ages = table.index.to_numpy()
    ticks = MaxNLocator(nbins=5, integer=True).tick_values(0, ages[-1])
    ticks = ticks[ticks <= ages[-1]]
    still = table["at_risk"].to_numpy()[np.searchsorted(ages, ticks)]
    ax.set_xticks(ticks, [f"{day:,.0f}\n{n:,} open" for day, n in zip(ticks, still, strict=True)])


def _largest(table: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """The rows of the groups with the most deals, and how many groups there are."""
    keys = table.reset_index("days").index
    deals = table["at_risk"].groupby(keys, sort=False).first().sort_values(ascending=False, kind="stable")
    return table[keys.isin(deals.index[:_MOST_CURVES])], len(deals)


def _several(ax: Axes, table: pd.DataFrame) -> None:
    keys = table.reset_index("days").index
    groups = keys.unique()
    parts = {name: table[keys == key] for key, name in zip(groups, labels.row_names(groups), strict=True)}
    highest = max(parts, key=lambda name: float(parts[name]["won_share"].iloc[-1]))
    ends = []
    for name, part in parts.items():
        color, width = (palette.HI, 2.0) if name == highest else (palette.MUTE, 0.9)
        days, won = _steps(part.index.get_level_values("days"), part["won_share"])
        ax.step(days, won, where="post", color=color, linewidth=width)
        ends.append((days[-1], won[-1], f"{labels.shorten(name, 24)} ({part['at_risk'].iloc[0]:,})", color))
    last = max(end[0] for end in ends)
    labels.at_ends(ax, [(last, *end[1:]) for end in ends])
