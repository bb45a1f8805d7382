"""An answer as a block of the page: how its rows, words and columns look there."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from opp_analytics import text
from opp_analytics.answers import CLOSED_AS, Answer, Context, Row, draw, tables
from opp_analytics.answers import Table as AnswerTable
from opp_analytics.columns import find_unit, write_label
from opp_analytics.org import record_link
from opp_analytics.report.model import (
    Block,
    Cell,
    Deal,
    Deals,
    Fold,
    Group,
    Line,
    Opening,
    PageColumn,
    Saying,
    Table,
    say_only,
)
from opp_analytics.text import Piece

_MOST = 20
"""Deals that a fold lists, about a screen: the workbook has the others."""
_AMOUNTS = {"value": ("Value",), "expected": ("Value", "Expected"), "change": ("Change",)}
"""Headings of what a list of deals adds up."""
_NAME = PageColumn("Deal", right=False, phone="full", kind="deal")
_LOOKS = {
    "owner_name": PageColumn("", right=False, kind="o"),
    "stage": PageColumn("", right=False, kind="stage"),
    "reasons": PageColumn("", right=False, phone="full", kind="why"),
}
"""How columns of texts look; numbers and dates are at the right."""


def show_answer(answer: Answer, key: str, nav: str, *, most: int) -> Block:
    """Show an answer as a block: its first table, of it at most so many rows, others as folds."""
    if not answer.tables:
        return say_only(key, answer.title, f"{answer.say(answer.finding)}.", nav)
    first, *others = answer.tables
    shown = first.rows[:most]
    rest = len(first.rows) - len(shown)
    note = ". ".join(map(answer.say, answer.notes))
    more = f"; {text.count(rest, 'more deal')} in the workbook" if rest else ""
    return Block(
        key,
        answer.say(answer.finding),
        f"{note}{more}",
        (
            show_table(answer, first, key, most),
            *(Fold(one.name, _list_deals(answer, one, one.name)) for one in others),
        ),
        nav,
        tuple(Saying(row.name.write(None), answer.say(row.says)) for row in shown if row.says),
        note=note and f"{note}.",
        rest=rest,
    )


def show_table(
    answer: Answer, table: AnswerTable, kind: str, most: int, caption: str = ""
) -> Table:
    """Show a table of deals, of it at most so many rows."""
    columns = answer.title_columns(table)
    looks = [
        replace(_LOOKS.get(name, PageColumn("")), title=title) for name, title in columns.items()
    ]
    name = replace(_NAME, title=table.heads.get("name", _NAME.title))
    lines = tuple(_show_row(answer, columns, row) for row in table.rows[:most])
    return Table((name, *looks), (Group(lines),), kind, caption)


def show_chart(
    answer: Answer, key: str, sub: str, nav: str = "", *, most: int | None = None
) -> Block:
    """Show an answer as a block of its picture, explained by `sub`; a row opens to its deals.

    `most` rows of the picture have room.
    """
    if not answer.tables or answer.chart is None:
        return say_only(key, answer.title, f"{answer.say(answer.finding)}.", nav)
    rows = draw(answer)
    rows = replace(rows, rows=rows.rows[:most])
    by_id = {row.id: row for row in answer.tables[0].rows}
    shown = [by_id[one.key] for one in rows.rows]
    opened = tuple(show_behind(answer, row) for row in shown)
    teams = [tables.find_teams(answer.context, row.id) for row in shown if row.kind == "person"]
    return Block(key, answer.say(answer.finding), sub, (Opening(rows, opened, tuple(teams)),), nav)


def show_behind(answer: Answer, row: Row) -> Deals | None:
    """Show what is behind a row; None where nothing is."""
    behind = answer.opens(row)
    if behind is None:
        return None
    if behind.key == "deals":
        return show_deals(behind)
    return Deals(behind.title, (), f"{behind.say(behind.finding)}.")


def show_deals(answer: Answer, total: float | None = None) -> Deals | None:
    """Show a list of deals and what they add up to, by default their sum; None of no rows."""
    if not answer.tables:
        return None
    note = " ".join(f"{answer.say(words)}." for words in answer.notes)
    (table,) = answer.tables
    return replace(_list_deals(answer, table, answer.title, total, sheet=table.name), note=note)


def _show_row(answer: Answer, columns: Iterable[str], row: Row) -> Line:
    return Line(
        (_name(answer, row), *(_show_cell(answer, row, name) for name in columns)),
        teams=tables.find_teams(answer.context, row.id),
        opens=show_behind(answer, row),
    )


def _name(answer: Answer, row: Row) -> Cell:
    link = record_link(answer.context.org.record_url, row.id) if row.kind == "deal" else None
    return Cell(str(row.name.value), name=True, link=link or "")


def _show_cell(answer: Answer, row: Row, column: str) -> Cell:
    if column in row.words:
        first, *others = row.words[column].pieces
        words = "".join(piece.write(answer.context.org.currency) for piece in others)
        return Cell(words, lead=str(first.value))
    return Cell(_write(answer.context, row, column), name=column in answer.context.by)


def _write(context: Context, row: Row, column: str) -> str:
    value: Any = row.values.get(column)
    if value is None:
        return text.MISSING
    if column == "close_date":
        return context.write_day(value)
    match find_unit(column):
        case "money":
            return text.number(float(value))
        case "rate":
            return text.percent(float(value))
        case "percent":
            return text.percent(float(value) / 100)
    return text.number(value) if isinstance(value, int) else write_label(column, value)


def _list_deals(
    answer: Answer,
    table: AnswerTable,
    caption: str,
    total: float | None = None,
    *,
    sheet: str = "deals",
) -> Deals:
    """List the deals of a table, the largest first, then the others in one line, and the total."""

    def measure(row: Row) -> float:
        return float(row.values.get(table.adds, math.nan))

    def rank(row: Row) -> float:
        return -abs(size) if math.isfinite(size := measure(row)) else math.inf

    listed = [row for row in table.rows if row.kind == "deal"]
    rows = sorted((row for row in listed if not row.folded), key=rank)
    further = [row for row in table.rows if row.kind != "deal"]
    if folded := [row for row in listed if row.folded]:
        name = Piece("count", len(folded), noun="closed deal")
        further = [Row("", name, {table.adds: _add([*map(measure, folded)])}), *further]
    amounts = [measure(row) for row in (*rows, *further)]
    (goal,) = text.round_parts([_add(amounts) if total is None else total])
    parts = text.round_parts(amounts, goal)
    write = partial(text.number, signed=table.adds == "change")
    lines = [
        _list_deal(answer, table, row, write(part))
        for row, part in zip(rows[:_MOST], parts, strict=False)
    ]
    names = [row.name.write(None) for row in further]
    sums = [*zip(names, map(write, parts[len(rows) :]), strict=True)]
    if others := rows[_MOST:]:
        rest = write(_add(parts[_MOST : len(rows)]))
        sums = [(_say_others(answer.context, others, sheet), rest), *sums]
    if table.adds == "expected" or len(parts) > 1:
        sums.append(("Forecast" if table.adds == "expected" else "Total", write(goal)))
    return Deals(
        caption,
        tuple(lines),
        amounts=_AMOUNTS[table.adds],
        sums=tuple(sums),
        history=table.heads.get("chance", "") if "chance" in table.columns else "",
    )


def _say_others(context: Context, rows: Sequence[Row], sheet: str) -> str:
    """Say how many deals are not listed, and how many of them the workbook has."""
    there = len(rows)
    if sheet == "deals":
        there = sum(row.id in tables.listed_ids(context) for row in rows)
    some = "" if there == len(rows) else f", {there:,} of them" if there else ", none of them"
    return (
        f"{text.count(len(rows), 'more deal')}{some} in the workbook, sheet “{text.title(sheet)}”"
    )


def _list_deal(answer: Answer, table: AnswerTable, row: Row, amount: str) -> Deal:
    context, outcome = answer.context, row.values.get("outcome")
    ended = str(outcome) if outcome in CLOSED_AS else ""
    tells = "probability" in table.columns
    return Deal(
        name=str(row.name.value),
        owner=str(row.values.get(context.person or "", "")),
        stage=_write(context, row, "stage")
        if "stage" in table.columns
        else text.stage(row.values["outcome"]),
        close=_write(context, row, "close_date"),
        stated=(ended or _write(context, row, "probability")) if tells else "",
        history=_write(context, row, "chance") if tells and not ended else "",
        amounts=(*([_write(context, row, "value")] if table.adds == "expected" else []), amount),
        link=_name(answer, row).link,
    )


def _add(parts: Sequence[float]) -> float:
    return math.fsum(part for part in parts if math.isfinite(part))
