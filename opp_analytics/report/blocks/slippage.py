"""Slippage: do dates hold, as a block of the page."""

from __future__ import annotations

from typing import Any

import pandas as pd

from opp_analytics import svg, text
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.report.deal_lists import deal_cell, deal_list, with_details
from opp_analytics.report.finding import finding
from opp_analytics.report.model import Block, Cell, Column, Deals, Group, Line, Note, Opening, Table
from opp_analytics.report.tables import Slippage, Tables

__all__ = ["slippage"]

_NAV = "Slippage"
_MOST = 5


def slippage(tables: Tables) -> Block | None:
    """What was due and what became of it, this period and the two before; and deals that keep moving."""
    inputs = tables.inputs
    try:
        found = tables.slippages
    except NotEnoughHistory:
        return _too_early(tables)
    named = {_name(tables, part): part for part in found}
    rows = svg.slippage({name: part.table for name, part in named.items()})
    opened = tuple(_due(tables, name, part) for name, part in named.items())
    parts: list[Any] = [Opening(rows, opened)]
    if len(tables.pushed):
        parts.append(_pushed(tables))
    periods = pd.concat({part.name: part.table for part in found}, names=["period"])
    periods.attrs = {**found[-1].table.attrs, "as_of": str(inputs.today.date()), "freq": inputs.freq}
    sub = f"Outcome of each deal that was due when the {inputs.noun} began, by value; total due at right"
    return Block("slippage", finding(periods), sub, tuple(parts), _NAV)


def _too_early(tables: Tables) -> Block | None:
    """What a single record cannot tell."""
    if tables.inputs.records.empty:
        return None
    words = "A single record shows no change. From the second on, this shows the outcome of each deal that was due."
    return Block("slippage", "Slippage", parts=(Note(words),), nav=_NAV)


def _name(tables: Tables, part: Slippage) -> str:
    inputs = tables.inputs
    name = text.capital(text.period_name(part.name, inputs.freq, today=inputs.today, short=True))
    return f"{name} to date" if part.name == str(inputs.period) else name


def _due(tables: Tables, name: str, part: Slippage) -> Deals:
    inputs = tables.inputs
    deals = part.deals
    moved = deals["close_date_after"].where(deals["close_date_after"].notna(), deals["close_date"])
    rows = with_details(inputs, deals, stage=deals["outcome"], close_date=moved).drop(columns="outcome")
    return deal_list(inputs, rows, f"Due in {name}", sheet="Due deals")


def _pushed(tables: Tables) -> Table:
    inputs = tables.inputs
    columns = (
        Column("Pushed twice or more, still open", right=False, phone="full", kind="deal"),
        Column("Pushes"),
        Column("Days later"),
        Column("Value"),
    )
    lines = tuple(
        Line(
            (
                deal_cell(inputs, row),
                Cell(text.number(row["pushes"])),
                Cell(text.number(row["days_pushed"])),
                Cell(text.number(row["value"])),
            )
        )
        for row in tables.pushed.head(_MOST).to_dict("records")
    )
    rest = len(tables.pushed) - len(lines)
    caption = f"Pushed twice or more, as of {inputs.day(inputs.today)}" + (
        f"; {rest:,} more in the workbook" if rest > 0 else ""
    )
    return Table(columns, (Group(lines),), "pushed", caption)
