"""Pipeline created: does the inflow suffice, and from whom, as two blocks of the page."""

from __future__ import annotations

import math

from opp_analytics import svg, text
from opp_analytics.errors import MissingColumnError, NotEnoughHistory
from opp_analytics.report.blocks.trend import no_history
from opp_analytics.report.model import Block, Chart
from opp_analytics.report.tables import Tables

__all__ = ["created", "created_by"]

_WEEKS, _NEAR = 12, 0.1
"""Weeks on the page, and the share within which a week is like the average."""
_MOST = 8


def created(tables: Tables) -> Block:
    """Value of the deals created in each of the last weeks, against their average."""
    inputs = tables.inputs
    try:
        table = tables.created.tail(_WEEKS)
    except NotEnoughHistory:
        return Block("created", "Pipeline created", parts=(no_history("the pipeline created each week"),))
    table.attrs = tables.created.attrs
    before = table["value"].iloc[:-1]
    average = float(before.mean()) if len(before) else math.nan
    last = float(table["value"].iloc[-1])
    sub = "Value of the deals created in seven days each, as first seen"
    if len(before):
        sub += f"; line: average of the {text.count(len(before), 'week')} before, {inputs.money(average)}"
    drawn = svg.pipeline_created(table, average=average)
    return Block("created", _title(tables, last, average, len(before)), sub, (Chart(drawn),))


def _title(tables: Tables, last: float, average: float, weeks: int) -> str:
    said = f"New pipeline this week, {tables.inputs.money(last)}"
    if not weeks:
        return said
    usual = f"the {weeks}-week average"
    if not average or abs(last / average - 1) < _NEAR:
        return f"{said}, was in line with {usual}" if last or not average else f"{said}, was below {usual}"
    off = text.percent(abs(last / average - 1))
    return f"{said}, was {off} {'above' if last > average else 'below'} {usual}"


def created_by(tables: Tables) -> Block | None:
    """Value created in the current period so far, by person."""
    inputs = tables.inputs
    if not inputs.person:
        return None
    try:
        table = tables.created_by
    except (NotEnoughHistory, MissingColumnError):
        return None
    whole = float(table["value"].sum())
    if whole <= 0:
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
    first = amounts[0]
    title = f"{first.name} created the most, {text.chance(first.value / whole)} of {inputs.name}’s {inputs.money(whole)}"
    sub = f"Value created in {inputs.name} so far"
    if len(table) > _MOST:
        sub += f", the {_MOST} largest of {len(table)}"
    return Block("created_by", title, sub, (Chart(svg.bars(amounts).html()),))
