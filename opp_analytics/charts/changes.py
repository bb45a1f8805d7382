"""Charts of what changed: pipeline, forecast and single deals.

Of stages, due dates and new pipeline.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics import arguments, text
from opp_analytics.analysis import ChangeStep, list_steps, push_counts
from opp_analytics.arrays import Floats, Series
from opp_analytics.charts.data import (
    BarMark,
    BreakMark,
    ChartData,
    Level,
    Measure,
    Place,
    Tone,
    list_rows,
    make_bar,
    measure_column,
    name_method,
    name_periods,
    note_periods,
    shorten,
)
from opp_analytics.note import note_of
from opp_analytics.org import Money, day_of, money_of

_PIPELINE, _FORECAST = ("opening", "closing"), ("then", "now")
CUT = "The bars of both totals are cut"
"""Said where the scale of a waterfall does not begin at zero."""
_CUT_BELOW, _STUB = 0.2, 0.35
"""Share of the totals below which the steps get a scale of their own, and what it shows of the
totals, in steps together."""


def waterfall(table: pd.DataFrame) -> ChartData:
    """Prepare the steps from opening to closing pipeline."""
    nothing = "no open deals in this period"
    if table.empty:
        return ChartData(title="Pipeline", empty=nothing)
    arguments.refuse_groups(table)
    count = text.count(int(table["count"].get("closing", 0)), "open deal")
    moved = table[table["deals"] > 0].drop(index=list(_PIPELINE), errors="ignore")
    rows: Any = zip(moved.index, moved["value"], moved["deals"], strict=True)
    steps = [
        ChangeStep(name, text.movement(name), value, int(deals), ()) for name, value, deals in rows
    ]
    chart = _lay_steps(table, "value", _PIPELINE, steps, "Pipeline", "open value")
    return replace(
        chart,
        note=(f"{count} at the end", *chart.note),
        empty="" if table["deals"].any() else nothing,
    )


def forecast_change(table: pd.DataFrame, *, target: float = math.nan) -> ChartData:
    """Prepare the steps from the forecast then to the forecast now."""
    nothing = "nothing was expected at either time"
    if table.empty:
        return ChartData(title="Forecast", empty=nothing)
    arguments.refuse_groups(table)
    steps = list_steps(table)
    chart = _lay_steps(table, "expected", _FORECAST, steps, "Forecast", "expected money", target)
    return replace(
        chart,
        note=(text.count(int(table["deals"]["now"])), name_method(table), *chart.note),
        empty="" if steps or table["expected"].any() else nothing,
    )


def _lay_steps(
    table: pd.DataFrame,
    column: str,
    ends: tuple[str, str],
    steps: Sequence[ChangeStep],
    what: str,
    axis: str,
    target: float = math.nan,
) -> ChartData:
    """Lay each step at the end of the one above it, the largest one in blue.

    Both totals start at zero, or are cut.
    """
    totals = []
    for name in ends:
        moment = getattr(note_of(table), f"{name}_at")
        words = f"{what} {text.day(day_of(table, moment)) if moment else name}"
        total = ChangeStep(name, words, table[column][name], int(table["deals"][name]), ())
        totals.append(total._replace(value=table["value"][name]))
    heads = () if column == "value" else ("Expected", "Full value")
    levels = np.cumsum([totals[0].expected, *(step.expected for step in steps)])
    base, reach = _cut_scale(levels), np.ptp(levels)
    money = money_of(table, beside=table[column].abs().max())
    largest = max(steps, key=lambda step: abs(step.expected), default=None)
    places = [
        _place_step(step, BarMark(start, end, "hi" if step is largest else "mute"), money)
        for step, start, end in zip(steps, levels[:-1], levels[1:], strict=True)
    ]
    first, last = (_place_total(step, base, base + 0.12 * reach, money) for step in totals)
    places = [first, *places, last]
    if heads:
        every = [totals[0], *steps, totals[1]]
        places = [
            replace(place, figures=(*place.figures, money(step.value)))
            for place, step in zip(places, every, strict=True)
        ]
    near = not base or base <= target <= levels.max() + reach
    aim = (Level(target, "ink", f"target {money(target)}"),) if near and target == target else ()
    return ChartData(
        tuple(places),
        (CUT.lower(),) if base else (),
        linked=True,
        measure=measure_column(table, column, axis, low=base or None),
        levels=(Level(0.0), *aim),
        heads=heads,
    )


def _place_total(step: ChangeStep, base: float, cut: float, money: Money) -> Place:
    """Lay a total from zero on, or from `base` with a gap at `cut`."""
    figure, says = money(step.expected), text.count(step.deals) if step.deals else ""
    title = f"{text.capital(step.name)}: {', '.join(filter(None, (figure, says)))}"
    gap = (BreakMark(cut),) if base else ()
    marks = (BarMark(base, step.expected, "bar", title=title), *gap)
    return Place(step.name, marks, says, (figure,), title, step.key, strong=True)


def _place_step(step: ChangeStep, bar: BarMark, money: Money) -> Place:
    """Lay out a step with the deals behind it: a single one by name, several by number."""
    figure = money(step.expected, signed=True)
    cause = f", {step.cause}" if step.cause else ""
    count = says = text.count(step.deals) if step.deals else ""
    forms: tuple[str, ...] = ()
    moved = [f"{shorten(deal, 24)} {money(by, signed=True)}" for deal, by in step.movers]
    if moved:
        says = f"{step.deals:,} · {moved[0]}" if step.deals > 1 else shorten(step.movers[0][0], 24)
        forms = (f"{says}{cause}", says, f"{step.deals:,}")
        if step.sides:
            (more, up), (less, down) = step.sides
            ends = money(up, signed=True), money(down, signed=True)
            says = f"{more:,} up {ends[0]} · {less:,} down {ends[1]}"
            forms = (says, f"{step.deals:,}")
    words = ", ".join(filter(None, [figure, count, *moved]))
    title = f"{text.capital(step.name)}: {words}{cause}"
    marks = (replace(bar, title=title),)
    return Place(step.name, marks, says, (figure,), title, step.key, forms=forms)


def _cut_scale(levels: Floats) -> float:
    """Find where the scale begins: at 0, or below the lowest level.

    It is cut where all steps together are small beside the totals.
    """
    low, high = levels.min(), levels.max()
    small = low > 0 and 0 < high - low < _CUT_BELOW * high
    return low - _STUB * (high - low) if small else 0.0


_FLOW: tuple[tuple[str, Tone, str], ...] = (
    ("advanced", "hi", "moved on"),
    ("lost", "mute", "lost"),
    ("back", "bar", "back"),
    ("removed", "pale", "removed"),
    ("still", "band", "open"),
)
"""Outcomes of the entries into a stage, in their order in a bar."""
_SMALL = (
    ("back", "strong gray", "back"),
    ("removed", "faint gray", "removed"),
    ("still", "faint blue", "still open"),
)
"""Outcomes whose parts seldom have room for their words."""
_OUTCOMES: dict[str, Tone] = {
    "slipped": "hi",
    "lost": "mute",
    "won": "bar",
    "pulled_out": "pale",
    "removed": "pale",
    "still_due": "band",
}
"""Outcomes of what was due, in their order in a bar: slipped first, since all rows start there, so
its shares compare."""
_MOST_PUSHES = 8


def stage_funnel(table: pd.DataFrame) -> ChartData:
    """Prepare a bar of open value per stage, with its open deals and those that got that far."""
    money, stages = money_of(table), table.index.get_level_values("stage")
    sums = table["open_value"].groupby(stages, observed=True).sum()
    largest = sums.idxmax() if sums.any() else None
    places = tuple(
        make_bar(
            name,
            row.open_value,
            "hi" if stage == largest else "bar",
            figures=(money(row.open_value), f"{row.open_count:,} of {row.reached_low:,}"),
        )
        for stage, (name, row) in zip(stages, list_rows(table), strict=True)
    )
    count = text.count(int(table["open_count"].sum()), "open deal")
    return ChartData(
        places,
        (count, "deals: open there, of those that got this far at least"),
        empty="" if places else "no opportunities",
        measure=measure_column(table, "open_value", low=0),
        heads=("Open", "Deals"),
    )


def stage_flow(table: pd.DataFrame) -> ChartData:
    """Prepare a bar of entries per stage, cut by their outcome, with conversion and median days."""
    entries = int(table["entries"].sum())
    key = ", ".join(f"{tone}: {words}" for name, tone, words in _SMALL if table[name].any())
    return ChartData(
        tuple(_place_stage(stage, row) for stage, row in table.iterrows()),
        (text.count(entries, "entry"), key),
        empty="" if entries else "no deal entered a stage in this period",
        measure=Measure("count", "deals that entered", 0),
        heads=("Moved on", "Median days"),
    )


def _place_stage(stage: Any, row: Series) -> Place:
    keys = text.split_key(stage)
    name = " · ".join([*map(str, keys[:-1]), text.stage(keys[-1])])
    marks, parts, left = [], [], 0.0
    for column, tone, words in _FLOW:
        n = int(row[column])
        if n:
            parts.append(f"{n:,} {words}")
            title = f"{name}: {parts[-1]}"
            marks.append(BarMark(left, left + n, tone, forms=(parts[-1], f"{n:,}"), title=title))
        left += n
    figures = text.percent(row["conversion"]), text.number(row["median_days"])
    title = f"{name}: {', '.join(parts)}"
    return Place(name, tuple(marks), "", figures, title, text.join_key(stage))


def slippage(table: pd.DataFrame) -> ChartData:
    """Prepare a ladder of value by outcome."""
    due = int(table["count"].sum())
    if not due:
        return ChartData(empty="no open deal was due in this period")
    arguments.refuse_groups(table)
    money, level = money_of(table), table["value"].sum()
    places = [make_bar("due", level, "bar", f"{text.count(due)} · {money(level)}")]
    for outcome, count, value, rate in zip(
        map(str, table.index), table["count"], table["value"], table["value_rate"], strict=True
    ):
        share = "" if math.isnan(rate) else f" ({text.percent(rate)})"
        bar = BarMark(level, level - value, _OUTCOMES.get(outcome, "mute"))
        says = f"{text.count(count)} · {money(value)}{share}"
        places.append(Place(text.label(outcome), (bar,), says))
        level -= value
    return ChartData(
        tuple(places),
        (text.count(due), "each by its outcome"),
        linked=True,
        measure=measure_column(table, "value", "value at the start of the period"),
    )


def stack_shares(parts: pd.DataFrame, tones: Sequence[Tone]) -> tuple[Place, ...]:
    """Lay the columns of each row end to end, each with its name and share."""
    places: list[Place] = []
    for name, row in parts.iterrows():
        whole, left, marks = row.sum(), 0.0, []
        for column, value, tone in zip(parts, row, tones, strict=True):
            if value:
                share = text.percent(value / whole)
                forms = (f"{text.label(column)} {share}", share)
                marks.append(BarMark(left, left + value, tone, forms=forms))
            left += value
        places.append(Place(str(name), tuple(marks)))
    return tuple(places)


def slippage_by_period(tables: Mapping[str, pd.DataFrame]) -> ChartData:
    """Prepare the shares of each outcome by value, a bar for each period.

    By count where no deal has a value.
    """
    places = tuple(_place_outcomes(name, table) for name, table in tables.items())
    return ChartData(places)


def _place_outcomes(name: str, table: pd.DataFrame) -> Place:
    money, valued = money_of(table), bool(table["value"].sum() > 0)
    amounts = table["value"] if valued else table["count"]
    whole, left, marks = amounts.sum(), 0.0, []
    for outcome, tone in _OUTCOMES.items():
        if outcome not in table.index or not amounts[outcome] > 0:
            continue
        share = amounts[outcome] / whole
        said, words = text.percent(share), text.label(outcome)
        value, deals = money(table["value"][outcome]), text.count(int(table["count"][outcome]))
        title = f"{name}: {words} {value}, {deals}, {said}"
        forms = (f"{words} {said}", said)
        marks.append(BarMark(left, left + share, tone, forms=forms, title=title, key=outcome))
        left += share
    figure = money(whole) if valued else text.count(int(whole))
    title = f"{name}: " + ", ".join(mark.forms[0] for mark in marks)
    return Place(name, tuple(marks), "", (figure,), title, name)


def close_date_moves(table: pd.DataFrame) -> ChartData:
    """Prepare deals by number of pushes, with the median days pushed above each bar."""
    if table.empty:
        return ChartData(empty="no deals in this period")
    counts = push_counts(table, most=_MOST_PUSHES)
    never = int(counts["deals"].get(0, 0))
    # They would flatten the rest.
    counts = counts.drop(index=0, errors="ignore")
    places = []
    for pushes, deals, days in zip(
        counts.index, counts["deals"], counts["median_days"], strict=True
    ):
        says = f"{deals:,}" + (f"\nmedian {text.number(days)} days" if deals else "")
        name = f"{pushes}" if pushes < _MOST_PUSHES else f"{pushes} or more"
        places.append(make_bar(name, deals, "hi", says))
    return ChartData(
        tuple(places),
        (
            f"{never:,} of {text.count(len(table))} never pushed, not drawn",
            "counts are lower bounds",
        ),
        empty="" if counts["deals"].any() else "no close date was pushed",
        upright=True,
        across=Measure(title="pushes seen"),
        measure=Measure("count", "deals", 0),
    )


def pipeline_created(
    table: pd.DataFrame, *, average: float = math.nan, line: str = "average"
) -> ChartData:
    """Prepare the value created by period as columns, the last one in blue."""
    # The `average` is a line across the columns, with the name `line`.
    empty = "" if table["deals"].any() else "no deal was created in these periods"
    arguments.refuse_groups(table)
    money, freq, last, places = money_of(table), note_of(table).freq, len(table) - 1, []
    rows: Any = zip(table.index, name_periods(table), table["value"], table["deals"], strict=True)
    for place, (key, name, value, deals) in enumerate(rows):
        count, figure = text.count(int(deals)), money(value)
        title = f"{text.period(str(key), freq)}: {figure}, {count}"
        bar = BarMark(0, value, "hi" if place == last else "mute", 0.7)
        places.append(Place(f"{name}\n{count}", (bar,), figure, title=title))
    return ChartData(
        tuple(places),
        (text.count(int(table["deals"].sum())), note_periods(table)),
        empty=empty,
        upright=True,
        measure=measure_column(table, "value", "value created"),
        levels=(Level(average, "bar", line),) if math.isfinite(average) else (),
    )
