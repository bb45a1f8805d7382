"""Export opportunities as a spreadsheet for editing in Excel or LibreOffice.

Sheet 1 holds the API's names in row 1 and one opportunity per row below. A hidden sheet keeps the opportunities as
they were written, every cell as text, so that reading the file again finds the exact changes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from opp_analytics import arguments, schema
from opp_analytics.errors import ConfigError, DataError
from opp_analytics.files import write_whole
from opp_analytics.org import PIPELINE, Org, Stages, conform
from opp_analytics.writer.plan.cells import list_choices, to_text
from opp_analytics.writer.plan.difference import require_ids
from opp_analytics.writer.sheets import order_columns, refuse_before, select_import_rows, to_cell

if TYPE_CHECKING:
    from openpyxl.workbook import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

__all__ = ["BASE_SHEET", "openpyxl_library", "to_excel"]


BASE_SHEET = "_base"
"""The hidden sheet."""
_SHEET = "opportunities"
_NO_CHARACTER = re.compile("[\ud800-\udfff\ufffe\uffff]")
_LONGEST = 32_767
"""Characters of a cell; Excel and openpyxl cut off the rest."""
_MOMENTS = ("created_at", "updated_at")
_FORMATS = {
    "value": "#,##0.00",
    "close_date": "yyyy-mm-dd",
    "probability": "0",
    **dict.fromkeys(_MOMENTS, "yyyy-mm-dd hh:mm"),
}
_IMPORT_FORMATS = {**_FORMATS, "value": "0.00"}
_WIDTHS = {"name": 40, "unique_id": 12, "account_id": 12, "created_at": 17, "updated_at": 17}
_NEW_ROWS = 1000
"""Empty rows below the data with the same checks, for new opportunities."""
_NOTES = {
    "unique_id": "Identifies the opportunity: don't change it. Leave it blank in a row you add.",
    "name": "Required.",
    "account_id": "The account's unique id.",
    "value": "Money, as a number.",
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


class Dropdown(NamedTuple):
    """The values of a dropdown, and the formula that lists them, written for row 2."""

    names: tuple[str, ...]
    formula: str


def openpyxl_library() -> Any:
    """The openpyxl package.

    Raises
    ------
    ConfigError
        If it is not installed.
    """
    try:
        import openpyxl
    except ImportError:
        raise ConfigError(
            "spreadsheets need openpyxl; install it with: pip install 'opp-analytics[excel]'"
        ) from None
    return openpyxl


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
        With `org`: the opportunities before they were edited. Only changed rows are written, with the id and the columns
        that changed.

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
    book = openpyxl_library().Workbook()
    sheet = book.active
    sheet.title = _SHEET
    target = arguments.path(path)
    if org is not None:
        _fill_import(sheet, *select_import_rows(opportunities, org, before))
        return _save(book, target)
    refuse_before(before)
    frame = conform(require_ids(opportunities, "opportunities"))
    frame = frame[["unique_id", *(c for c in frame.columns if c != "unique_id")]]
    columns = [str(column) for column in frame.columns]
    shown = order_columns(columns)
    meaning = Org.of(frame)
    _fill(sheet, shown, shown, frame[shown])
    _dress(sheet, shown, len(frame), _dropdowns(book, meaning, shown), meaning.derived)
    _keep_base(book, columns, frame)
    return _save(book, target)


def _save(book: Workbook, target: Path) -> Path:
    try:
        write_whole(target, book.save)
    except OSError as error:
        raise DataError(f"cannot write {target}: {error.strerror}; close it if it is open in Excel") from None
    return target


def _fill_import(sheet: Worksheet, rows: pd.DataFrame, labels: list[str]) -> None:
    """One plain sheet, as an import reads it: no notes, locks or hidden sheet."""
    columns = [str(column) for column in rows.columns]
    _fill(sheet, labels, columns, rows)
    for place, column in enumerate(columns, start=1):
        for number in range(2, len(rows) + 2):
            cell = sheet.cell(number, place)
            cell.number_format = _IMPORT_FORMATS.get(column, "General" if cell.data_type != "s" else "@")


def _fill(sheet: Worksheet, titles: list[str], columns: list[str], frame: pd.DataFrame) -> None:
    _title(sheet, titles)
    for number, record in enumerate(frame.itertuples(index=False), start=2):
        for place, (column, value) in enumerate(zip(columns, record, strict=True), start=1):
            plain = _moment(value) if column in _MOMENTS else to_cell(column, value)
            if isinstance(plain, str):
                cell = _put_text(sheet, number, place, plain, f"row {number}: {column}")
                cell.quotePrefix = plain[:1] in ("=", "+", "-", "@")
            elif plain is not None:
                sheet.cell(number, place).value = plain


def _moment(value: Any) -> Any:
    """A timestamp as a date and time in UTC; as text where Excel has no such date."""
    if schema.is_blank(value):
        return None
    at = pd.Timestamp(value).tz_convert("UTC").tz_localize(None)
    return at.round("s").to_pydatetime() if at.year >= 1900 else to_cell("created_at", value)


def _title(sheet: Worksheet, names: list[str]) -> None:
    for place, name in enumerate(names, start=1):
        _put_text(sheet, 1, place, name, f"row 1: column {place}")


def _put_text(sheet: Worksheet, row: int, place: int, text: str, where: str) -> Any:
    """Write a text, never as a formula.

    Raises
    ------
    DataError
        If an Excel file cannot hold it.
    """
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    wrong = ILLEGAL_CHARACTERS_RE.search(text) or _NO_CHARACTER.search(text)
    if wrong:
        raise DataError(
            f"{where} holds the character {wrong[0]!r}, which Excel files can't: {_begin(text)}; remove it, or use CSV"
        )
    if len(text) > _LONGEST:
        raise DataError(
            f"{where} is too long for an Excel file, whose cells hold {_LONGEST:,} characters: {_begin(text)}; "
            "shorten it, or use CSV"
        )
    cell = sheet.cell(row, place)
    cell.value = text
    cell.data_type = "s"
    return cell


def _begin(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:39]}…")


def _dress(
    sheet: Worksheet, columns: list[str], rows: int, options: Mapping[str, Dropdown], derived: Collection[str]
) -> None:
    from openpyxl.comments import Comment
    from openpyxl.styles import Alignment, Font, PatternFill, Protection
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation

    last = rows + 1 + _NEW_ROWS
    sheet.freeze_panes = "B2"
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(columns))}{max(rows + 1, 2)}"
    grey = PatternFill("solid", fgColor="EEEEEE")
    for place, column in enumerate(columns, start=1):
        letter = get_column_letter(place)
        head = sheet.cell(1, place)
        head.font = Font(name="Calibri", size=11, bold=True)
        head.alignment = Alignment(horizontal="right" if column in _FORMATS else "left")
        note = (
            f"One of: {', '.join(options[column].names)}"
            if column in options
            else _NOTES.get(column, _FURTHER_NOTE)
        )
        head.comment = Comment(note, "opp_analytics", height=90, width=220)
        sheet.column_dimensions[letter].width = _WIDTHS.get(column, 16)
        # Whole columns, so that rows added later look and behave alike; a locked cell is one the server sets.
        sheet.column_dimensions[letter].protection = Protection(locked=False)
        for number in range(2, rows + 2):
            cell = sheet.cell(number, place)
            cell.number_format = _FORMATS.get(column, "General" if cell.data_type != "s" else "@")
            locked = column in schema.READ_ONLY or column in derived
            cell.protection = Protection(locked=locked)
            if locked:
                cell.fill = grey
        if column in options:
            check = DataValidation(
                type="list", formula1=options[column].formula, allow_blank=True, showErrorMessage=True
            )
            # Excel refuses a longer message.
            check.error = f"{column} is one of {', '.join(options[column].names)}"[:_LONGEST_RULE]
            sheet.add_data_validation(check)
            check.add(f"{letter}2:{letter}{last}")
        if column == "probability":
            check = DataValidation(
                "whole", operator="between", formula1="0", formula2="100", showErrorMessage=True
            )
            check.error = "probability is a whole percent, 0 to 100"
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


def _keep_base(book: Workbook, columns: list[str], frame: pd.DataFrame) -> None:
    base = book.create_sheet(BASE_SHEET)
    base.sheet_state = "hidden"
    about = {
        "rows": len(frame),
        "dtypes": {column: str(frame[column].dtype) for column in columns},
        "attrs": {name: frame.attrs[name] for name in ("load", "org") if name in frame.attrs},
    }
    _title(base, [*columns, json.dumps(about)])
    for number, record in enumerate(frame.itertuples(index=False), start=2):
        for place, (column, value) in enumerate(zip(columns, record, strict=True), start=1):
            text = to_text(column, value)
            if text is not None:
                _put_text(base, number, place, text, f"row {number}: {column}")


def _dropdowns(book: Workbook, meaning: Org, columns: Sequence[str]) -> dict[str, Dropdown]:
    """The dropdown of each column with a fixed set of values.

    The values are in the cell's own rule where Excel takes them there, else in a hidden sheet. Where an org has several
    pipelines, a deal's stages are those of its own.
    """
    found = {}
    for place, (column, names) in enumerate(list_choices(meaning).items(), start=1):
        formula = f'"{",".join(names)}"'
        if len(formula) > _LONGEST_RULE or any(sign in name for name in names for sign in ',"'):
            formula = _column(_lists(book), place, names)
        found[column] = Dropdown(names, formula)
    if meaning.stages.pipelines and PIPELINE in columns:
        found["stage"] = Dropdown(
            meaning.stages.names, _by_pipeline(_lists(book), meaning.stages, columns.index(PIPELINE) + 1)
        )
    return found


def _lists(book: Workbook) -> Worksheet:
    listed: Worksheet = book[_LISTS] if _LISTS in book.sheetnames else book.create_sheet(_LISTS)
    listed.sheet_state = "hidden"
    return listed


def _column(listed: Worksheet, place: int, names: Sequence[str], *, top: int = 1) -> str:
    """Write names below each other; the range that they fill."""
    for number, name in enumerate(names, start=top):
        cell = listed.cell(number, place)
        cell.value, cell.data_type = name, "s"
    letter = listed.cell(1, place).column_letter
    return f"{_LISTS}!${letter}${top}:${letter}${top + len(names) - 1}"


def _by_pipeline(listed: Worksheet, stages: Stages, at: int) -> str:
    """A column for each pipeline, headed by its name and number of stages, and a last one of all stages.

    The formula is the column that is headed by the pipeline of the row; the last one where the pipeline is blank or unknown.
    """
    from openpyxl.utils import get_column_letter

    left = listed.max_column + 1
    lists = [(name, stages.of(name).names) for name in stages.pipelines]
    for place, (name, names) in enumerate([*lists, (None, stages.names)], start=left):
        if name is not None:
            _column(listed, place, [name])
        listed.cell(2, place).value = len(names)
        _column(listed, place, names, top=3)
    first, last, rest = (get_column_letter(left + more) for more in (0, len(lists) - 1, len(lists)))
    which = f"IFERROR(MATCH(${get_column_letter(at)}2,{_LISTS}!${first}$1:${last}$1,0),{len(lists) + 1})"
    count = f"INDEX({_LISTS}!${first}$2:${rest}$2,{which})"
    return f"OFFSET({_LISTS}!${first}$3,0,{which}-1,{count},1)"
