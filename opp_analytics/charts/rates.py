"""Charts of win rates, durations and scores, and of the data's quality."""

from __future__ import annotations

import math
from collections.abc import Container
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics import arguments, text
from opp_analytics.analysis import evidence
from opp_analytics.arrays import Series
from opp_analytics.charts.data import (
    ChartData,
    Curve,
    DotMark,
    EndName,
    Level,
    Measure,
    Place,
    RangeMark,
    Ribbon,
    Tone,
    choose_ticks,
    list_rows,
    name_periods,
    note_intervals,
    note_periods,
    trace,
)
from opp_analytics.note import note_of

_MOST_COUNTS = 24
"""Largest number of columns with room for a number above each."""


def win_rate(
    table: pd.DataFrame, *, overall: float = math.nan, differs: Container[object] | None = None
) -> ChartData:
    """Prepare a point with its interval and n for each row, highest first.

    Over time where the rows are periods.
    """
    # `overall`, the rate of all in this table by default, is a line across; `differs` has the
    # labels of the rows to highlight, by default of those that differ from the others in this table
    # beyond chance.
    closed = table["won"] + table["lost"]
    note = (text.count(int(closed.sum()), "closed deal"), note_intervals(table))
    if not closed.any():
        return ChartData(note=note, empty="no closed deals")
    if table.index.name == "period":
        return _follow_rate(table, closed, note)
    differs = evidence.list_apart(table) if differs is None else differs
    apart = "blue: differs from the others beyond chance"
    places, confidence = [], text.percent(note_of(table).confidence or 0.95)
    table = table.sort_values("rate", ascending=False, kind="stable")
    for key, (name, row) in zip(table.index, list_rows(table), strict=True):
        n = int(row.won + row.lost)
        rate, low, high = map(text.percent, (row.rate, row.rate_low, row.rate_high))
        title = f"{name}: {rate}, {confidence} interval {low} to {high}"
        figures = (f"{int(row.won):,} of {n:,}" if n else "none closed",)
        dot = DotMark(row.rate, "hi" if key in differs else "ink", title=title)
        marks = (RangeMark(row.rate_low, row.rate_high), dot) if math.isfinite(row.rate) else ()
        places.append(Place(name, marks, rate if marks else "", figures, title, str(key)))
    overall = (table["won"].sum() / closed.sum()) if math.isnan(overall) else overall
    return ChartData(
        tuple(places),
        (*note, apart if any(key in differs for key in table.index) else ""),
        heads=("Won of closed",),
        measure=Measure("percent", "win rate; line: of all", 0),
        levels=(Level(overall, name="all"),) if len(table) > 1 else (),
    )


def _follow_rate(table: pd.DataFrame, closed: Series, note: tuple[str, ...]) -> ChartData:
    counted = len(table) <= _MOST_COUNTS
    rows: Any = zip(name_periods(table), table["rate_low"], table["rate_high"], closed, strict=True)
    return ChartData(
        tuple(
            Place(name, (RangeMark(low, high, "quiet"),), f"n={n:,}" if counted else "")
            for name, low, high, n in rows
        ),
        (*note, note_periods(table)),
        upright=True,
        measure=Measure("percent", low=0, high=1.15 * table["rate_high"].max()),
        curves=(Curve(trace(range(len(table)), table["rate"]), "bar", dots=6.0),),
    )


def win_rate_curve(table: pd.DataFrame) -> ChartData:
    """Prepare the share won (with its interval) and lost by age.

    The ticks show the age and the deals still open at it.
    """
    if table.empty:
        return ChartData(empty="no closed deals to follow")
    arguments.refuse_groups(table)
    curves, ends = _trace_outcomes(table)
    return ChartData(
        note=(text.count(int(table["at_risk"].iloc[0])),),
        upright=True,
        measure=Measure("percent", low=-0.03, high=1),
        across=Measure("number", "days since created", 0, ticks=_label_ages(table)),
        curves=tuple(curves),
        ribbons=(_bound_won(table),),
        ends=tuple(ends),
    )


def _start_at_zero(days: pd.Index[Any], values: Series) -> tuple[tuple[float, float], ...]:
    """Turn a column into the points of a curve from day 0."""
    return ((0.0, 0.0), *trace(days, values))


def _bound_won(table: pd.DataFrame) -> Ribbon:
    low, high = (_start_at_zero(table.index, table[name]) for name in ("won_low", "won_high"))
    return Ribbon(
        tuple((x, y, top) for (x, y), (_, top) in zip(low, high, strict=True)), stepped=True
    )


def _trace_outcomes(table: pd.DataFrame) -> tuple[list[Curve], list[EndName]]:
    curves, ends = [], []
    for name in ("won", "lost", "disqualified"):
        points = _start_at_zero(table.index, table[f"{name}_share"])
        if name != "disqualified" or table[f"{name}_share"].any():
            tone: Tone = "hi" if name == "won" else "mute"
            curves.append(Curve(points, tone, stepped=True))
            ends.append(EndName(*points[-1], name, tone))
    return curves, ends


def _label_ages(table: pd.DataFrame) -> tuple[tuple[float, str], ...]:
    """Label round ages with the deals still open at them."""
    ages = table.index.to_numpy()
    ticks = [tick for tick in choose_ticks(max(ages[-1], 5.0), 5) if tick <= ages[-1]]
    still = table["at_risk"].to_numpy()[np.searchsorted(ages, ticks)]
    return tuple((day, f"{day:,.0f}\n{n:,} open") for day, n in zip(ticks, still, strict=True))
