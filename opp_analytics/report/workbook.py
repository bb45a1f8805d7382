"""Writing the workbook: typed cells, Excel tables with names and totals, currency formats; never a formula from data."""

from __future__ import annotations

import io
import itertools
import re
import tempfile
import warnings
import zipfile
from collections.abc import Iterable
from copy import copy
from datetime import datetime
from typing import Any

import pandas as pd

from opp_analytics import text
from opp_analytics.columns import ALMOST_SURE, choose_workbook_format, find_unit, title_columns
from opp_analytics.errors import ConfigError, DataWarning
from opp_analytics.files import say_failure
from opp_analytics.report.sheets import Figure, Sheet

try:
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.comments import Comment
    from openpyxl.formatting.rule import CellIsRule
    from openpyxl.styles import Alignment, Font
    from openpyxl.utils import get_column_letter
    from openpyxl.workbook.defined_name import DefinedName
    from openpyxl.worksheet.page import PageMargins
    from openpyxl.worksheet.table import Table, TableColumn, TableStyleInfo
    from openpyxl.worksheet.worksheet import Worksheet
except ImportError:
    raise ConfigError(
        "the report's workbook needs openpyxl; install it with: pip install 'opp-analytics[report]'"
    ) from None

_MOST_ROWS = 1_048_574
"""Rows of a sheet below its heading and above its total."""
_MOST_LETTERS = 32_767
"""Characters of a cell that Excel can hold."""
_WIDEST, _UPRIGHT, _PAPER = 40, 140, 200
"""Maximum widths, in characters: column, portrait page, printed area; further columns are on the sheet only."""
_FONT = "Calibri"
_FIRST_DAY = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip archive can store."""
_FORMATS = {
    "count": "#,##0",
    "number": "#,##0.0",
    "date": "yyyy-mm-dd",
    "instant": "yyyy-mm-dd hh:mm",
}
_UNITS = ("money", "rate", "percent", "ratio")
_RIGHT = (*_UNITS, "count", "number")


def write_workbook(
    sheets: Iterable[Sheet],
    figures: Iterable[Figure],
    *,
    title: str,
    sentences: Iterable[str],
    since: str,
    currency: str | None,
    as_of: datetime,
) -> bytes:
    """Write the workbook as the bytes of an xlsx file; the same input gives the same bytes.

    The summary has `sentences` above its figures; `since` heads the earlier ones, and is empty when there are none.
    """
    book = Workbook(write_only=True)
    book.properties.title, book.properties.creator = title, "opp_analytics"
    saved = io.BytesIO()
    # The library writes each row to a temporary file first.
    with say_failure(f"cannot make the workbook in {tempfile.gettempdir()}"):
        _write_summary(book, title, list(sentences), list(figures), since, currency)
        for sheet in sheets:
            _write_table(book, sheet, currency)
        book.save(saved)
    return _fix_times(saved, as_of)


def _write_summary(
    book: Workbook,
    title: str,
    sentences: list[str],
    figures: list[Figure],
    since: str,
    currency: str | None,
) -> None:
    """Write the summary: the page's sentences, and its figures as cells with names."""
    sheet = _new_sheet(book, "Summary", [26, 18, 18, 60])
    for place, words in enumerate([title, *sentences]):
        cell = _text_cell(sheet, words)
        cell.font = Font(name=_FONT, bold=place < 2, size=14 if not place else 11)
        sheet.append([cell])
    heads = ["Figure", "Now", since or None]
    sheet.append([None])
    named = [_text_cell(sheet, head, Font(name=_FONT, bold=True)) for head in heads if head]
    for cell in named[1:]:
        cell.alignment = Alignment(horizontal="right")
    sheet.append(named)
    row = len(sentences) + 3
    for figure in figures:
        row += 1
        shown = choose_workbook_format(figure.column, pd.Series([figure.value, figure.before]), currency)
        cells = [_text_cell(sheet, figure.title)]
        cells[0].comment = _note(figure.column)
        for value in (figure.value, *([figure.before] if since else [])):
            cell = WriteOnlyCell(sheet)
            cell.value = None if value is None or pd.isna(value) else float(value)
            sure = find_unit(figure.column) == "rate" and _is_almost_sure(cell.value)
            cell.number_format = ALMOST_SURE if sure else shown or _FORMATS["count"]
            cell.alignment = Alignment(horizontal="right")
            cells.append(cell)
        sheet.append(cells)
        book.defined_names[figure.column] = DefinedName(figure.column, attr_text=f"Summary!$B${row}")


def _write_table(book: Workbook, sheet: Sheet, currency: str | None) -> None:
    """Write one table under its headings, as an Excel table with a total where it has one."""
    frame = _cut(sheet)
    names = [str(name) for name in frame.columns]
    heads = title_columns(names, sheet.titles)
    kinds = [_choose_kind(name, dtype) for name, dtype in zip(names, frame.dtypes, strict=True)]
    widths = [
        _choose_width(head, frame[column], kind)
        for head, column, kind in zip(heads, frame.columns, kinds, strict=True)
    ]
    page = _new_sheet(book, sheet.name, widths)
    page.freeze_panes = "B2"
    page.print_title_rows = "1:1"
    page.append(
        [_head_cell(page, head, name, kind) for head, name, kind in zip(heads, names, kinds, strict=True)]
    )
    columns = [_convert(frame[column], kind) for column, kind in zip(frame.columns, kinds, strict=True)]
    # One cell per column is reused, so that its style is set once; rates of almost 100% have another.
    cells, sure = [WriteOnlyCell(page) for _ in kinds], WriteOnlyCell(page)
    sure.number_format = ALMOST_SURE
    formats = [
        choose_workbook_format(name, frame[column], currency) if kind in _UNITS else _FORMATS.get(kind)
        for name, column, kind in zip(names, frame.columns, kinds, strict=True)
    ]
    for cell, kind, shown in zip(cells, kinds, formats, strict=True):
        cell.number_format = shown or "General"
        if kind not in _RIGHT:
            cell.alignment = Alignment(horizontal="left", indent=1)
    for values in zip(*columns, strict=True):
        row = []
        for cell, kind, value in zip(cells, kinds, values, strict=True):
            if kind == "rate" and _is_almost_sure(value):
                # Two of a row would be one cell.
                row.append(copy(sure))
                row[-1].value = value
                continue
            row.append(cell)
            if kind == "text" and value is not None:
                _set_text(cell, value)
            else:
                cell.value = value
        page.append(row)
    key = sheet.name.replace(" ", "_")
    summed = [name for name in sheet.summed if name in names and frame[name].notna().any()]
    if summed:
        page.append(_total_cells(page, key, heads, names, formats, summed))
    last, rows = get_column_letter(len(names)), len(frame) + 1 + bool(summed)
    page.tables.add(_make_excel_table(key, f"A1:{last}{rows}", heads, names, summed))
    readable = sum(reach <= _PAPER for reach in itertools.accumulate(widths))
    page.print_area = f"A1:{get_column_letter(max(readable, 1))}{rows}"
    _mark(page, names, len(frame))


def _is_almost_sure(rate: float | None) -> bool:
    """Return True for a rate that `text.percent` writes as >99%."""
    return rate is not None and 0.995 <= rate < 1 - 1e-9


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
        long = int((table[column].dropna().map(lambda cell: len(str(cell))) > _MOST_LETTERS).sum())
        if long:
            warnings.warn(
                f"the sheet {sheet.name} holds the first {_MOST_LETTERS:,} characters of {text.count(long, 'cell')} "
                f"of {column}, as many as Excel can; oa.to_csv writes them whole",
                DataWarning,
                stacklevel=2,
            )
    return table


def _head_cell(page: Worksheet, head: str, name: str, kind: str) -> WriteOnlyCell:
    cell = _text_cell(page, head, Font(name=_FONT, bold=True))
    right = kind in _RIGHT
    cell.alignment = Alignment(
        horizontal="right" if right else "left", vertical="top", wrap_text=True, indent=0 if right else 1
    )
    if head != name:
        cell.comment = _note(name)
    return cell


def _note(name: str) -> Comment:
    """Note the name that functions and the API use."""
    return Comment(text.one_line(name), "opp_analytics", height=24, width=160)


def _total_cells(
    page: Worksheet,
    key: str,
    heads: list[str],
    names: list[str],
    formats: list[str | None],
    summed: list[str],
) -> list[WriteOnlyCell]:
    cells: list[WriteOnlyCell] = []
    for head, name, shown in zip(heads, names, formats, strict=True):
        cell = WriteOnlyCell(page)
        if not cells:
            _set_text(cell, "Total")
            cell.alignment = Alignment(horizontal="left", indent=1)
        if name in summed:
            cell.value, cell.number_format = (
                f"=SUBTOTAL(109,{key}[{_escape(head)}])",
                shown or "General",
            )
        cell.font = Font(name=_FONT, bold=True)
        cells.append(cell)
    return cells


def _escape(head: str) -> str:
    """Escape a column's title within a reference to a table."""
    return re.sub(r"(['\[\]#@])", r"'\1", head)


def _make_excel_table(key: str, ref: str, heads: list[str], names: list[str], summed: list[str]) -> Any:
    table = Table(displayName=key, ref=ref, totalsRowCount=1 if summed else None)
    table.tableStyleInfo = TableStyleInfo(name="TableStyleLight1", showRowStripes=False)
    table._initialise_columns()
    for column, head, name in zip(table.tableColumns, heads, names, strict=True):
        assert isinstance(column, TableColumn)
        column.name = head
        if name in summed:
            column.totalsRowFunction = "sum"
    if summed:
        table.tableColumns[0].totalsRowLabel = "Total"
        table.autoFilter.ref = re.sub(r"(\d+)$", lambda found: str(int(found[0]) - 1), ref)
    return table


_MARKED = {
    "period": ("equal", '"overdue"'),
    "severity": ("equal", '"error"'),
    "held": ("equal", "FALSE"),
    "risk": ("greaterThan", "1"),
}
"""Cells that catch the eye: column and condition."""


def _mark(page: Worksheet, names: list[str], rows: int) -> None:
    for name, (operator, value) in _MARKED.items():
        if name in names:
            letter = get_column_letter(names.index(name) + 1)
            rule = CellIsRule(operator=operator, formula=[value], font=Font(bold=True, color="B3261E"))
            page.conditional_formatting.add(f"{letter}2:{letter}{rows + 1}", rule)


def _new_sheet(book: Workbook, title: str, widths: list[float]) -> Worksheet:
    """Begin a sheet with these column widths, fitted to the paper's width."""
    sheet = book.create_sheet(title)
    sheet.page_setup.orientation = "portrait" if sum(widths) <= _UPRIGHT else "landscape"
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    sheet.page_margins = PageMargins(left=0.4, right=0.4, top=0.5, bottom=0.6, footer=0.3)
    sheet.oddFooter.left.text, sheet.oddFooter.right.text = "&A", "&P of &N"
    for place, width in enumerate(widths, start=1):
        sheet.column_dimensions[get_column_letter(place)].width = width
    return sheet


def _text_cell(sheet: Worksheet, words: str, font: Any = None) -> WriteOnlyCell:
    cell = WriteOnlyCell(sheet)
    _set_text(cell, words)
    if font is not None:
        cell.font = font
    return cell


def _set_text(cell: WriteOnlyCell, words: str) -> None:
    cell.value = text.one_line(words)[:_MOST_LETTERS]
    # Never a formula or an error, whatever its first character.
    cell.data_type = "s"


def _choose_kind(name: str, dtype: Any) -> str:
    """Choose the column's kind; text if its values do not fit."""
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return "date" if getattr(dtype, "tz", None) is None else "instant"
    if pd.api.types.is_bool_dtype(dtype):
        return "flag"
    if not pd.api.types.is_numeric_dtype(dtype):
        return "text"
    unit = find_unit(name)
    return unit if unit != "other" else "count" if pd.api.types.is_integer_dtype(dtype) else "number"


def _convert(values: pd.Series[Any], kind: str) -> list[Any]:
    """Convert the column's values for cells; None for an empty cell."""
    cells: list[Any]
    if kind == "text":
        cells = [text.label(value) if values.name in _LABELS else str(value) for value in values.tolist()]
    elif kind == "flag":
        cells = [bool(value) if value is not pd.NA else None for value in values.tolist()]
    elif kind in ("date", "instant"):
        naive = values.dt.tz_localize(None) if values.dt.tz is not None else values
        cells = naive.to_numpy(dtype="datetime64[us]").tolist()
    else:
        numbers = values.astype("float64")
        finite = numbers.abs() < float("inf")
        return [cell if there else None for cell, there in zip(numbers.tolist(), finite, strict=True)]
    return [cell if there else None for cell, there in zip(cells, values.notna(), strict=True)]


_LABELS = (
    "outcome", "movement", "check", "field", "method", "stage", "stage_after", "from_category", "to_category",
)  # fmt: skip
"""Columns of labels, which people read without underscores."""


def _choose_width(head: str, values: pd.Series[Any], kind: str) -> float:
    """Choose a width for the heading, which may take two lines, and the first rows."""
    longest = max((len(str(value)) for value in values.head(200).dropna()), default=0)
    words = head.split()
    lines = [(" ".join(words[:place]), " ".join(words[place:])) for place in range(len(words))]
    line = min((max(map(len, both)) for both in lines), default=0)
    least = {"money": 15.0, "instant": 18.0, "date": 12.0}.get(kind, 10.0)
    return max(least, 1.2 * line + 3, min(_WIDEST, longest + 3.0) if kind == "text" else 0.0)


def _fix_times(saved: io.BytesIO, moment: datetime) -> bytes:
    """Put `moment` in place of every time that openpyxl wrote."""
    dated = io.BytesIO()
    stamp = f"{moment:%Y-%m-%dT%H:%M:%SZ}".encode()
    with zipfile.ZipFile(saved) as old, zipfile.ZipFile(dated, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "docProps/core.xml":
                content = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", stamp, content)
            new.writestr(zipfile.ZipInfo(name, _FIRST_DAY), content, zipfile.ZIP_DEFLATED)
    return dated.getvalue()
