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


def risk(tables: Tables) -> Block:
    """The open deals with flags, the most value first, each with its reasons."""
    inputs, table = tables.inputs, tables.flags
    flagged = table[table["risk"] > 0]
    if flagged.empty:
        words = (
            f"None of {text.count(len(table), 'open deal')} shows a warning sign."
            if len(table)
            else "No deal is open."
        )
        return Block("risk", "No deal at risk", parts=(Note(words),), nav=_NAV)
    shown = flagged.head(_MOST)
    lines = tuple(_line(tables, row) for row in _detailed(tables, shown).to_dict("records"))
    owned = [Column("Owner", right=False, kind="o")] if inputs.person else []
    columns = (
        Column("Deal", right=False, phone="full", kind="deal"),
        *owned,
        Column("Stage", right=False, kind="o"),
        Column("Value"),
        Column("Chance"),
        Column("Close"),
        Column("Why", right=False, phone="full", kind="why"),
    )
    # The sentence goes on to name kinds and the largest, which the table shows.
    title = finding(table).partition(":")[0]
    return Block("risk", title, _sub(tables, flagged), (Table(columns, (Group(lines),), "risk"),), _NAV)


def _sub(tables: Tables, flagged: pd.DataFrame) -> str:
    inputs = tables.inputs
    said = []
    due = inputs.open_now["unique_id"]
    if len(due):
        mine = int(due.isin(flagged.index).sum())
        if len(due) == 1:
            said.append(f"The deal due in {inputs.name} has {'one' if mine else 'none'}")
        else:
            of = f"{text.spelled(mine) if mine else 'none'} of the {text.count(len(due))}"
            said.append(text.capital(f"{of} due in {inputs.name} {'has' if mine == 1 else 'have'} one"))
    if len(inputs.overdue):
        late = inputs.overdue
        said.append(
            f"{text.capital(text.spelled(len(late), 'deal'))} worth {inputs.money(late['value'].sum())} {'is' if len(late) == 1 else 'are'} past the close date"
        )
    rest = len(flagged) - _MOST
    said.append(
        "The largest first" + (f"; {text.count(rest, 'more deal')} in the workbook" if rest > 0 else "")
    )
    return ". ".join(said)


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
            Cell(text.label(str(row["stage"]))),
            Cell(text.number(row["value"])),
            Cell(stated(row.get("probability"))),
            Cell(inputs.day(row["close_date"])),
            why,
        )
    )
