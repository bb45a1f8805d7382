"""Call sheets: what does each person do today, as a block of the page."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from opp_analytics import text
from opp_analytics.report.deal_lists import deal_cell, stated
from opp_analytics.report.model import Block, Call, Calls, Cell, Note
from opp_analytics.report.tables import Tables

__all__ = ["calls"]

_MOST, _NAV = 12, "Call sheets"
_MOST_NAMED = 8
"""People that a sheet of several names."""


def calls(tables: Tables) -> Block:
    """A sheet for each person short of the target, the largest gap first; then who is at target, with what is still due."""
    inputs, people = tables.inputs, tables.persons
    if people["target"].isna().all():
        words = "Call sheets need a target for each person: see [targets] in the org file."
        return Block("calls", "Who to call", parts=(Note(words),), nav=_NAV)
    sheets = tables.call_sheets
    stuck = sheets["deals"] == 0 if len(sheets) > _MOST else sheets["deals"] < 0
    shown = sheets[~stuck]
    built = [_sheet(tables, name, row) for name, row in shown.head(_MOST).iterrows()]
    if stuck.any():
        built.append(_stuck(tables, sheets[stuck]))
    met = people[people["gap"] <= 0]
    if len(met):
        built.append(_met(tables, met))
    rest = len(shown) - _MOST
    more = f"; {text.count(rest, 'more sheet')} in the workbook" if rest > 0 else ""
    sub = (
        f"Each one’s own deals that could still close this {inputs.noun}: due, overdue, or due within five weeks at 50% or more. "
        f"Value and stated chance; beside the name, the chance that enough of them close, at the stated chances{more}"
    )
    return Block("calls", _title(tables, sheets), sub, (Calls(tuple(built)),), _NAV)


def _title(tables: Tables, sheets: pd.DataFrame) -> str:
    if sheets.empty:
        return "Everyone is at target: upside still due"
    who = text.spelled(len(sheets), tables.inputs.who)
    verb, between = ("is", "") if len(sheets) == 1 else ("are", " between them")
    return f"Who to call: {who} {verb} {tables.inputs.money(sheets['gap'].sum())} short{between}"


def _sheet(tables: Tables, name: Any, row: pd.Series[Any]) -> Call:
    inputs, fine = tables.inputs, {"fine": True}
    mine = tables.call_deals
    mine = mine[mine.index == name].head(int(row["deals"]))
    state = f"{inputs.money(row['booked'], **fine)} of {inputs.money(row['target'], **fine)}"
    if row["p_enough"] > 0:
        state += f" · {text.percent(row['p_enough'])} as stated"
    said = f"You are {inputs.money(row['gap'], **fine)} short; {row['advice']}."
    return Call(str(name), state, said, tuple(_deal(tables, deal) for deal in mine.to_dict("records")))


def _deal(tables: Tables, deal: dict[Any, Any]) -> tuple[Cell, str, str, str]:
    inputs, day = tables.inputs, tables.inputs.day(deal["close_date"])
    todo = {
        "due": f"due {day}",
        "overdue": f"was due {day}: re-date or close",
        "pull_in": f"due {day}: pull in",
    }
    chance = stated(None if math.isnan(deal["chance"]) else 100 * deal["chance"])
    words = "; ".join(
        [f"{text.label(deal['stage'])}, {todo[deal['action']]}", *_warning(tables, deal["unique_id"])]
    )
    return deal_cell(inputs, deal), text.number(deal["value"]), chance, words


def _warning(tables: Tables, unique_id: str) -> list[str]:
    """The deal's first flag that its date does not say already."""
    flags = tables.flags["reasons"].to_dict()
    return [reason for reason in flags.get(unique_id, "").split(" · ") if reason and "overdue" not in reason][
        :1
    ]


def _stuck(tables: Tables, sheets: pd.DataFrame) -> Call:
    """Who has no deal to call about, in one sheet where there are many."""
    money = tables.inputs.money
    lines = tuple(
        (
            Cell(str(name), name=True),
            text.number(row["gap"]),
            "",
            f"{money(row['booked'])} of {money(row['target'])} closed",
        )
        for name, row in sheets.head(_MOST_NAMED).iterrows()
    )
    said = f"No open deal of theirs could close in time{_more(len(sheets) - len(lines), 'short')}."
    return Call("No deal to close", f"{money(sheets['gap'].sum())} short", said, lines)


def _met(tables: Tables, met: pd.DataFrame) -> Call:
    """Who is at target, with the upside still due."""
    inputs = tables.inputs
    met = met.sort_values("open_value", ascending=False, kind="stable")
    due = met[met["open_count"] > 0]
    lines = tuple(
        (
            Cell(str(name), name=True),
            text.number(row["open_value"]) if row["open_count"] else "",
            "",
            f"{inputs.money(row['booked'])} of {inputs.money(row['target'])} closed"
            + (f", {text.count(int(row['open_count']))} due" if row["open_count"] else ""),
        )
        for name, row in (due if len(due) else met).head(_MOST_NAMED).iterrows()
    )
    said = f"Upside still due this {inputs.noun}" if len(due) else f"No more deals due this {inputs.noun}"
    return Call("At target", "", f"{said}{_more(len(met) - len(lines), 'at target')}.", lines)


def _more(people: int, what: str) -> str:
    """How many further people a sheet does not name."""
    return f"; {people:,} more {'is' if people == 1 else 'are'} {what}" if people > 0 else ""
