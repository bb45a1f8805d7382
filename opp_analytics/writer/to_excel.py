"""Opportunities as a workbook for editing in Excel or LibreOffice, and back.

Sheet 1 holds the API's names in row 1 and one opportunity per row below. A hidden sheet keeps the opportunities as
they were written, every cell as text. A cell that still says what was written is taken from there, exactly; only what
differs is read, and what cannot be read for certain stays as it is and becomes a problem of the plan.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from opp_analytics import arguments, schema
from opp_analytics.errors import DataError
from opp_analytics.files import check_ending, read_whole
from opp_analytics.org import PIPELINE, VALUE_ORIGINAL, Org, Stages, conform, mark_foreign
from opp_analytics.table_files import BASE_SHEET, import_openpyxl, open_workbook
from opp_analytics.writer import sheets
from opp_analytics.writer.cells import from_text, list_choices, list_rows, to_text
from opp_analytics.writer.import_files import ImportFile, make_import_files
from opp_analytics.writer.plan.difference import require_ids
from opp_analytics.writer.plan.plan import read_before

if TYPE_CHECKING:
    from openpyxl.workbook import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

_SHEET = "opportunities"
_SUFFIXES = (".xlsx", ".xlsm")
_NO_CHARACTER = re.compile("[\ud800-\udfff\ufffe\uffff]")
"""Halves of a character and two code points that XML excludes; openpyxl lets them pass, and nothing opens the file."""
_LONGEST = 32_767
"""Characters of a cell; Excel and openpyxl cut off the rest."""
_FORMATS = {
    **dict.fromkeys(("value", VALUE_ORIGINAL), "#,##0.00"),
    "close_date": "yyyy-mm-dd",
    "probability": "0",
    **dict.fromkeys(sheets.MOMENTS, "yyyy-mm-dd hh:mm"),
}
_IMPORT_FORMATS = {**_FORMATS, "value": "0.00"}
"""Imports take no thousands separators."""
_WIDTHS = {"name": 40, "unique_id": 12, "account_id": 12, "created_at": 17, "updated_at": 17}
"""Widths of columns in characters; 16 for the others."""
_NEW_ROWS = 1000
"""Empty rows below the data with the same checks, for new opportunities."""
_NOTES = {
    "unique_id": "Identifies the opportunity: don't change it. Leave it blank in a row you add.",
    "name": "Required.",
    "account_id": "The account's unique id.",
    "value": "Money, as a number.",
    VALUE_ORIGINAL: "The CRM's value, in the deal's own currency: edit this one; value is converted from it.",
    "close_date": "A date, as 2026-03-31.",
    "probability": "Whole percent, 0 to 100: 60 for 60%.",
    "created_at": "Set by the server, in UTC; never written.",
    "updated_at": "Set by the server, in UTC; never written.",
}
_FURTHER_NOTE = "An attribute of your own API, written as it is here; the server may refuse a change."
_LONGEST_RULE = 255
"""Characters that Excel takes in a rule and in its message."""
_LISTS = "_lists"
"""The hidden sheet of dropdowns that a rule cannot hold."""


def to_excel(
    opportunities: pd.DataFrame,
    path: str | Path,
    *,
    org: Org | None = None,
    before: pd.DataFrame | None = None,
) -> Path:
    """Write opportunities to an Excel file made for editing; `read_excel` reads the edits back.

    Dates, numbers and whole percents are typed cells; stage and status offer their values; ids and the server's
    timestamps are locked: the sheet is protected without a password, and a spreadsheet sorts or deletes rows with locked
    cells only after Unprotect Sheet. `read_excel` reads rows that were added, deleted, sorted or filtered. Text that looks
    like a formula stays text.

    Parameters
    ----------
    opportunities : DataFrame
        Frame with ``unique_id`` and any other columns.
    path : path
        The ``.xlsx`` file to write; an existing file is replaced.
    org : Org, optional
        Write for this CRM's import instead: one sheet under its labels and in its words.
    before : DataFrame, optional
        With `org`: the opportunities before they were edited. Only changed cells are written, in files as `to_csv`
        writes them.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    MissingColumnError, DataError
        If the frame cannot be used, an edit cannot be imported, or the file cannot be written.
    ConfigError
        If openpyxl is not installed.
    """
    target = arguments.path(path)
    check_ending(target, (".xlsx", ""))
    files = make_import_files(opportunities, org, before, target)
    if files is not None:
        for each, filled in [(file.path, _fill_import(file)) for file in files]:
            sheets.save(each, filled.save)
        return target
    book = _make_book()
    sheet = book.active
    frame = conform(require_ids(opportunities, "opportunities"))
    frame = frame[["unique_id", *(c for c in frame.columns if c != "unique_id")]]
    columns = [str(column) for column in frame.columns]
    shown = sheets.order_columns(columns)
    meaning = Org.of(frame)
    _fill(sheet, shown, shown, frame[shown])
    _format_sheet(sheet, shown, mark_foreign(frame).tolist(), _list_dropdowns(book, meaning, shown), meaning)
    _write_base(book, columns, frame)
    return sheets.save(target, book.save)


def _make_book() -> Workbook:
    book: Workbook = import_openpyxl().Workbook()
    book.active.title = _SHEET
    return book


def _fill_import(file: ImportFile) -> Workbook:
    """Fill one plain sheet, as an import reads it: no notes, locks or hidden sheet."""
    book = _make_book()
    columns = [str(column) for column in file.rows.columns]
    _fill(book.active, file.labels, columns, file.rows)
    for place, column in enumerate(columns, start=1):
        for number in range(2, len(file.rows) + 2):
            cell = book.active.cell(number, place)
            cell.number_format = _IMPORT_FORMATS.get(column, "General") if cell.data_type != "s" else "@"
    return book


def _fill(sheet: Worksheet, titles: list[str], columns: list[str], frame: pd.DataFrame) -> None:
    _write_titles(sheet, titles)
    for number, record in enumerate(frame.itertuples(index=False), start=2):
        for place, (column, value) in enumerate(zip(columns, record, strict=True), start=1):
            plain = _to_moment(value) if column in sheets.MOMENTS else sheets.to_cell(column, value)
            if isinstance(plain, str):
                cell = _put_text(sheet, number, place, plain, f"row {number}: {column}")
                cell.quotePrefix = plain[:1] in ("=", "+", "-", "@")
            elif plain is not None:
                sheet.cell(number, place).value = plain


def _to_moment(value: Any) -> Any:
    """Convert a timestamp to a date and time in UTC; to text where Excel has no such date."""
    if schema.is_blank(value):
        return None
    at = pd.Timestamp(value).tz_convert("UTC").tz_localize(None)
    return at.round("s").to_pydatetime() if at.year >= 1900 else sheets.to_cell("created_at", value)


def _write_titles(sheet: Worksheet, names: list[str]) -> None:
    for place, name in enumerate(names, start=1):
        _put_text(sheet, 1, place, name, f"row 1: column {place}")


def _put_text(sheet: Worksheet, row: int, place: int, text: str, where: str) -> Any:
    """Write a text, never as a formula."""
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    wrong = ILLEGAL_CHARACTERS_RE.search(text) or _NO_CHARACTER.search(text)
    if wrong:
        raise DataError(
            f"{where} holds the character {wrong[0]!r}, which Excel files can't: {_shorten(text)}; remove it, or use CSV"
        )
    if len(text) > _LONGEST:
        raise DataError(
            f"{where} is too long for an Excel file, whose cells hold {_LONGEST:,} characters: {_shorten(text)}; "
            "shorten it, or use CSV"
        )
    cell = sheet.cell(row, place)
    cell.value = text
    cell.data_type = "s"
    return cell


def _shorten(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:39]}…")


def _format_sheet(
    sheet: Worksheet, columns: list[str], foreign: list[bool], dropdowns: Mapping[str, str], meaning: Org
) -> None:
    rows = len(foreign)
    from openpyxl.comments import Comment
    from openpyxl.styles import Alignment, Font, PatternFill, Protection
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation

    last = rows + 1 + _NEW_ROWS
    sheet.freeze_panes = "B2"
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(columns))}{max(rows + 1, 2)}"
    grey = PatternFill("solid", fgColor="EEEEEE")
    choices = list_choices(meaning)
    for place, column in enumerate(columns, start=1):
        letter = get_column_letter(place)
        head = sheet.cell(1, place)
        head.font = Font(name="Calibri", size=11, bold=True)
        head.alignment = Alignment(horizontal="right" if column in _FORMATS else "left")
        options = ", ".join(choices.get(column, ()))
        note = f"One of: {options}" if options else _NOTES.get(column, _FURTHER_NOTE)
        head.comment = Comment(note, "opp_analytics", height=90, width=220)
        sheet.column_dimensions[letter].width = _WIDTHS.get(column, 16)
        # Whole columns, so that rows added later look and behave alike; a locked cell is one the server sets, or a
        # converted amount.
        sheet.column_dimensions[letter].protection = Protection(locked=False)
        for number in range(2, rows + 2):
            cell = sheet.cell(number, place)
            cell.number_format = _FORMATS.get(column, "General" if cell.data_type != "s" else "@")
            locked = column in (*schema.READ_ONLY, *meaning.derived)
            locked = locked or (column == "value" and foreign[number - 2])
            cell.protection = Protection(locked=locked)
            if locked:
                cell.fill = grey
        if column in choices:
            check = DataValidation("list", formula1=dropdowns[column], allow_blank=True)
            # Excel refuses a longer message.
            check.error = f"{column} is one of {options}"[:_LONGEST_RULE]
        elif column == "probability":
            check = DataValidation("whole", operator="between", formula1="0", formula2="100")
            check.error = "probability is a whole percent, 0 to 100"
        else:
            continue
        check.showErrorMessage = True
        sheet.add_data_validation(check)
        check.add(f"{letter}2:{letter}{last}")
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    sheet.print_title_rows = "1:1"
    protection = sheet.protection
    protection.sheet = True
    for freedom in (
        "formatCells",
        "formatColumns",
        "formatRows",
        "insertRows",
        "deleteRows",
        "sort",
        "autoFilter",
    ):
        setattr(protection, freedom, False)  # False: not forbidden


def _write_base(book: Workbook, columns: list[str], frame: pd.DataFrame) -> None:
    base = book.create_sheet(BASE_SHEET)
    base.sheet_state = "hidden"
    about = {
        "rows": len(frame),
        "dtypes": {column: str(frame[column].dtype) for column in columns},
        "attrs": {name: frame.attrs[name] for name in schema.FACTS if name in frame.attrs},
    }
    _write_titles(base, [*columns, json.dumps(about)])
    for number, record in enumerate(frame.itertuples(index=False), start=2):
        for place, (column, value) in enumerate(zip(columns, record, strict=True), start=1):
            text = to_text(column, value)
            if text is not None:
                _put_text(base, number, place, text, f"row {number}: {column}")


def _list_dropdowns(book: Workbook, meaning: Org, columns: Sequence[str]) -> dict[str, str]:
    """List, by column with a fixed set of values, the formula of its dropdown in row 2.

    The values are in the cell's own rule where Excel takes them there, else in a hidden sheet. Where an org has several
    pipelines, a deal's stages are those of its own.
    """
    found = {}
    for place, (column, names) in enumerate(list_choices(meaning).items(), start=1):
        formula = f'"{",".join(names)}"'
        if len(formula) > _LONGEST_RULE or any(sign in name for name in names for sign in ',"'):
            formula = _write_column(_find_lists(book), place, names)
        found[column] = formula
    if meaning.stages.pipelines and PIPELINE in columns:
        found["stage"] = _list_by_pipeline(_find_lists(book), meaning.stages, columns.index(PIPELINE) + 1)
    return found


def _find_lists(book: Workbook) -> Worksheet:
    listed: Worksheet = book[_LISTS] if _LISTS in book.sheetnames else book.create_sheet(_LISTS)
    listed.sheet_state = "hidden"
    return listed


def _write_column(listed: Worksheet, place: int, names: Sequence[str], *, top: int = 1) -> str:
    """Write names below each other and return the range that they fill."""
    for number, name in enumerate(names, start=top):
        cell = listed.cell(number, place)
        cell.value, cell.data_type = name, "s"
    letter = listed.cell(1, place).column_letter
    return f"{_LISTS}!${letter}${top}:${letter}${top + len(names) - 1}"


def _list_by_pipeline(listed: Worksheet, stages: Stages, at: int) -> str:
    """Write a column for each pipeline, headed by its name and number of stages, and a last one of all stages.

    The formula is the column that is headed by the pipeline of the row; the last one where the pipeline is blank or unknown.
    """
    from openpyxl.utils import get_column_letter

    left = listed.max_column + 1
    lists = [(name, stages.of(name).names) for name in stages.pipelines]
    for place, (name, names) in enumerate([*lists, (None, stages.names)], start=left):
        if name is not None:
            _write_column(listed, place, [name])
        listed.cell(2, place).value = len(names)
        _write_column(listed, place, names, top=3)
    first, last, rest = (get_column_letter(left + more) for more in (0, len(lists) - 1, len(lists)))
    which = f"IFERROR(MATCH(${get_column_letter(at)}2,{_LISTS}!${first}$1:${last}$1,0),{len(lists) + 1})"
    count = f"INDEX({_LISTS}!${first}$2:${rest}$2,{which})"
    return f"OFFSET({_LISTS}!${first}$3,0,{which}-1,{count},1)"


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
    if file.suffix.lower() not in _SUFFIXES:
        raise DataError(f"{file} is not an .xlsx file; save it as .xlsx")
    packed = read_whole(file)
    book = _open(file, packed)
    before = _read_base(file, book)
    sheet = next((s for s in book.worksheets if s.title != BASE_SHEET), None)
    if sheet is None:
        raise DataError(f"{file} has only the hidden sheet; export it again")
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


def _list_filled(sheet: Worksheet) -> dict[int, dict[int, Any]]:
    """List the non-empty cells by row and place; a stray cell far away costs nothing extra."""
    rows: dict[int, dict[int, Any]] = {}
    # The library's own sparse table: its iterators would make every cell up to the last one.
    for (row, column), cell in sorted(sheet._cells.items()):
        if cell.value is not None:
            rows.setdefault(row, {})[column - 1] = cell
    return rows


def _make_reader(file: Path, packed: bytes, title: str) -> Callable[[str, Any], tuple[Any, str]]:
    """Make a reader of a cell's value and number format; a formula in a typed column gives its stored value."""

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


def _open(file: Path, packed: bytes, *, data_only: bool = False) -> Workbook:
    with open_workbook(file, packed, data_only=data_only) as book:
        return book


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
    if columns != list(known["dtypes"]):
        raise ValueError("its columns are others")
    return read_before(records, known["dtypes"], known["attrs"])


def _read_row(
    raw: dict[str, tuple[Any, str]],
    base: dict[str, dict[str, Any]],
    epoch: datetime,
    day_first: bool | None,
    meaning: Org,
) -> dict[str, Any]:
    unique_id = sheets.parse("unique_id", *raw["unique_id"], epoch)
    held = base.get(unique_id, {})
    row = {}
    for column, (value, number_format) in raw.items():
        was = held.get(column)
        cleaned = sheets.parse(column, value, number_format, epoch, day_first=day_first, meaning=meaning)
        row[column] = was if column in held and _is_unchanged(column, value, cleaned, was) else cleaned
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
    if isinstance(written, float) and isinstance(cleaned, (int, float)) and not isinstance(cleaned, bool):
        # LibreOffice keeps 15 digits.
        return math.isclose(written, cleaned, rel_tol=1e-14, abs_tol=0.0)
    if isinstance(written, datetime) and isinstance(cleaned, date):
        return pd.Timestamp(written) == pd.Timestamp(cleaned)
    return bool(written == cleaned)


def _normalize_lines(text: str) -> str:
    lines = text.replace("_x000D_", "\r").replace("\r\n", "\n").replace("\r", "\n")
    return lines.replace("\u00a0", " ").strip()
