"""People: who is short, and who carries, as a block of the page."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Literal

import pandas as pd

from opp_analytics import svg, text
from opp_analytics.report.changes import change
from opp_analytics.report.deal_lists import deal_list
from opp_analytics.report.finding import finding
from opp_analytics.report.model import Block, Cell, Column, Group, Line, Note, Table
from opp_analytics.report.people_rows import Key, People, read_people
from opp_analytics.report.scale import Scale
from opp_analytics.report.tables import Tables

__all__ = ["people"]

_FEW, _KEPT = 16, 8
"""Rows up to which all are in view; beyond, so many of those furthest below target stay."""


def people(tables: Tables) -> Block:
    """Target, closed, forecast, gap, chance and change of each team and person; a name opens its deals."""
    inputs = tables.inputs
    if tables.persons.empty:
        words = (
            "No column says whose a deal is. Name one with by=."
            if not inputs.by
            else f"Nobody has a deal in {inputs.name}."
        )
        return Block("people", "People", parts=(Note(words),))
    shown = read_people(tables)
    line = "" if not math.isfinite(tables.current["target"]) else ", black line target"
    drawn = (
        f"Gray bar closed, dot forecast, blue band range{line if shown.aimed else line and f'{line} of all'}"
    )
    sub = ". ".join(filter(None, (shown.unit.words, drawn, "A name opens its deals", _strangers(tables))))
    table = Table(_columns(tables, shown.aimed), tuple(_groups(tables, shown)), "people")
    return Block("people", finding(shown.table), sub, (table,))


def _strangers(tables: Tables) -> str:
    """Who has a target and not one deal, open or closed: a new person, or a name that is spelled in two ways."""
    inputs, people = tables.inputs, tables.persons
    if not inputs.person:
        return ""
    aimed = people.index[people["target"].notna()]
    names = [str(name) for name in aimed if name not in set(inputs.deals[inputs.person])]
    if not names:
        return ""
    have = "has a target and owns no deal" if len(names) == 1 else "have a target each and own no deal"
    return f"{text.joined(names, most=3)} {have}; is the name spelled as in the CRM?"


def _columns(tables: Tables, aimed: bool) -> tuple[Column, ...]:
    inputs = tables.inputs
    head = text.capital(", ".join([*map(text.label, inputs.by[:-1]), inputs.who]))
    axis = Column("", right=False, phone="full", kind="pict", picture=svg.progress_axis() if aimed else "")
    columns = [Column(head, right=False)]
    columns += [Column("Target")] if aimed else []
    columns += [Column("Closed"), Column("Forecast"), axis]
    columns += [Column("Gap"), Column("Chance")] if aimed else [Column("Due")]
    since = [] if tables.no_changes else [Column(f"Since {inputs.day(tables.earlier.day)}", kind="since")]
    return (*columns, *since)


def _groups(tables: Tables, shown: People) -> Iterator[Group]:
    """Each team with its people, then the total; many rows are folded to those furthest below target."""
    rows = _Rows(tables, shown)
    many = len(shown.table) > _FEW
    short = shown.table["target"] - shown.table["expected"]
    kept = (
        set(short[[not shown.is_total(key) for key in shown.table.index]].nlargest(_KEPT).index)
        if many
        else set()
    )
    if len(tables.inputs.by) == 1:
        level: Literal["member", ""] = "member" if many else ""
        yield Group(tuple(rows.line(key, level, key in kept) for key in shown.members(())), many)
    else:
        for team in shown.teams():
            members = (rows.line(key, "member", key in kept) for key in shown.members(team))
            yield Group((rows.line(shown.total_of(team), "group"), *members), many)
    yield Group((rows.line(shown.whole, "total"),))


class _Rows:
    """The rows of the table."""

    def __init__(self, tables: Tables, shown: People) -> None:
        self.tables, self.shown, self.unit = tables, shown, shown.unit
        members = shown.table.drop(index=[shown.whole])
        self.top = None if shown.aimed else 1.05 * max(float(members[["high", "expected"]].max().max()), 1.0)

    def line(self, key: Key, level: Any, kept: bool = False) -> Line:
        """One row."""
        row, figures = self.shown.row(key), self.shown.figures(key)
        aimed, unit = self.shown.aimed, self.unit
        top = None if key == self.shown.whole else self.top
        cells = [
            Cell(self.shown.name(key), name=True),
            *([_amount(figures["target"], unit)] if aimed else []),
        ]
        cells += [_amount(figures["booked"], unit), _amount(figures["expected"], unit)]
        cells.append(Cell("", picture=svg.progress(row, self.tables.inputs.money, top=top)))
        cells += [_gap(figures, unit), self.chance(row)] if aimed else [_amount(row["open_value"], unit)]
        opens = None if self.shown.is_total(key) else self.deals(key)
        if not self.tables.no_changes:
            cells.append(self.change(figures))
        return Line(tuple(cells), level, opens, kept)

    def chance(self, row: pd.Series[Any]) -> Cell:
        """The chance of the target, or why there is none."""
        if row["booked"] >= row["target"]:
            return Cell("met", tone="quiet")
        if not row["open_count"] and not row["expected"] > row["booked"]:
            return Cell("none due", tone="quiet")
        known = math.isfinite(row["p_target"]) and not self.tables.stated
        return Cell(text.percent(row["p_target"])) if known else Cell(text.MISSING, tone="quiet")

    def change(self, figures: pd.Series[Any]) -> Cell:
        """The change of the forecast."""
        return change(float(figures["change"]), 0.0, self.unit.show) or Cell(text.MISSING, tone="quiet")

    def deals(self, key: Key) -> Any:
        """The person's deals of this period: closed, due and overdue."""
        inputs = self.tables.inputs
        parts = key if isinstance(key, tuple) else (key,)
        rows = inputs.deals[inputs.deals["period"].isin([str(inputs.period), "overdue"])]
        for column, label in zip(inputs.by, parts, strict=True):
            rows = rows[rows[column] == label]
        return deal_list(inputs, rows, f"{self.shown.name(key)}: closed, due and overdue")


def _amount(value: float, unit: Scale) -> Cell:
    return Cell(unit.show(value)) if math.isfinite(value) else Cell(text.MISSING, tone="quiet")


def _gap(figures: pd.Series[Any], unit: Scale) -> Cell:
    """What is to go; past the target with a plus sign."""
    if math.isnan(figures["gap"]):
        return Cell(text.MISSING, tone="quiet")
    if figures["gap"] > 0:
        return Cell(unit.show(figures["gap"]))
    return Cell(unit.show(-figures["gap"], signed=True), tone="quiet")
