"""Whether the current period makes its target; once it is decided, the next."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import pandas as pd

from opp_analytics import analysis, text
from opp_analytics.analysis import describe, evidence, say_held
from opp_analytics.answers import forecasts, tables
from opp_analytics.answers.answer import Answer
from opp_analytics.answers.context import Context, keep
from opp_analytics.answers.data import Figure, Row, Table
from opp_analytics.answers.deal import name_deal
from opp_analytics.errors import DataError, NotEnoughHistory
from opp_analytics.schema import ALL, HALF_CENT
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
        *(left, _say_won_later(context), _most_to_go(context)),
        *(_say_call(context), _say_alarms(context)),
    )
    labels = dict.fromkeys([context.label, str(forecasts.lead(context))])
    return Answer(
        key="will_we_make_it",
        context=context,
        title=f"Forecast for {context.name_of(str(forecasts.lead(context)))}",
        finding=Sentence.of(first.removesuffix(".")),
        method=str(forecasts.method(context)),
        tables=(
            Table(
                "periods",
                _COLUMNS,
                tuple(_make_row(context, one) for one in labels),
                heads={"new_business": "Run rate"} if forecasts.by_rate(context) else {},
            ),
            *_look_back(context),
        ),
        figures=tuple(_list_figures(context)),
        notes=tuple(Sentence.of(words.removesuffix(".")) for words in said if words),
        code=f'oa.forecast(deals, history=history, as_of="{context.day:%Y-%m-%d}", '
        f'freq="{context.freq}", target=org.targets)',
    )


def _make_row(context: Context, period: str) -> Row:
    name = text.capital(context.name_of(period))
    values = _read(forecasts.forecast(context).loc[[period]].iloc[0])
    return Row(period, Piece("text", name), values, kind="period")


def _read(row: pd.Series[Any]) -> dict[str, float]:
    return {name: float(row[name]) for name in _COLUMNS if pd.notna(row.get(name))}


def _look_back(context: Context) -> tuple[Table, ...]:
    """Show the current period as the earlier record has it; nothing without one."""
    if forecasts.no_changes(context):
        return ()
    then = forecasts.earlier(context)
    name = Piece("text", f"{text.capital(context.name)}, on {context.write_day(then.day)}")
    row = Row(context.label, name, _read(then.forecast.loc[[context.label]].iloc[0]), kind="period")
    return (Table("earlier", _COLUMNS, (row,), rank=3),)


def _list_figures(context: Context) -> list[Figure]:
    """List closed of the current period, and forecast, chance and coverage of the one that leads.

    Without a target what is due.
    """
    now, row, table = (
        forecasts.current(context),
        forecasts.leading(context),
        forecasts.forecast(context),
    )
    closed, *others = analysis.list_figures(now, row, table, len(context.won_now))
    return [
        _make_figure(context, each, now if each is closed else row) for each in (closed, *others)
    ]


def _make_figure(context: Context, each: analysis.Figure, row: pd.Series[Any]) -> Figure:
    """Add what a figure was, and what past periods say of it."""
    period, then, words = str(row.name), None, each.note
    if each.column and not forecasts.no_changes(context):
        then = forecasts.earlier(context).figure(period, each.column)
    low = high = mark = confidence = None
    if each.column == "expected":
        mark = float(row["target"])
        # One deal comes in or does not: nothing lies between.
        if not evidence.is_one_deal(row, forecasts.forecast(context)):
            low, high, confidence = float(row["low"]), float(row["high"]), context.confidence
        words = words or _say_range(context, row)
    elif each.column == "booked" and len(context.won_later):
        words += f"; {context.money(context.won_later['value'].sum())} more dated later"
    elif each.column == "p_target" and then is not None and math.isfinite(then):
        words = f"was {text.percent(then)}"
    elif each.name == "Coverage" and row["gap"] > 0:
        usual = forecasts.usual_coverage(context).get(period)
        hits = f"{text.plural(context.noun)} that hit had"
        words += f"; {hits} {text.times(usual)}" if usual else ""
    column = each.column or _COLUMN_OF[each.name]
    instead = "" if each.column else each.figure
    value = float(row[column]) if each.column else math.nan
    ends = low, high, mark, confidence
    return Figure(each.name, column, value, period, words, instead, then, *ends)


_COLUMN_OF = {
    "Chance of target": "p_target",
    "Coverage": "pipeline_coverage",
    "Open and due": "open_value",
}
"""Columns of figures that a word may stand for."""


def _say_won_later(context: Context) -> str:
    """Say what is won already and dated after the current period."""
    later = context.won_later
    if later.empty:
        return ""
    money, first = context.money(later["value"].sum()), later.iloc[0]
    if len(later) == 1:
        dated = context.write_day(first["close_date"])
        return f"{money} is won but dated {dated} ({name_deal(first).value})"
    wins = text.count(len(later), "win")
    return f"{money} of {wins} is dated after {context.name}, {name_deal(first).value} most"


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
    row, money = (
        forecasts.calls(context).loc[forecasts.whole(context)],
        partial(context.money, fine=True),
    )
    override = (
        f", {row['overrider']} says {money(row['override'])}"
        if math.isfinite(row["override"])
        else ""
    )
    return (
        "" if pd.isna(row["caller"]) else f"{row['caller']} calls {money(row['call'])}{override}."
    )


def _most_to_go(context: Context) -> str:
    """Name the groups with most to go.

    Empty without targets of theirs, on a period's first days, and of who can do no more on its
    last.
    """
    people, label = forecasts.people(context), context.label
    groups: pd.DataFrame = people[~people.index.get_level_values(-1).isin([ALL])]
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
    most, _ = evidence.find_largest(short["gap"])
    if len(most) == len(short) > 2:
        past = -float(groups["gap"].clip(upper=0).sum())
        others = f", the others are {context.money(past)} past target" if past >= HALF_CENT else ""
        each = context.money(short["gap"].max())
        return f"{text.capital(text.spelled(len(most)))} have {each} to go each{others}."
    names = short.index.get_level_values(-1)
    said = [
        f"{name} {_to_go(row, context)}"
        for name, (_, row) in zip(names[:2], short.iterrows(), strict=False)
    ]
    rest = len(short) - 2
    return f"Most to go: {'; '.join(said)}{f'; and {text.spelled(rest)} more' if rest > 0 else ''}."


def _to_go(row: pd.Series[Any], context: Context) -> str:
    money = context.money
    if not row["open_count"]:
        return f"{money(row['gap'])}, no deal due"
    known = math.isfinite(row["p_target"]) and not forecasts.stated(context)
    likely = f", {text.percent(row['p_target'])} likely" if known else ""
    return f"{money(row['gap'])} with {money(row['open_value'])} due{likely}"


def _say_range(context: Context, row: pd.Series[Any]) -> str:
    if forecasts.lead(context) != context.period and math.isfinite(row["low"]):
        # Past ranges are judged as long before their period's end as today is before the current
        # one's.
        return (
            evidence.RUN_RATE
            if forecasts.by_rate(context)
            else f"{text.count(int(row['open_count']), 'open deal')} due"
        )
    try:
        held = say_held(forecasts.past_ranges(context))
    except (NotEnoughHistory, DataError):
        held = ""
    if forecasts.by_rate(context):
        return f"{evidence.RUN_RATE}{held and f'; range {held}'}"
    if held:
        return f"range {held}"
    return "range: open deals due only" if forecasts.stated(context) else "range not judged yet"
