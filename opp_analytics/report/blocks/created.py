"""Pipeline created: does the inflow suffice, and from whom, as two blocks of the page."""

from __future__ import annotations

import math

from opp_analytics import svg, text
from opp_analytics.errors import MissingColumnError, NotEnoughHistory
from opp_analytics.report.deal_lists import deal_list, with_details
from opp_analytics.report.model import Block, Chart, Deals, Fold, Opening
from opp_analytics.report.tables import Tables

__all__ = ["created", "created_by"]

_WEEKS, _NEAR = 12, 0.1
"""Weeks on the page, and the share within which a week is like the average."""
_MOST = 8


def created(tables: Tables) -> Block | None:
    """Value of the deals created in each of the last weeks, against their average."""
    inputs = tables.inputs
    try:
        table = tables.created.tail(_WEEKS)
    except NotEnoughHistory:
        return None
    table.attrs = tables.created.attrs
    before = table["value"].iloc[:-1]
    average = float(before.mean()) if len(before) else math.nan
    last = float(table["value"].iloc[-1])
    sub = "Value of the deals created in seven days each, as first seen"
    if len(before):
        line = f"average of the {len(before)} weeks before" if len(before) > 1 else "the week before"
        sub += f"; line: {line}, {inputs.money(average)}"
    drawn = svg.pipeline_created(table, average=average, line="average" if len(before) > 1 else "week before")
    return Block(
        "created", _title(tables, last, average, len(before)), sub, (Chart(drawn), *_this_week(tables))
    )


def _this_week(tables: Tables) -> list[Fold]:
    """The deals of the last column."""
    inputs, deals = tables.inputs, tables.created_deals
    mine = deals[deals["period"] == str(tables.created.index[-1])].reset_index(drop=True)
    if mine.empty:
        return []
    said = f"The {text.spelled(len(mine), 'deal')} of this week" if len(mine) > 1 else "The deal of this week"
    return [Fold(said, deal_list(inputs, with_details(inputs, mine), said, sheet="Created"))]


def _title(tables: Tables, last: float, average: float, weeks: int) -> str:
    said = f"New pipeline this week, {tables.inputs.money(last)}"
    if not weeks:
        return said
    usual = f"the {weeks}-week average" if weeks > 1 else "the week before"
    if not average or abs(last / average - 1) < _NEAR:
        return f"{said}, was in line with {usual}" if last or not average else f"{said}, was below {usual}"
    off = text.percent(abs(last / average - 1))
    return f"{said}, was {off} {'above' if last > average else 'below'} {usual}"


def created_by(tables: Tables) -> Block | None:
    """Value created in the current period so far, by person; nothing on the page of one."""
    inputs = tables.inputs
    if not inputs.person:
        return None
    try:
        table = tables.created_by
    except (NotEnoughHistory, MissingColumnError):
        return None
    whole = float(table["value"].sum())
    if whole <= 0 or (inputs.only and len(table) == 1):
        return None
    shown = table.nlargest(_MOST, "value")
    amounts = [
        svg.Amount(
            str(name),
            float(row["value"]),
            inputs.money(row["value"]),
            f"{name}: {inputs.money(row['value'])}, {text.count(int(row['deals']))}",
        )
        for name, row in shown.iterrows()
    ]
    opened = tuple(_of_person(tables, amount.name) for amount in amounts)
    first = amounts[0]
    title = f"{first.name} created the most, {text.percent(first.value / whole)} of {inputs.name}’s {inputs.money(whole)}"
    sub = f"Value created in {inputs.name} so far"
    if len(table) > _MOST:
        sub += f", the {_MOST} largest of {len(table)}"
    return Block("created_by", title, sub, (Opening(svg.bars(amounts), opened),))


def _of_person(tables: Tables, name: str) -> Deals | None:
    """What one person created in the current period, at the value first seen."""
    inputs, deals = tables.inputs, tables.created_by_deals
    mine = deals[(deals.index == name) & (deals["period"] == str(inputs.period)).to_numpy()]
    if mine.empty:
        return None
    rows = with_details(inputs, mine.reset_index(drop=True))
    return deal_list(inputs, rows, f"Created by {name} in {inputs.name}", sheet="Created")
