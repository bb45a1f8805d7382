"""People: who is short, and who carries, as a block of the page."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from opp_analytics import svg, text
from opp_analytics.report.adding import whole_parts
from opp_analytics.report.changes import change
from opp_analytics.report.deal_lists import deal_list
from opp_analytics.report.finding import finding
from opp_analytics.report.model import Block, Cell, Column, Group, Line, Note, Table
from opp_analytics.report.scale import Scale, scale
from opp_analytics.report.tables import ALL, Tables

__all__ = ["people"]

_MONEY = ["target", "booked", "expected", "gap", "change"]
_NOTHING = ["booked", "open_count", "open_value", "expected"]
"""What somebody without a deal has none of."""
_FEW, _KEPT = 14, 8
"""Rows up to which all are in view; beyond, so many of those furthest below target stay."""


def people(tables: Tables) -> Block:
    """Target, closed, forecast, gap, chance and change of each team and person; a name opens its deals."""
    inputs, table = tables.inputs, tables.people
    if table.empty:
        return Block("people", "People", parts=(Note("No column says whose a deal is. Name one with by=."),))
    table = _with_changes(tables)
    aimed = bool(table["target"].drop(index=ALL).notna().any())
    unit = scale(table[_MONEY].to_numpy(dtype=float).ravel(), inputs.currency)
    shown = _adding_up(table) if unit.divisor == 1 else table
    rows = _Rows(tables, table, shown, unit, aimed)
    sub = [
        unit.words,
        "Gray bar closed, dot forecast, blue band range" + (", black line target" if aimed else ""),
    ]
    return Block(
        "people",
        finding(table),
        ". ".join([*filter(None, sub), "A name opens its deals"]),
        (Table(_columns(tables, aimed), rows.groups(), "people"),),
    )


def _with_changes(tables: Tables) -> pd.DataFrame:
    """The forecasts with their ``change``, and those who had a deal at the earlier record and have none now."""
    table = tables.people
    if tables.no_changes:
        return table.assign(change=math.nan)
    then = tables.earlier.people["expected"]
    gone = then.index.difference(table.index, sort=False)
    rows = table.reindex([*table.index[:-1], *gone, table.index[-1]])
    rows[_NOTHING] = rows[_NOTHING].fillna(0.0)
    joined = rows.assign(change=rows["expected"] - then.reindex(rows.index).fillna(0.0))
    joined.attrs = table.attrs
    return joined


def _adding_up(table: pd.DataFrame) -> pd.DataFrame:
    """The money as whole figures, so that rows add to their total in what is shown."""
    totals = table.index.get_level_values(-1) == ALL
    shown = table.copy()
    for column in _MONEY:
        shown.loc[~totals, column] = whole_parts(
            table.loc[~totals, column].tolist(), whole_parts(table.loc[totals, column].tolist())[0]
        )
        shown.loc[totals, column] = whole_parts(table.loc[totals, column].tolist())
    return shown


def _columns(tables: Tables, aimed: bool) -> tuple[Column, ...]:
    inputs = tables.inputs
    head = text.capital(", ".join(text.label(name.removesuffix("_name")) for name in inputs.by))
    axis = Column("", right=False, phone="full", kind="pict", picture=svg.progress_axis() if aimed else "")
    columns = [Column(head, right=False)]
    columns += [Column("Target")] if aimed else []
    columns += [Column("Closed"), Column("Forecast"), axis]
    columns += [Column("Gap"), Column("Chance")] if aimed else [Column("Due")]
    return (*columns, Column("" if tables.no_changes else f"Since {inputs.day(tables.earlier.day)}"))


class _Rows:
    """The rows of the table."""

    def __init__(
        self, tables: Tables, table: pd.DataFrame, shown: pd.DataFrame, unit: Scale, aimed: bool
    ) -> None:
        self.tables, self.table, self.shown, self.unit, self.aimed = tables, table, shown, unit, aimed
        self.top = None if aimed else max(float(table.drop(index=ALL)["high"].max()), 1.0) * 1.05

    def groups(self) -> tuple[Group, ...]:
        """One group of people, and the total."""
        people = self.table[self.table.index != ALL]
        column = "target" if self.aimed else "expected"
        people = people.sort_values([column, "expected"], ascending=False, kind="stable")
        many = len(people) > _FEW
        kept = set((people["target"] - people["expected"]).nlargest(_KEPT).index) if many else set()
        lines = tuple(self.line(name, "member" if many else "", name in kept) for name in people.index)
        return (Group(lines, many), Group((self.line(ALL, "total"),)))

    def line(self, label: Any, level: Any, kept: bool = False) -> Line:
        """One row."""
        row, shown, inputs = self.table.loc[label], self.shown.loc[label], self.tables.inputs
        name = "All" if label == ALL else str(label)
        cells = [Cell(name, name=True)]
        if self.aimed:
            cells.append(self.amount(shown["target"]))
        cells += [self.amount(shown["booked"]), self.amount(shown["expected"])]
        cells.append(
            Cell("", picture=svg.progress(row, inputs.money, top=None if label == ALL else self.top))
        )
        cells += (
            [self.gap(shown), _chance(row, self.tables.stated)]
            if self.aimed
            else [self.amount(row["open_value"])]
        )
        moved = None if math.isnan(row["change"]) else change(shown["change"], 0.0, self.unit.show)
        cells.append(moved or Cell("" if self.tables.no_changes else text.MISSING, tone="quiet"))
        opens = None
        if label != ALL:
            deals = inputs.deals[inputs.deals[inputs.by[-1]] == label]
            deals = deals[deals["period"].isin([str(inputs.period), "overdue"])]
            opens = deal_list(inputs, deals, f"{name}: closed, due and overdue")
        return Line(tuple(cells), level, opens, kept)

    def amount(self, value: float) -> Cell:
        return Cell(self.unit.show(value))

    def gap(self, row: pd.Series[Any]) -> Cell:
        """What is to go; past the target with a plus sign."""
        if math.isnan(row["gap"]):
            return Cell(text.MISSING, tone="quiet")
        if row["gap"] > 0:
            return Cell(self.unit.show(row["gap"]))
        return Cell(self.unit.show(-row["gap"], signed=True), tone="quiet")


def _chance(row: pd.Series[Any], stated: bool) -> Cell:
    if not math.isfinite(row["target"]):
        return Cell(text.MISSING, tone="quiet")
    if row["booked"] >= row["target"]:
        return Cell("met", tone="quiet")
    if not row["open_count"] and row["expected"] <= row["booked"]:
        return Cell("none due", tone="quiet")
    return Cell(text.MISSING, tone="quiet") if stated else Cell(text.chance(row["p_target"]))
