"""Writing the workbook: typed cells, Excel tables with names and totals, charts, currency formats.

Never a formula from data.
"""

from __future__ import annotations

import io
import itertools
import math
import re
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd

from opp_analytics import text, workbooks
from opp_analytics.columns import (
    ALMOST_SURE,
    COLUMNS,
    LABELS,
    choose_workbook_format,
    find_unit,
    sign_money,
    title_columns,
    write_label,
)
from opp_analytics.errors import DataWarning
from opp_analytics.report.sheets import Graph, Share, Sheet, Summary
from opp_analytics.schema import HALF_CENT, TEXT

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.worksheet import Worksheet

_MOST_ROWS = 1_048_574
"""Rows of a sheet below its heading and above its total."""
_UPRIGHT, _PAPER = 120, 190
"""Maximum widths, in characters: portrait page, printed area; further columns are on the sheet
only."""
_WIDTHS, _PIXELS = (30, 15, 15, 15, 15), 655
"""Widths of the summary's columns, in characters, and of its charts."""
_COLORS = {
    "Closed": "#98A0A9",
    "Still expected": "#0A58CA",
    "Forecast": "#0A58CA",
    "Target": "#15181C",
}
_RED, _QUIET, _RULE, _BAND = "#B3261E", "#5F676F", "#E4E7EA", "#F2F4F6"
_HEAD = {"bold": True, "bottom": 1, "bottom_color": _QUIET}
_AMOUNT_HEAD = {**_HEAD, "align": "right"}
"""Heads of the summary's tables."""
_WRAPPED, _READ = ("reasons", "action"), ("At risk", "To win")
"""Columns of sentences, and the sheets that show them whole."""
_MORE = "More"
"""The sheet that lists the further ones."""


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
    further = [sheet for sheet in sheets if sheet.about]
    properties = {"title": text.one_line(summary.title), "created": as_of}
    with workbooks.make_workbook(saved, "report", properties) as book:
        _write_summary(book, summary, sheets, notes, currency)
        for sheet in sheets:
            if further and sheet is further[0]:
                _list_further(book, further)
            _write_table(book, sheet, currency, day)
    return saved.getvalue()


def _write_summary(
    book: Workbook,
    summary: Summary,
    sheets: Sequence[Sheet],
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
    said: list[tuple[str, dict[str, Any]]] = [
        (summary.title, {"bold": True, "font_size": 14}),
        *((words, {**small, "font_color": _RED}) for words in summary.alerts),
        *((words, warning) for words in summary.warnings),
        *((words, {"bold": not place}) for place, words in enumerate(summary.sentences)),
    ]
    row = _write_lines(book, page, 0, said) + 1
    for place, title in enumerate(
        ["Figure", "Now", *([summary.since, "Change"] if summary.since else [])]
    ):
        look = book.add_format(_AMOUNT_HEAD if place else _HEAD)
        page.write(row, place, text.one_line(title), look)
    for figure in summary.figures:
        row += 1
        page.write(row, 0, figure.title)
        _note(page, row, 0, figure.column)
        now, then = (
            None if pd.isna(value) else float(value) for value in (figure.value, figure.before)
        )
        shown, unit = (
            choose_workbook_format(figure.column, currency) or "#,##0",
            find_unit(figure.column),
        )
        change = None if now is None or then is None or unit in ("rate", "ratio") else now - then
        for place, value in enumerate([now, *([then, change] if summary.since else [])], start=1):
            sure = unit == "rate" and workbooks.is_almost_sure(value)
            signed = (
                choose_workbook_format(figure.column, currency, signed=True) if place == 3 else None
            )
            form = ALMOST_SURE if sure else signed or shown
            page.write(row, place, value, book.add_format({"num_format": form, "align": "right"}))
        book.define_name(figure.column, f"=Summary!$B${row + 1}")
    row += 2
    if summary.shares:
        row = _write_shares(book, page, row, summary.shares, sheets, currency)
    for graph in summary.graphs:
        row = _write_graph(book, page, row, graph, currency)
    end = _write_lines(
        book, page, row, [(words, {**small, "font_color": _QUIET}) for words in notes]
    )
    page.print_area(0, 0, end, len(_WIDTHS) - 1)


def _write_shares(
    book: Workbook,
    page: Worksheet,
    row: int,
    shares: Sequence[Share],
    sheets: Sequence[Sheet],
    currency: str | None,
) -> int:
    """Write the parts of the forecast, those of deals as sums over their sheet, and their sum.

    Return the next row.
    """
    money = {"num_format": choose_workbook_format("value", currency), "align": "right"}
    page.write(row, 0, "Forecast, by part", book.add_format(_HEAD))
    page.write(row, 1, "Amount", book.add_format(_AMOUNT_HEAD))
    for place, share in enumerate(shares, start=1):
        page.write(row + place, 0, text.one_line(share.title))
        formula = next((_sum_where(sheet, share) for sheet in sheets if sheet.name == "Deals"), "")
        if formula:
            page.write_formula(row + place, 1, formula, book.add_format(money), share.value)
        else:
            page.write(row + place, 1, share.value, book.add_format(money))
    end, total = row + len(shares) + 1, {"bold": True, "top": 1}
    page.write(end, 0, "Total", book.add_format(total))
    whole = math.fsum(share.value for share in shares)
    page.write_formula(end, 1, f"=SUM(B{row + 2}:B{end})", book.add_format(money | total), whole)
    return end + 2


def _sum_where(sheet: Sheet, share: Share) -> str:
    """Write the sum of a part's deals over their sheet.

    Empty where it is not of deals, or lacks a column.
    """
    from xlsxwriter.utility import xl_range_abs

    names = list(sheet.table)
    if not share.where or not {"in_forecast", *share.where} <= set(names):
        return ""

    def refer(name: str) -> str:
        place = names.index(name)
        return f"{sheet.name}!{xl_range_abs(1, place, len(sheet.table), place)}"

    asked = [
        f'{refer(name)},"{one}"' for name, conditions in share.where.items() for one in conditions
    ]
    return f"=SUMIFS({refer('in_forecast')},{','.join(asked)})"


def _write_lines(
    book: Workbook, page: Worksheet, row: int, lines: Sequence[tuple[str, dict[str, Any]]]
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


def _write_graph(
    book: Workbook, page: Worksheet, row: int, graph: Graph, currency: str | None
) -> int:
    """Write what is drawn as a small table, draw it below, and return the next row."""
    table = graph.table.dropna(axis="columns", how="all")
    page.write(row, 0, text.capital(str(table.index.name)), book.add_format(_HEAD))
    for place, name in enumerate(table, start=1):
        page.write(row, place, name, book.add_format(_AMOUNT_HEAD))
    money = book.add_format(
        {"num_format": choose_workbook_format("value", currency), "align": "right"}
    )
    left = book.add_format({"align": "left"})
    cells = table.astype("object").where(table.notna(), None)
    for line, (name, amounts) in enumerate(
        zip(cells.index, cells.to_numpy().tolist(), strict=True), start=1
    ):
        page.write(row + line, 0, text.one_line(name), left)
        page.write_row(row + line, 1, amounts, money)
    last = row + len(table)
    chart = book.add_chart({"type": "column", **({"subtype": "stacked"} if graph.stacked else {})})
    marks = book.add_chart({"type": "line"})
    for place, name in enumerate(table, start=1):
        if graph.stacked and name == "Forecast":
            continue  # Its parts are drawn.
        series: dict[str, Any] = {
            "name": ["Summary", row, place],
            "categories": ["Summary", row + 1, 0, last, 0],
            "values": ["Summary", row + 1, place, last, place],
            # For viewers that do not read the cells.
            "categories_data": [*map(text.one_line, table.index)],
            "values_data": table[name].fillna(0.0).tolist(),
        }
        color = {"color": _COLORS[str(name)]}
        if name == "Target":
            mark = {"type": "long_dash", "size": 18, "fill": color, "border": color}
            marks.add_series({**series, "line": {"none": True}, "marker": mark})
        else:
            chart.add_series({**series, "fill": color, "gap": 70})
    if "Target" in table:
        chart.combine(marks)
    axis = {"name_font": {"size": 9, "bold": False, "color": _QUIET}, "num_font": {"size": 9}}
    lines = {"major_gridlines": {"visible": True, "line": {"color": _RULE}}, "line": {"none": True}}
    units = text.capital(text.currency_name(currency)) or "Amount"
    largest = max(map(abs, filter(math.isfinite, table.to_numpy(dtype=float).ravel())))
    chart.set_title(
        {"name": graph.title, "name_font": {"size": 11, "bold": True}, "overlay": False}
    )
    chart.set_x_axis({"name": text.capital(str(table.index.name)), **axis})
    chart.set_y_axis({"name": units, "num_format": _scale(largest, currency), **axis, **lines})
    chart.set_legend({"position": "top", "font": {"size": 9}})
    chart.set_chartarea({"border": {"none": True}})
    chart.set_size({"width": _PIXELS, "height": 250})
    page.insert_chart(last + 1, 0, chart, {"y_offset": 6, "description": graph.title})
    return last + 15


def _scale(largest: float, currency: str | None) -> str:
    """Choose the format of an axis of money, by its largest amount."""
    scales = (("B", 9), ("M", 6), ("K", 3), ("", 0))
    unit, scale = next((one for one in scales if largest >= 10 ** one[1]), scales[-1])
    digits = "0.0" if scale and largest < 5 * 10**scale else "0"
    sign, rest = (
        sign_money(currency),
        f"{digits}{',' * (scale // 3)}" + (f'"{unit}"' if unit else ""),
    )
    return f'{sign}{rest};"−"{sign}{rest};{sign}0'


def _list_further(book: Workbook, sheets: Sequence[Sheet]) -> None:
    """List the further sheets, with links."""
    page = _new_sheet(book, _MORE)
    for place, (title, width) in enumerate((("Sheet", 20), ("Rows", 10), ("What it holds", 80))):
        page.set_column(place, place, width)
        align = {"align": "right"} if place == 1 else {"indent": place // 2}
        page.write(0, place, title, book.add_format({"bold": True, **align}))
    link, indent = (
        book.add_format({"font_color": "#0A58CA", "underline": 1}),
        book.add_format({"indent": 1}),
    )
    for row, sheet in enumerate(sheets, start=1):
        page.write_url(row, 0, f"internal:'{sheet.name}'!A1", link, sheet.name)
        page.write(row, 1, len(sheet.table), book.add_format({"num_format": "#,##0"}))
        page.write(row, 2, sheet.about, indent)


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
    rows = _add_up(sheet) if sheet.levels else {}
    for row, level in enumerate(sheet.levels, start=1):
        if level > 1:
            page.set_row(row, None, None, {"level": level - 1})
    page.outline_settings(symbols_below=False)
    wrapped = _WRAPPED if sheet.name in _READ else ()
    columns = workbooks.write_table(
        book, page, labeled, heads, currency, widest=40, day=day, wrapped=wrapped, rows=rows
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
    widths = [
        column.width for column, name in zip(columns, names, strict=True) if name != "unique_id"
    ]
    reach = [wide for wide in itertools.accumulate(widths or [0.0]) if wide <= _PAPER]
    if sum(widths) > _UPRIGHT:
        page.set_landscape()
    printed = last if sheet.printed in (None, len(frame)) else sheet.printed
    page.print_area(0, 0, printed, max(len(reach), 1) - 1)
    red = book.add_format({"bold": True, "font_color": _RED})
    for name, rule in _MARKED.items():
        if name in names:
            place = names.index(name)
            page.conditional_format(
                1, place, len(frame), place, {"type": "cell", "format": red, **rule}
            )


def _add_up(sheet: Sheet) -> dict[int, workbooks.Row]:
    """Add up the rows below each group, and all in the total, in cells where they give its amount.

    Others have it as a number.
    """
    from xlsxwriter.utility import xl_range

    levels, table, last = sheet.levels, sheet.table, len(sheet.levels) - 1
    below: dict[int, range] = {}
    for place in sorted(range(last), key=lambda place: -levels[place]):
        ends = (row for row in range(place + 1, last + 1) if levels[row] <= levels[place])
        if levels[place] < max(levels):
            below[place] = range(place + 1, next(ends))
    below[last] = range(last)
    formulas: dict[int, dict[int, str]] = {place: {} for place in below}
    for column in (list(table).index(name) for name in sheet.summed if name in table):
        # SUBTOTAL leaves out cells that are such sums themselves.
        amounts = table.iloc[:, column].astype("float64").tolist()
        own = list(amounts)
        for place, rows in below.items():
            parts = [own[row] for row in rows if not math.isnan(own[row])]
            if parts and math.isclose(
                math.fsum(parts), amounts[place], rel_tol=1e-12, abs_tol=HALF_CENT
            ):
                formulas[place][column] = (
                    f"=SUBTOTAL(9,{xl_range(rows[0] + 1, column, rows[-1] + 1, column)})"
                )
                own[place] = math.nan
    total, group = {"bold": True, "top": 1}, {"bold": True, "bg_color": _BAND}
    return {
        place + 1: workbooks.Row(total if place == last else group, formulas[place])
        for place in below
    }


def _cut(sheet: Sheet) -> pd.DataFrame:
    """Cut the sheet's table to what Excel can hold, with a warning of what it cannot."""
    table = sheet.table
    if len(table) > _MOST_ROWS:
        DataWarning.warn(
            f"the sheet {sheet.name} holds the first {_MOST_ROWS:,} of {len(table):,} rows, as "
            "many as Excel can; its totals are those of these rows. oa.to_csv writes every deal"
        )
        table = table.head(_MOST_ROWS)
    for column in table.select_dtypes(["string", "object"]):
        lengths = table[column].dropna().astype(TEXT).str.len()
        long = int((lengths > workbooks.MOST_LETTERS).sum())
        if long:
            DataWarning.warn(
                f"the sheet {sheet.name} holds the first {workbooks.MOST_LETTERS:,} characters of "
                f"{text.count(long, 'cell')} of {column}, as many as Excel can; oa.to_csv writes "
                "them whole"
            )
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
            place: f"=SUBTOTAL(109,{key}[{_escape(head)}])" for place, head in known.items()
        }
        cells = [total, *(None if one is None else float(one) for one in sums[1:])]
        workbooks.write_own_row(
            book, page, last, workbooks.Row({"bold": True}, formulas), columns, cells
        )


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


def _new_sheet(book: Workbook, title: str, *, tall: int = 0) -> Worksheet:
    """Begin a sheet that is printed as wide as the paper, and on so many sheets of it."""
    page = workbooks.add_sheet(book, title)
    page.fit_to_pages(1, tall)
    page.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
    page.set_footer("&L&A&R&P of &N", {"margin": 0.3})
    return page
