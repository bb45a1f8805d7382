"""Writing the workbook: typed cells, Excel tables with names and totals, currency formats; never a formula from data."""

from __future__ import annotations

import io
import itertools
import re
import warnings
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd

from opp_analytics import text, workbooks
from opp_analytics.columns import (
    ALMOST_SURE,
    LABELS,
    choose_workbook_format,
    find_unit,
    title_columns,
    write_label,
)
from opp_analytics.errors import DataWarning
from opp_analytics.report.sheets import Figure, Sheet

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.worksheet import Worksheet

_MOST_ROWS = 1_048_574
"""Rows of a sheet below its heading and above its total."""
_UPRIGHT, _PAPER = 140, 200
"""Maximum widths, in characters: portrait page, printed area; further columns are on the sheet only."""


def write_workbook(
    sheets: Sequence[Sheet],
    figures: Iterable[Figure],
    *,
    title: str,
    sentences: Iterable[str],
    since: str,
    currency: str | None,
    as_of: datetime,
) -> bytes:
    """Write the workbook as the bytes of an xlsx file; the same input gives the same bytes.

    The summary has `sentences` above its figures, and which sheets are cut; `since` heads the earlier ones, and is empty
    when there are none.
    """
    said = [*sentences, *(f"{sheet.name}: {sheet.note}" for sheet in sheets if sheet.note)]
    saved = io.BytesIO()
    with workbooks.make_workbook(saved, "report", {"title": text.one_line(title), "created": as_of}) as book:
        _write_summary(book, title, said, list(figures), since, currency)
        for sheet in sheets:
            _write_table(book, sheet, currency)
    return saved.getvalue()


def _write_summary(
    book: Workbook,
    title: str,
    sentences: list[str],
    figures: list[Figure],
    since: str,
    currency: str | None,
) -> None:
    """Write the summary: the page's sentences, and its figures as cells with names."""
    page = _new_sheet(book, "Summary")
    for place, width in enumerate([26, 18, 18, 60]):
        page.set_column(place, place, width)
    for row, words in enumerate([title, *sentences]):
        look = book.add_format({"bold": row < 2, "font_size": 11 if row else 14})
        page.write(row, 0, text.one_line(words)[: workbooks.MOST_LETTERS], look)
    top = len(sentences) + 2
    for place, head in enumerate(filter(None, ["Figure", "Now", since])):
        look = book.add_format({"bold": True, **({"align": "right"} if place else {})})
        page.write(top, place, text.one_line(head), look)
    for row, figure in enumerate(figures, start=top + 1):
        page.write(row, 0, figure.title)
        _note(page, row, 0, figure.column)
        values = [None if pd.isna(value) else float(value) for value in (figure.value, figure.before)]
        shown = choose_workbook_format(figure.column, pd.Series(values), currency) or "#,##0"
        for place, value in enumerate(values[: 2 if since else 1], start=1):
            sure = find_unit(figure.column) == "rate" and workbooks.is_almost_sure(value)
            look = {"num_format": ALMOST_SURE if sure else shown, "align": "right"}
            page.write(row, place, value, book.add_format(look))
        book.define_name(figure.column, f"=Summary!$B${row + 1}")


def _write_table(book: Workbook, sheet: Sheet, currency: str | None) -> None:
    """Write one table under its headings, as an Excel table with a total where it has one."""
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
        if head != name:
            _note(page, 0, place, name)
    columns = workbooks.write_table(book, page, labeled, heads, currency, widest=40)
    sums = {name: frame[name].sum() for name in sheet.summed if name in names and frame[name].notna().any()}
    last = len(frame) + bool(sums)
    _add_table(book, page, last, heads, columns, [sums.get(name) for name in names])
    if sheet.note:
        page.write(last + 2, 0, sheet.note)
    widths = [column.width for column in columns]
    if sum(widths) > _UPRIGHT:
        page.set_landscape()
    readable = sum(reach <= _PAPER for reach in itertools.accumulate(widths))
    page.print_area(0, 0, last, max(readable, 1) - 1)
    red = book.add_format({"bold": True, "font_color": "#B3261E"})
    for name, rule in _MARKED.items():
        if name in names:
            place = names.index(name)
            page.conditional_format(1, place, len(frame), place, {"type": "cell", "format": red, **rule})


def _cut(sheet: Sheet) -> pd.DataFrame:
    """Cut the sheet's table to what Excel can hold, with a warning of what it cannot."""
    table = sheet.table
    if len(table) > _MOST_ROWS:
        warnings.warn(
            f"the sheet {sheet.name} holds the first {_MOST_ROWS:,} of {len(table):,} rows, as many as Excel can; "
            "its totals are those of these rows. oa.to_csv writes every deal",
            DataWarning,
            stacklevel=2,
        )
        table = table.head(_MOST_ROWS)
    for column in table.select_dtypes(["string", "object"]):
        long = int((table[column].dropna().map(lambda cell: len(str(cell))) > workbooks.MOST_LETTERS).sum())
        if long:
            warnings.warn(
                f"the sheet {sheet.name} holds the first {workbooks.MOST_LETTERS:,} characters of {text.count(long, 'cell')} "
                f"of {column}, as many as Excel can; oa.to_csv writes them whole",
                DataWarning,
                stacklevel=2,
            )
    return table


def _note(page: Worksheet, row: int, place: int, name: str) -> None:
    """Note the name that functions and the API use."""
    page.write_comment(
        row, place, text.one_line(name), {"author": "opp_analytics", "height": 24, "width": 160}
    )


class _NoCells(dict[tuple[int, int], str]):
    """In place of the library's note of every cell of a table, by which it refuses tables that overlap."""

    def __setitem__(self, cell: tuple[int, int], table: str) -> None: ...


def _add_table(
    book: Workbook,
    page: Worksheet,
    last: int,
    heads: list[str],
    columns: list[workbooks.Column],
    sums: list[float | None],
) -> None:
    """Make an Excel table of the rows that are written, and write its totals in the `last` row where there are some."""
    key, totals = page.name.replace(" ", "_"), any(total is not None for total in sums)
    described: list[dict[str, str]] = [
        {"header": head} if total is None else {"header": head, "total_function": "sum"}
        for head, total in zip(heads, sums, strict=True)
    ]
    if totals:
        described[0]["total_string"] = "Total"
    style = {"style": "Table Style Light 1", "banded_rows": False, "total_row": totals}
    page.table_cells = _NoCells()
    # The library has no tables where it writes row by row, only because it would write their cells again.
    page.constant_memory = False
    page.add_table(0, 0, last, len(heads) - 1, {"name": key, "columns": described, **style})
    page.constant_memory = True
    for place, (head, column, total) in enumerate(zip(heads, columns, sums, strict=True)):
        look = book.add_format({"bold": True, **column.look})
        if total is not None:
            # The sum is for viewers that do not compute.
            page.write_formula(last, place, f"=SUBTOTAL(109,{key}[{_escape(head)}])", look, float(total))
        elif totals and not place:
            page.write(last, 0, "Total", look)


def _escape(head: str) -> str:
    """Escape a column's title within a reference to a table."""
    return re.sub(r"(['\[\]#@])", r"'\1", head)


_MARKED = {
    "period": {"criteria": "==", "value": '"overdue"'},
    "severity": {"criteria": "==", "value": '"error"'},
    "held": {"criteria": "==", "value": "FALSE"},
    "risk": {"criteria": ">", "value": "1"},
}
"""Cells that catch the eye: column and condition."""


def _new_sheet(book: Workbook, title: str) -> Worksheet:
    """Begin a sheet that is printed as wide as the paper."""
    page = workbooks.add_sheet(book, title)
    page.fit_to_pages(1, 0)
    page.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
    page.set_footer("&L&A&R&P of &N", {"margin": 0.3})
    return page
