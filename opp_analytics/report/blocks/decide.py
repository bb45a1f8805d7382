"""Deals that decide: which deal changes the chance of the target, as a block of the page."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from opp_analytics import svg, text
from opp_analytics.report.deal_lists import deal_cell
from opp_analytics.report.finding import finding
from opp_analytics.report.model import Block, Cell, Column, Group, Line, Note, Table
from opp_analytics.report.tables import Tables, method_name

__all__ = ["decide"]

_MOST = 5


def decide(tables: Tables) -> Block | None:
    """The deals due that move the chance most, each with the chance if it is lost and if it is won."""
    inputs, deals = tables.inputs, tables.swings
    if not math.isfinite(tables.current["target"]):
        return None
    if deals.empty:
        words = f"No open deal with a value and a chance is due in {inputs.name}."
        return Block("decide", "Deals that decide", parts=(Note(words),), nav="Deals that decide")
    if method_name(deals) == "stated":
        return _at_stated_chances(tables, deals)
    shown = deals.head(_MOST)
    shown.attrs = deals.attrs
    lines = tuple(Line((_deal(tables, row), _swing(row))) for row in shown.to_dict("records"))
    columns = (
        Column("Deal", right=False, phone="full", kind="deal"),
        Column("Chance of target if lost, if won", right=False, phone="full", kind="pict"),
    )
    rest = f" of {len(deals):,}" if len(deals) > _MOST else ""
    sub = f"The {text.spelled(len(shown), 'deal')}{rest} with most at stake in {inputs.name}, each with its own chance. Ring: the chance of the target if the deal is lost; blue: if it is won"
    return Block(
        "decide", finding(shown), sub, (Table(columns, (Group(lines),), "decide"),), "Deals that decide"
    )


def _at_stated_chances(tables: Tables, deals: pd.DataFrame) -> Block:
    """The largest deals due; what one of them does to the target is not known from stated chances of open deals alone."""
    money = tables.inputs.money
    shown = deals.sort_values(["value", "unique_id"], ascending=[False, True]).head(_MOST)
    lines = tuple(
        Line((_deal(tables, row), Cell(money(row["weighted"])))) for row in shown.to_dict("records")
    )
    columns = (Column("Deal", right=False, phone="full", kind="deal"), Column("Value × chance"))
    first = shown.iloc[0]
    rank = "largest" if len(deals) > 1 else "only"
    title = f"{first['name']}, {money(first['value'])}, is the {rank} open deal due"
    sub = "At stated chances. What one deal does to the chance of the target shows once chances are learned"
    return Block("decide", title, sub, (Table(columns, (Group(lines),), "decide"),), "Deals that decide")


def _deal(tables: Tables, row: dict[Any, Any]) -> Cell:
    inputs = tables.inputs
    owner = [str(row[inputs.person])] if inputs.person else []
    facts = [
        *owner,
        inputs.money(row["value"]),
        text.percent(row["chance"]),
        f"due {inputs.day(row['close_date'])}",
    ]
    return deal_cell(inputs, row, small=" · ".join(facts))


def _swing(row: dict[Any, Any]) -> Cell:
    lost, won = text.percent(row["p_if_lost"]), text.percent(row["p_if_won"])
    drawn = svg.swing(row["p_if_lost"], row["p_if_won"], said=f"{lost} if lost, {won} if won")
    return Cell(f"{lost} → {won}", picture=drawn)
