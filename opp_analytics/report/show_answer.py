"""An answer as a block of the page: how its rows, words and columns look there."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Literal

from opp_analytics import text
from opp_analytics.answers import (
    CLOSED_AS,
    Answer,
    Context,
    Look,
    Row,
    Table,
    draw,
    draw_rows,
    tables,
)
from opp_analytics.columns import find_sign, find_unit, format_cell, write_label
from opp_analytics.org import record_link
from opp_analytics.report.model import (
    Block,
    BlockPart,
    Cell,
    Chart,
    Deal,
    Deals,
    Fold,
    Group,
    Line,
    Opening,
    PageColumn,
    PageTable,
    say_only,
)
from opp_analytics.schema import HALF_CENT
from opp_analytics.svg import Rows
from opp_analytics.text import Sentence

_MOST = 20
"""Deals that a fold lists, about a screen: the workbook has the others."""
_AMOUNTS = {"value": ("Value",), "expected": ("Value", "Expected"), "change": ("Change",)}
"""Headings of what a list of deals adds up."""
_LONG = 9_999_999.5
"""Amounts from here on are shown with three digits."""
_NAME = PageColumn("Deal", right=False, phone="full", kind="deal")
PICTURE, RANGE = "picture", "range"
"""What a table has beside an answer's columns: the picture of a row, and low to high in one."""
_LOOKS = {
    "owner_name": PageColumn("", right=False, kind="o"),
    "stage": PageColumn("", right=False, kind="stage"),
    "reasons": PageColumn("", right=False, phone="full", kind="why"),
    "action": PageColumn("", right=False, phone="full", kind="why"),
    "call": PageColumn("", kind="call"),
    "commit_total": PageColumn("", kind="wide"),
    "best_case_total": PageColumn("", kind="wide"),
    "change": PageColumn("", kind="since"),
    PICTURE: PageColumn("", right=False, phone="full", kind="pict"),
}
"""How columns look; other numbers and dates are at the right."""
_WriteMoney = Callable[..., str]


def show_answer(answer: Answer, look: Look) -> Block:
    """Show an answer as a block: its picture, else its first table and the others as folds."""
    shown, make = answer.main_tables, partial(Block, answer.key, answer.say(answer.finding))
    if not shown:
        return say_only(answer.key, answer.title, f"{answer.say(answer.finding)}.", look.nav)
    notes, drawn = [*map(answer.say, answer.notes)], draw(answer)
    if not drawn:
        first, *others = shown
        rest = len(first.rows) - (look.most or len(first.rows))
        more = f"{text.count(rest, 'more deal')} in the workbook" if rest > 0 else ""
        sub = "; ".join(filter(None, (". ".join(notes), more)))
        folds = (Fold(one.name, _list_deals(answer, one, one.name)) for one in others)
        return make(sub, (show_table(answer, first, answer.key, look.most), *folds), look.nav)
    notes.append(look.reads.format(noun=answer.context.noun))
    part: BlockPart = Chart(drawn) if isinstance(drawn, str) else _open_rows(answer, drawn, look)
    notes.append("" if isinstance(drawn, str) else drawn.note)
    return make(". ".join(filter(None, notes)), (part,), look.nav)


def _open_rows(answer: Answer, drawn: Rows, look: Look) -> Opening:
    """Open each row of a picture to its deals."""
    rows = answer.tables[0].rows
    by_id = {row.id: row for row in rows}
    # Deals that became more and less likely are two rows of one key.
    placed = zip(drawn.rows[: look.most], rows, strict=False)
    opened = tuple(show_behind(answer, by_id.get(one.key, row)) for one, row in placed)
    return Opening(replace(drawn, rows=drawn.rows[: look.most]), opened)


def show_table(
    answer: Answer,
    table: Table,
    kind: str,
    most: int | None = None,
    caption: str = "",
    *,
    columns: Sequence[str] = (),
    money: _WriteMoney = text.number,
    heads: Mapping[str, str] | None = None,
) -> PageTable:
    """Show a table, or `most` rows of it.

    `columns` are those shown, in their order, as far as the table has them. `money` writes amounts;
    `heads` name columns otherwise.
    """
    titles = answer.title_columns(table) | dict(heads or {})
    names = [one for one in columns if one in (*titles, PICTURE, RANGE)] or list(titles)
    axis, pictures = draw_rows(answer) if PICTURE in names else ("", {})
    looks = [replace(_LOOKS.get(one, PageColumn("")), title=titles.get(one, "")) for one in names]
    looks = [replace(one, picture=axis) if one.kind == "pict" else one for one in looks]
    rows = table.rows[:most]
    is_deals = not rows or rows[0].kind == "deal"
    name = _NAME if is_deals else PageColumn("", right=False)

    def write(row: Row) -> Line:
        cells = (
            Cell("", picture=pictures.get(row.id, ""))
            if one == PICTURE
            else show_cell(answer, row, one, money)
            for one in names
        )
        return Line(
            (show_name(answer, row), *cells),
            opens=show_behind(answer, row),
        )

    return PageTable(
        (replace(name, title=table.heads.get("name", name.title)), *looks),
        tuple(_show_groups(answer.context, rows, write)),
        kind,
        caption,
    )


def _show_groups(
    context: Context, rows: Sequence[Row], write: Callable[[Row], Line]
) -> Iterator[Group]:
    """Show the groups of rows; a line opens those that are folded."""
    starts = [at for at, row in enumerate(rows) if at == 0 or row.kind in ("team", "total")]
    for start, end in zip(starts, [*starts[1:], None], strict=True):
        mine = rows[start:end]
        first, *below = mine
        rest = sum(row.folded for row in mine)
        is_all = rest == len(mine) - (first.kind == "team")
        more = text.count(rest, context.who if is_all else f"more {context.who}") if rest else ""
        if first.kind == "total":
            yield Group((replace(write(first), level="total"),))
        elif first.kind == "team":
            lead = replace(write(first), level="group")
            lines = [replace(write(row), level="member", kept=not row.folded) for row in below]
            if more:
                name = f"Deals of {first.name.value}"
                lines.append(replace(lead, cells=_write_name(lead, name), level="member"))
                cells = (replace(lead.cells[0], beside=(Cell(more),)), *lead.cells[1:])
                lead = replace(lead, cells=cells, opens=None)
            yield Group((lead, *lines), folded=bool(more))
        else:
            shown = [(row, write(row)) for row in mine]
            yield Group(tuple(line for row, line in shown if not row.folded))
            if more:
                folded = [replace(line, level="member") for row, line in shown if row.folded]
                yield Group((Line(_write_name(folded[0], more), "group"), *folded), folded=True)


def _write_name(line: Line, name: str) -> tuple[Cell, ...]:
    """Write the cells of a row that has a name alone, as many as a line has."""
    return (Cell(name), *[Cell("", tone="quiet")] * (len(line.cells) - 1))


def show_words(answer: Answer, words: Sentence) -> tuple[Cell, ...]:
    """Show words piece by piece: names may run in either direction."""
    currency = answer.context.org.currency
    return tuple(Cell(one.write(currency), name=one.kind == "name") for one in words.pieces)


def choose_money(context: Context, table: Table) -> tuple[_WriteMoney, str]:
    """Choose how a table writes amounts: full digits unless they are too long; and name the unit.

    What is shown may miss its total, as each amount is rounded by itself; the words say so.
    """
    names = [name for name in table.columns if find_unit(name) == "money"]
    amounts = (abs(row.values.get(name, 0.0)) for row in table.rows for name in names)
    is_long = max(amounts, default=0.0) >= _LONG
    total = [row for row in table.rows if row.kind == "total"]
    parts = [row for row in table.rows if row.depth == 0 and row.kind != "total"]
    misses = is_long or any(
        is_rounded([row.values.get(name) for row in parts], row.values.get(name))
        for row in total
        for name in names
    )
    words = [text.currency_name(context.org.currency), "rounded" if misses else ""]
    return (
        context.money if is_long else text.number,
        text.capital(", ".join(filter(None, words))),
    )


def is_rounded(parts: Iterable[float | None], total: float | None) -> bool:
    """Tell whether parts that add up to a total no longer do once each is rounded to a unit."""
    known = [part for part in parts if part is not None and math.isfinite(part)]
    if total is None or abs(math.fsum(known) - total) >= HALF_CENT:
        return False

    def round_one(value: float) -> float:
        return math.copysign(math.floor(abs(value) + 0.5), value)

    return sum(map(round_one, known)) != round_one(total)


def show_change(now: float, then: float, show: Callable[[float], str]) -> Cell | None:
    """Show a difference as an arrow and its size, which `show` writes.

    None where either end is not known.
    """
    if not (math.isfinite(now) and math.isfinite(then)):
        return None
    size = show(abs(now - then))
    if now == then or size in ("0", text.MISSING):
        return Cell("no change", sign=0)
    return Cell(size, sign=1 if now > then else -1)


def show_behind(answer: Answer, row: Row) -> Deals | None:
    """Show what is behind a row; None where nothing is."""
    behind = answer.opens(row)
    if behind is None:
        return None
    if behind.key == "deals":
        return show_deals(behind)
    return Deals(behind.title, (), f"{behind.say(behind.finding)}.")


def show_deals(answer: Answer) -> Deals | None:
    """Show a list of deals and what they add up to; None of no rows."""
    if not answer.tables:
        return None
    note = " ".join(f"{answer.say(words)}." for words in answer.notes)
    (table,) = answer.tables
    return replace(_list_deals(answer, table, answer.title, sheet=table.name), note=note)


def show_name(answer: Answer, row: Row) -> Cell:
    """Show a row's name; a deal's leads to the CRM where the org says how."""
    link = record_link(answer.context.org.record_url, row.id) if row.kind == "deal" else None
    is_name = row.name.kind in ("name", "deal")
    return Cell(str(row.name.value), name=is_name, link=link or "", part=row.part)


def show_cell(answer: Answer, row: Row, column: str, money: _WriteMoney = text.number) -> Cell:
    """Show a row's value in a column, and words beside it or in its place."""
    words, currency = row.words.get(column), answer.context.org.currency
    value: Any = row.values.get(column)
    if column == RANGE:
        if "low" not in row.values:
            return Cell(text.MISSING)
        ends = text.money_range(row.values["low"], row.values["high"], money)
        return Cell(ends, beside=show_words(answer, row.words.get("high", Sentence())))
    if value is None and words:
        first, *others = words.pieces
        if first.kind != "lead":
            return Cell(words.write(currency), tone="quiet")
        return Cell("".join(one.write(currency) for one in others), lead=str(first.value))
    beside = show_words(answer, words) if words else ()
    if find_sign(column) == "arrow":
        cell = show_change(float("nan") if value is None else value, 0.0, money)
        tone: Literal["", "hi"] = "hi" if row.marked == column else ""
        found = replace(cell, tone=tone) if cell else Cell(text.MISSING, tone="quiet")
        return replace(found, beside=beside)
    if value is None:
        return Cell(text.MISSING, tone="quiet")
    if find_sign(column) == "past" and value <= 0:
        return Cell(money(-value, signed=True), tone="quiet")
    if find_unit(column) == "money":
        return Cell(money(float(value)), beside=beside)
    return Cell(
        _write(answer.context, row, column), beside=beside, name=column in answer.context.by
    )


def _write(context: Context, row: Row, column: str) -> str:
    value: Any = row.values.get(column)
    if value is None:
        return text.MISSING
    if column == "close_date":
        return context.write_day(value)
    if isinstance(value, bool):
        return "yes" if value else "could be luck"
    if (unit := find_unit(column)) == "money":
        return text.number(float(value))
    if unit != "other":
        return format_cell(column, float(value), None)
    return text.number(value) if isinstance(value, int) else write_label(column, value)


def _list_deals(answer: Answer, table: Table, caption: str, *, sheet: str = "deals") -> Deals:
    """List the deals of a table, the largest first, then the others in one line, and the total."""

    def measure(row: Row) -> float:
        return float(row.values.get(table.adds, math.nan))

    def rank(row: Row) -> float:
        return -abs(size) if math.isfinite(size := measure(row)) else math.inf

    listed = [row for row in table.rows if row.kind == "deal"]
    rows = sorted((row for row in listed if not row.folded), key=rank)
    further = [row for row in table.rows if row.kind != "deal"]
    write = partial(text.number, signed=find_sign(table.adds) == "arrow")
    sums = [(row.name.write(None), measure(row)) for row in further]
    if folded := [row for row in listed if row.folded]:
        sums.insert(0, (text.count(len(folded), "closed deal"), _add(map(measure, folded))))
    if others := rows[_MOST:]:
        sums.insert(0, (_say_others(answer.context, others, sheet), _add(map(measure, others))))
    parts = [*map(measure, rows[:_MOST]), *(amount for _, amount in sums)]
    if table.adds == "expected" or len(table.rows) > 1:
        total = _add(parts)
        name = "Forecast" if table.adds == "expected" else "Total"
        sums.append((f"{name}, rounded" if is_rounded(parts, total) else name, total))
    return Deals(
        caption,
        tuple(_list_deal(answer, table, row, write(measure(row))) for row in rows[:_MOST]),
        amounts=_AMOUNTS[table.adds],
        sums=tuple((name, write(amount)) for name, amount in sums),
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


def _list_deal(answer: Answer, table: Table, row: Row, amount: str) -> Deal:
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
        link=show_name(answer, row).link,
    )


def _add(parts: Iterable[float]) -> float:
    return math.fsum(part for part in parts if math.isfinite(part))
