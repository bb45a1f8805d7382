"""The workbook: the page's tables in full, one a sheet, then the deals behind them."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from opp_analytics.errors import ConfigError, DataError
from opp_analytics.report.exhibits import Report, column
from opp_analytics.report.formats import EXCEL, NUMERIC

if TYPE_CHECKING:
    from openpyxl.worksheet._write_only import WriteOnlyWorksheet

__all__ = ["write_workbook"]

_MOST_ROWS = 1_048_575
"""What a sheet holds below its heading."""
_FONT = "Calibri"
_WIDEST = 44
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The date of every file inside: the same inputs give the same bytes."""


def write_workbook(report: Report, path: Path) -> None:
    """Write the report's tables to `path`.

    Raises
    ------
    ConfigError
        When openpyxl is not installed.
    DataError
        When the file cannot be written.
    """
    try:
        import openpyxl
    except ImportError:
        raise ConfigError(
            "the workbook needs openpyxl; install it with: pip install 'opp-analytics[excel]'"
        ) from None
    book = openpyxl.Workbook(write_only=True)
    _summary(book.create_sheet("summary"), report)
    for title, table in _tables(report).items():
        _sheet(book.create_sheet(title), table)
    buffer = io.BytesIO()
    book.save(buffer)
    staged = path.with_name(f".{path.name}.part")
    try:
        staged.write_bytes(_settled(buffer.getvalue(), report.as_of))
        staged.replace(path)
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror or error}; is it open in Excel?") from None
    finally:
        staged.unlink(missing_ok=True)


def _tables(report: Report) -> dict[str, pd.DataFrame]:
    """Tables by the name of their sheet: first the aggregates, then the deals, each once."""
    sheets = {exhibit.key: exhibit.table for exhibit in report.exhibits()}
    sheets["deals"] = report.deals
    for exhibit in report.exhibits():
        if exhibit.deals:
            sheets.setdefault(exhibit.deals.sheet, exhibit.deals.frame)
    return sheets


def _summary(sheet: WriteOnlyWorksheet, report: Report) -> None:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Alignment, Font

    def cell(value: str, *, bold: bool = False) -> Any:
        made = WriteOnlyCell(sheet, value=_clean(value))
        made.data_type = "s"
        made.font = Font(name=_FONT, bold=bold)
        made.alignment = Alignment(wrap_text=not bold, vertical="top")
        return made

    sheet.column_dimensions["A"].width, sheet.column_dimensions["B"].width = 34, 100
    _fit_pages(sheet)
    sheet.append([cell(report.title, bold=True)])
    if report.currency:
        sheet.append([cell("money in", bold=True), cell(report.currency)])
    for warning in report.warnings:
        sheet.append([cell("WARNING", bold=True), cell(warning)])
    sheet.append([cell("headline", bold=True), cell(report.said)])
    for figure in report.figures:
        sheet.append([cell(figure.name, bold=True), cell(f"{figure.text}   {figure.note}".strip())])
    for section in report.sections:
        sheet.append(
            [cell(section.title, bold=True), cell(" ".join(filter(None, (section.said, section.missing))))]
        )
        for term, words in section.meaning:
            sheet.append([cell(f"    {term}", bold=True), cell(words)])


def _sheet(sheet: WriteOnlyWorksheet, table: pd.DataFrame) -> None:
    """A table under its column names: numbers and dates as such, text never as a formula."""
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Alignment, Font
    from openpyxl.utils import get_column_letter

    names = [str(name) for name in table.columns]
    kinds = [_kind(name, table[name].dtype) for name in table.columns]
    for place in range(1, len(names) + 1):
        sheet.column_dimensions[get_column_letter(place)].width = _width(table.iloc[:, place - 1])
    sheet.freeze_panes = "A2"
    _fit_pages(sheet)
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(names))}{max(2, len(table) + 1)}"
    heads = []
    for name, kind in zip(names, kinds, strict=True):
        head = WriteOnlyCell(sheet, value=name)
        head.font, head.alignment = (
            Font(name=_FONT, bold=True),
            Alignment(horizontal="right" if kind in NUMERIC else "left"),
        )
        heads.append(head)
    sheet.append(heads)
    for row in table.head(_MOST_ROWS).itertuples(index=False):
        sheet.append([_cell(sheet, value, kind) for value, kind in zip(row, kinds, strict=True)])


def _width(column: pd.Series[Any]) -> float:
    """Wide enough for the heading and for what the first rows hold."""
    longest = max((len(str(value)) for value in column.head(200).dropna()), default=0)
    text = pd.api.types.is_string_dtype(column.dtype)
    return max(12.0, 1.3 * len(str(column.name)) + 2, min(_WIDEST, longest + 2.0) if text else 16.0)


def _fit_pages(sheet: WriteOnlyWorksheet) -> None:
    """Printed as wide as the paper is."""
    from openpyxl.worksheet.properties import PageSetupProperties

    sheet.page_setup.orientation, sheet.page_setup.fitToHeight = "landscape", False
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)


def _kind(name: str, dtype: Any) -> str:
    """The column's kind, unless its values do not fit it."""
    kind = column(name).kind
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return "date" if kind == "date" else "instant"
    if kind in NUMERIC and not pd.api.types.is_numeric_dtype(dtype):
        return "text"
    return kind


def _cell(sheet: WriteOnlyWorksheet, value: Any, kind: str) -> Any:
    from openpyxl.cell import WriteOnlyCell

    if value is None or (pd.api.types.is_scalar(value) and pd.isna(value)):
        return None
    if isinstance(value, pd.Timestamp):
        plain = value.tz_localize(None) if value.tzinfo else value
        value, number_format = (
            plain.to_pydatetime(),
            "yyyy-mm-dd hh:mm" if kind == "instant" else EXCEL["date"],
        )
    elif kind in NUMERIC:
        value, number_format = float(value), EXCEL[kind]
    elif isinstance(value, (bool, int, float)):
        return value
    else:
        value, number_format = _clean(str(value)), ""
    made = WriteOnlyCell(sheet, value=value)
    if number_format:
        made.number_format = number_format
    else:
        made.data_type = "s"
    return made


def _clean(value: str) -> str:
    """Text without the control characters that no workbook can hold."""
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    return str(ILLEGAL_CHARACTERS_RE.sub("�", value))[:32_767]


def _settled(content: bytes, as_of: pd.Timestamp) -> bytes:
    """The same workbook without the time of writing."""
    stamp = datetime(as_of.year, as_of.month, as_of.day).isoformat() + "Z"
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as made,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as kept,
    ):
        for entry in made.infolist():
            body = made.read(entry)
            if entry.filename == "docProps/core.xml":
                body = re.sub(
                    rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*", rb"\g<1>" + stamp.encode(), body
                )
            kept.writestr(zipfile.ZipInfo(entry.filename, _EPOCH), body, zipfile.ZIP_DEFLATED)
    return out.getvalue()
