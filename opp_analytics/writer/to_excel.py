"""Opportunities as a workbook for editing in Excel or LibreOffice, and back.

Sheet 1 holds the API's names in row 1 and one opportunity per row below. A hidden sheet keeps the
opportunities as they were written, every cell as text. A cell that still says what was written is
taken from there, exactly; only what differs is read, and what cannot be read for certain stays as
it is and becomes a problem of the plan.
"""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime
from functools import cache
from pathlib import Path
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any

import pandas as pd

from opp_analytics import arguments, schema
from opp_analytics.arrays import Series
from opp_analytics.errors import DataError
from opp_analytics.files import check_ending, read_whole
from opp_analytics.org import VALUE_ORIGINAL, Org, conform, mark_foreign
from opp_analytics.schema import Json
from opp_analytics.table_files import BASE_SHEET, open_workbook
from opp_analytics.workbooks import MOST_LETTERS, add_sheet, count_days, make_workbook
from opp_analytics.writer import sheets
from opp_analytics.writer.cells import from_text, list_choices, list_rows, to_text
from opp_analytics.writer.plan.difference import require_ids
from opp_analytics.writer.plan.plan import read_before

if TYPE_CHECKING:
    import openpyxl
    from xlsxwriter import Workbook
    from xlsxwriter.worksheet import Worksheet

_SHEET = "opportunities"
_SUFFIXES = (".xlsx", ".xlsm")
_NO_CHARACTER = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""Control signs, halves of a character and two code points that XML excludes."""
_FORMATS = {
    **dict.fromkeys(("value", VALUE_ORIGINAL), "#,##0.00"),
    "close_date": "yyyy-mm-dd",
    "probability": "0",
    **dict.fromkeys(sheets.MOMENTS, "yyyy-mm-dd hh:mm"),
}
_WIDTHS = {"name": 40, "unique_id": 12, "account_id": 12, "created_at": 17, "updated_at": 17}
"""Widths of columns in characters; 16 for the others."""
_NEW_ROWS = 1000
"""Empty rows below the data with the same checks, for new opportunities."""
_LONGEST_RULE = 255
"""Characters that Excel takes in a rule's message."""
_LISTS = "_lists"
"""The hidden sheet of what the dropdowns offer."""


def to_excel(opportunities: pd.DataFrame, path: str | Path) -> Path:
    """Write opportunities to an Excel file made for editing; `read_excel` reads the edits back.

    Dates, numbers and whole percents are typed cells; stage and status offer their values; ids and
    the server's timestamps are locked: the sheet is protected without a password, and a spreadsheet
    sorts or deletes rows with locked cells only after Unprotect Sheet. `read_excel` reads rows that
    were added, deleted, sorted or filtered. Text that looks like a formula stays text.

    Parameters
    ----------
    opportunities : DataFrame
        Frame with ``unique_id`` and any other columns.
    path : path
        The ``.xlsx`` file to write; an existing file is replaced.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    MissingColumnError, DataError
        If the frame cannot be used, or the file cannot be written.
    ConfigError
        If XlsxWriter is not installed.
    """
    target = arguments.path(path)
    check_ending(target, (".xlsx", ""))
    frame = conform(require_ids(opportunities, "opportunities"))
    frame = frame[["unique_id", *(c for c in frame.columns if c != "unique_id")]]
    shown = sheets.order_columns([str(column) for column in frame.columns])
    meaning = Org.of(frame)
    saved = io.BytesIO()
    with make_workbook(saved, "excel") as book:
        page = add_sheet(book, _SHEET)
        _write_titles(book, page, shown)
        whole = dict.fromkeys((*schema.READ_ONLY, *meaning.derived), [True] * len(frame))
        _write_rows(book, page, frame[shown], ({"value": mark_foreign(frame).tolist()} | whole))
        _format_sheet(book, page, shown, len(frame), meaning)
        _write_base(book, frame)
    return sheets.save(target, saved.getvalue())


def _write_rows(
    book: Workbook,
    page: Worksheet,
    frame: pd.DataFrame,
    locked: Mapping[str, list[bool]],
) -> None:
    """Write the rows below the titles, each cell with its format."""

    @cache
    def find_look(number_format: str, quoted: bool, is_locked: bool) -> Any:
        look = {"num_format": number_format, "quote_prefix": quoted, "locked": is_locked}
        return book.add_format(look | ({"bg_color": "#EEEEEE"} if is_locked else {}))

    columns = []
    for column, values in frame.items():
        cells = _to_cells(str(column), values)
        kinds = [
            _FORMATS.get(str(column), "@" if isinstance(cell, str) else "General") for cell in cells
        ]
        quoted = [isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@") for cell in cells]
        marks = locked.get(str(column), [False] * len(cells))
        columns.append(zip(cells, map(find_look, kinds, quoted, marks), strict=True))
    for row, cells in enumerate(zip(*columns, strict=True), start=1):
        for place, (cell, look) in enumerate(cells):
            page.write(row, place, cell, look)


def _to_cells(column: str, values: Series) -> list[Any]:
    """Convert a column to cells: dates in days, texts checked."""
    if column in sheets.MOMENTS and isinstance(values.dtype, pd.DatetimeTZDtype):
        days = count_days(values.dt.tz_convert("UTC").dt.round("s"))
        # A text where Excel has no such date.
        return [
            sheets.to_cell(column, value) if isinstance(day, str) else day
            for day, value in zip(days, values, strict=True)
        ]
    if values.dtype.kind == "M" and column == "close_date":
        return count_days(values)
    cells = [sheets.to_cell(column, value) for value in values.tolist()]
    for row, cell in enumerate(cells, start=2):
        if isinstance(cell, str):
            _check_text(cell, f"row {row}: {column}")
    return cells


def _check_titles(names: Sequence[str]) -> Sequence[str]:
    for number, name in enumerate(names, start=1):
        _check_text(name, f"row 1: column {number}")
    return names


def _check_text(text: str, where: str) -> None:
    wrong = _NO_CHARACTER.search(text)
    if wrong:
        raise DataError(
            f"{where} holds the character {wrong[0]!r}, which Excel files can't: "
            f"{_shorten(text)}; remove it, or use CSV"
        )
    # Excel counts an emoji as two.
    if len(text.encode("utf-16-le")) > 2 * MOST_LETTERS:
        raise DataError(
            f"{where} is too long for an Excel file, whose cells hold {MOST_LETTERS:,} characters: "
            f"{_shorten(text)}; shorten it, or use CSV"
        )


def _shorten(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:39]}…")


def _write_titles(book: Workbook, page: Worksheet, columns: Sequence[str]) -> None:
    for number, column in enumerate(_check_titles(columns)):
        look = {"bold": True, "align": "right" if column in _FORMATS else "left"}
        page.write(0, number, column, book.add_format(look))
        # Whole columns, so that rows added later behave alike.
        page.set_column(number, number, _WIDTHS.get(column, 16), book.add_format({"locked": False}))


def _format_sheet(
    book: Workbook, page: Worksheet, columns: Sequence[str], rows: int, meaning: Org
) -> None:
    """Set up a sheet: dropdowns, locked cells, filters and printing."""
    lists = add_sheet(book, _LISTS)
    lists.hide()
    rules: dict[str, Json] = {}
    for number, (column, names) in enumerate(list_choices(meaning).items()):
        lists.write_column(0, number, names)
        letter = ascii_uppercase[number]
        rules[column] = {
            "validate": "list",
            "source": f"={_LISTS}!${letter}$1:${letter}${len(names)}",
            "error_message": f"{column} is one of {', '.join(names)}",
        }
    whole = {"validate": "integer", "criteria": "between", "minimum": 0, "maximum": 100}
    rules["probability"] = whole | {"error_message": "probability is a whole percent, 0 to 100"}
    for number, column in enumerate(columns):
        if rule := rules.get(column):
            # Excel refuses a longer message.
            shown = rule | {"error_message": rule["error_message"][:_LONGEST_RULE]}
            page.data_validation(1, number, rows + _NEW_ROWS, number, shown)
    page.freeze_panes(1, 1)
    page.autofilter(0, 0, max(rows, 1), len(columns) - 1)
    page.set_landscape()
    page.fit_to_pages(1, 0)
    page.repeat_rows(0)
    formats = [f"format_{what}" for what in ("cells", "columns", "rows")]
    allowed = [*formats, "insert_rows", "delete_rows", "sort", "autofilter"]
    page.protect("", dict.fromkeys(allowed, True))


def _write_base(book: Workbook, frame: pd.DataFrame) -> None:
    """Write the data behind the exported sheet to a hidden sheet.

    The first row is about the columns; then there is a JSON array for each row.
    """
    base = add_sheet(book, BASE_SHEET)
    base.hide()
    columns = [str(column) for column in frame.columns]
    about = {
        "rows": len(frame),
        "dtypes": {column: str(frame[column].dtype) for column in columns},
        "attrs": schema.keep_facts(frame.attrs),
    }
    records = zip(
        *([to_text(c, value) for value in frame[c].tolist()] for c in columns), strict=True
    )
    for row, content in enumerate([about, *records]):
        # Spreadsheets take _x0041_ for a sign of their own.
        packed = json.dumps(content).replace("_", "\\u005f")
        base.write_row(
            row, 0, [packed[at : at + MOST_LETTERS] for at in range(0, len(packed), MOST_LETTERS)]
        )


def read_excel(
    path: str | Path, *, new_columns: Collection[str] = ()
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the exported and the edited opportunities: ``plan(*read_excel(path))``.

    Rows may have been reordered, filtered, deleted or added, dates turned to text or serial
    numbers, amounts to text such as 12,000.50, spaces and capitals changed in the header. A formula
    in a text column is its text; in a typed column it is the value that the spreadsheet stored, or,
    where none is stored, a problem of the plan.

    Parameters
    ----------
    path : path
        A file that `to_excel` wrote.
    new_columns : collection of str
        Columns that the exported file did not have and that are to be written; `plan` refuses any
        other by name.

    Returns
    -------
    before, after : DataFrame
        Opportunities frames; `after` in the file's order, without blank rows, its index ``row`` the
        row of the file that a person sees. A column of `after` in which a cell does not fit holds
        objects.

    Raises
    ------
    DataError
        If the file cannot be read, was not written by `to_excel`, or its header was changed.
    ConfigError
        If openpyxl is not installed.
    """
    file = arguments.path(path)
    if file.suffix.lower() not in _SUFFIXES:
        raise DataError(f"{file} is not an .xlsx file; save it as .xlsx")
    packed = read_whole(file)
    book = _open(file, packed)
    before = _read_base(file, book)
    sheet = next((s for s in book.worksheets if s.title not in (BASE_SHEET, _LISTS)), None)
    if sheet is None:
        raise DataError(f"{file} has only hidden sheets; export it again")
    filled = _list_filled(sheet)
    titles = filled.pop(1, {})
    width = max(titles, default=-1) + 1
    header = [titles[place].value if place in titles else None for place in range(width)]
    columns = sheets.match_header(file, header, list(before.columns))
    content = _make_reader(file, packed, sheet.title)
    base = {record["unique_id"]: record for record in list_rows(before.astype("object"))}
    raw = {
        number: {column: content(column, cells.get(place)) for place, column in columns.items()}
        for number, cells in filled.items()
    }
    day_first = sheets.find_file_day_order(
        cells["close_date"][0] for cells in raw.values() if "close_date" in cells
    )
    rows = {
        number: _read_row(cells, base, book.epoch, day_first, Org.of(before))
        for number, cells in raw.items()
        if any(not schema.is_blank(value) for value, _ in cells.values())
    }
    return before, sheets.make_after(rows, columns, before, new_columns)


def _list_filled(sheet: openpyxl.worksheet.worksheet.Worksheet) -> dict[int, dict[int, Any]]:
    """List the non-empty cells by row and place; a stray cell far away costs nothing extra."""
    rows: dict[int, dict[int, Any]] = {}
    # The library's own sparse table: its iterators would make every cell up to the last one.
    for (row, column), cell in sorted(sheet._cells.items()):
        if cell.value is not None:
            rows.setdefault(row, {})[column - 1] = cell
    return rows


def _make_reader(file: Path, packed: bytes, title: str) -> Callable[[str, Any], tuple[Any, str]]:
    """Make a reader of a cell's value and number format.

    A formula in a typed column gives its stored value.
    """

    @cache
    def stored() -> Any:
        return _open(file, packed, data_only=True)[title]

    def content(column: str, cell: Any) -> tuple[Any, str]:
        if cell is None:
            return None, "General"
        value = cell.value
        if cell.data_type == "f":
            typed = column in schema.COLUMNS and column not in sheets.TEXTS
            found = stored().cell(cell.row, cell.column).value if typed else None
            value = str(value) if found is None else found
        return value, str(cell.number_format)

    return content


def _open(file: Path, packed: bytes, *, data_only: bool = False) -> openpyxl.Workbook:
    with open_workbook(file, packed, data_only=data_only) as book:
        return book


def _read_base(file: Path, book: openpyxl.Workbook) -> pd.DataFrame:
    if BASE_SHEET not in book.sheetnames:
        raise DataError(
            f"{file} has no hidden sheet of what was exported, so edits can't be found; export the "
            "opportunities again, edit that file and keep all its sheets"
        )
    try:
        return _read_base_frame(_list_filled(book[BASE_SHEET]))
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise DataError(
            f"the hidden sheet of {file} is damaged ({error}); export it again"
        ) from None


def _read_base_frame(filled: dict[int, dict[int, Any]]) -> pd.DataFrame:
    lines = ("".join(str(cell.value) for cell in cells.values()) for cells in filled.values())
    about, *rows = map(json.loads, lines)
    columns = list(about["dtypes"])
    records = [
        {column: from_text(column, text) for column, text in zip(columns, texts, strict=True)}
        for texts in rows
    ]
    if len(records) != about["rows"]:
        raise ValueError(f"{len(records)} of {about['rows']} rows")
    return read_before(records, about["dtypes"], about["attrs"])


def _read_row(
    raw: dict[str, tuple[Any, str]],
    base: dict[str, Json],
    epoch: datetime,
    day_first: bool | None,
    meaning: Org,
) -> Json:
    unique_id = sheets.parse("unique_id", *raw["unique_id"], epoch)
    base_row = base.get(unique_id, {})
    row = {}
    for column, (value, number_format) in raw.items():
        was = base_row.get(column)
        cleaned = sheets.parse(
            column, value, number_format, epoch, day_first=day_first, meaning=meaning
        )
        row[column] = (
            was if column in base_row and _is_unchanged(column, value, cleaned, was) else cleaned
        )
    return row | {"unique_id": unique_id}


def _is_unchanged(column: str, value: Any, cleaned: Any, was: Any) -> bool:
    """Tell whether a cell is unchanged, apart from what a spreadsheet alters on saving."""
    written = sheets.to_cell(column, was)
    if schema.is_blank(written) or schema.is_blank(cleaned):
        return schema.is_blank(written) and schema.is_blank(cleaned)
    if isinstance(written, str):
        if column in sheets.MOMENTS and isinstance(value, datetime):
            at = pd.Timestamp(value)
            at = at.tz_localize("UTC") if at.tzinfo is None else at
            return abs(at - pd.Timestamp(written)) < pd.Timedelta("1s")
        return _normalize_lines(str(cleaned)) == _normalize_lines(written)
    if (
        isinstance(written, float)
        and isinstance(cleaned, (int, float))
        and not isinstance(cleaned, bool)
    ):
        # LibreOffice keeps 15 digits.
        return math.isclose(written, cleaned, rel_tol=1e-14, abs_tol=0.0)
    if isinstance(written, datetime) and isinstance(cleaned, date):
        return pd.Timestamp(written) == pd.Timestamp(cleaned)
    return bool(written == cleaned)


def _normalize_lines(text: str) -> str:
    # Who saves a file escapes \r and _x0041_; openpyxl takes only some of it back.
    lines = (
        text.replace("x005F_", "")
        .replace("_x000D_", "\r")
        .replace("\r\n", "\n")
        .replace("\r", "\n")
    )
    return lines.replace("\u00a0", " ").strip()
