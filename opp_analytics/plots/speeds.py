"""How fast: money per day by group, days to a win, and cohorts at equal age."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from opp_analytics.plots import style


def velocity(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw `oa.velocity`: money per day of each group, with the factors it is made of.

    Parameters
    ----------
    table : DataFrame
        What `oa.velocity` returns.
    ax : Axes, optional
        Where to draw; a new figure when None.

    Returns
    -------
    Axes
        One bar per row; beside it open deals × win rate × mean won value / days.

    Raises
    ------
    ArgumentError, MissingColumnError
        When `table` is something else.
    """
    style.check_table(
        table,
        "velocity",
        "open_count",
        "win_rate",
        "mean_won_value",
        "mean_days_to_win",
        made_by="oa.velocity",
    )
    ax = style.canvas(ax, rows=len(table))
    note = style.caption(table, "open deals × win rate × won value ÷ days to win")
    if not table["velocity"].notna().any():
        style.nothing(ax, "no won deals to tell the speed from")
        return style.finish(ax, "Pipeline velocity", note)
    bars = ax.barh(
        range(len(table)), table["velocity"].fillna(0), height=0.7, color=style.COLOURS["weighted_open"]
    )
    style.label_rows(ax, _names(table))
    style.label_bars(ax, bars, [_factors(row) for row in table.itertuples()])
    style.money_axis(ax.xaxis, "money per day")
    return style.finish(ax, "Pipeline velocity", note)


def _names(table: pd.DataFrame) -> list[str]:
    return ["all"] if len(table) == 1 and table.index.name is None else style.row_names(table.index)


def _factors(row: Any) -> str:
    if np.isnan(row.velocity):
        return f"{row.open_count:,} open, none won"
    return f"{row.open_count:,} × {row.win_rate:.0%} × {style.money(row.mean_won_value)} ÷ {row.mean_days_to_win:.0f} d"


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
    ArgumentError, MissingColumnError
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
    ArgumentError, MissingColumnError
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
