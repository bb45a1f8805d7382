"""Charts of win rates, durations and scores, and of the data's quality."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Container
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics import arguments, text
from opp_analytics.analysis import audit_summary, evidence, heading
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
    make_bar,
    measure_column,
    name_periods,
    note_intervals,
    note_periods,
    note_rest,
    trace,
)
from opp_analytics.columns import write_label
from opp_analytics.note import note_of
from opp_analytics.org import money_of

_MOST_COUNTS = 24
"""Largest number of columns with room for a number above each."""
_MOST_FLAGS = 15
_REASONS = 64
"""Characters of the reasons beside a bar."""


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
    table = _rank(table)
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


def _start_at_zero(days: pd.Index[Any], values: pd.Series[Any]) -> tuple[tuple[float, float], ...]:
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
    ticks = [tick for tick in choose_ticks(max(float(ages[-1]), 5.0), 5) if tick <= ages[-1]]
    still = table["at_risk"].to_numpy()[np.searchsorted(ages, ticks)]
    return tuple((day, f"{day:,.0f}\n{n:,} open") for day, n in zip(ticks, still, strict=True))


def scorecard(table: pd.DataFrame) -> ChartData:
    """Prepare win rates with intervals, highest first, blue where beyond chance.

    The other scores beside them.
    """
    chart = win_rate(table)
    places = (
        replace(
            place,
            figures=(
                *place.figures,
                text.number(row.days_to_win),
                text.percent(row.slip_rate),
                text.percent(row.forecast_bias, signed=True),
            ),
        )
        for place, (_, row) in zip(chart.places, list_rows(_rank(table)), strict=False)
    )
    heads = (*chart.heads, "Days to win", "Slips", "Forecast bias")
    return replace(chart, places=tuple(places), heads=heads)


def _rank(table: pd.DataFrame) -> pd.DataFrame:
    return table.sort_values("rate", ascending=False, kind="stable")


def audit(table: pd.DataFrame) -> ChartData:
    """Prepare the deals that each check found and their value, the most money first, in blue.

    Hints (severity "info") are drawn where there is nothing else. To draw a part, pass those rows:
    ``plots.audit(findings[findings.severity == "error"])``.
    """
    summary, money = audit_summary(table), money_of(table)
    hints = summary["severity"] == "info"
    shown = summary if hints.all() else summary[~hints]
    shown = shown.sort_values(["value", "deals"], ascending=False, kind="stable")
    column, places = "value" if shown["value"].any() else "deals", list[Place]()
    for check, row in shown.iterrows():
        worth = f"{money(row['value'])} in " if row["value"] else ""
        error = " (error)" if row["severity"] == "error" else ""
        says = f"{worth}{text.count(row['deals'])}{error}"
        tone: Tone = "mute" if places else "hi"
        places.append(make_bar(write_label("check", check), float(row[column]), tone, says))
    left = int(summary["deals"].sum() - shown["deals"].sum())
    return ChartData(
        tuple(places),
        (f"{text.label(column)} by check" if places else "", note_rest(left, "hint")),
        title=heading(shown, "audit_summary") if places else "",
        empty="" if places else "nothing found",
        measure=measure_column(table, "value") if column == "value" else Measure("count", "deals"),
    )


def deal_flags(table: pd.DataFrame) -> ChartData:
    """Prepare the fifteen largest flagged deals with their reasons.

    Those with several flags are blue.
    """
    flagged, money = table[table["risk"] > 0], money_of(table)
    shown: Any = flagged.head(_MOST_FLAGS).itertuples()
    places = tuple(
        make_bar(
            str(row.Index if pd.isna(row.name) else row.name),
            float(np.nan_to_num(row.value)),
            "hi" if row.risk > 1 else "mute",
            textwrap.shorten(str(row.reasons), _REASONS, placeholder=" …"),
            ("–" if pd.isna(row.value) else money(row.value),),
        )
        for row in shown
    )
    rest = note_rest(len(flagged) - len(places), "smaller deal")
    return ChartData(
        places,
        (text.count(len(flagged), "flagged deal"), "blue: several flags", rest),
        empty="" if places else "no open deal has a flag",
        measure=measure_column(table, "value"),
    )
