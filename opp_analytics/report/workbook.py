"""The workbook: the page's tables in full, one per sheet, then their deals."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from opp_analytics.errors import ConfigError, DataError
from opp_analytics.files import write_whole
from opp_analytics.report.exhibits import Report, column
from opp_analytics.report.formats import EXCEL, NUMERIC

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.worksheet.worksheet import Worksheet

__all__ = ["write_workbook"]

_MOST_ROWS = 1_048_575
"""Rows of a sheet below its heading."""
_MOST_LETTERS = 32_767
_WIDEST = 44
_FORMATS = {**EXCEL, "instant": "yyyy-mm-dd hh:mm"}
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""Characters that a workbook cannot contain."""
_FIRST_DAY = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip archive can store."""


def write_workbook(report: Report, path: Path) -> None:
    """Write the report's tables to `path`, whole or not at all; the same report gives the same bytes.

    Raises
    ------
    ConfigError
        When openpyxl is not installed.
    DataError
        When the file cannot be written.
    """
    try:
        from openpyxl import Workbook
    except ImportError:
        raise ConfigError(
            "the report's workbook needs openpyxl; install it with: pip install 'opp-analytics[report]'"
        ) from None
    book = Workbook(write_only=True)
    book.properties.title = report.title
    book.properties.creator = "opp_analytics"
    _summary(book, report)
    for title, table in _tables(report).items():
        _sheet(book, title, table)
    saved = io.BytesIO()
    book.save(saved)
    try:
        write_whole(path, _dated(saved, report.as_of.to_pydatetime()))
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror or error}; is it open in Excel?") from None


def _dated(saved: io.BytesIO, moment: datetime) -> bytes:
    """The workbook with `moment` in place of every time that openpyxl wrote."""
    dated = io.BytesIO()
    stamp = f"{moment:%Y-%m-%dT%H:%M:%SZ}".encode()
    with zipfile.ZipFile(saved) as old, zipfile.ZipFile(dated, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "docProps/core.xml":
                content = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", stamp, content)
            new.writestr(zipfile.ZipInfo(name, _FIRST_DAY), content, zipfile.ZIP_DEFLATED)
    return dated.getvalue()


def _tables(report: Report) -> dict[str, pd.DataFrame]:
    """Tables by the name of their sheet: first the aggregates, then the deals, each once."""
    sheets = {exhibit.key: exhibit.table for exhibit in report.exhibits()}
    sheets["deals"] = report.deals
    for exhibit in report.exhibits():
        if exhibit.deals:
            sheets.setdefault(exhibit.deals.sheet, exhibit.deals.frame)
    return sheets


def _summary(book: Workbook, report: Report) -> None:
    """The text of the page, line by line."""
    from openpyxl.styles import Alignment, Font

    sheet = _new_sheet(book, "summary", [34, 100])
    lines = [(report.title, "")]
    if report.currency:
        lines.append(("money in", report.currency))
    lines += [("WARNING", warning) for warning in report.warnings]
    lines.append(("headline", report.said))
    lines += [(figure.name, f"{figure.text}   {figure.note}".strip()) for figure in report.figures]
    for section in report.sections:
        lines.append((section.title, " ".join(filter(None, (section.said, section.missing)))))
        lines += [(f"    {term}", words) for term, words in section.meaning]
    name, words = _cell(sheet), _cell(sheet)
    name.font, name.alignment = Font(bold=True), Alignment(vertical="top")
    words.alignment = Alignment(wrap_text=True)
    for line in lines:
        for cell, said in zip((name, words), line, strict=True):
            _set_text(cell, said)
        sheet.append([name, words])


def _sheet(book: Workbook, title: str, table: pd.DataFrame) -> None:
    """Write a table under its headings: numbers and dates keep their type, and text is never a formula."""
    from openpyxl.styles import Alignment, Font
    from openpyxl.utils import get_column_letter

    shown = table.head(_MOST_ROWS)
    kinds = [_kind(str(name), shown[name].dtype) for name in shown.columns]
    sheet = _new_sheet(book, title, [_width(shown[name]) for name in shown.columns])
    sheet.freeze_panes = "B2"
    sheet.auto_filter.ref = f"A1:{get_column_letter(max(1, len(kinds)))}{max(2, len(shown) + 1)}"
    heads = [_cell(sheet) for _ in kinds]
    for head, name, kind in zip(heads, shown.columns, kinds, strict=True):
        head.font = Font(bold=True)
        head.alignment = Alignment(horizontal="right" if kind in NUMERIC else "left")
        _set_text(head, str(name))
    sheet.append(heads)
    columns = [_plain(shown[name], kind) for name, kind in zip(shown.columns, kinds, strict=True)]
    # One cell per column is reused, so that its style is set once.
    cells = [_cell(sheet) for _ in kinds]
    for cell, kind in zip(cells, kinds, strict=True):
        cell.number_format = _FORMATS.get(kind, "General")
    for values in zip(*columns, strict=True):
        for cell, kind, value in zip(cells, kinds, values, strict=True):
            if kind == "text" and value is not None:
                _set_text(cell, value)
            else:
                cell.value = value
        sheet.append(cells)


def _new_sheet(book: Workbook, title: str, widths: list[float]) -> Worksheet:
    """A new sheet with these column widths, fitted to the paper's width."""
    from openpyxl.utils import get_column_letter

    sheet = book.create_sheet(title)
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    for place, width in enumerate(widths, start=1):
        sheet.column_dimensions[get_column_letter(place)].width = width
    return sheet


def _cell(sheet: Worksheet) -> WriteOnlyCell:
    from openpyxl.cell import WriteOnlyCell

    return WriteOnlyCell(sheet)


def _set_text(cell: WriteOnlyCell, words: str) -> None:
    cell.value = _CONTROL.sub("�", words)[:_MOST_LETTERS]
    # Never a formula or an error, whatever its first character.
    cell.data_type = "s"


def _kind(name: str, dtype: Any) -> str:
    """The column's kind; text if its values do not fit."""
    kind = column(name).kind
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return "date" if kind == "date" else "instant"
    numeric = pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype)
    if numeric:
        return kind if kind in NUMERIC else "number"
    return "text"


def _plain(values: pd.Series[Any], kind: str) -> list[Any]:
    """The column's values for cells; None for an empty cell."""
    if kind == "text":
        cells = [str(value) for value in values.tolist()]
    elif kind in ("date", "instant"):
        naive = values.dt.tz_localize(None) if values.dt.tz is not None else values
        cells = naive.to_numpy(dtype="datetime64[us]").tolist()
    else:
        numbers = values.astype("float64")
        finite = numbers.abs() < float("inf")
        return [cell if there else None for cell, there in zip(numbers.tolist(), finite, strict=True)]
    return [cell if there else None for cell, there in zip(cells, values.notna(), strict=True)]


def _width(values: pd.Series[Any]) -> float:
    """A width for the heading and the first rows."""
    longest = max((len(str(value)) for value in values.head(200).dropna()), default=0)
    text = pd.api.types.is_string_dtype(values.dtype)
    return max(12.0, 1.2 * len(str(values.name)) + 2, min(_WIDEST, longest + 2.0) if text else 16.0)
