"""Deals at risk: what to question first, in words, as a block of the page."""

from __future__ import annotations

from typing import Any

import pandas as pd

from opp_analytics import text
from opp_analytics.report.deal_lists import deal_cell, stated
from opp_analytics.report.finding import finding
from opp_analytics.report.model import Block, Cell, Column, Group, Line, Note, Table
from opp_analytics.report.tables import Tables

__all__ = ["risk"]

_MOST, _NAV = 9, "At risk"
_SEPARATOR = " · "
_SPELLED = 10
"""Numbers below are words."""


def risk(tables: Tables) -> Block:
    """The open deals with flags, the most value first, each with its reasons."""
    inputs, table = tables.inputs, tables.flags
    flagged = table[table["risk"] > 0]
    if flagged.empty:
        words = (
            f"None of the {text.count(len(table), 'open deal')} shows a warning sign."
            if len(table) > 1
            else "The one open deal shows no warning sign."
            if len(table)
            else "No deal is open."
        )
        return Block("risk", "Deals at risk", parts=(Note(words),), nav=_NAV)
    shown = flagged.head(_MOST)
    lines = tuple(_line(tables, row) for row in _detailed(tables, shown).to_dict("records"))
    owned = [Column("Owner", right=False, kind="o")] if inputs.person else []
    columns = (
        Column("Deal", right=False, phone="full", kind="deal"),
        *owned,
        Column("Stage", right=False, kind="stage"),
        Column("Value"),
        Column("Chance"),
        Column("Close"),
        Column("Why", right=False, phone="full", kind="why"),
    )
    table_of_deals = Table(columns, (Group(lines),), "risk")
    return Block("risk", _title(tables, flagged), _sub(table, flagged), (table_of_deals,), _NAV)


def _title(tables: Tables, flagged: pd.DataFrame) -> str:
    """What of the money due is in doubt, and what is late; without either, how many deals have a flag."""
    said = [*_due(tables, flagged), *_late(tables)]
    if not said:
        return f"{text.capital(text.spelled(len(flagged), 'open deal'))} {_verb(len(flagged), 'shows', 'show')} a warning sign"
    return text.capital("; ".join(said))


def _due(tables: Tables, flagged: pd.DataFrame) -> list[str]:
    inputs = tables.inputs
    due = inputs.open_now["unique_id"]
    mine = int(due.isin(flagged.index).sum())
    if len(due) == 1:
        return [f"the deal due in {inputs.name} shows {'a warning sign' if mine else 'no warning sign'}"]
    if not len(due):
        return []
    few = max(mine, len(due)) < _SPELLED
    count = text.spelled if few else text.number
    none = "neither" if len(due) == 2 else "none"
    who = f"{count(mine) if mine else none} of the {count(len(due))} deals due in {inputs.name}"
    return [f"{who} {_verb(max(mine, 1), 'shows a warning sign', 'show warning signs')}"]


def _late(tables: Tables) -> list[str]:
    inputs, late = tables.inputs, tables.inputs.overdue
    if late.empty:
        return []
    more = " more" if len(inputs.open_now) else f" {text.plural('deal') if len(late) > 1 else 'deal'}"
    worth = inputs.money(late["value"].sum())
    return [
        f"{text.spelled(len(late))}{more}, worth {worth}, {_verb(len(late), 'is', 'are')} past the close date"
    ]


def _verb(n: int, one: str, many: str) -> str:
    return one if n == 1 else many


def _sub(table: pd.DataFrame, flagged: pd.DataFrame) -> str:
    rest = len(flagged) - _MOST
    more = f"; {text.count(rest, 'more deal')} in the workbook" if rest > 0 else ""
    if len(table) == 1:
        return ""
    # The sentence goes on to name kinds and the largest, which the table shows.
    return f"{finding(table).partition(':')[0]}. The largest first{more}"


def _detailed(tables: Tables, rows: pd.DataFrame) -> pd.DataFrame:
    """The flagged deals with what the page shows of each."""
    inputs = tables.inputs
    details = ["unique_id", "stage", *(["probability"] if "probability" in inputs.deals else []), *inputs.by]
    kept = rows.reset_index()[["unique_id", "name", "value", "close_date", "reasons"]]
    return kept.merge(inputs.deals[details], on="unique_id", how="left")


def _line(tables: Tables, row: dict[Any, Any]) -> Line:
    inputs = tables.inputs
    owner = [Cell(str(row[inputs.person]), name=True)] if inputs.person else []
    first, *others = row["reasons"].split(_SEPARATOR)
    why = Cell("; ".join(["", *others]) + ".", lead=text.capital(first))
    return Line(
        (
            deal_cell(inputs, row),
            *owner,
            Cell(text.label(row["stage"])),
            Cell(text.number(row["value"])),
            Cell(stated(row.get("probability"))),
            Cell(inputs.day(row["close_date"])),
            why,
        )
    )
