"""Edited spreadsheets back to frames, whatever Excel, LibreOffice or a person did to the cells.

A cell that still says what was written is taken from the hidden base sheet, exactly; only what differs is read. What
cannot be read for certain stays as it is, and becomes a problem of the plan.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from opp_analytics import org, schema
from opp_analytics.errors import DataError
from opp_analytics.writer.cells import records as row_dicts
from opp_analytics.writer.codec import from_text
from opp_analytics.writer.spreadsheet import BASE_SHEET, as_written, library
from opp_analytics.writer.typed import TEXTS, typed

if TYPE_CHECKING:
    from openpyxl.workbook import Workbook

__all__ = ["read_csv", "read_excel"]


def read_excel(path: str | Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The opportunities as `to_excel` wrote them, and as the file holds them now: ``plan(*read_excel(path))``.

    Rows may have been reordered, filtered, deleted or added, dates turned to text or serial numbers, amounts to text
    such as 12,000.50, spaces and capitals changed in the header. A formula in a text column is its text; in a typed
    column it is the value that the spreadsheet stored, or, where none is stored, a problem of the plan.

    Parameters
    ----------
    path : path
        A file that `to_excel` wrote.

    Returns
    -------
    before, after : DataFrame
        Opportunities frames; `after` in the file's order, without blank rows, its index ``row`` the row of the file
        that a person sees. A column of `after` in which a cell does not fit holds objects.

    Raises
    ------
    DataError
        When the file cannot be read, was not written by `to_excel`, or its header cannot be told.
    ConfigError
        When openpyxl is not installed.
    """
    file = Path(path)
    book = _open(file)
    before = _base(file, book)
    sheet = next((s for s in book.worksheets if s.title != BASE_SHEET), None)
    if sheet is None:
        raise DataError(f"{file} has no sheet beside the hidden one; export it again")
    columns = _header(
        file, [cell.value for cell in next(sheet.iter_rows(max_row=1), ())], list(before.columns)
    )
    content = _content_of(file, sheet.title)
    base = {record["unique_id"]: record for record in row_dicts(before.astype("object"))}
    rows: dict[int, dict[str, Any]] = {}
    for number, cells in enumerate(sheet.iter_rows(min_row=2), start=2):
        raw = {
            column: (content(column, cells[place]), str(cells[place].number_format))
            for place, column in columns.items()
        }
        if any(not schema.is_blank(value) for value, _ in raw.values()):
            rows[number] = _row(raw, base, book.epoch)
    return before, _typed(rows, list(columns.values()), before)


def _content_of(file: Path, title: str) -> Callable[[str, Any], Any]:
    """What a cell of a column holds: of a formula in a typed column the value that the spreadsheet stored, if any."""

    @cache
    def stored() -> Any:
        return _open(file, data_only=True)[title]

    def content(column: str, cell: Any) -> Any:
        if cell.data_type != "f":
            return cell.value
        if column in TEXTS or column not in schema.COLUMNS:
            return str(cell.value)
        value = stored().cell(cell.row, cell.column).value
        return str(cell.value) if value is None else value

    return content


def _open(file: Path, *, data_only: bool = False) -> Workbook:
    try:
        return library().load_workbook(file, data_only=data_only)
    except OSError as error:
        raise DataError(f"the file {file} cannot be read ({error.strerror or error})") from None
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise DataError(f"{file} is no Excel file ({error})") from None
    except Exception as error:
        if type(error).__name__ == "InvalidFileException":
            raise DataError(f"{file} is no .xlsx file; save it as .xlsx") from None
        raise


def _base(file: Path, book: Workbook) -> pd.DataFrame:
    if BASE_SHEET not in book.sheetnames:
        raise DataError(
            f"{file} lacks the hidden sheet that an export carries, so nobody can tell what was edited; export the "
            "opportunities again, edit that file and keep all its sheets"
        )
    rows = book[BASE_SHEET].iter_rows(values_only=True)
    try:
        *columns, about = (value for value in next(rows) if value is not None)
        known = json.loads(about)
        records = [
            {c: from_text(c, None if v is None else str(v)) for c, v in zip(columns, row, strict=False)}
            for row in rows
        ]
        # A spreadsheet may trim trailing blank rows or add some; opportunities have an id.
        records = [record for record in records if record["unique_id"] is not None]
        if len(records) != known["rows"]:
            raise ValueError(f"{len(records)} of {known['rows']} rows")
    except (StopIteration, KeyError, TypeError, ValueError) as error:
        raise DataError(f"the hidden sheet of {file} is damaged ({error}); export it again") from None
    frame = pd.DataFrame(records, columns=columns, dtype="object")
    further = {
        c: schema.TEXT if t == "str" else t for c, t in known["dtypes"].items() if c not in schema.COLUMNS
    }
    before = org.conform(frame.astype(further))
    before.attrs = known["attrs"]
    return before


def _key(name: Any) -> str:
    return re.sub(r"[\s_-]+", "_", str(name).strip()).lower()


def _header(file: Path, titles: list[Any], known: list[str]) -> dict[int, str]:
    """Column names by place; capitals, spaces and hyphens do not matter."""
    names = {_key(column): column for column in known}
    columns = {
        p: names.get(_key(title), str(title).strip()) for p, title in enumerate(titles) if title is not None
    }
    twice = [c for c in columns.values() if list(columns.values()).count(c) > 1]
    if twice:
        raise DataError(f"{file}: column {twice[0]!r} stands in row 1 twice; rename or remove one")
    lost = [c for c in known if c not in columns.values()]
    renamed = [c for c in columns.values() if c not in known]
    if "unique_id" in lost or (lost and renamed):
        new = f", and {renamed[0]!r} is new" if renamed else ""
        raise DataError(
            f"{file}: row 1 has no {lost[0]!r} any longer{new}; put the names of row 1 back as they were"
        )
    return columns


def _row(raw: dict[str, tuple[Any, str]], base: dict[str, dict[str, Any]], epoch: datetime) -> dict[str, Any]:
    unique_id = typed("unique_id", *raw["unique_id"], epoch)
    held = base.get(unique_id, {})
    row = {}
    for column, (value, number_format) in raw.items():
        was = held.get(column)
        cleaned = typed(column, value, number_format, epoch)
        row[column] = was if column in held and _unchanged(column, value, cleaned, was) else cleaned
    return row | {"unique_id": unique_id}


def _unchanged(column: str, value: Any, cleaned: Any, was: Any) -> bool:
    """Whether the cell still says what was written, give or take what a spreadsheet does on saving."""
    written = as_written(column, was)
    if schema.is_blank(written) or schema.is_blank(cleaned):
        return schema.is_blank(written) and schema.is_blank(cleaned)
    if isinstance(written, str):
        if column in ("created_at", "updated_at") and isinstance(value, datetime):
            at = pd.Timestamp(value)
            at = at.tz_localize("UTC") if at.tzinfo is None else at
            return abs(at - pd.Timestamp(written)) < pd.Timedelta("1s")
        return _lines(str(cleaned)) == _lines(written)
    if isinstance(written, float) and isinstance(cleaned, (int, float)) and not isinstance(cleaned, bool):
        # LibreOffice keeps 15 digits.
        return math.isclose(written, cleaned, rel_tol=1e-14, abs_tol=0.0)
    if isinstance(written, datetime) and isinstance(cleaned, date):
        return pd.Timestamp(written) == pd.Timestamp(cleaned)
    return bool(written == cleaned)


def _lines(text: str) -> str:
    return text.replace("_x000D_", "").replace("\r\n", "\n").strip()


def _typed(rows: dict[int, dict[str, Any]], columns: list[str], before: pd.DataFrame) -> pd.DataFrame:
    """Rows by their number as a frame, every column at the dtype of `before` where all its cells fit."""
    cells = pd.DataFrame(list(rows.values()), columns=columns, dtype="object")
    fitted = {}
    for column in columns:
        try:
            fitted[column] = org.conform(cells[[column]])[column]
            if column not in schema.COLUMNS and column in before:
                fitted[column] = fitted[column].astype(before[column].dtype)
        except (DataError, ValueError, TypeError):
            fitted[column] = cells[column]
    return pd.DataFrame(fitted).set_axis(pd.Index(rows, dtype="int64", name="row"))


def read_csv(path: str | Path, before: pd.DataFrame | None = None) -> pd.DataFrame:
    """Opportunities from a CSV file, for `plan` against the frame that it was written from.

    Comma, semicolon and tab separators are recognised; dates and amounts may be written as in `read_excel`.

    Parameters
    ----------
    path : path
        A file as `to_csv` writes it.
    before : DataFrame, optional
        The opportunities that it was written from: columns that the API does not document take their dtypes from
        there, and are text without it.

    Returns
    -------
    DataFrame
        As the ``after`` of `read_excel`.

    Raises
    ------
    DataError
        When the file cannot be read or has no ``unique_id`` column.
    """
    file = Path(path)
    titles, lines = _csv(file)
    known = [c for c in schema.COLUMNS if c in {_key(title) for title in titles}]
    columns = _header(file, titles, list(dict.fromkeys(["unique_id", *known])))
    rows = {}
    for number, line in enumerate(lines, start=2):
        if len(line) > len(titles):
            raise DataError(f"{file}: row {number} has {len(line)} cells, more than row 1 has names")
        if any(cell.strip() for cell in line):
            filled = zip(columns.values(), [*line, *[""] * (len(titles) - len(line))], strict=True)
            rows[number] = {c: typed(c, cell[1:] if cell.startswith("'") else cell) for c, cell in filled}
    return _typed(rows, list(columns.values()), org.empty() if before is None else before)


def _csv(file: Path) -> tuple[list[str], list[list[str]]]:
    """The cells of row 1, and those of the rows below."""
    try:
        text = file.read_text(encoding="utf-8-sig")
        first = text.partition("\n")[0]
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count))
        titles, *lines = reader
    except OSError as error:
        raise DataError(f"the file {file} cannot be read ({error.strerror})") from None
    except (ValueError, csv.Error) as error:
        raise DataError(f"the file {file} cannot be read as CSV ({error})") from None
    return titles, lines
