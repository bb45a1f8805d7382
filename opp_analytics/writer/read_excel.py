"""Read edited spreadsheets, whatever Excel, LibreOffice and people do to cells.

A cell that still says what was written is taken from the hidden base sheet, exactly; only what differs is read. What
cannot be read for certain stays as it is, and becomes a problem of the plan.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from opp_analytics import arguments, files, org, schema
from opp_analytics.errors import DataError
from opp_analytics.writer.plan.cells import from_text, list_rows
from opp_analytics.writer.sheets import TEXTS, find_file_day_order, make_after, match_header, parse, to_cell
from opp_analytics.writer.to_excel import BASE_SHEET, openpyxl_library

if TYPE_CHECKING:
    from openpyxl.workbook import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

__all__ = ["read_excel"]

_SUFFIXES = (".xlsx", ".xlsm")


def read_excel(path: str | Path, *, new_columns: Collection[str] = ()) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the exported and the edited opportunities: ``plan(*read_excel(path))``.

    Rows may have been reordered, filtered, deleted or added, dates turned to text or serial numbers, amounts to text
    such as 12,000.50, spaces and capitals changed in the header. A formula in a text column is its text; in a typed
    column it is the value that the spreadsheet stored, or, where none is stored, a problem of the plan.

    Parameters
    ----------
    path : path
        A file that `to_excel` wrote.
    new_columns : collection of str
        Columns that the exported file did not have and that are to be written; `plan` refuses any other by name.

    Returns
    -------
    before, after : DataFrame
        Opportunities frames; `after` in the file's order, without blank rows, its index ``row`` the row of the file
        that a person sees. A column of `after` in which a cell does not fit holds objects.

    Raises
    ------
    DataError
        If the file cannot be read, was not written by `to_excel`, or its header was changed.
    ConfigError
        If openpyxl is not installed.
    """
    file = arguments.path(path)
    book = _open(file)
    before = _read_base(file, book)
    sheet = next((s for s in book.worksheets if s.title != BASE_SHEET), None)
    if sheet is None:
        raise DataError(f"{file} has only the hidden sheet; export it again")
    filled = _list_filled(sheet)
    titles = filled.pop(1, {})
    width = max(titles, default=-1) + 1
    header = [titles[place].value if place in titles else None for place in range(width)]
    columns = match_header(file, header, list(before.columns))
    content = _make_reader(file, sheet.title)
    base = {record["unique_id"]: record for record in list_rows(before.astype("object"))}
    raw = {
        number: {column: content(column, cells.get(place)) for place, column in columns.items()}
        for number, cells in filled.items()
    }
    day_first = find_file_day_order(cells["close_date"][0] for cells in raw.values() if "close_date" in cells)
    rows = {
        number: _read_row(cells, base, book.epoch, day_first)
        for number, cells in raw.items()
        if any(not schema.is_blank(value) for value, _ in cells.values())
    }
    return before, make_after(rows, columns, before, new_columns)


def _list_filled(sheet: Worksheet) -> dict[int, dict[int, Any]]:
    """Non-empty cells by row and place, in order; a stray cell far away costs nothing extra."""
    rows: dict[int, dict[int, Any]] = {}
    # The library's own sparse table: its iterators would make every cell up to the last one.
    for (row, column), cell in sorted(sheet._cells.items()):
        if cell.value is not None:
            rows.setdefault(row, {})[column - 1] = cell
    return rows


def _make_reader(file: Path, title: str) -> Callable[[str, Any], tuple[Any, str]]:
    """Return a reader of a cell's value and number format; a formula in a typed column gives its stored value."""

    @cache
    def stored() -> Any:
        return _open(file, data_only=True)[title]

    def content(column: str, cell: Any) -> tuple[Any, str]:
        if cell is None:
            return None, "General"
        value = cell.value
        if cell.data_type == "f":
            typed = column in schema.COLUMNS and column not in TEXTS
            found = stored().cell(cell.row, cell.column).value if typed else None
            value = str(value) if found is None else found
        return value, str(cell.number_format)

    return content


def _open(file: Path, *, data_only: bool = False) -> Workbook:
    if file.suffix.lower() not in _SUFFIXES:
        raise DataError(f"{file} is not an .xlsx file; save it as .xlsx")
    files.refuse_devices(file)
    load = openpyxl_library().load_workbook
    try:
        # Opened here: the library leaves a file open in which it stumbles over something.
        with file.open("rb") as stream:
            return load(stream, data_only=data_only)
    except OSError as error:
        raise DataError(f"cannot read {file}: {error.strerror or error}") from None
    except Exception as error:  # openpyxl raises whatever a damaged part makes it stumble over
        raise DataError(f"{file} is damaged or not an Excel file ({error}); save it again as .xlsx") from None


def _read_base(file: Path, book: Workbook) -> pd.DataFrame:
    if BASE_SHEET not in book.sheetnames:
        raise DataError(
            f"{file} has no hidden sheet of what was exported, so edits can't be found; export the opportunities "
            "again, edit that file and keep all its sheets"
        )
    try:
        return _read_base_frame(_list_filled(book[BASE_SHEET]))
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise DataError(f"the hidden sheet of {file} is damaged ({error}); export it again") from None


def _read_base_frame(filled: dict[int, dict[int, Any]]) -> pd.DataFrame:
    *columns, about = (cell.value for cell in filled.pop(1).values())
    known = json.loads(about)
    records = []
    for cells in filled.values():
        texts = {c: str(cells[place].value) if place in cells else None for place, c in enumerate(columns)}
        records.append({column: from_text(column, text) for column, text in texts.items()})
    # A spreadsheet may trim trailing blank rows or add some; opportunities have an id.
    records = [record for record in records if record["unique_id"] is not None]
    if len(records) != known["rows"]:
        raise ValueError(f"{len(records)} of {known['rows']} rows")
    frame = pd.DataFrame(records, columns=columns, dtype="object")
    further = {
        c: schema.TEXT if t == "str" else t for c, t in known["dtypes"].items() if c not in schema.COLUMNS
    }
    frame = frame.astype(further)
    frame.attrs = dict(known["attrs"])
    return org.conform(frame)


def _read_row(
    raw: dict[str, tuple[Any, str]],
    base: dict[str, dict[str, Any]],
    epoch: datetime,
    day_first: bool | None,
) -> dict[str, Any]:
    unique_id = parse("unique_id", *raw["unique_id"], epoch)
    held = base.get(unique_id, {})
    row = {}
    for column, (value, number_format) in raw.items():
        was = held.get(column)
        cleaned = parse(column, value, number_format, epoch, day_first=day_first)
        row[column] = was if column in held and _unchanged(column, value, cleaned, was) else cleaned
    return row | {"unique_id": unique_id}


def _unchanged(column: str, value: Any, cleaned: Any, was: Any) -> bool:
    """True if the cell is unchanged, apart from what a spreadsheet alters on saving."""
    written = to_cell(column, was)
    if schema.is_blank(written) or schema.is_blank(cleaned):
        return schema.is_blank(written) and schema.is_blank(cleaned)
    if isinstance(written, str):
        if column in ("created_at", "updated_at") and isinstance(value, datetime):
            at = pd.Timestamp(value)
            at = at.tz_localize("UTC") if at.tzinfo is None else at
            return abs(at - pd.Timestamp(written)) < pd.Timedelta("1s")
        return _normalize_lines(str(cleaned)) == _normalize_lines(written)
    if isinstance(written, float) and isinstance(cleaned, (int, float)) and not isinstance(cleaned, bool):
        # LibreOffice keeps 15 digits.
        return math.isclose(written, cleaned, rel_tol=1e-14, abs_tol=0.0)
    if isinstance(written, datetime) and isinstance(cleaned, date):
        return pd.Timestamp(written) == pd.Timestamp(cleaned)
    return bool(written == cleaned)


def _normalize_lines(text: str) -> str:
    """Text without what a spreadsheet, or reading its cell, alters."""
    lines = text.replace("_x000D_", "\r").replace("\r\n", "\n").replace("\r", "\n")
    return lines.replace("\u00a0", " ").strip()
