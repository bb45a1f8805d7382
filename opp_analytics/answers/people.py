"""Who is short, and who carries: the forecast of the period by team and person."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import pandas as pd

from opp_analytics import text
from opp_analytics.analysis import describe, name_leans
from opp_analytics.answers import forecasts, tables
from opp_analytics.answers.answer import Answer
from opp_analytics.answers.context import Context, Part, keep
from opp_analytics.answers.data import Row, RowPictures, Table, is_news, make_notes
from opp_analytics.answers.deal import find_expected, list_deals, list_expected
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.schema import ALL, BUCKETS, HALF_CENT, NO_LABEL
from opp_analytics.text import Piece, Sentence

_FEW, _KEPT = 16, 8
"""Rows up to which all are in view, about a screen; beyond, 8 people stay: those furthest below
target, then the largest."""
_KNOWN = (
    *("target", "booked", "expected_open", "new_business", "expected", "call", "override"),
    *("low", "high", "open_count", "open_value", "gap", "change", "call_then"),
    *("commit_total", "best_case_total"),
)
_PROGRESS = ("target", "booked", "expected", "low", "high")


@keep
def people(context: Context) -> Answer:
    """Show target, closed, forecast, call, what is to go, chance and change of each team, person.

    And of all.
    """
    if forecasts.persons(context).empty:
        words = (
            f"Nobody has a deal in {context.name}"
            if context.by
            else "No column says whose a deal is. Name one with by="
        )
        return Answer("people", context, "People", Sentence.of(words))
    table = forecasts.compared_people(context)
    by_key = dict(zip(map(text.split_key, table.index), table.to_dict("records"), strict=True))
    members = [key for key in by_key if ALL not in key]
    # Of one team or person the total is the one that is aimed at.
    parts = [key for key in by_key if set(key) != {ALL}]
    is_aimed = any(pd.notna(by_key[key]["target"]) for key in parts)
    in_view = _choose_in_view(by_key, members)
    rows = [
        _make_row(context, key, by_key[key], is_aimed, is_folded=key not in in_view)
        for key in _order(table, is_aimed)
    ]
    heads = {"name": text.capital(", ".join([*map(text.label, context.by[:-1]), context.who]))}
    heads |= {"p_target": "Chance", "open_value": "Due"}
    heads |= {"commit_total": "Commit", "best_case_total": "Best case"}
    # Of a CRM without categories nothing is in commit, and nobody's is 0.
    judged = (table["best_case_total"] > table["booked"] + HALF_CENT).any()
    changes = table["change"].notna().any()
    if changes:
        heads["change"] = f"Since {context.write_day(forecasts.earlier(context).day)}"
    columns = (
        *(["target"] if is_aimed else []),
        "booked",
        *(["commit_total", "best_case_total"] if judged else []),
        "expected",
        *(["call"] if len(forecasts.calls(context)) else []),
        *("low", "high"),
        *(("gap", "p_target") if is_aimed else ["open_value"]),
        *(["change"] if changes else []),
    )
    # Once the period is decided, other answers are of the next.
    when = text.capital(context.name) if forecasts.lead(context) != context.period else ""
    notes = when, _say_calls(context, rows[-1]), _say_leans(context), _say_strangers(context)
    return Answer(
        key="people",
        context=context,
        title="People",
        finding=Sentence.of(describe(table)),
        method=str(forecasts.method(context)),
        tables=(Table("people", columns, tuple(_mark_largest(rows)), "expected", heads),),
        chart=RowPictures("list_progress", _PROGRESS, (context.money,), {"aimed": is_aimed}),
        notes=make_notes(*notes),
        call=f'oa.forecast(deals, history=history, as_of="{{day}}", freq="{{freq}}", '
        f"by={list(context.by)}, totals=True, target=org.targets)",
        opener=partial(_list_behind, context, {text.join_key(key): key for key in by_key}),
    )


def _choose_in_view(
    rows: Mapping[tuple[Any, ...], Mapping[Any, Any]], members: list[tuple[Any, ...]]
) -> list[tuple[Any, ...]]:
    """Choose who stays in view: furthest below target, then the largest forecasts."""

    def rank(key: tuple[Any, ...]) -> list[float]:
        row = rows[key]
        amounts = (row["target"] - row["expected"], row["expected"], row["booked"])
        return [math.inf if math.isnan(amount) else -amount for amount in amounts]

    return members if len(rows) <= _FEW else sorted(members, key=rank)[:_KEPT]


def _order(table: pd.DataFrame, is_aimed: bool) -> list[tuple[Any, ...]]:
    """Order each team above its people, then what is nobody's, and the total last.

    The largest target comes first; without any, the largest forecast.
    """
    columns = ["target", "expected"] if is_aimed else ["expected", "booked"]
    ordered = table.sort_values(columns, ascending=False, kind="stable")
    ranked = list(map(text.split_key, ordered.index))
    place = {key: at for at, key in enumerate(ranked)}

    def trace(key: tuple[Any, ...]) -> tuple[bool, list[Any]]:
        depth = len(key) - key.count(ALL)
        above = (key[:step] + (ALL,) * (len(key) - step) for step in range(1, depth + 1))
        named = zip(key[:depth], above, strict=True)
        return not depth, [(label == NO_LABEL, place.get(one, len(place))) for label, one in named]

    return sorted(ranked, key=trace)


def _make_row(
    context: Context, key: tuple[Any, ...], row: dict[Any, Any], is_aimed: bool, *, is_folded: bool
) -> Row:
    labels = [str(label) for label in key if label != ALL]
    is_person = len(labels) == len(key)
    values: dict[str, Any] = {name: float(row[name]) for name in _KNOWN if pd.notna(row[name])}
    values |= {name: str(row[name]) for name in ("caller", "overrider") if pd.notna(row[name])}
    words = _say_call(context, row, str(key[-1])) if pd.notna(row["call"]) else {}
    moves = [] if is_person else [(row["moved"], text.movement("transferred", row["moved"]))]
    moves = [(abs(one), way) for one, way in [*moves, (row["later"], "won, dated later")]]
    told = [(one, way) for one, way in moves if is_news(one, row["expected"])]
    pieces = [(Piece("money", one), f" {way}") for one, way in told]
    if pieces:
        words["change"] = Sentence.of(
            *pieces[0], *(p for more in pieces[1:] for p in (", ", *more))
        )
    if is_aimed and (lack := _say_no_chance(row)):
        words["p_target"] = Sentence.of(lack)
    elif pd.notna(row["p_target"]) and not forecasts.stated(context):
        values["p_target"] = row["p_target"]
    return Row(
        id=text.join_key(key),
        name=Piece("name", labels[-1] if is_person else " · ".join(labels) or "All"),
        values=values,
        words=words,
        kind="person" if is_person else "team" if labels else "total",
        depth=max(len(labels) - 1, 0),
        folded=is_person and is_folded,
        part=Part(context.by[len(labels) - 1], labels[-1]) if labels else None,
        says=Sentence.of(_say_row(context, values, words)),
    )


def _say_no_chance(row: Mapping[Any, Any]) -> str:
    """Say why a row has no chance of its target: met, or no deal is due."""
    if row["gap"] <= 0:
        return "met"
    return "" if row["open_count"] or row["expected"] > row["booked"] else "none due"


def _say_row(context: Context, values: Mapping[str, float], words: Mapping[str, Sentence]) -> str:
    money = partial(context.money, fine=True)
    said = f": {money(values['booked'])}"
    said += f" of {money(values['target'])} closed" if "target" in values else " closed"
    said += f", forecast {money(values['expected'])}" if "expected" in values else ""
    if "call" in values:
        by = words["call"].write() if "call" in words else ""
        said += f", call {money(values['call'])}{by and f' ({by})'}"
    if "p_target" in words:
        lack = words["p_target"].write()
        return f"{said}, {'target met' if lack == 'met' else lack}"
    return f"{said}, {text.percent(values['p_target'])} likely" if "p_target" in values else said


def _say_call(context: Context, row: Mapping[Any, Any], name: str) -> dict[str, Sentence]:
    """Say who called a number, any override, and a call below closed money."""
    by = "" if pd.isna(row["caller"]) or row["caller"] == name else str(row["caller"])
    low = round(row["call"] - row["booked"], 2) < 0
    remarks = [f"below closed{',' if by else ''}"] if low else []
    if math.isfinite(row["override"]):
        remarks.append(f"override {context.money(row['override'], fine=True)}")
        by = str(row["overrider"])
    pieces = [f"{' · '.join(remarks)} by ".lstrip(), Piece("name", by)] if by else [*remarks]
    if pd.notna(row["call_then"]) and abs(row["call"] - row["call_then"]) >= HALF_CENT:
        was = f"{', ' if pieces else ''}was "
        pieces += [was, Piece("text", context.money(row["call_then"], fine=True))]
    return {"call": Sentence.of(*pieces)} if pieces else {}


def _mark_largest(rows: list[Row]) -> list[Row]:
    """Mark the largest change of a person, whatever its sign."""
    sizes = {
        row.id: abs(row.values.get("change", 0.0))
        for row in rows
        if row.kind == "person" and row.name.value != NO_LABEL
    }
    most = max(sizes.values(), default=0.0) - HALF_CENT
    return [
        replace(row, marked="change") if 0 < most < sizes.get(row.id, 0.0) else row for row in rows
    ]


def _say_calls(context: Context, total: Row) -> str:
    """Say how far the call of all is from the forecast.

    Empty without either, and of one person, whose call stands above.
    """
    known = total.values
    if len(forecasts.persons(context)) == 1 or not {"call", "expected"} <= known.keys():
        return ""
    caller, money = forecasts.calls(context)["caller"][forecasts.whole(context)], context.money
    away = known["call"] - known["expected"]
    said = "Calls sum to" if pd.isna(caller) else f"{caller} calls"
    how = f"{money(abs(away))} {'above' if away > 0 else 'below'} the forecast"
    return (
        f"{said} {money(known['call'])}, {how if money(abs(away)) != money(0) else 'the forecast'}"
    )


def _say_leans(context: Context) -> str:
    """Say whose past calls, among those in the table, leaned beyond chance, and which way.

    Those that leaned most.
    """
    calls = forecasts.calls(context)
    callers = [*calls["caller"].dropna(), *calls["overrider"].dropna()]
    try:
        past = tables.call_accuracy(context) if callers else pd.DataFrame({"bias": []})
    except NotEnoughHistory:
        return ""
    return name_leans(past[past.index.isin(callers)])


def _say_strangers(context: Context) -> str:
    """Name people with a target and not one deal: new ones, or names spelled in two ways."""
    people = forecasts.persons(context)
    aimed = people.index[people["target"].notna()]
    names = [str(name) for name in aimed if name not in set(context.deals[context.person])]
    if not names:
        return ""
    have = (
        "has a target and owns no deal" if len(names) == 1 else "have a target each and own no deal"
    )
    return f"{text.joined(names, most=3)} {have}; is the name spelled as in the CRM?"


def _list_behind(context: Context, keys: Mapping[str, tuple[Any, ...]], row: Row) -> Answer:
    """List the deals of a row, closed, due and overdue, with what else the forecast expects."""
    key, period = keys[row.id], context.label
    # Somebody who changed teams has a row in each.
    twice = sum(other[-1] == key[-1] != ALL for other in keys.values()) > 1
    whose = f"{row.name.value} ({text.join_key(key[:-1])})" if twice else row.name.value
    is_known = "expected" in row.values
    deals = context.keep(
        partial(find_expected, context, period), "expected deals", period, context.part
    )
    if not is_known:
        deals = context.deals[context.deals["period"].isin([period, BUCKETS[0]])]
    for column, label in zip(context.by, key, strict=True):
        deals = deals if label == ALL else deals[deals[column] == label]
    if not is_known:
        return list_deals(context, f"{whose}: closed, due and overdue", deals, period=period)
    title = f"{whose}: forecast for {context.name}"
    return list_expected(context, title, deals, row.values, period)
