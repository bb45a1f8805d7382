"""Charts of win rates, durations and scores, and of the data's quality."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Container
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics import text
from opp_analytics.analysis import audit_summary, evidence, heading, sentence
from opp_analytics.charts.data import (
    BarMark,
    ChartData,
    Curve,
    DotMark,
    EndName,
    Level,
    Mark,
    Measure,
    Place,
    RangeMark,
    Ribbon,
    TextColumn,
    Tone,
    choose_ticks,
    iterate,
    measure_column,
    measure_percent,
    name_periods,
    name_rows,
    note_intervals,
    note_periods,
    note_rest,
    shorten,
    trace,
    write_caption,
)
from opp_analytics.columns import write_label
from opp_analytics.note import note_of
from opp_analytics.org import money_of
from opp_analytics.schema import unstack_level

_MOST_COUNTS = 24
"""Largest number of columns with room for a number above each."""
_MOST_CURVES = 6
_MOST_FLAGS = 15
_FLAGGED = 0.14
"""Share of the width for the values of flagged deals, the reasons right of them."""
_RATES, _SCORES = 0.8, 0.48
"""Shares of the width for win rates, and for those of a scorecard, the figures right of them."""
_REASONS = 108
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
    note = write_caption(table, text.count(int(closed.sum()), "closed deal"), note_intervals(table))
    if not closed.any():
        return ChartData(sentence(table, "win_rate"), note, "no closed deals")
    if table.index.name == "period":
        return _follow_rate(table, closed, note)
    differs = evidence.list_apart(table) if differs is None else differs
    apart = any(key in differs for key in table.index)
    note += " · blue: differs from the others beyond chance" if apart else ""
    table = _rank(table)
    places, confidence = [], text.percent(note_of(table).confidence or 0.95)
    overall = float(table["won"].sum() / closed.sum()) if math.isnan(overall) else overall
    top = min(1.0, 1.05 * float(table["rate_high"].max()))
    for name, (key, row) in zip(name_rows(table.index), table.iterrows(), strict=True):
        n = int(row["won"] + row["lost"])
        rate, low, high = (
            text.percent(row[column]) for column in ("rate", "rate_low", "rate_high")
        )
        title = f"{name}: {rate}, {confidence} interval {low} to {high}"
        figure = f"{int(row['won']):,} of {n:,}" if n else "none closed"
        dot = DotMark(row["rate"], "hi" if key in differs else "ink", title=title)
        marks = (
            (RangeMark(row["rate_low"], row["rate_high"]), dot)
            if math.isfinite(row["rate"])
            else ()
        )
        short = rate if marks else ""
        places.append(Place(name, marks, "", row["rate_high"], short, (figure,), title, str(key)))
    return ChartData(
        heading(table, "win_rate"),
        note,
        places=tuple(places),
        columns=(TextColumn(1.0, "won of closed"),),
        measure=measure_percent(
            "win rate; line: of all", low=0, high=top / _RATES, ticks=choose_ticks(top, 5)
        ),
        levels=(Level(overall, name="all"),) if len(table) > 1 else (),
    )


def _follow_rate(table: pd.DataFrame, closed: pd.Series[Any], note: str) -> ChartData:
    places = tuple(
        Place(
            name,
            (RangeMark(low, high, "quiet"),),
            f"n={n:,}" if len(table) <= _MOST_COUNTS else "",
            high,
        )
        for name, low, high, n in zip(
            name_periods(table), table["rate_low"], table["rate_high"], closed, strict=True
        )
    )
    points = trace(range(len(table)), table["rate"])
    top = 1.15 * float(table["rate_high"].max())
    return ChartData(
        heading(table, "win_rate"),
        note,
        places=places,
        upright=True,
        measure=measure_percent(low=0, high=top),
        curves=(Curve(points, "bar", dots=6.0),),
        footer=note_periods(table),
        says_tone="quiet",
    )


def win_rate_cohorts(table: pd.DataFrame) -> ChartData:
    """Prepare the share of each cohort that was won, and still open, at the same age."""
    age = note_of(table).age_days
    when = f"after {age} days" if age else "at the same age"
    what = f"share won and still open {when}, by period of creation"
    note = write_caption(table, text.count(int(table["created"].sum()), "deal"), what)
    if table.empty:
        return ChartData(sentence(table, "win_rate_cohorts"), note, "no cohort is old enough")
    counted = len(table) <= _MOST_COUNTS
    places = tuple(
        Place(
            name,
            (
                BarMark(0, row.rate, "bar", 0.7),
                BarMark(row.rate, row.rate + row.open_share, "pale", 0.7),
                RangeMark(row.rate_low, row.rate_high, capped=True),
            ),
            f"n={row.created:,}" if counted else "",
            max(row.rate + row.open_share, row.rate_high),
        )
        for name, row in zip(name_periods(table), iterate(table), strict=True)
    )
    end, won, still = (
        len(table) - 0.65,
        float(table["rate"].iloc[-1]),
        float(table["open_share"].iloc[-1]),
    )
    parts = (("won", won / 2, won), ("open", won + still / 2, still))
    top = float(np.nanmax([*(table["rate"] + table["open_share"]), *table["rate_high"]]))
    return ChartData(
        heading(table, "win_rate_cohorts"),
        note,
        places=places,
        upright=True,
        measure=measure_percent(low=0, high=1.15 * top or 1.0),
        ends=tuple(EndName(end, middle, name, "ink") for name, middle, size in parts if size > 0),
        says_tone="quiet",
    )


def win_rate_curve(table: pd.DataFrame) -> ChartData:
    """Prepare the share won (with its interval) and lost by age; with `by`, one curve per group.

    The ticks show the age and the deals still open at it. If there are more than six groups, only
    the six with the most deals are drawn, and the caption says so.
    """
    if table.empty:
        return ChartData(
            sentence(table, "win_rate_curve"), write_caption(table), "no closed deals to follow"
        )
    one = table.index.nlevels == 1
    keys = table.reset_index("days").index
    if one:
        note = write_caption(table, text.count(int(table["at_risk"].iloc[0])))
        curves, ends = _trace_outcomes(table)
    else:
        deals = (
            table["at_risk"]
            .groupby(keys, sort=False)
            .first()
            .sort_values(ascending=False, kind="stable")
        )
        further = f"the {_MOST_CURVES} of {len(deals):,} groups with the most deals"
        note = write_caption(table, "", further if len(deals) > _MOST_CURVES else "")
        table = table[keys.isin(deals.index[:_MOST_CURVES])]
        curves, ends = _trace_groups(table)
    ages = Measure("number", "days since created", 0, ticks=_label_ages(table) if one else ())
    return ChartData(
        sentence(table, "win_rate_curve"),
        note,
        upright=True,
        measure=measure_percent(low=-0.03, high=1),
        across=ages,
        curves=tuple(curves),
        ribbons=(_bound_won(table),) if one else (),
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


def _trace_groups(table: pd.DataFrame) -> tuple[list[Curve], list[EndName]]:
    keys = table.reset_index("days").index
    groups = keys.unique()
    parts = {name: table[keys == key] for key, name in zip(groups, name_rows(groups), strict=True)}
    last = max(float(part.index[-1][-1]) for part in parts.values())
    curves, ends = [], []
    for name, part in parts.items():
        points = _start_at_zero(part.index.get_level_values("days"), part["won_share"])
        curves.append(Curve(points, "bar", 1.2, stepped=True))
        ends.append(
            EndName(
                last, points[-1][1], f"{shorten(name, 24)} ({part['at_risk'].iloc[0]:,})", "bar"
            )
        )
    return curves, ends


def _label_ages(table: pd.DataFrame) -> tuple[tuple[float, str], ...]:
    """Label round ages with the deals still open at them."""
    ages = table.index.to_numpy()
    ticks = [tick for tick in choose_ticks(max(float(ages[-1]), 5.0), 5) if tick <= ages[-1]]
    still = table["at_risk"].to_numpy()[np.searchsorted(ages, ticks)]
    return tuple((day, f"{day:,.0f}\n{n:,} open") for day, n in zip(ticks, still, strict=True))


def time_to_win(table: pd.DataFrame) -> ChartData:
    """Prepare the days until each share of the wins, one row per group; the median in blue."""
    days = table["days_of_won"]
    # One column per share, as they came.
    wide = unstack_level(days, "quantile") if days.index.nlevels > 1 else days.to_frame("all").T
    shares = text.joined(
        [
            f"{text.percent(float(share))}{' (blue)' * (float(share) == 0.5)}"
            for share in wide.columns
        ]
    )
    note = write_caption(table, "", f"dots: {shares} of the wins so far" if shares else "")
    if not wide.notna().any(axis=None):
        return ChartData(sentence(table, "time_to_win"), note, "no won deals")
    wide = wide.sort_values(
        min(wide.columns, key=lambda share: abs(float(share) - 0.5)), kind="stable"
    )
    places = []
    for name, (_, row) in zip(name_rows(wide.index), wide.iterrows(), strict=True):
        dots = [
            DotMark(at, "hi", 1.17) if float(share) == 0.5 else DotMark(at, "bar", 0.83)  # type: ignore[arg-type]
            for share, at in row.items()
            if math.isfinite(at)
        ]
        marks: list[Mark] = [RangeMark(row.min(), row.max(), "quiet"), *dots] if dots else []
        places.append(Place(name, tuple(marks), "" if dots else "no wins"))
    return ChartData(
        sentence(table, "time_to_win"),
        note,
        places=tuple(places),
        measure=Measure("number", "days since created", 0),
        says_tone="quiet",
    )


def velocity(table: pd.DataFrame) -> ChartData:
    """Prepare money per day of each group, with the four factors beside the bar."""
    count = text.count(int(table["open_count"].sum()), "open deal")
    note = write_caption(table, count, "open deals × win rate × won value ÷ days to win")
    if not table["velocity"].notna().any():
        return ChartData(sentence(table, "velocity"), note, "no won deals, so no velocity")
    ranked = table.sort_values("velocity", ascending=False, kind="stable")
    money = money_of(table)
    places = []
    for name, row in zip(name_rows(ranked.index), iterate(ranked), strict=True):
        says = f"{row.open_count:,} open, none won"
        if math.isfinite(row.velocity):
            rate, days = text.percent(row.win_rate), text.number(row.mean_days_to_win)
            says = f"{row.open_count:,} × {rate} × {money(row.mean_won_value)} ÷ {days} d"
        speed = float(np.nan_to_num(row.velocity))
        places.append(Place(name, (BarMark(0, speed, "bar"),), says, speed))
    return ChartData(
        sentence(table, "velocity"),
        note,
        places=tuple(places),
        measure=measure_column(table, "velocity", "value won per day"),
        says_tone="quiet",
    )


def scorecard(table: pd.DataFrame) -> ChartData:
    """Prepare win rates with intervals, highest first, blue where beyond chance.

    The other scores beside them.
    """
    chart = replace(win_rate(table), size=(9.5, 3.2))
    if chart.empty:
        return chart
    places = tuple(
        replace(
            place,
            figures=(
                f"{int(row.won):,} of {int(row.n):,}",
                text.number(row.days_to_win),
                text.percent(row.slip_rate),
                text.percent(row.forecast_bias, signed=True),
            ),
        )
        for place, row in zip(chart.places, iterate(_rank(table)), strict=True)
    )
    heads = (("won", 0.58), ("days to win", 0.735), ("slips", 0.825), ("forecast bias", 1.0))
    measure = replace(chart.measure, high=(chart.measure.high or 1.0) * _RATES / _SCORES)
    columns = tuple(TextColumn(at, head) for head, at in heads)
    return replace(chart, places=places, measure=measure, columns=columns)


def _rank(table: pd.DataFrame) -> pd.DataFrame:
    return table.sort_values("rate", ascending=False, kind="stable")


def audit(table: pd.DataFrame) -> ChartData:
    """Prepare the deals that each check found and their value, the most money first, in blue.

    Hints (severity "info") are drawn where there is nothing else. To draw a part, pass those rows:
    ``plots.audit(findings[findings.severity == "error"])``.
    """
    summary = audit_summary(table)
    hints = summary["severity"] == "info"
    shown = summary if hints.all() else summary[~hints]
    shown = shown.sort_values(["value", "deals"], ascending=False, kind="stable")
    if shown.empty:
        return ChartData(
            sentence(table, "audit"), write_caption(table), "nothing found", size=(7.5, 3.0)
        )
    money, column = money_of(table), "value" if shown["value"].any() else "deals"
    places: list[Place] = []
    for row in iterate(shown):
        worth = f"{money(row.value)} in " if row.value else ""
        says = f"{worth}{text.count(row.deals)}{' (error)' if row.severity == 'error' else ''}"
        size = float(getattr(row, column))
        places.append(
            Place(
                write_label("check", row.Index),
                (BarMark(0, size, "mute" if places else "hi"),),
                says,
                size,
            )
        )
    left = int(summary["deals"].sum() - shown["deals"].sum())
    measure = measure_column(table, "value") if column == "value" else Measure("count", "deals")
    return ChartData(
        heading(shown, "audit_summary"),
        write_caption(table, f"{text.label(column)} by check", note_rest(left, "hint")),
        places=tuple(places),
        measure=measure,
        size=(7.5, 3.0),
    )


def deal_flags(table: pd.DataFrame) -> ChartData:
    """Prepare the fifteen largest flagged deals with their reasons.

    Those with several flags are blue.
    """
    flagged = table[table["risk"] > 0]
    shown, money = flagged.head(_MOST_FLAGS), money_of(table)
    if shown.empty:
        return ChartData(
            heading(table, "deal_flags"),
            write_caption(table),
            "no open deal has a flag",
            size=(12.0, 2.8),
        )
    places = []
    for row in iterate(shown):
        value = float(np.nan_to_num(row.value))
        says = textwrap.shorten(str(row.reasons), _REASONS, placeholder=" …")
        name = str(row.Index if pd.isna(row.name) else row.name)
        bar = BarMark(0, value, "hi" if row.risk > 1 else "mute")
        places.append(
            Place(name, (bar,), figures=("–" if pd.isna(row.value) else money(value), says))
        )
    rest = note_rest(len(flagged) - len(shown), "smaller deal")
    note = write_caption(
        table, text.count(len(flagged), "flagged deal"), "blue: several flags", rest
    )
    top = float(shown["value"].max())
    measure = Measure("none", low=0, high=top / _FLAGGED if top > 0 else 1.0, ticks=((0.0, ""),))
    return ChartData(
        heading(table, "deal_flags"),
        note,
        places=tuple(places),
        measure=measure,
        columns=(TextColumn(_FLAGGED + 0.07), TextColumn(_FLAGGED + 0.08, figures=False)),
        size=(12.0, 2.8),
        name_width=44,
    )
