"""Whether the current period makes its target; once it is decided, the next."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import Any

import pandas as pd

from opp_analytics import analysis, text
from opp_analytics.analysis import describe, evidence, say_held
from opp_analytics.answers import forecasts, tables
from opp_analytics.answers.answer import Answer
from opp_analytics.answers.context import Context, keep
from opp_analytics.answers.data import Figure, Row, Table, make_notes, make_period, read_known
from opp_analytics.answers.deal import name_deal
from opp_analytics.arrays import Series
from opp_analytics.errors import DataError, NotEnoughHistory
from opp_analytics.schema import ALL, NO_LABEL
from opp_analytics.text import Piece, Sentence

_COLUMNS = (
    *("target", "booked", "open_count", "open_value", "new_business", "expected", "low", "high"),
    *("p_target", "gap", "pipeline_coverage"),
)


@keep
def will_we_make_it(context: Context) -> Answer:
    """Say whether the target is made, what is left to do, who has most to go, and what changed."""
    table = forecasts.forecast(context)
    first, left = analysis.say_forecast(table)
    said = (
        *(left, _say_won_later(context), say_most_to_go(context)),
        *(_say_call(context), _say_alarms(context)),
    )
    labels = dict.fromkeys([context.label, str(forecasts.lead(context))])
    return Answer(
        key="will_we_make_it",
        context=context,
        title=f"Forecast for {context.name}",
        finding=_end(first),
        method=str(forecasts.method(context)),
        tables=(
            Table(
                "periods",
                _COLUMNS,
                tuple(make_period(context, one, _read(table.loc[one])) for one in labels),
                heads={"new_business": "Run rate"} if forecasts.by_rate(context) else {},
            ),
            *_look_back(context),
        ),
        figures=tuple(_list_figures(context)),
        notes=make_notes(*said),
        call='oa.forecast(deals, history=history, as_of="{day}", freq="{freq}", '
        "target=org.targets)",
    )


def say_whether(context: Context) -> Sentence:
    """Say whether the target is made, and nothing of people or the past."""
    first, _ = analysis.say_forecast(forecasts.forecast_alone(context))
    return _end(first)


def _end(words: str) -> Sentence:
    return Sentence.of(words.removesuffix("."))


def _read(row: Any) -> dict[str, float]:
    return {name: float(value) for name, value in read_known(row, _COLUMNS).items()}


def _look_back(context: Context) -> tuple[Table, ...]:
    """Show the current period as the earlier record has it; nothing without one."""
    if forecasts.no_changes(context):
        return ()
    then = forecasts.earlier(context)
    name = Piece("text", f"{text.capital(context.name)}, on {context.write_day(then.day)}")
    row = Row(context.label, name, _read(then.forecast.loc[context.label]), kind="period")
    return (Table("earlier", _COLUMNS, (row,), rank=3),)


def _list_figures(context: Context) -> Iterator[Figure]:
    """List closed, forecast, chance and coverage of the current period.

    Without a target what is due; no chance where only stated ones are used, which give none. What
    was won but is dated later is no fall of the forecast.
    """
    row, table = forecasts.current(context), forecasts.forecast(context)
    money, compares = context.money, not forecasts.no_changes(context)

    def make(name: str, column: str, words: str, instead: str = "", **more: Any) -> Figure:
        value, then = math.nan if instead else row[column], None
        if compares and not instead:
            then = forecasts.earlier(context).figure(context.label, column)
            then += forecasts.won_later(context)["later"].sum() if column == "expected" else 0.0
        return Figure(name, column, value, context.label, words, instead, then, **more)

    later = context.money(context.won_later["value"].sum())
    apart = f"{later} more dated later" if len(context.won_later) else ""
    yield make("Closed won", "booked", _say_progress(context), apart=apart)
    # One deal comes in or does not: nothing lies between.
    single, nothing = evidence.is_one_deal(row, table), evidence.expects_nothing(row)
    words = "one deal: all or nothing" if single else evidence.name_outside(row, money)
    words = "no open deals due" if nothing else words or _say_range(context)
    won, mark = forecasts.say_won_later(context), row["target"]
    apart = won and f"apart from {won}"
    forecast = make("Forecast", "expected", words, mark=mark, apart=apart)
    low, high, confidence = row["low"], row["high"], context.confidence
    yield forecast if single else forecast._replace(low=low, high=high, confidence=confidence)
    due = f"{money(row['open_value'])} due" if row["open_count"] else "none due"
    is_none = "" if row["open_count"] else text.MISSING
    if math.isnan(mark):
        deals = text.count(int(row["open_count"]), "open deal")
        yield make("Open and due", "open_value", "none due" if is_none else deals, is_none)
        return
    met, is_stated = row["gap"] <= 0, forecasts.stated(context)
    if met and not is_stated:
        past = f"{money(-row['gap'])} past target"
        yield make("Chance of target", "p_target", past, "met")
    elif not is_stated:
        is_unknown = math.isnan(row["p_target"])
        early = evidence.NO_RANGE if math.isfinite(row["expected"]) else "too early to say"
        words = early if is_unknown else "none due" if nothing else ""
        chance = make("Chance of target", "p_target", words, text.MISSING if words else "")
        was = math.nan if chance.then is None else chance.then
        yield chance._replace(words=f"was {text.percent(was)}") if math.isfinite(was) else chance
    if met:
        yield make("Coverage", "pipeline_coverage", due, "met")
        return
    words = f"{due}, {money(row['gap'])} to go"
    if usual := forecasts.say_usual_coverage(context):
        words += f"; {usual}"
    yield make("Coverage", "pipeline_coverage", words, is_none)


def _say_progress(context: Context) -> str:
    """Say how many deals closed, and how far the period or its target is."""
    now, won = forecasts.current(context), text.count(len(context.won_now))
    days = evidence.count_days(context.label, forecasts.forecast(context))
    if days and now["to_date"]:
        return f"{f'{won}, ' if len(context.won_now) else ''}day {days[0]} of {days[1]}"
    share = now["attainment"]
    return f"{won}{f', {text.percent(share)} of target' if math.isfinite(share) else ''}"


def _say_won_later(context: Context) -> str:
    """Say what is won already and dated after the current period."""
    later = context.won_later
    if later.empty:
        return ""
    money, first = context.money(later["value"].sum()), later.iloc[0]
    largest = name_deal(str(first["unique_id"]), first["name"]).value
    if len(later) == 1:
        dated = context.write_day(first["close_date"])
        return f"{money} is won but dated {dated} ({largest})"
    return f"Wins of {money} are dated after {context.name}, {largest} most"


def _say_alarms(context: Context) -> str:
    """Say what changed in what comes in or is won."""
    alarms = tables.alert_figures(context)["world_changed"]
    return describe(tables.world_changes(context)) if alarms > 0 else ""


def _say_call(context: Context) -> str:
    """Say the call for the one person of a page, which has no table of people, and the override."""
    if (
        context.only is None
        or len(forecasts.persons(context)) > 1
        or forecasts.calls(context).empty
    ):
        return ""
    row = forecasts.calls(context).loc[forecasts.whole(context)]
    money = partial(context.money, fine=True)
    override = (
        f", {row['overrider']} says {money(row['override'])}"
        if math.isfinite(row["override"])
        else ""
    )
    return (
        "" if pd.isna(row["caller"]) else f"{row['caller']} calls {money(row['call'])}{override}."
    )


def say_most_to_go(context: Context) -> str:
    """Name the groups with most to go.

    Empty without targets of theirs, on a period's first days, and of who can do no more on its
    last.
    """
    people, label = forecasts.people(context), context.label
    groups: pd.DataFrame = people[~people.index.get_level_values(-1).isin([ALL, NO_LABEL])]
    short = groups[groups["gap"] > 0].sort_values("gap", ascending=False, kind="stable")
    if evidence.count_days_left(label, forecasts.forecast(context)) is not None:
        short = short[short["open_count"] > 0]
    if (
        forecasts.current(context)["gap"] <= 0
        or short.empty
        or len(groups) == 1
        or evidence.has_begun(label, forecasts.forecast(context))
    ):
        return ""
    names = short.index.get_level_values(-1)
    said = [
        f"{name} {_to_go(row, context)}"
        for name, (_, row) in zip(names[:2], short.iterrows(), strict=False)
    ]
    rest = len(short) - 2
    return f"Most to go: {'; '.join(said)}{f'; and {text.spelled(rest)} more' if rest > 0 else ''}."


def _to_go(row: Series, context: Context) -> str:
    money = context.money
    if not row["open_value"]:
        lack = "deals due have no amount" if row["open_count"] else "no deal due"
        return f"{money(row['gap'])}, {lack}"
    known = math.isfinite(row["p_target"]) and not forecasts.stated(context)
    likely = f", {text.percent(row['p_target'])} likely" if known else ""
    return f"{money(row['gap'])} with {money(row['open_value'])} due{likely}"


def _say_range(context: Context) -> str:
    try:
        held = say_held(forecasts.past_ranges(context))
    except (NotEnoughHistory, DataError):
        held = ""
    if forecasts.by_rate(context):
        return f"{evidence.RUN_RATE}{held and f'; range {held}'}"
    if held:
        return f"range {held}"
    return "range: open deals due only" if forecasts.stated(context) else "range not judged yet"
