"""Charts of what changed: pipeline, forecast and single deals.

Of stages, due dates and new pipeline.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics import text
from opp_analytics.analysis import (
    Step,
    heading,
    list_steps,
    push_counts,
    sentence,
    transition_matrix,
)
from opp_analytics.charts.data import (
    BarMark,
    BreakMark,
    ChartData,
    EndName,
    Level,
    Measure,
    Place,
    TextColumn,
    Tone,
    choose_ticks,
    iterate,
    keep_largest,
    measure_column,
    measure_percent,
    name_method,
    name_periods,
    name_rows,
    note_periods,
    note_rest,
    shorten,
    write_caption,
)
from opp_analytics.note import note_of
from opp_analytics.org import PIPELINE, Money, Org, Stages, day_of, money_of, rank_open
from opp_analytics.schema import HALF_CENT, unstack_level

_MOST_GROUPS = 30
_MOST_DEALS = 20
_PIPELINE, _FORECAST = ("opening", "closing"), ("then", "now")
_KINDS = {_PIPELINE: "waterfall", _FORECAST: "forecast_change"}
CUT = "The bars of both totals are cut"
"""Said where the scale of a waterfall does not begin at zero."""
_CUT_BELOW, _STUB = 0.2, 0.35
"""Share of the totals below which the steps get a scale of their own, and what it shows of the
totals, in steps together."""


def waterfall(table: pd.DataFrame, *, most: int = _MOST_GROUPS) -> ChartData:
    """Prepare the steps from opening to closing pipeline.

    With `by`, the ins and outs of the groups that changed `most`.
    """
    nothing = "no open deals in this period"
    if table.empty:
        return ChartData("Pipeline", write_caption(table), nothing)
    if table.index.nlevels > 1:
        return _prepare_groups(table, "value", _PIPELINE, "change in open value", most)
    count = text.count(int(table["count"].get("closing", 0)), "open deal")
    moved = table[table["deals"] > 0].drop(index=list(_PIPELINE), errors="ignore")
    rows: Any = zip(moved.index, moved["value"], moved["deals"], strict=True)
    steps = [Step(name, text.movement(name), value, int(deals), ()) for name, value, deals in rows]
    empty = "" if table["deals"].any() else nothing
    note = f"{count} at the end"
    return _lay_steps(table, "value", _PIPELINE, steps, "Pipeline", note, "open value", empty=empty)


def forecast_change(table: pd.DataFrame, *, target: float = math.nan) -> ChartData:
    """Prepare the steps from the forecast then to the forecast now.

    With `by`, each group's ups and downs.
    """
    nothing = "nothing was expected at either time"
    if table.empty:
        return ChartData("Forecast", write_caption(table), nothing)
    if table.index.nlevels > 1:
        return _prepare_groups(table, "expected", _FORECAST, "change in expected money")
    count, steps = text.count(int(table["deals"]["now"])), list_steps(table)
    empty = "" if steps or table["expected"].any() else nothing
    return _lay_steps(
        table,
        "expected",
        _FORECAST,
        steps,
        "Forecast",
        count,
        "expected money",
        name_method(table),
        target=target,
        empty=empty,
    )


def _lay_steps(
    table: pd.DataFrame,
    column: str,
    ends: tuple[str, str],
    steps: Sequence[Step],
    what: str,
    n: str,
    axis: str,
    *notes: str,
    empty: str,
    target: float = math.nan,
) -> ChartData:
    """Lay each step at the end of the one above it, the largest one in blue.

    Both totals start at zero, or are cut.
    """
    totals = []
    for name in ends:
        moment = getattr(note_of(table), f"{name}_at")
        words = f"{what} {text.day(day_of(table, moment)) if moment else name}"
        totals.append(Step(name, words, float(table[column][name]), int(table["deals"][name]), ()))
    levels = np.cumsum([totals[0].expected, *(step.expected for step in steps)])
    base, reach = _cut_scale(levels), float(np.ptp(levels))
    money = money_of(table, beside=table[column].abs().max())
    largest = max(steps, key=lambda step: abs(step.expected), default=None)
    places = [
        _place_step(step, BarMark(start, end, "mute"), money, largest=step is largest)
        for step, start, end in zip(steps, levels[:-1], levels[1:], strict=True)
    ]
    first, last = (_place_total(step, base, base + 0.12 * reach, money) for step in totals)
    known, aim = math.isfinite(target), f"target {money(target)}"
    near = known and (not base or base <= target <= levels.max() + reach)
    note = write_caption(table, n, *notes, CUT.lower() if base else "")
    return ChartData(
        heading(table, _KINDS[ends]),
        note,
        empty,
        (first, *places, last),
        linked=True,
        measure=measure_column(table, column, axis, low=base or None),
        levels=(Level(0.0), *([Level(target, "ink", aim)] if near else [])),
        footer="" if near or not known else f"{aim} →" if target > base else f"← {aim}",
    )


def _place_total(step: Step, base: float, cut: float, money: Money) -> Place:
    """Lay a total from zero on, or from `base` with a gap at `cut`."""
    figure, count = money(step.expected), text.count(step.deals) if step.deals else ""
    says = ", ".join(filter(None, (figure, count)))
    title, short = f"{text.capital(step.name)}: {says}", f"{step.deals:,}" if step.deals else ""
    bar, gap = BarMark(base, step.expected, "bar", title=title), [BreakMark(cut)] if base else []
    return Place(
        step.name, (bar, *gap), says, step.expected, short, (figure,), title, step.key, strong=True
    )


def _place_step(step: Step, bar: BarMark, money: Money, *, largest: bool) -> Place:
    """Lay out a step with the deals behind it.

    A single deal is shown by name; several are shown by number, with those that moved most.
    """
    figure, n = money(step.expected, signed=True), f"{step.deals:,}" if step.deals else ""
    deals, cause = (
        [shorten(deal, 24) for deal, _ in step.movers],
        f", {step.cause}" if step.cause else "",
    )
    if step.deals == 1 and deals:
        says = named = f"{deals[0]}{cause}"
        forms = (says, *deals, n)
    elif deals:
        moved = [
            f"{deal} {money(by, signed=True)}"
            for deal, (_, by) in zip(deals, step.movers, strict=True)
        ]
        says, named = (
            f"{deals[0]} and {step.deals - 1:,} more",
            ", ".join([text.count(step.deals), *moved]) + cause,
        )
        account, by = (
            shorten(step.movers[0][0].partition(": ")[0], 24),
            money(step.movers[0][1], signed=True),
        )
        whole, brief = f"{n} · {', '.join(moved)}", f"{n} · {account}"
        forms = (
            *(f"{form}{cause}" for form in (whole, f"{brief} {by}", brief, account) if cause),
            whole,
            f"{n} · {moved[0]}",
            f"{brief} {by}",
            brief,
            n,
        )
    else:
        says = named = text.count(step.deals) if step.deals else ""
        forms = ()
    title, says = (", ".join(filter(None, (figure, words))) for words in (named, says))
    title = f"{text.capital(step.name)}: {title}"
    marked = replace(bar, tone="hi" if largest else "mute", title=title)
    return Place(
        step.name,
        (marked,),
        says,
        max(bar.start, bar.end),
        n,
        (figure,),
        title,
        step.key,
        forms=tuple(dict.fromkeys(forms)),
    )


def _cut_scale(levels: NDArray[np.float64]) -> float:
    """Find where the scale begins: at 0, or below the lowest level.

    It is cut where all steps together are small beside the totals.
    """
    low, high = float(levels.min()), float(levels.max())
    small = low > 0 and 0 < high - low < _CUT_BELOW * high
    return low - _STUB * (high - low) if small else 0.0


def _prepare_groups(
    table: pd.DataFrame, column: str, ends: tuple[str, str], axis: str, most: int = _MOST_GROUPS
) -> ChartData:
    """Show what each group gained (right) and lost (left), the largest change first."""
    values = unstack_level(table[column], "movement")
    change = values[ends[1]] - values[ends[0]]
    shown = change.abs().sort_values(ascending=False, kind="stable").head(most).index
    moved = values.loc[shown].drop(columns=list(ends))
    what = "what came in and what left, with the change"
    note = write_caption(table, text.count(len(change), "group"), what)
    if not moved.to_numpy().any():
        return ChartData(heading(table, _KINDS[ends]), note, "nothing moved in this period")
    came, left = moved.clip(lower=0).sum(axis=1), moved.clip(upper=0).sum(axis=1)
    money = money_of(table)
    places = (
        Place(
            name,
            (BarMark(0, up, "hi"), BarMark(0, down, "mute")),
            money(by, signed=True),
            up,
            key=name,
            title=f"{name}: {money(up)} came in, {money(-down)} left",
        )
        for name, up, down, by in zip(name_rows(shown), came, left, change[shown], strict=True)
    )
    rest = note_rest(len(change) - len(shown), "smaller group")
    return ChartData(
        heading(table, _KINDS[ends]),
        " · ".join(filter(None, (note, rest))),
        places=tuple(places),
        measure=measure_column(table, column, axis, low=1.05 * float(left.min())),
        levels=(Level(0.0),),
    )


def movements(table: pd.DataFrame) -> ChartData:
    """Prepare the twenty deals that moved the open pipeline most, with all that happened to each.

    A deal that came and left again changed nothing: its movements add up.
    """
    deals = table.groupby("unique_id", sort=False).agg(
        name=("name", "last"),
        value=("value", "sum"),
        moves=("movement", lambda moves: ", ".join(dict.fromkeys(map(text.movement, moves)))),
    )
    moved = deals[deals["value"].abs() >= HALF_CENT]
    shown = keep_largest(moved, "value", _MOST_DEALS)
    if shown.empty:
        return ChartData(
            heading(table, "movements"), write_caption(table), "nothing moved in this period"
        )
    money = money_of(table)
    places = (
        Place(
            str(row.Index if pd.isna(row.name) else row.name),
            (BarMark(0, row.value, "hi" if row.value >= 0 else "mute"),),
            f"{money(row.value, signed=True)}, {shorten(row.moves, 32)}",
            max(row.value, 0.0),
        )
        for row in iterate(shown)
    )
    note = write_caption(
        table,
        text.count(len(table), "movement"),
        note_rest(len(moved) - len(shown), "smaller deal"),
    )
    # The end of a name is often what tells two deals of one customer apart.
    return ChartData(
        heading(table, "movements"),
        note,
        places=tuple(places),
        name_width=40,
        measure=measure_column(table, "value", "change in open value", signed=True),
        levels=(Level(0.0),),
    )


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
_STAYS = 0.7
"""Share of the width for the stays in a stage, the figures right of them."""
_MOST_STACKED = 3
_GROUPS: tuple[Tone, ...] = ("hi", "bar", "mute", "pale")
"""Tones of the largest groups and of the rest together."""


def stage_funnel(table: pd.DataFrame) -> ChartData:
    """Prepare a bar of open value per stage, with its open deals and those that got that far."""
    if table.empty:
        return ChartData(sentence(table, "stage_funnel"), write_caption(table), "no opportunities")
    money, top = money_of(table), float(table["open_value"].max())
    stages = table.index.get_level_values("stage")
    largest = table["open_value"].groupby(stages, observed=True).sum().idxmax() if top else None
    places = tuple(
        Place(
            name,
            (BarMark(0, row.open_value, "hi" if stage == largest else "bar"),),
            figures=(money(row.open_value), f"{row.open_count:,} of {row.reached_low:,}"),
        )
        for name, stage, row in zip(name_rows(table.index), stages, iterate(table), strict=True)
    )
    measure = replace(measure_column(table, "open_value"), low=0, high=(top or 1.0) / _STAYS)
    ticks = tuple((tick, money(tick)) for tick in (choose_ticks(top, 3) if top else [0.0]))
    count = text.count(int(table["open_count"].sum()), "open deal")
    heads = (("open", 0.82), ("deals", 1.0))
    return ChartData(
        heading(table, "stage_funnel"),
        write_caption(table, count, "deals: open there, of those that got this far at least"),
        places=places,
        measure=replace(measure, ticks=ticks),
        columns=tuple(TextColumn(at, head) for head, at in heads),
    )


def stage_flow(table: pd.DataFrame) -> ChartData:
    """Prepare a bar of entries per stage, cut by their outcome, with conversion and median days."""
    entries = int(table["entries"].sum())
    empty = "" if entries else "no deal entered a stage in this period"
    top = max(float(table["entries"].max()) if len(table) else 0.0, 1.0)
    ticks = tuple((tick, f"{tick:,.0f}") for tick in choose_ticks(top) if tick.is_integer())
    key = ", ".join(f"{tone}: {words}" for name, tone, words in _SMALL if table[name].any())
    return ChartData(
        heading(table, "stage_flow"),
        write_caption(table, text.count(entries, "entry"), key, "days: median in the stage"),
        empty,
        places=tuple(_place_stage(stage, row) for stage, row in table.iterrows()),
        measure=Measure("count", "deals that entered", 0, top / _STAYS, ticks=ticks),
        columns=(TextColumn(0.86, "moved on"), TextColumn(1.0, "days")),
    )


def _place_stage(stage: Any, row: pd.Series[Any]) -> Place:
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
    conversion, days = text.percent(row["conversion"]), text.number(row["median_days"])
    return Place(
        name,
        tuple(marks),
        figures=(conversion, days),
        title=f"{name}: {', '.join(parts)}",
        key=text.join_key(stage),
    )


def transitions(table: pd.DataFrame) -> ChartData:
    """Prepare a matrix of the steps from each stage to each other one.

    A cell is darker where there were more steps.
    """
    counts = transition_matrix(table)
    cells = counts.to_numpy()
    if not cells.any():
        return ChartData(
            sentence(table, "transitions"), write_caption(table), "no stage change seen yet"
        )
    names = [text.stage(stage) for stage in counts.columns]
    places = (
        Place(
            text.stage(stage),
            tuple(
                BarMark(k - 0.5, k + 0.5, "hi", 1.0, (f"{n:,}",), strength=n / cells.max())
                for k, n in enumerate(row)
                if n
            ),
        )
        for stage, row in zip(counts.index, cells, strict=True)
    )
    return ChartData(
        sentence(table, "transitions"),
        write_caption(table, text.count(int(cells.sum()), "step")),
        places=tuple(places),
        least_rows=1,
        measure=Measure("names", "to", -0.5, len(names) - 0.5, ticks=tuple(enumerate(names))),
        across=Measure("names", "from"),
        size=(7.5, 4.6),
    )


def slippage(table: pd.DataFrame) -> ChartData:
    """Prepare a ladder of value by outcome; with `by`, one bar of shares per group."""
    due = int(table["count"].sum())
    if not due:
        return ChartData(
            sentence(table, "slippage"), write_caption(table), "no open deal was due in this period"
        )
    if isinstance(table.index, pd.MultiIndex):
        return _share_outcomes(table, due)
    money, level = money_of(table), float(table["value"].sum())
    places = [
        Place("due", (BarMark(0, level, "bar"),), f"{text.count(due)} · {money(level)}", level)
    ]
    for row in table.itertuples():
        outcome, value, rate = str(row.Index), float(row.value), float(row.value_rate)  # type: ignore[arg-type]
        share = "" if math.isnan(rate) else f" ({text.percent(rate)})"
        bar = BarMark(level, level - value, _OUTCOMES.get(outcome, "mute"))
        says = f"{text.count(row.count)} · {money(value)}{share}"  # type: ignore[arg-type]
        places.append(Place(text.label(outcome), (bar,), says, level, key=outcome))
        level -= value
    return ChartData(
        heading(table, "slippage"),
        write_caption(table, text.count(due), "each by its outcome"),
        places=tuple(places),
        linked=True,
        measure=measure_column(table, "value", "value at the start of the period"),
    )


def _share_outcomes(table: pd.DataFrame, due: int) -> ChartData:
    """Show the shares of the outcomes by count, the group with most slipped deals first."""
    shares = unstack_level(table["count_rate"], "outcome").fillna(0.0)
    shares = shares[sorted(shares.columns, key=lambda outcome: outcome != "slipped")]
    counts = unstack_level(table["count"], "outcome").loc[shares.index]
    totals, slipped = (
        counts.sum(axis=1).to_numpy(dtype=float),
        counts["slipped"].to_numpy(dtype=float),
    )
    names = [
        f"{name} ({int(n):,})" for name, n in zip(name_rows(shares.index), totals, strict=True)
    ]
    shares = shares.set_axis(pd.Index(names)).iloc[np.lexsort((-totals, -slipped))]
    tones = [_OUTCOMES.get(str(name), "mute") for name in shares]
    return ChartData(
        sentence(table, "slippage"),
        write_caption(table, text.count(due)),
        places=stack_shares(shares, tones),
        measure=measure_percent("share of the deals due", low=0, high=1),
    )


def stack_shares(parts: pd.DataFrame, tones: Sequence[Tone]) -> tuple[Place, ...]:
    """Lay the columns of each row end to end, each with its name and share."""
    places: list[Place] = []
    for name, row in parts.iterrows():
        whole, left, marks = float(row.sum()), 0.0, []
        for column, value, tone in zip(parts, row, tones, strict=True):
            if value:
                share = text.percent(value / whole)
                forms = (f"{text.label(column)} {share}", share)
                marks.append(BarMark(left, left + value, tone, forms=forms))
            left += value
        places.append(Place(str(name), tuple(marks), end=left))
    return tuple(places)


def slippage_by_period(tables: Mapping[str, pd.DataFrame]) -> ChartData:
    """Prepare the shares of each outcome by value, a bar for each period.

    By count where no deal has a value.
    """
    return ChartData(
        "", places=tuple(_place_outcomes(name, table) for name, table in tables.items())
    )


def _place_outcomes(name: str, table: pd.DataFrame) -> Place:
    money, valued = money_of(table), bool(table["value"].sum() > 0)
    amounts = table["value"] if valued else table["count"]
    whole, left, marks = float(amounts.sum()), 0.0, []
    for outcome, tone in _OUTCOMES.items():
        if outcome not in table.index or not amounts[outcome] > 0:
            continue
        share = float(amounts[outcome]) / whole
        said, words = text.percent(share), text.label(outcome)
        value, deals = money(table["value"][outcome]), text.count(int(table["count"][outcome]))
        title = f"{name}: {words} {value}, {deals}, {said}"
        forms = (f"{words} {said}", said)
        marks.append(BarMark(left, left + share, tone, forms=forms, title=title, key=outcome))
        left += share
    figure = money(whole) if valued else text.count(int(whole))
    title = f"{name}: " + ", ".join(mark.forms[0] for mark in marks)
    return Place(name, tuple(marks), figures=(figure,), title=title, key=name)


def close_date_moves(table: pd.DataFrame) -> ChartData:
    """Prepare deals by number of pushes, with the median days pushed above each bar."""
    if table.empty:
        return ChartData(
            sentence(table, "close_date_moves"), write_caption(table), "no deals in this period"
        )
    counts = push_counts(table, most=_MOST_PUSHES)
    never = int(counts["deals"].get(0, 0))
    # They would flatten the rest.
    counts = counts.drop(index=0, errors="ignore")
    note = write_caption(
        table,
        f"{never:,} of {text.count(len(table))} never pushed, not drawn",
        "counts are lower bounds",
    )
    if not counts["deals"].any():
        return ChartData(heading(table, "close_date_moves"), note, "no close date was pushed")
    places = []
    for pushes, deals, days in zip(
        counts.index, counts["deals"], counts["median_days"], strict=True
    ):
        says = f"{deals:,}" + (f"\nmedian {text.number(days)} days" if deals else "")
        name = f"{pushes}" if pushes < _MOST_PUSHES else f"{pushes} or more"
        places.append(Place(name, (BarMark(0, deals, "hi", 0.7),), says, deals))
    return ChartData(
        heading(table, "close_date_moves"),
        note,
        places=tuple(places),
        upright=True,
        across=Measure("names", "pushes seen"),
        # Two lines of text stand above the highest column.
        measure=Measure("count", "deals", 0, float(counts["deals"].max()) * 1.22),
    )


def pipeline_created(
    table: pd.DataFrame, *, average: float = math.nan, line: str = "average"
) -> ChartData:
    """Prepare the value created by period as columns, the last one in blue.

    With `by`, stacked by group.
    """
    # The `average` is a line across the columns, with the name `line`.
    empty = "" if table["deals"].any() else "no deal was created in these periods"
    if table.empty:
        return ChartData(
            sentence(table, "pipeline_created"), write_caption(table), empty, size=(9.0, 4.2)
        )
    grouped = isinstance(table.index, pd.MultiIndex)
    values, money = _sum_groups(table), money_of(table)
    columns = ["deals", *(["to_date"] if "to_date" in table else [])]
    periods = table.groupby(level="period", sort=False)[columns].agg(
        {name: "any" if name == "to_date" else "sum" for name in columns}
    )
    periods.attrs = table.attrs
    freq, places, last = note_of(table).freq, [], len(periods) - 1
    for place, ((key, row), name) in enumerate(
        zip(periods.iterrows(), name_periods(periods), strict=True)
    ):
        tops = [0.0, *values.iloc[place].cumsum()]
        tones = _GROUPS if grouped else ("hi" if place == last else "mute",)
        bars = (
            BarMark(low, top, tone, 0.7)
            for low, top, tone in zip(tops, tops[1:], tones, strict=False)
        )
        count, figure = text.count(int(row["deals"])), money(tops[-1])
        period = text.period(str(key), freq)
        title, short = f"{period}: {figure}, {count}", period.partition(",")[0]
        name = f"{name}\n{count}"
        places.append(Place(name, tuple(bars), figure, tops[-1], short, (figure,), title))
    names = [shorten(name, 24) for name in values] if grouped else []
    # Names stand right of the last column, of the last one that has something.
    named = max((place for place, one in enumerate(places) if one.end), default=last)
    ends = [
        EndName(
            named + 0.35,
            (bar.start + bar.end) / 2,
            name,
            "quiet" if bar.tone == "pale" else bar.tone,
        )
        for bar, name in zip(places[named].marks, names, strict=False)
        if isinstance(bar, BarMark)
    ]
    return ChartData(
        heading(table, "pipeline_created"),
        write_caption(table, text.count(int(periods["deals"].sum()))),
        empty,
        places=tuple(places),
        upright=True,
        measure=measure_column(table, "value", "value created"),
        ends=tuple(ends),
        levels=(Level(average, "bar", line),) if math.isfinite(average) else (),
        footer=note_periods(periods),
        size=(9.0, 4.2),
    )


def _sum_groups(table: pd.DataFrame) -> pd.DataFrame:
    """Sum the value created by period (rows) and group (columns).

    The largest groups have a column each; the rest share the last one.
    """
    if not isinstance(table.index, pd.MultiIndex):
        return table[["value"]]
    names = pd.Index(name_rows(table.reset_index("period").index), name="group")
    wide = table["value"].groupby([table.index.get_level_values("period"), names], sort=False)
    found = unstack_level(wide.sum(), "group").fillna(0.0)
    sums = table["value"].groupby(names).sum().sort_values(ascending=False, kind="stable")
    largest = sums.index[:_MOST_STACKED]
    rest = found.drop(columns=largest)
    kept = found[[name for name in found.columns if name in set(largest)]]
    return kept.assign(**{f"{rest.shape[1]} more": rest.sum(axis=1)}) if rest.shape[1] else kept


_LANES = ("stage", "value", "close_date")
_DAY = pd.Timedelta(days=1)


class _Phase(NamedTuple):
    """The time in which a field had one value."""

    start: pd.Timestamp
    end: pd.Timestamp
    before: Any
    value: Any


def deal(table: pd.DataFrame) -> ChartData:
    """Prepare stage, value and close date of a deal over time, each change where it was seen."""
    if table.empty:
        return ChartData(
            sentence(table, "history.deal"),
            write_caption(table),
            "no changes in this timeline",
            size=(10.0, 2.8),
        )
    start, last, as_of = table["seen_at"].min(), table["seen_at"].max(), note_of(table).day
    known = pd.Timestamp(as_of, tz="UTC") if as_of else last
    # The day of the last record; where that is not after the last change, a week after it.
    end = known if known > last + _DAY else last + 7 * _DAY
    stages, zero = Org.of(table).stages, pd.Timestamp(0, tz="UTC")
    homes = _split_phases(table, PIPELINE, end) if len(stages.pipelines) > 1 else []
    places = []
    for field in _LANES:
        bars = []
        for phase in _split_phases(table, field, end):
            words = _write_value(field, phase.value, table)
            left, right = ((moment - zero) / _DAY for moment in (phase.start, phase.end))
            forms = (
                words,
                *(f"{words[:letters]}." for letters in (8, 6, 4, 3) if field == "stage"),
            )
            forms += (f"{phase.value.month}/{phase.value.day}",) if field == "close_date" else ()
            bars.append(
                BarMark(left, right, _judge_phase(field, phase, stages, homes), 0.56, forms)
            )
        places.append(Place(text.label(field), tuple(bars)))
    changes = int(table.loc[table["operation"] != "new", "seen_at"].nunique())
    seen = f"changed in {text.count(changes, 'record')}"
    note = write_caption(table, seen, "blue: pushed, cut or moved back")
    return ChartData(
        heading(table, "history.deal"),
        note,
        places=tuple(places),
        least_rows=1,
        size=(10.0, 2.8),
        measure=Measure("date", low=(start - zero) / _DAY, high=(end - zero) / _DAY),
    )


def _split_phases(table: pd.DataFrame, field: str, end: pd.Timestamp) -> list[_Phase]:
    """Split the timeline where a field changed; there is no phase while the deal was deleted."""
    phases: list[_Phase] = []
    before = value = None
    start: pd.Timestamp | None = None
    for at in table["seen_at"].drop_duplicates():
        rows = table[table["seen_at"] == at]
        moved = rows[rows["field"] == field]
        there = rows["operation"].iloc[0] not in ("deleted", "transferred")
        if start is not None and (len(moved) or not there):
            phases.append(_Phase(start, at, before, value))
            start = None
        if len(moved):
            before, value = moved["before"].iloc[0], moved["after"].iloc[0]
        if there and start is None and value is not None:
            start = at
    return [*phases, _Phase(start, end, before, value)] if start is not None else phases


def _judge_phase(field: str, phase: _Phase, stages: Stages, homes: Sequence[_Phase]) -> Tone:
    """Choose blue after a push, cut or move back, dark for the end, pale for the rest.

    A move back is judged in the deal's own pipeline, from `homes`.
    """
    if phase.before is None:
        return "pale"
    if field == "stage":
        if stages.kind_of(str(phase.value)) in ("won", "lost"):
            return "bar"
        home = next((one for one in homes if one.start <= phase.start < one.end), None)
        # A move between pipelines is neither forward nor back.
        between = home is not None and home.start == phase.start and home.before is not None
        ranks = {} if between else rank_open(stages.of(home.value) if home else stages)
        back = ranks.get(phase.value, len(ranks)) < ranks.get(phase.before, -1)
        return "hi" if back else "pale"
    worse = phase.value < phase.before if field == "value" else phase.value > phase.before
    return "hi" if worse else "pale"


def _write_value(field: str, value: Any, table: pd.DataFrame) -> str:
    if field == "value":
        return money_of(table)(float(value))
    return text.day(value) if field == "close_date" else text.stage(value)
