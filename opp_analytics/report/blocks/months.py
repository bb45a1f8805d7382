"""The periods ahead: is enough there, how much to add, as a block of the page."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pandas as pd

from opp_analytics import svg, text
from opp_analytics.report.deal_lists import deal_list
from opp_analytics.report.finding import finding
from opp_analytics.report.model import Block, Cell, Column, Deals, Group, Line, Table
from opp_analytics.report.tables import Tables

__all__ = ["months"]


def months(tables: Tables) -> Block:
    """Forecast, range, chance, coverage and pipeline to add of the next periods."""
    inputs, table = tables.inputs, tables.ahead
    target = float(table["target"].max())
    amounts = svg.axis([*table["high"], *table["expected"], *table["target"]])
    adds = "needed_pipeline" in table
    columns = [
        Column(text.capital(inputs.noun), right=False),
        Column(
            "", right=False, phone="full", kind="pict", picture=svg.month_axis(amounts, target, inputs.money)
        ),
        Column("Forecast"),
        Column(f"{text.percent(table.attrs['confidence'])} range"),
    ]
    if math.isfinite(target):
        columns += [] if tables.stated else [Column("Chance")]
        columns += [Column("Coverage"), *([Column("Pipeline to add")] if adds else [])]
    else:
        columns.append(Column("Due so far"))
    lines = tuple(
        Line(
            _cells(tables, str(name), row, amounts, math.isfinite(target), adds),
            opens=_due(tables, str(name)),
        )
        for name, row in table.iterrows()
    )
    sub = "Blue: open deals at their chances. Pale: usual new business. Dot and line: forecast and range"
    if math.isfinite(target):
        sub += f". Upright line: target {inputs.money(target)}"
    return Block(
        "months",
        finding(table),
        sub,
        (Table(tuple(columns), (Group(lines),), "months"),),
        f"Next {inputs.noun}s",
    )


def _due(tables: Tables, period: str) -> Deals | None:
    """The open deals due in a period."""
    inputs = tables.inputs
    rows = inputs.deals[(inputs.deals["outcome"] == "open") & (inputs.deals["period"] == period)]
    return deal_list(inputs, rows, f"Due in {inputs.name_of(period)}") if len(rows) else None


def _cells(
    tables: Tables, name: str, row: pd.Series[Any], amounts: svg.Axis, aimed: bool, adds: bool
) -> tuple[Cell, ...]:
    money, known = tables.inputs.money, math.isfinite(row["low"])
    label = text.period(name, tables.inputs.freq)
    cells = [
        Cell(label.partition(" (")[0]),
        Cell("", picture=svg.month(row, amounts, money, name=label)),
        Cell(money(row["expected"]) if known else text.MISSING),
        Cell(_range(money(row["low"]), money(row["high"])) if known else text.MISSING),
    ]
    if not aimed:
        return (*cells, Cell(money(row["open_value"])))
    cells += [] if tables.stated else [Cell(text.percent(row["p_target"]))]
    due = bool(row["open_count"])
    cells.append(Cell(text.times(row["pipeline_coverage"])) if due else Cell("none due", tone="quiet"))
    return (*cells, *([_to_add(row["needed_pipeline"], money)] if adds else []))


def _range(low: str, high: str) -> str:
    return low if low == high else f"{low}–{high}"


def _to_add(needed: float, money: Callable[[float], str]) -> Cell:
    """Pipeline to add; none where what is there is enough."""
    return Cell("none", tone="quiet") if needed <= 0 else Cell(money(needed))
