"""Charts of forecasts and categories, of deciding deals, and of past forecasts.

Forecasts are shown by period, by group and over time.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics import text
from opp_analytics.analysis import evidence, heading, select_first_method, sentence
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
    TextColumn,
    TickMark,
    Tone,
    choose_ticks,
    count_days,
    keep_largest,
    measure_column,
    measure_percent,
    name_method,
    name_periods,
    name_rows,
    note_periods,
    note_rest,
    shorten,
    trace,
    write_caption,
)
from opp_analytics.errors import ArgumentError
from opp_analytics.note import note_of
from opp_analytics.org import Money, day_of, money_of
from opp_analytics.periods import as_period
from opp_analytics.schema import ALL, BUCKETS, unstack_level

_BEFORE, _AFTER = 9, 9
"""Periods drawn before the current one and after it."""
_LINE = 0.08
"""Height of an amount, as a share of the axis."""
_LATER = 0.45
"""Opacity of the forecasts of later periods."""
_MOST_GROUPS = 30
_MOST_DEALS = 12
_CHANCES, _PAST = 0.64, 0.84
"""Shares of the width for the chances of deals, and for past ranges, the figures right of them."""
_LAST_DAY = 0.8
"""Part of its last day that a curve by days runs on."""


def forecast(table: pd.DataFrame) -> ChartData:
    """Prepare booked and expected money by period, the range, and the target.

    With `by`, the groups of one period.

    Time is uniform, from nine periods before the current one to nine after it. Overdue and
    unscheduled deals are due in no period: the caption counts them.
    """
    if table.index.nlevels > 1:
        return _prepare_groups(table)
    size = (9.0, 4.2)
    if not (table[["booked", "weighted_open", "open_count"]].fillna(0) != 0).any(axis=None):
        return ChartData("Forecast", write_caption(table), "nothing won or open", size=size)
    shown = _fill_periods(table)
    note = write_caption(
        table,
        text.count(int(table["open_count"].sum()), "open deal"),
        _explain_marks(shown, table),
        _note_outside(shown, money_of(table), str(note_of(table).freq)),
        name_method(table),
    )
    if shown.empty:
        return ChartData(
            heading(table, "forecast"), note, "no deal is won or due in a period", size=size
        )
    target, right = float(shown["target"].ffill().iloc[-1]), len(shown) - 0.5
    aim = (
        (EndName(right, target, f"target {money_of(table)(target)}", "ink"),)
        if math.isfinite(target)
        else ()
    )
    footer = " · ".join(filter(None, (note_periods(shown), _count_undrawn(table, shown))))
    return ChartData(
        heading(table, "forecast"),
        note,
        places=_place_periods(shown, table),
        upright=True,
        size=size,
        ends=aim,
        footer=footer,
        measure=measure_column(table, "expected", "closed and forecast"),
    )


def _fill_periods(table: pd.DataFrame) -> pd.DataFrame:
    """Take the periods around the current one, with empty rows where no deal is won or due."""
    due, freq = table[~table.index.isin(BUCKETS)], note_of(table).freq
    try:
        periods = [as_period(label, str(freq)) for label in due.index]
    except ArgumentError:  # Nothing tells how far apart the rows are.
        return due
    if not periods:
        return due
    running = [period for period, now in zip(periods, due["to_date"], strict=True) if now]
    now = running[0] if running else periods[0]
    first, last = max(min(periods), now - _BEFORE), min(max(periods), now + _AFTER)
    shown = due.reindex([str(period) for period in pd.period_range(first, last)])
    shown["to_date"] = [label == str(now) and bool(running) for label in shown.index]
    return shown


def _place_periods(shown: pd.DataFrame, table: pd.DataFrame) -> tuple[Place, ...]:
    low, high, expected = (
        shown[name].to_numpy(dtype=float) for name in ("low", "high", "expected")
    )
    target = shown["target"].ffill().to_numpy(dtype=float)
    booked = shown["booked"].fillna(0.0).to_numpy(dtype=float)
    ahead = np.where(np.isnan(expected), booked, expected)
    tops = np.fmax(ahead, 0.0)
    later = shown["to_date"].cumsum().gt(0) & ~shown["to_date"]
    # The target's line would run through an amount just below it.
    crossed = (target > tops) & (target - tops < _LINE * np.nanmax([*tops, *high, *target]))
    tops = np.where(crossed, target, tops)
    written = shown.index.isin(table.index)
    money, places = money_of(table), []
    for k, name in enumerate(name_periods(shown)):
        marks: list[Mark] = [BarMark(0, booked[k], "bar", 0.56)]
        # A bar of height 0 on another would pin the axis to its foot.
        strength = _LATER if later.iloc[k] else 1.0
        marks += (
            [BarMark(booked[k], ahead[k], "hi", 0.56, strength=strength)]
            if ahead[k] != booked[k]
            else []
        )
        # Beside its bar, whose end carries the figure.
        marks += [RangeMark(low[k], high[k], capped=True, shift=0.37)] if high[k] > low[k] else []
        marks += [] if math.isnan(target[k]) else [TickMark(target[k])]
        says = money(float(expected[k])) if written[k] else ""
        places.append(Place(name, tuple(marks), says, float(tops[k])))
    return tuple(places)


def _explain_marks(shown: pd.DataFrame, table: pd.DataFrame) -> str:
    confidence, method = note_of(table).confidence, str(note_of(table).method or "")
    ranges = f"{text.percent(confidence)} range" if confidence else "range"
    due_only = " of open deals due only" if method == "stated" else ""
    marks = [
        ("gray: closed", shown["booked"].ne(0).any()),
        ("blue: forecast", shown["expected"].gt(shown["booked"]).any()),
        (f"thin line: {ranges}{due_only}", shown["high"].gt(shown["low"]).any()),
    ]
    return ", ".join(name for name, drawn in marks if drawn)


def _note_outside(shown: pd.DataFrame, money: Money, freq: str) -> str:
    """Say which forecasts lie outside their own range, and what is likely there."""
    named: dict[str, list[str]] = {}
    for period, row in shown.iterrows():
        if words := evidence.name_outside(row, money):
            named.setdefault(words, []).append(text.period(str(period), freq))
    return ", ".join(
        f"{words} in {text.joined(periods, most=3)}" for words, periods in named.items()
    )


def _count_undrawn(table: pd.DataFrame, shown: pd.DataFrame) -> str:
    """Count deals that are due in no period, and periods far away."""
    money = money_of(table)
    late = [
        f"{text.count(int(row['open_count']), f'{name} deal')} ({money(row['open_value'])})"
        for name, row in table[table.index.isin(BUCKETS)].iterrows()
        if row["open_count"]
    ]
    far = int((~table.index.isin([*shown.index, *BUCKETS])).sum())
    further = [f"{text.count(far, 'period')} far from now"] if far else []
    return f"not drawn: {text.joined([*late, *further])}" if late or further else ""


def _prepare_groups(table: pd.DataFrame) -> ChartData:
    """Show one row per group, for the current period or else the first one.

    Page and explorer show the same period.
    """
    period, rows = _select_period(table)
    ranked = evidence.rank_groups(
        rows[rows[["booked", "expected", "target"]].fillna(0.0).ne(0).any(axis=1)]
    )
    shown, money = ranked.head(_MOST_GROUPS), money_of(table)
    name = text.period(period, note_of(table).freq) if period else ""
    band = ", band: range" if shown["low"].notna().any() else ""
    line = ", line: target" if shown["target"].notna().any() else ""
    note = write_caption(
        table,
        f"{text.count(len(ranked), 'group')} of {name}" if name else "",
        f"gray: closed, dot: forecast{band}{line}",
        note_rest(len(ranked) - len(shown), "smaller group"),
        name_method(table),
    )
    if shown.empty:
        return ChartData(
            heading(table, "forecast"), note, "nothing won or due in this period", size=(8.5, 2.8)
        )
    aims = ("" if math.isnan(target) else f" of {money(target)}" for target in shown["target"])
    places = tuple(
        replace(
            progress(row, money),
            name=label,
            says=f"{money(row['expected'])}{aim}",
            end=float(np.nanmax([0.0, *row[["booked", "expected", "high", "target"]]])),
        )
        for label, aim, (_, row) in zip(name_rows(shown.index), aims, shown.iterrows(), strict=True)
    )
    measure = measure_column(table, "expected", "closed and forecast")
    return ChartData(
        heading(table, "forecast"), note, places=places, measure=measure, size=(8.5, 2.8)
    )


def _select_period(table: pd.DataFrame) -> tuple[str, pd.DataFrame]:
    """Select the current period's rows, else those of the first period, without totals."""
    labeled = table.index.get_level_values("period")
    running = table["to_date"].to_numpy(dtype=bool)
    listed = [*labeled[running], *labeled[~labeled.isin(BUCKETS)]]
    if not listed:
        return "", table.head(0).droplevel("period")
    rows = table[labeled == listed[0]].droplevel("period")
    totals = [ALL in text.split_key(label) for label in rows.index]
    return str(listed[0]), rows[~np.array(totals, dtype=bool)]


def _describe_outlook(row: pd.Series[Any], money: Money) -> str:
    """Describe one row of a forecast: closed, forecast, range, target."""
    words = f"closed {money(row['booked'])}, forecast {money(row['expected'])}"
    if math.isfinite(row["low"]):
        outside = evidence.name_outside(row, money)
        words += (
            ", range "
            f"{text.money_range(row['low'], row['high'], money, to=' to ')}"
            f"{outside and f' ({outside})'}"
        )
    return f"{words}, target {money(row['target'])}" if math.isfinite(row["target"]) else words


def bullet(row: pd.Series[Any], money: Money) -> Place:
    """Prepare the current period in one bar: closed, range, forecast, target."""
    closed, low, high = f"closed {money(row['booked'])}", float(row["low"]), float(row["high"])
    marks: list[Mark] = [BarMark(0, row["booked"], "bar", title=closed)]
    spread = money(row["expected"])
    if math.isfinite(low) and high > low:
        marks.append(
            BarMark(low, high, "band", title=text.money_range(low, high, money, to=" to "))
        )
        spread = text.money_range(low, high, money)
    if math.isfinite(row["expected"]):
        marks.append(TickMark(row["expected"], "hi", 0.75))
    if math.isfinite(row["target"]):
        marks.append(TickMark(row["target"]))
    return Place("", tuple(marks), closed, figures=(spread,), title=_describe_outlook(row, money))


def progress(row: pd.Series[Any], money: Money, *, aimed: bool = True) -> Place:
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


def month(row: pd.Series[Any], money: Money, *, name: str, by_rate: bool = False) -> Place:
    """Prepare one coming period: open deals due, usual new business, forecast and range, target.

    Or that it is too early to say.

    A forecast `by_rate` is what past periods won from the same day on, and not of the open deals.
    """
    known = math.isfinite(row["low"])
    # What is not known yet is drawn at the chances that were stated.
    due = float(row["booked"] + row["expected_open" if known else "weighted_open"])
    rated = by_rate and known
    what = "Closed" if rated else "Open deals at their chances"
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
    return Place(name, tuple(marks), early, due, title=f"{name}: {title}")


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
        return ChartData(
            "No forecast of this period yet", write_caption(table), "no record to forecast from"
        )
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
        curves.append(Curve(((days[-1], float(last["actual"])),), "ink", dots=8.0))
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
    aim = float(last["target"]) if "target" in table else math.nan
    places = tuple(
        Place("", title=f"{text.day(day_of(table, made))}: {_sum_up(row, money)}", at=day)
        for day, made, (_, row) in zip(days, table.index, table.iterrows(), strict=True)
    )
    known = {"period", "weeks_before"} <= set(table)
    spread = f"band: {text.percent(confidence)} range" if confidence else ""
    return ChartData(
        sentence(table, "forecast_fan") if known else "Forecast over time",
        write_caption(table, text.count(len(table), "record"), name_method(table), spread),
        upright=True,
        places=places,
        curves=tuple(curves),
        measure=measure_column(table, "expected", "value of the period"),
        across=Measure("date"),
        levels=(Level(aim, "ink", f"target {money(aim)}"),) if math.isfinite(aim) else (),
        ribbons=(
            Ribbon(
                tuple(zip(days, map(float, table["low"]), map(float, table["high"]), strict=True))
            ),
        ),
        ends=tuple(
            EndName(days[-1], float(y), name, tone) for y, name, tone in names if math.isfinite(y)
        ),
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
    note = write_caption(table, "", "deals as known now, by close date")
    if not table["booked"].any() and not table["actual"].any():
        return ChartData(sentence(table, "pacing"), note, "nothing has closed in these periods")
    money, freq = money_of(table), note_of(table).freq
    if "days_left" not in table.index.names:
        places = tuple(
            Place(
                name,
                (BarMark(0, actual, "pale"), BarMark(0, booked, "hi" if now else "bar")),
                money(booked),
                max(booked, actual),
            )
            for name, booked, actual, now in zip(
                name_periods(table),
                table["booked"],
                table["actual"].fillna(0.0),
                table["to_date"],
                strict=True,
            )
        )
        return ChartData(
            sentence(table, "pacing"),
            f"{note} · strong: closed by the same point, faint: in the end",
            places=places[-_MOST_GROUPS:],
            measure=measure_column(table, "booked", "closed"),
        )
    lead, curves, ends = _find_lead(table), [], []
    longest = float(table.index.get_level_values("days_left").max())
    every = _step_by_day(table)
    for place, (period, steps) in enumerate(every, 1):
        now, last = place == len(every), steps[-1][1] if steps else 0.0
        # So that what closed on the last day is seen.
        end = (lead if now else 0) - _LAST_DAY
        tone: Tone = "hi" if now else "mute"
        curves.append(
            Curve(((longest, 0.0), *steps, (end, last)), tone, 2.2 if now else 0.8, stepped=True)
        )
        ends.append(EndName(end, last, f"{text.period(period, freq)} {money(last)}", tone))
    left = f"days left in the {text.noun(freq)}"
    return ChartData(
        sentence(table, "pacing"),
        note,
        upright=True,
        curves=tuple(curves),
        ends=tuple(ends),
        measure=measure_column(table, "booked", "closed"),
        across=Measure("count", left, longest + 0.3, -_LAST_DAY),
    )


def _sum_up(row: pd.Series[Any], money: Money) -> str:
    if math.isnan(row["expected"]):
        return f"closed {money(row['booked'])}, no forecast"
    outside = evidence.name_outside(row, money)
    ends = (
        f"{text.money_range(row['low'], row['high'], money, to=' to ')}{outside and f', {outside}'}"
    )
    spread = f" ({ends})" if math.isfinite(row["low"]) else ""
    return f"forecast {money(row['expected'])}{spread}, closed {money(row['booked'])}"


def forecast_deals(table: pd.DataFrame) -> ChartData:
    """Prepare the twelve deals that matter most for the target (or, without one, for the range).

    With a target, the bar runs from P(target) if the deal is lost to P(target) if it is won.
    Without one, it is the deal's share of the period's variance.
    """
    aimed = bool(table["swing"].notna().any())
    column = "swing" if aimed else "variance_share"
    known = table[table[column].notna()]
    # No open deal makes a period certain.
    known = known.assign(
        **{end: known[end].clip(1e-6, 1 - 1e-6) for end in ("p_if_lost", "p_if_won")}
    )
    # Chances of one period compare, those of two do not.
    known = known[known["period"].astype(str) == known["period"].astype(str).min()]
    shown = (
        evidence.rank_swings(known).head(_MOST_DEALS)
        if aimed
        else keep_largest(known, column, _MOST_DEALS)
    )
    if shown.empty:
        none = "no open deal is due in a period"
        return ChartData("No open deal decides a period", write_caption(table), none)
    money, freq = money_of(table), note_of(table).freq
    places = []
    for row in shown.to_dict("records"):
        name = str(row.get("name") or row.get("unique_id"))
        ends = [text.percent(row[end]) for end in ("p_if_lost", "p_if_won") if aimed]
        marks: tuple[Mark, ...] = (
            mark_swing(row["p_if_lost"], row["p_if_won"])
            if aimed
            else (BarMark(0, row[column], "hi"),)
        )
        places.append(Place(name, marks, figures=(money(row["value"]), *ends)))
    first, period = shown.iloc[0], text.period(str(shown["period"].iloc[0]), freq)
    title = heading(shown, "forecast_deals")
    if not aimed:
        name = str(first.get("name") or first.get("unique_id"))
        title = (
            f"{name} makes {text.percent(first['variance_share'])} of the uncertainty of {period}"
        )
    further = f"largest {_MOST_DEALS} shown" if len(known) > _MOST_DEALS else ""
    what = (
        f"chance that {period} reaches its target"
        if aimed
        else f"share of the variance of {period}"
    )
    note = write_caption(table, text.count(len(known), "open deal"), name_method(table), further)
    heads = [("value", 0.76), *([("if lost", 0.88), ("if won", 1.0)] if aimed else [])]
    return ChartData(
        title,
        note,
        places=tuple(places),
        name_width=44,
        size=(9.0, 2.8),
        measure=measure_percent(
            what, low=-0.02 if aimed else 0, high=1 / _CHANCES, ticks=choose_ticks(1.0)
        ),
        columns=tuple(TextColumn(at, head) for head, at in heads),
    )


def mark_swing(if_lost: float, if_won: float) -> tuple[Mark, ...]:
    """Mark the chance of the target if a deal is lost (ring) and if it is won (dot)."""
    return (
        RangeMark(if_lost, if_won),
        DotMark(if_lost, "quiet", hollow=True),
        DotMark(if_won, "hi", 1.2),
    )


_CATEGORIES: tuple[tuple[str, Tone], ...] = (
    ("closed", "bar"),
    ("commit", "hi"),
    ("best_case", "band"),
    ("pipeline", "pale"),
    ("omitted", "rule"),
)


def forecast_categories(table: pd.DataFrame) -> ChartData:
    """Prepare a bar per period from the current one on.

    With `by`, a bar per group of that period.
    """
    columns = [name for name, _ in _CATEGORIES]
    rows, names = _select_categories(table)
    sums = rows[columns].sum(axis=1)
    if table.index.nlevels > 1:
        sums = sums.sort_values(ascending=False, kind="stable")
    shown = rows.loc[sums[sums > 0].index].head(_MOST_GROUPS)
    if shown.empty:
        return ChartData(
            sentence(table, "forecast_categories"),
            write_caption(table),
            "no won or open deals",
            size=(9.0, 3.4),
        )
    money = money_of(table)
    stacks = stack_shares(shown[columns], [tone for _, tone in _CATEGORIES])
    places = tuple(
        Place(names[key], stack.marks, f"{money(commit)} commit, {money(best)} best", stack.end)
        for key, stack, commit, best in zip(
            shown.index, stacks, shown["commit_total"], shown["best_case_total"], strict=True
        )
    )
    return ChartData(
        heading(table, "forecast_categories"),
        write_caption(table, "at the right: closed + commit, and with best case"),
        places=places,
        measure=measure_column(table, "closed", "value"),
        size=(9.0, 3.4),
    )


def _select_categories(table: pd.DataFrame) -> tuple[pd.DataFrame, dict[object, str]]:
    """Select and name the buckets and the periods from now on, or each group's current period."""
    freq, running = note_of(table).freq, np.asarray(table["to_date"], dtype=bool)
    if table.index.nlevels == 1:
        kept = table[np.maximum.accumulate(running) | table.index.isin(BUCKETS) | ~running.any()]
        return kept, {key: text.period(str(key), freq) for key in kept.index}
    now = table[running] if running.any() else table
    names = name_rows(now.reset_index("period").index)
    if not running.any():
        periods = [
            text.period(str(period), freq) for period in now.index.get_level_values("period")
        ]
        names = [f"{name} · {period}" for name, period in zip(names, periods, strict=True)]
    return now, dict(zip(now.index, names, strict=True))


def category_reach(table: pd.DataFrame, period: str, *, target: float = math.nan) -> ChartData:
    """Prepare how far closed money and each category reach toward a period's target.

    Categories count at full value.
    """
    money, total, places = money_of(table), 0.0, []
    row: Any = table.loc[period]
    for name, _ in _CATEGORIES[:-1]:
        amount = float(row[name])
        start, total = total, total + amount
        label = text.label(name)
        title = f"{text.capital(label)}: {money(amount)}; {money(total)} with all above"
        bar = BarMark(start, total, "bar" if name == "closed" else "hi", title=title)
        marks, figures = (BarMark(0, start, "pale"), bar), (money(amount),)
        places.append(Place(label, marks, "", total, money(total), figures, title, name))
    aim = (Level(target, "ink", f"target {money(target)}"),) if math.isfinite(target) else ()
    return ChartData(
        "", places=tuple(places), measure=measure_column(table, "closed", "value"), levels=aim
    )


_MOVES: dict[str, Tone] = {"won": "bar", "slipped": "hi", "lost": "mute", "removed": "pale"}


def category_moves(table: pd.DataFrame) -> ChartData:
    """Prepare a bar of shares of money per category at the start, cut by what became of it."""
    whole = table.groupby(level=["from_category", "to_category"], sort=False)[
        ["count", "value"]
    ].sum()
    value = unstack_level(whole["value"], "to_category")
    deals = whole["count"].groupby(level="from_category", sort=False).sum()
    value = value[(value.sum(axis=1) > 0) & (deals.reindex(value.index) > 0)]
    if value.empty:
        nothing = "no open deal with a value was due in this period"
        return ChartData(
            sentence(table, "category_moves"), write_caption(table), nothing, size=(9.0, 2.8)
        )
    money, sums = money_of(table), value.sum(axis=1)
    names = [f"{text.label(name)} ({money(amount)})" for name, amount in sums.items()]
    shares = value.div(sums, axis=0).set_axis(pd.Index(names))
    shares = shares.loc[:, shares.sum() > 0]
    # The other columns are categories: the deals that are still open.
    tones: list[Tone] = [_MOVES.get(str(name), "band") for name in shares]
    return ChartData(
        sentence(table, "category_moves"),
        write_caption(table, text.count(int(deals.sum()))),
        places=stack_shares(shares, tones),
        name_width=40,
        size=(9.0, 2.8),
        measure=measure_percent("share of the value at the start", low=0, high=1),
    )


_LEFT = "days before the period's end"
_MISSED = "missed, as a share of what closed"


def backtest(table: pd.DataFrame) -> ChartData:
    """Prepare forecast minus actual against the days left.

    The last period is blue, earlier ones are gray.

    Time runs to the right, to the end of the period. Of several methods the first is drawn; with
    `by`, the errors of all groups are added up. With ``lead="now"`` a range stands for each period.
    """
    if table.empty:
        return ChartData(
            "Past forecasts", write_caption(table), "no period had ended by the last record"
        )
    if note_of(table).lead == "now":
        return _draw_past_ranges(table)
    table = select_first_method(table)
    whole = table.groupby(level=["period", "made_at"]).agg({"lead": "first", "error": "sum"})
    *earlier, last = dict.fromkeys(map(str, whole.index.get_level_values("period")))
    curves = []
    for period in (*earlier, last):
        part, now = whole.loc[period], period == last
        points = tuple(zip(map(float, part["lead"]), map(float, part["error"]), strict=True))
        width = 2.2 if now else 0.7
        curves.append(Curve(points, "hi" if now else "mute", width, 1.6 * width))
    end, left = curves[-1].points[-1], whole["lead"]
    gray = f"gray: {text.spelled(len(earlier), 'earlier period')}" if earlier else ""
    return ChartData(
        heading(table, "backtest"),
        write_caption(table, text.count(len(table), "forecast"), name_method(table), gray),
        upright=True,
        measure=measure_column(table, "error", "forecast − actual", signed=True),
        curves=tuple(curves),
        across=Measure("count", _LEFT, float(left.max()) + 2, float(left.min())),
        levels=(Level(0.0, "ink"),),
        ends=(
            EndName(*end, text.period(last, note_of(table).freq), "hi"),
            EndName(float(left.min()), 0.0, "as closed", "ink"),
        ),
    )


def score(table: pd.DataFrame) -> ChartData:
    """Prepare how far forecasts missed, with bias and ranges held beside it.

    Blue: the method that misses by least, where beyond chance. By days left they are curves, the
    first method in blue.
    """
    if not table["wape"].notna().any():
        nothing = "nothing was booked in the periods that have ended"
        return ChartData(sentence(table, "score"), write_caption(table), nothing, size=(7.5, 2.4))
    by = table.index.names[0]
    if by == "lead":
        return _draw_leads(table)
    places: list[Place] = []
    ranked = table.sort_values("wape", kind="stable") if by == "method" else table
    freq = note_of(table).freq
    best, first = ranked.index[0], table.index[0]
    leads = by == "method" and len(ranked) > 1
    leads = leads and bool(ranked["differs"].iloc[1 if best == first else 0])
    for key, row in ranked.iterrows():
        miss = 0.0 if math.isnan(row["wape"]) else float(row["wape"])
        bar = BarMark(0, miss, "hi" if leads and not places else "mute")
        name = text.method(key, freq) if by == "method" else text.join_key(key)
        places.append(Place(name, (bar,), _judge_method(row), miss))
    count = text.count(int(table["n"].max()), "forecast")
    same = f"each method on the same {count}" if by == "method" and len(table) > 1 else count
    return ChartData(
        sentence(table, "score"),
        write_caption(table, same),
        places=tuple(places),
        least_rows=1,
        size=(7.5, 2.4),
        name_width=42,
        measure=measure_percent(_MISSED, low=None, high=None),
    )


def _draw_leads(table: pd.DataFrame) -> ChartData:
    """Prepare how far each method missed against the days left; the first method in blue."""
    judged = table[table["wape"].notna()].reset_index()
    judged = (
        judged if "method" in judged else judged.assign(method=note_of(table).method or "forecast")
    )
    known = judged.pivot_table("wape", "method", "lead", observed=True, sort=False).iloc[:, ::-1]
    counted = judged.groupby("lead", observed=True)["n"].max()
    places = tuple(Place(f"{band}\n{counted[band]:,}") for band in known.columns)
    freq = note_of(table).freq
    curves: list[Curve] = []
    ends = []
    for method, misses in known.iterrows():
        tone: Tone = "mute" if curves else "hi"
        points = tuple((float(k), float(y)) for k, y in enumerate(misses) if not math.isnan(y))
        curves.append(
            Curve(points, tone, 2.0 if tone == "hi" else 1.0, 4.5 if tone == "hi" else 3.0)
        )
        ends.append(EndName(*points[-1], text.method(method, freq), tone))
    return ChartData(
        sentence(table, "score"),
        write_caption(table, "below each band: forecasts judged"),
        places=places,
        upright=True,
        measure=measure_percent(_MISSED, low=0, high=None),
        across=Measure("names", _LEFT),
        curves=tuple(curves),
        ends=tuple(ends),
    )


def _judge_method(row: pd.Series[Any]) -> str:
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
    judged = table[(table["n"] > 0) & table["realized"].notna()]
    note = write_caption(
        table, text.count(int(table["n"].sum()), "deal"), "above each range: its deals"
    )
    if judged.empty:
        return ChartData(
            sentence(table, "calibration"), note, "no deal is old enough to judge", size=(6.0, 5.6)
        )
    places = []
    for key, row in judged.iterrows():
        group = text.join_key(key[:-1]) if isinstance(key, tuple) else ""
        says = f"{shorten(group, 14)} ({int(row['n']):,})" if group else f"{int(row['n']):,}"
        marks = (
            RangeMark(row["realized_low"], row["realized_high"], "quiet"),
            DotMark(row["realized"]),
        )
        places.append(Place("", marks, says, row["realized_high"] + 0.01, at=float(row["stated"])))
    places.sort(key=lambda place: place.at or 0.0)
    return ChartData(
        sentence(table, "calibration"),
        note,
        places=tuple(places),
        upright=True,
        size=(6.0, 5.6),
        says_tone="quiet",
        measure=measure_percent("won", high=1.12),
        across=measure_percent("stated"),
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
        ranged = pd.notna(row["held"])
        spread = (
            f"range {text.money_range(row['low'], row['high'], money, to=' to ')}"
            if ranged
            else "no range"
        )
        title = (
            f"{period}: {spread}, forecast {money(row['expected'])}, closed {money(row['actual'])}"
        )
        band = (BarMark(row["low"], row["high"], "band", 0.5),) if ranged else ()
        marks = (*band, TickMark(row["expected"], "hi", 2 / 3), DotMark(row["actual"], "ink", 0.8))
        left = f"{text.count(int(row['lead']), 'day')} left"
        figures = (("yes" if row["held"] else "no") if ranged else "no range",)
        places.append(
            Place(text.capital(period), marks, figures=figures, title=title, key=key, note=left)
        )
    note = write_caption(
        table,
        text.count(len(table), text.noun(freq)),
        "blue: forecast and range, dot: closed",
        name_method(table),
    )
    top = float(np.nanmax([*table["high"], *table["expected"], *table["actual"], 1.0]))
    measure = replace(measure_column(table, "actual", "closed"), low=0, high=top / _PAST)
    ticks = tuple((tick, money(tick)) for tick in choose_ticks(top))
    return ChartData(
        heading(table, "backtest"),
        note,
        places=tuple(places),
        measure=replace(measure, ticks=ticks),
        least_rows=3,
        columns=(TextColumn(1.0, "in range?"),),
    )
