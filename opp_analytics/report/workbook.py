"""Writing the workbook: typed cells, Excel tables with names and totals, currency formats.

Never a formula from data.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd

from opp_analytics import text, workbooks
from opp_analytics.columns import (
    ALMOST_SURE,
    COLUMNS,
    LABELS,
    choose_workbook_format,
    find_unit,
    title_columns,
    write_label,
)
from opp_analytics.errors import DataWarning
from opp_analytics.escaping import escape_head
from opp_analytics.report.sheets import Sheet, Summary
from opp_analytics.schema import Json

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.worksheet import Worksheet

_MOST_ROWS = 1_048_574
"""Rows of a sheet below its heading and above its total."""
_UPRIGHT = 120
"""Characters of a portrait page."""
_WIDTHS = (30, 15, 15, 15, 15)
"""Widths of the summary's columns, in characters."""
_RED, _QUIET, _BAND = "#B3261E", "#5F676F", "#F2F4F6"
_HEAD = {"bold": True, "bottom": 1, "bottom_color": _QUIET}
_AMOUNT_HEAD = {**_HEAD, "align": "right"}
"""Heads of the summary's tables."""
_WRAPPED, _READ = ("reasons", "action"), ("At risk", "To win")
"""Columns of sentences, and the sheets that show them whole."""


def write_workbook(
    summary: Summary,
    sheets: Sequence[Sheet],
    *,
    currency: str | None,
    as_of: datetime,
    day_first: bool = False,
) -> bytes:
    """Write the workbook as the bytes of an xlsx file; the same input gives the same bytes."""
    saved, day = io.BytesIO(), "d mmm yyyy" if day_first else "mmm d, yyyy"
    notes = [f"{sheet.name}: {sheet.left_out}" for sheet in sheets if sheet.left_out]
    properties = {"title": text.one_line(summary.title), "created": as_of}
    with workbooks.make_workbook(saved, "report", properties) as book:
        _write_summary(book, summary, notes, currency)
        for sheet in sheets:
            _write_table(book, sheet, currency, day)
    return saved.getvalue()


def _write_summary(
    book: Workbook,
    summary: Summary,
    notes: Sequence[str],
    currency: str | None,
) -> None:
    """Write the summary: the page's sentences, its figures as cells with names, and what is drawn.

    All on one sheet of paper.
    """
    page = _new_sheet(book, "Summary", tall=1)
    for place, width in enumerate(_WIDTHS):
        page.set_column(place, place, width)
    small, warning = {"font_size": 9}, {"bold": True, "font_color": _RED}
    said: list[tuple[str, Json]] = [
        (summary.title, {"bold": True, "font_size": 14}),
        *((words, {"bold": True}) for words in summary.sentences[:1]),
        *((words, {**small, "font_color": _RED}) for words in summary.alerts),
        *((words, {}) for words in summary.sentences[1:]),
        *((words, warning) for words in summary.warnings),
    ]
    row = _write_lines(book, page, 0, said) + 1
    for place, title in enumerate(["Figure", "Now", *filter(None, [summary.since])]):
        look = book.add_format(_AMOUNT_HEAD if place else _HEAD)
        page.write(row, place, text.one_line(title), look)
    for figure in summary.figures:
        row += 1
        page.write(row, 0, figure.title)
        _note(page, row, 0, figure.column)
        shown = choose_workbook_format(figure.column, currency) or "#,##0"
        for place, value in enumerate([figure.value, figure.before][: 1 + bool(summary.since)], 1):
            number = None if pd.isna(value) else float(value)
            sure = find_unit(figure.column) == "rate" and workbooks.is_almost_sure(number)
            look = book.add_format({"num_format": ALMOST_SURE if sure else shown, "align": "right"})
            page.write(row, place, number, look)
        book.define_name(figure.column, f"=Summary!$B${row + 1}")
    row += 2
    end = _write_lines(
        book, page, row, [(words, {**small, "font_color": _QUIET}) for words in notes]
    )
    page.print_area(0, 0, end, len(_WIDTHS) - 1)


def _write_lines(
    book: Workbook, page: Worksheet, row: int, lines: Sequence[tuple[str, Json]]
) -> int:
    """Write sentences across the summary, each as high as it needs, and return the next row."""
    for words, look in lines:
        shown, size = text.one_line(words)[: workbooks.MOST_LETTERS], look.get("font_size", 11)
        height = math.ceil(len(shown) * size / 11 / (0.95 * sum(_WIDTHS)))
        page.set_row(row, round(1.4 * size) * max(height, 1))
        look = book.add_format({"text_wrap": True, "valign": "top", **look})
        page.merge_range(row, 0, row, len(_WIDTHS) - 1, shown, look)
        row += 1
    return row


def _write_table(book: Workbook, sheet: Sheet, currency: str | None, day: str) -> None:
    """Write one table under its headings.

    It is an Excel table, with a total where it has one, or groups that add up.
    """
    frame = _cut(sheet)
    names = [str(name) for name in frame.columns]
    heads = title_columns(names, sheet.titles)
    labeled = frame.assign(
        **{
            name: frame[name].map(partial(write_label, name), na_action="ignore")
            for name in LABELS.keys() & set(names)
        }
    )
    page = _new_sheet(book, sheet.name)
    for place, (head, name) in enumerate(zip(heads, names, strict=True)):
        words = COLUMNS[name].meaning if name in COLUMNS else ""
        if words or head != name:
            _note(page, 0, place, f"{name}: {words}" if words else name)
    total, group = {"bold": True, "top": 1}, {"bold": True, "bg_color": _BAND}
    looks = {0: total} | dict.fromkeys(range(1, max(sheet.levels, default=0)), group)
    own = {row: looks[at] for row, at in enumerate(sheet.levels, start=1) if at in looks}
    for row, level in enumerate(sheet.levels, start=1):
        if level > 1:
            page.set_row(row, None, None, {"level": level - 1})
    page.outline_settings(symbols_below=False)
    wrapped = _WRAPPED if sheet.name in _READ else ()
    columns = workbooks.write_table(
        book, page, labeled, heads, currency, widest=40, day=day, wrapped=wrapped, looks=own
    )
    sums = {
        name: frame[name].sum()
        for name in sheet.summed
        if name in names and frame[name].notna().any()
    }
    last = len(frame) + bool(sums and not sheet.levels)
    if not sheet.levels:
        _add_table(
            book, page, last, heads, columns, [sums.get(name) for name in names], sheet.total
        )
    if sheet.note:
        page.write(last + 2, 0, sheet.note)
    if sum(column.width for column in columns) > _UPRIGHT:
        page.set_landscape()


def _cut(sheet: Sheet) -> pd.DataFrame:
    """Cut the sheet's table to the rows that Excel can hold, with a warning."""
    table = sheet.table
    if len(table) > _MOST_ROWS:
        DataWarning.warn(
            f"the sheet {sheet.name} holds the first {_MOST_ROWS:,} of {len(table):,} rows, as "
            "many as Excel can; its totals are those of these rows. oa.to_csv writes every deal"
        )
        table = table.head(_MOST_ROWS)
    return table


def _note(page: Worksheet, row: int, place: int, name: str) -> None:
    """Note the name that functions and the API use, with what is meant by it."""
    lines = math.ceil(len(name) / 40)
    look = {
        "author": "opp_analytics",
        "height": 8 + 16 * lines,
        "width": 160 if lines == 1 else 260,
    }
    page.write_comment(row, place, text.one_line(name), look)


class _NoCells(dict[tuple[int, int], str]):
    """Stand-in for the library's note of every cell of a table.

    By that note the library refuses tables that overlap.
    """

    def __setitem__(self, cell: tuple[int, int], table: str) -> None: ...


def _add_table(
    book: Workbook,
    page: Worksheet,
    last: int,
    heads: list[str],
    columns: list[workbooks.Column],
    sums: list[float | None],
    total: str,
) -> None:
    """Make an Excel table of the written rows, with totals in the `last` row if any."""
    key, totals = page.name.replace(" ", "_"), any(one is not None for one in sums)
    described: list[dict[str, str]] = [
        {"header": head} if one is None else {"header": head, "total_function": "sum"}
        for head, one in zip(heads, sums, strict=True)
    ]
    if totals:
        described[0]["total_string"] = total
    style = {"style": "Table Style Light 1", "banded_rows": False, "total_row": totals}
    page.table_cells = _NoCells()
    # The library has no tables where it writes row by row, only because it would write their cells
    # again.
    page.constant_memory = False
    page.add_table(0, 0, last, len(heads) - 1, {"name": key, "columns": described, **style})
    page.constant_memory = True
    if totals:
        known = {place: head for place, head in enumerate(heads) if sums[place] is not None}
        formulas = {
            place: f"=SUBTOTAL(109,{key}[{escape_head(head)}])" for place, head in known.items()
        }
        cells = [total, *(None if one is None else float(one) for one in sums[1:])]
        workbooks.write_own_row(book, page, last, {"bold": True}, columns, cells, formulas)


def _new_sheet(book: Workbook, title: str, *, tall: int = 0) -> Worksheet:
    """Begin a sheet that is printed as wide as the paper, and on so many sheets of it."""
    page = workbooks.add_sheet(book, title)
    page.fit_to_pages(1, tall)
    page.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
    page.set_footer("&L&A&R&P of &N", {"margin": 0.3})
    return page
