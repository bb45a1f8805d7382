"""Charts of forecasts and categories, of deciding deals, and of past forecasts.

Forecasts are shown by period, by group and over time.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics import arguments, text
from opp_analytics.analysis import evidence, select_first_method
from opp_analytics.arrays import Series
from opp_analytics.charts.changes import stack_shares
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
    TickMark,
    Tone,
    count_days,
    make_bar,
    measure_column,
    name_method,
    name_periods,
    note_periods,
    shorten,
    trace,
)
from opp_analytics.note import note_of
from opp_analytics.org import Money, day_of, money_of
from opp_analytics.periods import as_period
from opp_analytics.schema import BUCKETS

_BEFORE, _AFTER = 9, 9
"""Periods drawn before the current one and after it."""
_LATER = 0.45
"""Opacity of the forecasts of later periods."""
_MOST_ROWS = 30
_MOST_DEALS = 12
_LAST_DAY = 0.8
"""Part of its last day that a curve by days runs on."""


def forecast(table: pd.DataFrame) -> ChartData:
    """Prepare booked and expected money by period, the range, and the target.

    Time is uniform, from nine periods before the current one to nine after it. Overdue and
    unscheduled deals are due in no period: the caption counts them.
    """
    arguments.refuse_groups(table)
    if not (table[["booked", "weighted_open", "open_count"]].fillna(0) != 0).any(axis=None):
        return ChartData(empty="nothing won or open")
    shown, money = _fill_periods(table), money_of(table)
    note = (
        text.count(int(table["open_count"].sum()), "open deal"),
        _explain_marks(table),
        name_method(table),
        note_periods(shown),
        _count_undrawn(table),
    )
    if shown.empty:
        return ChartData(note=note, empty="no deal is won or due in a period")
    target, right = shown["target"].ffill().iloc[-1], len(shown) - 0.5
    aim = EndName(right, target, f"target {money(target)}", "ink")
    return ChartData(
        _place_periods(shown, table),
        note,
        upright=True,
        ends=(aim,) if math.isfinite(target) else (),
        measure=measure_column(table, "expected", "closed and forecast"),
    )


def _fill_periods(table: pd.DataFrame) -> pd.DataFrame:
    """Take the periods around the current one, with empty rows where no deal is won or due."""
    due, freq = table[~table.index.isin(BUCKETS)], note_of(table).freq
    if due.empty or freq is None:
        return due
    periods = [as_period(label, freq) for label in due.index]
    running = [period for period, now in zip(periods, due["to_date"], strict=True) if now]
    now = running[0] if running else periods[0]
    first, last = max(min(periods), now - _BEFORE), min(max(periods), now + _AFTER)
    shown = due.reindex([str(period) for period in pd.period_range(first, last)])
    shown["to_date"] = [label == str(now) and bool(running) for label in shown.index]
    return shown


def _place_periods(shown: pd.DataFrame, table: pd.DataFrame) -> tuple[Place, ...]:
    money, places = money_of(table), []
    later = shown["to_date"].cumsum().gt(0) & ~shown["to_date"]
    filled = shown.assign(
        booked=shown["booked"].fillna(0.0), target=shown["target"].ffill(), later=later
    )
    for name, row in zip(name_periods(shown), filled.itertuples(), strict=True):
        known: Any = row
        marks: list[Mark] = [BarMark(0, known.booked, "bar", 0.56)]
        # A bar of height 0 on another would pin the axis to its foot.
        if math.isfinite(known.expected) and known.expected != known.booked:
            strength = _LATER if known.later else 1.0
            marks.append(BarMark(known.booked, known.expected, "hi", 0.56, strength=strength))
        # Beside its bar, whose end carries the figure.
        if known.high > known.low:
            marks.append(RangeMark(known.low, known.high, capped=True, shift=0.37))
        if math.isfinite(known.target):
            marks.append(TickMark(known.target))
        says = money(known.expected) if known.Index in table.index else ""
        places.append(Place(name, tuple(marks), says))
    return tuple(places)


def _explain_marks(table: pd.DataFrame) -> str:
    confidence = note_of(table).confidence
    due_only = " of open deals due only" if note_of(table).method == "stated" else ""
    spread = f", thin line: {text.percent(confidence)} range{due_only}" if confidence else ""
    return f"gray: closed, blue: forecast{spread}"


def _count_undrawn(table: pd.DataFrame) -> str:
    """Count deals that are due in no period."""
    money = money_of(table)
    late = [
        f"{text.count(int(row['open_count']), f'{name} deal')} ({money(row['open_value'])})"
        for name, row in table[table.index.isin(BUCKETS)].iterrows()
        if row["open_count"]
    ]
    return f"not drawn: {text.joined(late)}" if late else ""


def _describe_outlook(row: Series, money: Money) -> str:
    """Describe one row of a forecast, or of a forecast fan: closed, forecast, range, target."""
    words = f"closed {money(row['booked'])}, forecast {money(row['expected'])}"
    if math.isfinite(row["low"]):
        outside = evidence.name_outside(row, money)
        spread = text.money_range(row["low"], row["high"], money, to=" to ")
        words += f", range {spread}{outside and f' ({outside})'}"
    aimed = math.isfinite(row.get("target", math.nan))
    return f"{words}, target {money(row['target'])}" if aimed else words


def bullet(row: Series, money: Money) -> Place:
    """Prepare the current period in one bar: closed, range, forecast, target."""
    closed, low, high = f"closed {money(row['booked'])}", row["low"], row["high"]
    marks: list[Mark] = [BarMark(0, row["booked"], "bar", title=closed)]
    spread = money(row["expected"])
    if math.isfinite(low) and high > low:
        title = text.money_range(low, high, money, to=" to ")
        marks.append(BarMark(low, high, "band", title=title))
        spread = text.money_range(low, high, money)
    if math.isfinite(row["expected"]):
        marks.append(TickMark(row["expected"], "hi", 0.75))
    if math.isfinite(row["target"]):
        marks.append(TickMark(row["target"]))
    return Place("", tuple(marks), closed, (spread,), _describe_outlook(row, money))


def progress(row: Series, money: Money, *, aimed: bool = True) -> Place:
    """Prepare one person or team: closed, range, forecast, and the target if `aimed`.

    Closed is a bar, the range a band, the forecast a dot.
    """
    marks: list[Mark] = [BarMark(0, row["booked"], "mute", 8 / 22)]
    if math.isfinite(row["low"]):
        marks.append(BarMark(row["low"], row["high"], "band", 12 / 22))
    if math.isfinite(row["expected"]):
        marks.append(DotMark(row["expected"], "hi", 0.8))
    if aimed and row["target"] > 0:
        marks.append(TickMark(row["target"]))
    return Place("", tuple(marks), title=_describe_outlook(row, money))


def month(row: Series, money: Money, *, name: str, by_rate: bool = False) -> Place:
    """Prepare one coming period: open deals due, usual new business, forecast and range, target.

    Or that it is too early to say.

    A forecast `by_rate` is what past periods won from the same day on, and not of the open deals.
    """
    known = math.isfinite(row["low"])
    # What is not known yet is drawn at the chances that were stated.
    due = row["booked"] + row["expected_open" if known else "weighted_open"]
    rated = by_rate and known
    parts = ["closed"] if rated or row["booked"] else []
    what = text.capital(text.joined([*parts, *([] if rated else ["open deals at their chances"])]))
    marks: list[Mark] = [BarMark(0, due, "hi", title=f"{what}: {money(due)}")]
    early, title = "", _describe_outlook(row, money)
    if known:
        beyond = text.capital(evidence.RUN_RATE) if rated else "Usual new business"
        more = f"{beyond}: {money(row['expected'] - due)}"
        marks += [
            BarMark(due, row["expected"], "band", title=more),
            RangeMark(row["low"], row["high"], "bar"),
            DotMark(row["expected"], "ink", 0.8, title=title),
        ]
    else:
        early, title = "too early to say", f"{money(due)} due, too early to say"
    if math.isfinite(row["target"]):
        marks.append(TickMark(row["target"], length=0.875))
    return Place(name, tuple(marks), early, title=f"{name}: {title}")


def forecast_fan(
    table: pd.DataFrame,
    *,
    closed: pd.DataFrame | None = None,
    calls: pd.Series[float] | None = None,
    pacing: pd.DataFrame | None = None,
) -> ChartData:
    """Prepare booked, expected and the range of one period, record by record.

    Time runs to the right. Once the period has ended, a dot shows its actual bookings; a column
    ``target`` is drawn as a line.
    """
    # `closed` has the deals won in the period (``close_date``, ``value``); without it, closed money
    # steps at the records. `calls` has the call in force from each day on; `pacing` is `oa.pacing`
    # of the period by day, whose earlier periods are drawn behind, day by day from the end.
    if table.empty:
        return ChartData(title="No forecast of this period yet", empty="no record to forecast from")
    money, confidence = money_of(table), note_of(table).confidence
    days = [count_days(day_of(table, made)) for made in table.index]
    booked = trace(days, table["booked"])
    if closed is not None:
        sums = closed.groupby("close_date")["value"].sum().cumsum()
        booked = trace(count_days(pd.DatetimeIndex(sums.index)), sums)
    curves = [
        Curve(trace(days, table["expected"]), "hi", dots=3.0),
        Curve(booked, "bar", stepped=True),
    ]
    last = table.iloc[-1]
    outside = evidence.name_outside(last, money)
    names: list[tuple[float, str, Tone]] = [
        (last["expected"], f"forecast {money(last['expected'])}{outside and f', {outside}'}", "hi"),
        (last["booked"], f"closed {money(last['booked'])}", "bar"),
        (last["high"], text.money_range(last["low"], last["high"], money), "quiet"),
    ]
    if "actual" in table and table["actual"].notna().all():
        curves.append(Curve(((days[-1], last["actual"]),), "ink", dots=8.0))
        names.append((last["actual"], f"actual {money(last['actual'])}", "ink"))
    if calls is not None and len(calls):
        made = count_days(pd.DatetimeIndex(calls.index))
        # From the call in force at the first record on.
        begun = max(int(made.searchsorted(days[0], "right")) - 1, 0)
        steps = trace(made[begun:], calls[begun:])
        curves.append(Curve(steps, "bar", stepped=True, dashed=True))
        names.append((calls.iloc[-1], f"call {money(calls.iloc[-1])}", "mute"))
    if pacing is not None:
        end = count_days(pd.Timestamp(note_of(pacing).day)) + _find_lead(pacing)
        for _, steps in _step_by_day(pacing)[:-1]:
            shown = ((end - left, amount) for left, amount in steps if end - left <= days[-1])
            curves.append(Curve(tuple(shown), "mute", 0.75, stepped=True))
    aim = last["target"] if "target" in table else math.nan
    places = tuple(
        Place("", title=f"{text.day(day_of(table, made))}: {_describe_outlook(row, money)}", at=day)
        for day, made, (_, row) in zip(days, table.index, table.iterrows(), strict=True)
    )
    known = {"period", "weeks_before"} <= set(table)
    spread = f"band: {text.percent(confidence)} range" if confidence else ""
    return ChartData(
        places,
        (text.count(len(table), "record"), name_method(table), spread),
        title="" if known else "Forecast over time",
        upright=True,
        curves=tuple(curves),
        measure=measure_column(table, "expected", "value of the period"),
        across=Measure("date"),
        levels=(Level(aim, "ink", f"target {money(aim)}"),) if math.isfinite(aim) else (),
        ribbons=(Ribbon(tuple(zip(days, table["low"], table["high"], strict=True))),),
        ends=tuple(EndName(days[-1], y, name, tone) for y, name, tone in names if math.isfinite(y)),
    )


def _find_lead(table: pd.DataFrame) -> int:
    """Find the days left today, in a `pacing` by day."""
    return int(table.index.get_level_values("days_left")[table["to_date"]].min())


def _step_by_day(table: pd.DataFrame) -> list[tuple[str, tuple[tuple[float, float], ...]]]:
    """List each period's steps of closed money: days left, and the money from then on.

    The current period is last.
    """
    whole = table.groupby(level=["period", "days_left"], sort=False)["booked"].sum()
    found = []
    for period, booked in whole.groupby(level="period", sort=False):
        steps = booked[booked.diff().fillna(booked) != 0]
        found.append((str(period), trace(steps.index.get_level_values("days_left"), steps)))
    return found


def pacing(table: pd.DataFrame) -> ChartData:
    """Prepare closed money against the days left, the current period in blue.

    Without `by_day`, a bar per period.

    Earlier periods run on to their end. With `by`, the money of all groups is added up, or each has
    its bars.
    """
    note = ("", "deals as known now, by close date")
    if not table["booked"].any() and not table["actual"].any():
        return ChartData(note=note, empty="nothing has closed in these periods")
    money, freq = money_of(table), note_of(table).freq
    measure = measure_column(table, "booked", "closed")
    if "days_left" not in table.index.names:
        rows: Any = zip(
            name_periods(table), table.fillna({"actual": 0.0}).itertuples(), strict=True
        )
        places = tuple(
            Place(
                name,
                (
                    BarMark(0, row.actual, "pale"),
                    BarMark(0, row.booked, "hi" if row.to_date else "bar"),
                ),
                money(row.booked),
            )
            for name, row in rows
        )
        strong = "strong: closed by the same point, faint: in the end"
        return ChartData(places[-_MOST_ROWS:], (*note, strong), measure=measure)
    lead, curves, ends = _find_lead(table), [], []
    longest = table.index.get_level_values("days_left").max()
    every = _step_by_day(table)
    for place, (period, steps) in enumerate(every, 1):
        now, last = place == len(every), steps[-1][1] if steps else 0.0
        # So that what closed on the last day is seen.
        end = (lead if now else 0) - _LAST_DAY
        tone: Tone = "hi" if now else "mute"
        points = ((longest, 0.0), *steps, (end, last))
        curves.append(Curve(points, tone, 2.2 if now else 0.8, stepped=True))
        ends.append(EndName(end, last, f"{text.period(period, freq)} {money(last)}", tone))
    return ChartData(
        note=note,
        upright=True,
        curves=tuple(curves),
        ends=tuple(ends),
        measure=measure,
        across=Measure("count", f"days left in the {text.noun(freq)}", longest + 0.3, -_LAST_DAY),
    )


_CATEGORIES: dict[str, Tone] = {
    "closed": "bar",
    "commit": "hi",
    "best_case": "band",
    "pipeline": "pale",
    "omitted": "rule",
}


def forecast_categories(table: pd.DataFrame) -> ChartData:
    """Prepare a bar per period from the current one on."""
    arguments.refuse_groups(table)
    freq, running = note_of(table).freq, np.asarray(table["to_date"], dtype=bool)
    rows = table[np.maximum.accumulate(running) | table.index.isin(BUCKETS) | ~running.any()]
    shown = rows[rows[[*_CATEGORIES]].sum(axis=1) > 0].head(_MOST_ROWS)
    money = money_of(table)
    stacks = stack_shares(shown[[*_CATEGORIES]], [*_CATEGORIES.values()])
    places = tuple(
        replace(
            stack,
            name=text.period(str(key), freq),
            says=f"{money(row['commit_total'])} commit, {money(row['best_case_total'])} best",
        )
        for stack, (key, row) in zip(stacks, shown.iterrows(), strict=True)
    )
    return ChartData(
        places,
        ("at the right: closed + commit, and with best case",),
        empty="" if places else "no won or open deals",
        measure=measure_column(table, "closed", "value"),
    )


def category_reach(table: pd.DataFrame, period: str, *, target: float = math.nan) -> ChartData:
    """Prepare how far closed money and each category reach toward a period's target.

    Categories count at full value.
    """
    money, total, places = money_of(table), 0.0, []
    row: Any = table.loc[period]
    for name in [*_CATEGORIES][:-1]:
        amount = row[name]
        start, total = total, total + amount
        label = text.capital(text.label(name))
        title = f"{label}: {money(amount)}; {money(total)} with all above"
        bar = BarMark(start, total, "bar" if name == "closed" else "hi", title=title)
        marks = (BarMark(0, start, "pale"), bar)
        places.append(Place(label, marks, money(total), (money(amount),), title, name))
    aim = (Level(target, "ink", f"target {money(target)}"),) if math.isfinite(target) else ()
    measure = measure_column(table, "closed", "value")
    return ChartData(tuple(places), measure=measure, levels=aim)


_LEFT = "days before the period's end"
_MISSED = "missed, as a share of what closed"


def backtest(table: pd.DataFrame) -> ChartData:
    """Prepare forecast minus actual against the days left.

    The last period is blue, earlier ones are gray.

    Time runs to the right, to the end of the period. Of several methods the first is drawn; with
    `by`, the errors of all groups are added up. With ``lead="now"`` a range stands for each period.
    """
    if table.empty:
        return ChartData(title="Past forecasts", empty="no period had ended by the last record")
    if note_of(table).lead == "now":
        return _draw_past_ranges(table)
    table = select_first_method(table)
    whole = table.groupby(level=["period", "made_at"]).agg({"lead": "first", "error": "sum"})
    *earlier, last = dict.fromkeys(map(str, whole.index.get_level_values("period")))
    curves = []
    for period in (*earlier, last):
        part, now = whole.loc[period], period == last
        width = 2.2 if now else 0.7
        points = trace(part["lead"], part["error"])
        curves.append(Curve(points, "hi" if now else "mute", width, 1.6 * width))
    left = whole["lead"]
    gray = f"gray: {text.spelled(len(earlier), 'earlier period')}" if earlier else ""
    return ChartData(
        note=(text.count(len(table), "forecast"), name_method(table), gray),
        upright=True,
        measure=measure_column(table, "error", "forecast − actual", signed=True),
        curves=tuple(curves),
        across=Measure("count", _LEFT, left.max() + 2, left.min()),
        levels=(Level(0.0, "ink"),),
        ends=(
            EndName(*curves[-1].points[-1], text.period(last, note_of(table).freq), "hi"),
            EndName(left.min(), 0.0, "as closed", "ink"),
        ),
    )


def score(table: pd.DataFrame) -> ChartData:
    """Prepare how far forecasts missed, with bias and ranges held beside it.

    Blue: the method that misses by least, where beyond chance. By days left they are curves, the
    first method in blue.
    """
    if not table["wape"].notna().any():
        return ChartData(empty="nothing was booked in the periods that have ended")
    by, freq, places = table.index.names[0], note_of(table).freq, list[Place]()
    if by == "lead":
        return _draw_leads(table)
    ranked = table.sort_values("wape", kind="stable") if by == "method" else table
    best, first = ranked.index[0], table.index[0]
    leads = by == "method" and len(ranked) > 1
    leads = leads and bool(ranked["differs"].iloc[1 if best == first else 0])
    for key, row in ranked.iterrows():
        name = text.method(key, freq) if by == "method" else text.join_key(key)
        miss = np.nan_to_num(row["wape"])
        tone: Tone = "hi" if leads and not places else "mute"
        places.append(make_bar(name, miss, tone, _judge_method(row)))
    count = text.count(int(table["n"].max()), "forecast")
    same = f"each method on the same {count}" if by == "method" and len(table) > 1 else count
    return ChartData(tuple(places), (same,), measure=Measure("percent", _MISSED))


def _draw_leads(table: pd.DataFrame) -> ChartData:
    """Prepare how far each method missed against the days left; the first method in blue."""
    judged = table[table["wape"].notna()].reset_index()
    judged = (
        judged if "method" in judged else judged.assign(method=note_of(table).method or "forecast")
    )
    known = judged.pivot_table("wape", "method", "lead", observed=True, sort=False).iloc[:, ::-1]
    counted = judged.groupby("lead", observed=True)["n"].max()
    curves, ends = list[Curve](), []
    for method, misses in known.iterrows():
        tone, width, dots = ("mute", 1.0, 3.0) if curves else ("hi", 2.0, 4.5)
        points = tuple((k, y) for k, y in enumerate(misses) if not math.isnan(y))
        curves.append(Curve(points, tone, width, dots))  # type: ignore[arg-type]
        name = text.method(method, note_of(table).freq)
        ends.append(EndName(*points[-1], name, tone))  # type: ignore[arg-type]
    return ChartData(
        tuple(Place(f"{band}\n{counted[band]:,}") for band in known.columns),
        ("below each band: forecasts judged",),
        upright=True,
        measure=Measure("percent", _MISSED, 0),
        across=Measure(title=_LEFT),
        curves=tuple(curves),
        ends=tuple(ends),
    )


def _judge_method(row: Series) -> str:
    if math.isnan(row["wape"]):
        return "too little history"
    bias = text.percent(abs(row["bias"]))
    lean = "" if bias in ("0%", "<1%") else f", ran {bias} {'high' if row['bias'] > 0 else 'low'}"
    coverage = row["coverage_80"]
    held = "" if math.isnan(coverage) else f", {text.percent(coverage)} of ranges held"
    return f"{text.percent(row['wape'])}{lean}{held}"


def calibration(table: pd.DataFrame) -> ChartData:
    """Prepare the share won against the stated probability, with intervals and n.

    Points on the diagonal are accurate; points below it were stated too high.
    """
    judged = table[(table["n"] > 0) & table["realized"].notna()].sort_values("stated")
    places = []
    for key, row in zip(judged.index, judged.itertuples(), strict=True):
        known: Any = row
        group = text.join_key(key[:-1]) if isinstance(key, tuple) else ""
        says = f"{shorten(group, 14)} ({int(known.n):,})" if group else f"{int(known.n):,}"
        interval = RangeMark(known.realized_low, known.realized_high, "quiet")
        marks = (interval, DotMark(known.realized))
        places.append(Place("", marks, says, at=known.stated))
    return ChartData(
        tuple(places),
        (text.count(int(table["n"].sum()), "deal"), "above each range: its deals"),
        empty="" if places else "no deal is old enough to judge",
        upright=True,
        measure=Measure("percent", "won", -0.02, 1.12),
        across=Measure("percent", "stated", -0.02, 1.02),
        curves=(Curve(((0.0, 0.0), (1.0, 1.0)), "quiet", 1.0, dashed=True),),
        ends=(EndName(1.0, 1.0, "as stated", "quiet"),),
    )


def _draw_past_ranges(table: pd.DataFrame) -> ChartData:
    """Prepare past forecasts, the latest first: range and forecast in blue, the actual as a dot."""
    money, freq, places = money_of(table), note_of(table).freq, []
    table = select_first_method(table)
    groups = [name for name in table.index.names if name not in ("method", "made_at", "period")]
    for row in table.reset_index().iloc[::-1].to_dict("records"):
        key = str(row["period"])
        period = text.period_name(key, freq, today=note_of(table).day, short=True)
        period = text.joined([period, *(str(row[name]) for name in groups)])
        spread = held = "no range"
        marks: tuple[Mark, ...] = (
            TickMark(row["expected"], "hi", 2 / 3),
            DotMark(row["actual"], "ink", 0.8),
        )
        if pd.notna(row["held"]):
            spread = f"range {text.money_range(row['low'], row['high'], money, to=' to ')}"
            held = "yes" if row["held"] else "no"
            marks = (BarMark(row["low"], row["high"], "band", 0.5), *marks)
        title = (
            f"{period}: {spread}, forecast {money(row['expected'])}, closed {money(row['actual'])}"
        )
        left = f"{text.count(int(row['lead']), 'day')} left"
        place = Place(text.capital(period), marks, "", (held,), title, key, note=left)
        places.append(place)
    note = (
        text.count(len(table), text.noun(freq)),
        "blue: forecast and range, dot: closed",
        name_method(table),
    )
    measure = measure_column(table, "actual", "closed", low=0)
    return ChartData(tuple(places), note, measure=measure, heads=("In range?",))
