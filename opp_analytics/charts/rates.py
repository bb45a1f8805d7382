"""Charts of win rates, durations and scores, and of the data's quality."""

from __future__ import annotations

import math
from collections.abc import Container
from typing import Any

import pandas as pd

from opp_analytics import text
from opp_analytics.analysis import evidence
from opp_analytics.charts.data import (
    ChartData,
    Curve,
    DotMark,
    Level,
    Measure,
    Place,
    RangeMark,
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
    overall = float(table["won"].sum() / closed.sum()) if math.isnan(overall) else overall
    return ChartData(
        tuple(places),
        (*note, apart if any(key in differs for key in table.index) else ""),
        heads=("Won of closed",),
        measure=Measure("percent", "win rate; line: of all", 0),
        levels=(Level(overall, name="all"),) if len(table) > 1 else (),
    )


def _follow_rate(table: pd.DataFrame, closed: pd.Series[Any], note: tuple[str, ...]) -> ChartData:
    counted = len(table) <= _MOST_COUNTS
    rows: Any = zip(name_periods(table), table["rate_low"], table["rate_high"], closed, strict=True)
    return ChartData(
        tuple(
            Place(name, (RangeMark(low, high, "quiet"),), f"n={n:,}" if counted else "")
            for name, low, high, n in rows
        ),
        (*note, note_periods(table)),
        upright=True,
        measure=Measure("percent", low=0, high=1.15 * float(table["rate_high"].max())),
        curves=(Curve(trace(range(len(table)), table["rate"]), "bar", dots=6.0),),
    )
