"""An answer as a block of the page: how its rows, words and columns look there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from opp_analytics import text
from opp_analytics.answers import CLOSED_AS, Answer, Context, Row, tables
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
    PageColumn,
    Saying,
    Table,
    say_only,
)

_MOST = 20
"""Deals that a fold lists, about a screen: the workbook has the others."""
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
        return say_only(key, answer.title, answer.sentence, nav)
    first, *others = answer.tables
    shown = first.rows[:most]
    rest = len(first.rows) - len(shown)
    note = ". ".join(map(answer.say, answer.notes))
    more = f"; {text.count(rest, 'more deal')} in the workbook" if rest else ""
    columns = [
        replace(_LOOKS.get(name, PageColumn("")), title=title)
        for name, title in zip(first.columns, first.titles, strict=True)
    ]
    lines = tuple(_show_row(answer, first, row) for row in shown)
    return Block(
        key,
        answer.say(answer.finding),
        f"{note}{more}",
        (
            Table((_NAME, *columns), (Group(lines),), key),
            *(Fold(one.name, _list_deals(answer, one)) for one in others),
        ),
        nav,
        tuple(Saying(row.name.write(None), answer.say(row.says)) for row in shown if row.says),
        note=note and f"{note}.",
        rest=rest,
    )


def _show_row(answer: Answer, table: AnswerTable, row: Row) -> Line:
    behind = answer.opens(row)
    return Line(
        (_name(answer, row), *(_show_cell(answer, row, name) for name in table.columns)),
        teams=tables.find_teams(answer.context, row.id),
        opens=Deals(behind.title, (), behind.sentence) if behind else None,
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
    return write_label(column, value)


def _list_deals(answer: Answer, table: AnswerTable) -> Deals:
    """List the deals of a table, the largest first, then the others in one line, and the total."""
    amounts = [float(row.values.get(table.adds, math.nan)) for row in table.rows]
    order = sorted(range(len(amounts)), key=lambda place: -abs(amounts[place]))
    parts = text.round_parts([amounts[place] for place in order])
    listed = [
        _list_deal(answer, table.rows[place], text.number(part))
        for place, part in zip(order[:_MOST], parts[:_MOST], strict=True)
    ]
    rest = parts[_MOST:]
    words = f"{text.count(len(rest), 'more deal')} in the workbook, sheet “Deals”"
    sums = [
        *([(words, text.number(_add(rest)))] if rest else []),
        *([("Total", text.number(_add(parts)))] if len(parts) > 1 else []),
    ]
    heads = table.heads.get("chance", "") if "chance" in table.columns else ""
    return Deals(table.name, tuple(listed), sums=tuple(sums), history=heads)


def _list_deal(answer: Answer, row: Row, amount: str) -> Deal:
    context, outcome = answer.context, row.values.get("outcome")
    ended = str(outcome) if outcome in CLOSED_AS else ""
    return Deal(
        name=str(row.name.value),
        owner=str(row.values.get(context.person or "", "")),
        stage=_write(context, row, "stage"),
        close=_write(context, row, "close_date"),
        stated=ended or _write(context, row, "probability"),
        history="" if ended else _write(context, row, "chance"),
        amounts=(amount,),
        link=_name(answer, row).link,
    )


def _add(parts: Sequence[float]) -> float:
    return math.fsum(part for part in parts if math.isfinite(part))
