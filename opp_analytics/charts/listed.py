"""Charts of tables that are lists: a bar for each label, largest first."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd

from opp_analytics import text
from opp_analytics.arrays import Series
from opp_analytics.charts.data import (
    ChartData,
    Measure,
    make_bar,
    measure_column,
    name_rows,
    shorten,
)
from opp_analytics.charts.rates import win_rate

_MOST = 20
"""Largest number of bars; further ones are counted."""


def audit(table: pd.DataFrame) -> ChartData:
    """Prepare the number of findings of each check."""
    return _rank(table.groupby("check").size(), Measure("count", "findings"), "Findings by check")


def category_moves(table: pd.DataFrame) -> ChartData:
    """Prepare the value that went from each category to each outcome or category."""
    values = _link(table["value"][table["count"] > 0])
    return _rank(values, measure_column(table, "value"), "Where each forecast category went")


def deal_flags(table: pd.DataFrame) -> ChartData:
    """Prepare the number of deals with each number of flags."""
    counts = table.groupby("risk").size().sort_index()
    counts.index = pd.Index([text.count(int(flags), "flag") for flags in counts.index])
    return _rank(counts, Measure("count", "deals"), "Deals by number of flags", ranked=False)


def forecast_deals(table: pd.DataFrame) -> ChartData:
    """Prepare what each deal adds to the expected money of the first period of the table."""
    first = table[table["period"] == table["period"].min()]
    values = first.set_index("name")["weighted"]
    period = "" if first.empty else f" of {text.period(str(first['period'].iloc[0]))}"
    title = f"What each deal adds to the forecast{period}"
    return _rank(values, measure_column(table, "weighted"), title)


def movements(table: pd.DataFrame) -> ChartData:
    """Prepare the value of each movement, in and out."""
    values = table.groupby("movement")["value"].sum()
    return _rank(values, measure_column(table, "value", signed=True), "Movements by value")


def scorecard(table: pd.DataFrame) -> ChartData:
    """Prepare each group's win rate with its interval and n; blue differs beyond chance."""
    return replace(win_rate(table), title="Win rates of the scorecard")


def time_to_win(table: pd.DataFrame) -> ChartData:
    """Prepare the days until each share of the wins."""
    days = table["days_of_won"].rename(lambda key: _write_share(table, key))
    return _rank(days, measure_column(table, "days"), "Days from created to won", ranked=False)


def transitions(table: pd.DataFrame) -> ChartData:
    """Prepare the number of moves between each two stages."""
    moves = table.dropna(subset=["from_stage"]).astype({"from_stage": str, "to_stage": str})
    counts = _link(moves.groupby(["from_stage", "to_stage"]).size())
    return _rank(counts, Measure("count", "moves"), "Moves between stages")


def velocity(table: pd.DataFrame) -> ChartData:
    """Prepare the money won per day of each group."""
    return _rank(
        table["velocity"], measure_column(table, "velocity", "money per day"), "Money won per day"
    )


def win_rate_cohorts(table: pd.DataFrame) -> ChartData:
    """Prepare the share won of what each period created."""
    measure = measure_column(table, "rate", low=0)
    return _rank(table["rate"], measure, "Share won by period of creation", ranked=False)


def _link(values: Series) -> Series:
    """Write the last two levels of the index as one, from the first to the second."""
    ends = (
        (*map(str, group), f"{text.label(a)} → {text.label(b)}") for *group, a, b in values.index
    )
    return values.set_axis([" · ".join(parts) for parts in ends])


def _write_share(table: pd.DataFrame, key: Any) -> str:
    *group, quantile = key if isinstance(key, tuple) else (key,)
    return " · ".join([*map(str, group), f"{text.percent(quantile)} of wins"])


def _rank(values: Series, measure: Measure, title: str, *, ranked: bool = True) -> ChartData:
    """Make a bar for each value, those with the largest amount first where they are ranked."""
    shown = values.dropna()
    if ranked:
        shown = shown.sort_values(key=abs, ascending=False, kind="stable")
    rest = len(shown) - _MOST
    bars = zip(name_rows(shown.index), shown, strict=True)
    return ChartData(
        tuple(
            make_bar(shorten(name), value, "mute", measure.write(value))
            for name, value in [*bars][:_MOST]
        ),
        ("", f"{rest:,} further ones are not drawn" if rest > 0 else ""),
        title,
        "" if len(shown) else "nothing to draw",
        measure=measure,
    )
