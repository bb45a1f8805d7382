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
_MOST_MET = 8


def calls(tables: Tables) -> Block:
    """A sheet for each person short of the target, the largest gap first; then who is at target, with what is still due."""
    inputs, people = tables.inputs, tables.persons
    if people["target"].isna().all():
        words = (
            "A target for each person gives each a call sheet here: [targets] in the org file, or target=."
        )
        return Block("calls", "Who to call", parts=(Note(words),), nav=_NAV)
    sheets = tables.call_sheets
    built = [_sheet(tables, name, row) for name, row in sheets.head(_MOST).iterrows()]
    met = people[people["gap"] <= 0]
    if len(met):
        built.append(_met(tables, met))
    rest = len(sheets) - _MOST
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
    if math.isfinite(row["p_enough"]):
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


def _met(tables: Tables, met: pd.DataFrame) -> Call:
    """Who is at target, with the upside still due."""
    inputs = tables.inputs
    met = met.sort_values("open_value", ascending=False, kind="stable")
    lines = tuple(
        (
            Cell(str(name), name=True),
            text.number(row["open_value"]) if row["open_count"] else text.MISSING,
            "",
            f"{inputs.money(row['booked'])} of {inputs.money(row['target'])} closed, {_due(int(row['open_count']))}",
        )
        for name, row in met.head(_MOST_MET).iterrows()
    )
    rest = len(met) - len(lines)
    more = f"; {rest:,} more at target" if rest > 0 else ""
    return Call("At target", "", f"Upside still due this {inputs.noun}{more}.", lines)


def _due(deals: int) -> str:
    return f"{text.count(deals)} due" if deals else "none due"
