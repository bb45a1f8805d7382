"""What each person must win today, on the page."""

from __future__ import annotations

from typing import Any

import pandas as pd

from opp_analytics import text
from opp_analytics.report.cells import name_deal, show_stated
from opp_analytics.report.model import Block, Cell, Goal, Goals, Note
from opp_analytics.report.tables import Tables

_MOST, _MOST_NAMED = 12, 8
"""People with a card of their own, four rows of three; and people that a card of several names."""
_ACTIONS = {"due": "due {}", "overdue": "was due {}: re-date or close", "pull_in": "due {}: pull in"}


def to_win(tables: Tables) -> Block:
    """Show a card for each person short of the target, the largest gap first; then who is at target, with what is due."""
    inputs, people, nav = tables.inputs, tables.persons, "To win"
    if people["target"].isna().all():
        words = "This needs a target for each person: see [targets] in the org file."
        return Block("to_win", "What each person must win", parts=(Note(words),), nav=nav)
    short = tables.to_win
    stuck = short["deals"] == 0 if len(short) > _MOST else short["deals"] < 0
    shown = short[~stuck]
    goals = [_show_person(tables, name, row) for name, row in shown.head(_MOST).iterrows()]
    if stuck.any():
        goals.append(_show_stuck(tables, short[stuck]))
    met = people[people["gap"] <= 0]
    if len(met):
        goals.append(_show_met(tables, met))
    rest = len(shown) - _MOST
    more = f"; {text.count(rest, f'more {inputs.who}')} in the workbook, sheet “To win”" if rest > 0 else ""
    sub = (
        f"Each one’s own deals that could still close this {inputs.noun}: due, overdue, or due within five weeks at 50% or more. "
        f"Beside the name, the chance that enough of them close, at the stated chances{more}"
    )
    return Block("to_win", _say_gaps(tables, short), sub, (Goals(tuple(goals)),), nav)


def _say_gaps(tables: Tables, short: pd.DataFrame) -> str:
    if short.empty:
        due = tables.persons["open_count"].sum() > 0
        return f"Everyone is at target: {'upside still due' if due else 'no more deals due'}"
    who = text.spelled(len(short), tables.inputs.who)
    verb, between = ("is", "") if len(short) == 1 else ("are", " between them")
    return f"What each person must win: {who} {verb} {tables.inputs.money(short['gap'].sum())} short{between}"


def _show_person(tables: Tables, name: Any, row: pd.Series[Any]) -> Goal:
    inputs, fine = tables.inputs, {"fine": True}
    deals = tables.deals_to_win
    mine = deals[deals[inputs.person] == name].head(int(row["deals"]))
    state = f"{inputs.money(row['booked'], **fine)} of {inputs.money(row['target'], **fine)}"
    if row["p_enough"] > 0:
        state += f" · {text.percent(row['p_enough'])} as stated"
    advice = f"You are {inputs.money(row['gap'], **fine)} short; {row['advice']}."
    return Goal(str(name), state, advice, tuple(_show_deal(tables, deal) for deal in mine.to_dict("records")))


def _show_deal(tables: Tables, deal: dict[Any, Any]) -> tuple[Cell, str, str, str, str]:
    inputs = tables.inputs
    flags = str(tables.flags["reasons"].get(deal["unique_id"], "")).split(" · ")
    # The first flag that the date does not say already.
    flag = [reason for reason in flags if reason and "overdue" not in reason][:1]
    todo = _ACTIONS[deal["action"]].format(inputs.day(deal["close_date"]))
    words = "; ".join([f"{text.label(deal['stage'])}, {todo}", *flag])
    history = tables.show_history(deal["unique_id"])
    return (
        name_deal(inputs, deal),
        text.number(deal["value"]),
        show_stated(deal.get("probability")),
        history,
        words,
    )


def _show_stuck(tables: Tables, short: pd.DataFrame) -> Goal:
    """Show who has no deal to win on one card where there are many."""
    lines = [(name, row["gap"], _say_closed(tables, row)) for name, row in short.head(_MOST_NAMED).iterrows()]
    advice = f"No open deal of theirs could close in time{_count_more(len(short), len(lines), 'short')}."
    return Goal("No deal to close", f"{tables.inputs.money(short['gap'].sum())} short", advice, _list(lines))


def _show_met(tables: Tables, met: pd.DataFrame) -> Goal:
    """Show who is at target, with the upside still due."""
    met = met.sort_values("open_value", ascending=False, kind="stable")
    due = met[met["open_count"] > 0]
    lines = [
        (
            name,
            row["open_value"] if row["open_count"] else None,
            _say_closed(tables, row, int(row["open_count"])),
        )
        for name, row in (due if len(due) else met).head(_MOST_NAMED).iterrows()
    ]
    noun = tables.inputs.noun
    words = f"Upside still due this {noun}" if len(due) else f"No more deals due this {noun}"
    advice = f"{words}{_count_more(len(met), len(lines), 'at target')}."
    return Goal("At target", "", advice, _list(lines))


def _say_closed(tables: Tables, row: pd.Series[Any], due: int = 0) -> str:
    money = tables.inputs.money
    return f"{money(row['booked'])} of {money(row['target'])} closed" + (
        f", {text.count(due)} due" if due else ""
    )


def _list(lines: list[tuple[Any, float | None, str]]) -> tuple[tuple[Cell, str, str, str, str], ...]:
    """List people as a card lists deals."""
    return tuple(
        (Cell(str(name), name=True), "" if amount is None else text.number(amount), "", "", words)
        for name, amount, words in lines
    )


def _count_more(people: int, named: int, state: str) -> str:
    """Count the people that a card does not name."""
    more = people - named
    return f"; {more:,} more {'is' if more == 1 else 'are'} {state}" if more > 0 else ""
