"""The workbook: the page's tables in full, one a sheet, then the deals behind them."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from opp_analytics.errors import ConfigError, DataError
from opp_analytics.report.exhibits import Report, column
from opp_analytics.report.formats import EXCEL, NUMERIC

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.worksheet import Worksheet

__all__ = ["write_workbook"]

_MOST_ROWS = 1_048_575
"""What a sheet holds below its heading."""
_MOST_LETTERS = 32_767
_WIDEST = 44
_FORMATS = {**EXCEL, "instant": "yyyy-mm-dd hh:mm"}
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""Characters that no workbook can hold."""
_OPTIONS = {
    "constant_memory": True,
    "in_memory": False,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}


def write_workbook(report: Report, path: Path) -> None:
    """Write the report's tables to `path`.

    Raises
    ------
    ConfigError
        When xlsxwriter is not installed.
    DataError
        When the file cannot be written.
    """
    try:
        import xlsxwriter
    except ImportError:
        raise ConfigError(
            "the report's workbook needs xlsxwriter; install it with: pip install 'opp-analytics[report]'"
        ) from None
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, _OPTIONS)
    # Not the time of writing: the same inputs give the same bytes.
    book.set_properties({"title": report.title, "created": report.as_of.to_pydatetime()})
    _summary(book, report)
    for title, table in _tables(report).items():
        _sheet(book, title, table)
    book.close()
    staged = path.with_name(f".{path.name}.part")
    try:
        staged.write_bytes(buffer.getvalue())
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


def _summary(book: Workbook, report: Report) -> None:
    """What the page says, line by line."""
    sheet = book.add_worksheet("summary")
    _fit_pages(sheet)
    head, body = book.add_format({"bold": True, "valign": "top"}), book.add_format({"text_wrap": True})
    sheet.set_column(0, 0, 34)
    sheet.set_column(1, 1, 100)
    lines = [(report.title, "")]
    if report.currency:
        lines.append(("money in", report.currency))
    lines += [("WARNING", warning) for warning in report.warnings]
    lines.append(("headline", report.said))
    lines += [(figure.name, f"{figure.text}   {figure.note}".strip()) for figure in report.figures]
    for section in report.sections:
        lines.append((section.title, " ".join(filter(None, (section.said, section.missing)))))
        lines += [(f"    {term}", words) for term, words in section.meaning]
    for row, (name, words) in enumerate(lines):
        sheet.write_string(row, 0, name, head)
        sheet.write_string(row, 1, _clean(words), body)


def _sheet(book: Workbook, title: str, table: pd.DataFrame) -> None:
    """A table under its column names: numbers and dates as such, text never as a formula."""
    sheet = book.add_worksheet(title)
    _fit_pages(sheet)
    shown = table.head(_MOST_ROWS)
    kinds = [_kind(str(name), shown[name].dtype) for name in shown.columns]
    for place, (name, kind) in enumerate(zip(shown.columns, kinds, strict=True)):
        side = "right" if kind in NUMERIC else "left"
        dressed = book.add_format({"num_format": _FORMATS[kind]}) if kind in _FORMATS else None
        sheet.set_column(place, place, _width(shown[name]), dressed)
        sheet.write_string(0, place, str(name), book.add_format({"bold": True, "align": side}))
    sheet.freeze_panes(1, 1)
    sheet.autofilter(0, 0, max(1, len(shown)), max(0, len(kinds) - 1))
    write = {"text": sheet.write_string, "date": sheet.write_datetime, "instant": sheet.write_datetime}
    writers = [write.get(kind, sheet.write_number) for kind in kinds]
    columns = [_plain(shown[name], kind) for name, kind in zip(shown.columns, kinds, strict=True)]
    for row, values in enumerate(zip(*columns, strict=True), start=1):
        for place, value in enumerate(values):
            if value is not None:
                writers[place](row, place, value)


def _kind(name: str, dtype: Any) -> str:
    """The column's kind, unless its values do not fit it."""
    kind = column(name).kind
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return "date" if kind == "date" else "instant"
    numeric = pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype)
    if numeric:
        return kind if kind in NUMERIC else "number"
    return "text"


def _plain(values: pd.Series[Any], kind: str) -> list[Any]:
    """The column's cells as the writer takes them, None where there is nothing to write."""
    if kind == "text":
        cells = [_clean(str(cell)) for cell in values.tolist()]
    elif kind in ("date", "instant"):
        naive = values.dt.tz_localize(None) if values.dt.tz is not None else values
        cells = list(naive.dt.to_pydatetime())
    else:
        numbers = values.astype("float64")
        finite = numbers.abs() < float("inf")
        return [cell if there else None for cell, there in zip(numbers.tolist(), finite, strict=True)]
    return [cell if there else None for cell, there in zip(cells, values.notna(), strict=True)]


def _clean(value: str) -> str:
    return _CONTROL.sub("�", value)[:_MOST_LETTERS]


def _width(values: pd.Series[Any]) -> float:
    """Wide enough for the heading and for what the first rows hold."""
    longest = max((len(str(value)) for value in values.head(200).dropna()), default=0)
    text = pd.api.types.is_string_dtype(values.dtype)
    return max(12.0, 1.2 * len(str(values.name)) + 2, min(_WIDEST, longest + 2.0) if text else 16.0)


def _fit_pages(sheet: Worksheet) -> None:
    """Printed as wide as the paper is."""
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
