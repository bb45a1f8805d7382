"""Opportunities as CSV for a spreadsheet, and back.

A leading apostrophe says that the rest of a cell is text, verbatim.
"""

from __future__ import annotations

import csv
import io
import warnings
from collections.abc import Collection, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from opp_analytics import arguments, inputs, schema
from opp_analytics.arrays import Series
from opp_analytics.errors import DataError
from opp_analytics.escaping import FORMULA_SIGNS, guard_formula
from opp_analytics.files import check_ending
from opp_analytics.org import DEFAULT, Org, conform, empty
from opp_analytics.table_files import (
    allow_long_cells,
    check_width,
    decode_file,
    find_delimiter,
    read_content,
)
from opp_analytics.writer import sheets
from opp_analytics.writer.cells import list_rows
from opp_analytics.writer.plan.difference import require_ids

_WINDOWS = "cp1252"
"""The encoding in which Excel saves a plain CSV file."""


def to_csv(opportunities: pd.DataFrame, path: str | Path) -> Path:
    """Write opportunities as CSV for a spreadsheet.

    The file is UTF-8 with a mark that Excel reads; dates are as 2026-03-31.

    Names come first and ids last. CSV keeps neither what the opportunities were before, nor their
    org, nor their moment, so plan from the frame itself: ``plan(opportunities, read_csv(path))``.
    Text that looks like a formula, or begins or ends with a blank, gets a leading apostrophe, which
    `read_csv` takes away. Every character and length can be written.

    Parameters
    ----------
    opportunities : DataFrame
        Frame with ``unique_id`` and any other columns.
    path : path
        The file to write; an existing file is replaced.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    MissingColumnError, DataError
        If the frame cannot be used, or the file cannot be written.
    """
    target = arguments.path(path)
    check_ending(target, (".csv", ".txt", ""))
    frame = conform(require_ids(opportunities, "opportunities"))
    texts = {}
    for column in sheets.order_columns([str(column) for column in frame.columns]):
        cells = [_to_csv_text(column, value) for value in frame[column]]
        title = guard_formula(column) if column == column.strip() else f"'{column}"
        texts[title] = schema.as_text(
            pd.Series(cells, dtype="object", name=column), frame["unique_id"]
        )
    return sheets.save(target, _write(texts))


def _write(texts: dict[str, Series]) -> bytes:
    quoting = _choose_quoting(texts.values())
    content = pd.DataFrame(texts).to_csv(index=False, lineterminator="\n", quoting=quoting)
    return content.encode("utf-8-sig")


def _choose_quoting(columns: Iterable[Series]) -> Literal[0, 1]:
    """Choose the quoting of columns.

    A carriage return inside an unquoted cell would begin a row.
    """
    cells = (pd.Series(column, dtype="str") for column in columns)
    broken = any(own.str.contains("\r", regex=False).any() for own in cells)
    return csv.QUOTE_ALL if broken else csv.QUOTE_MINIMAL


def read_csv(
    path: str | Path, before: pd.DataFrame | None = None, *, new_columns: Collection[str] = ()
) -> pd.DataFrame:
    """Read opportunities from a CSV file, for `plan` against the exported frame.

    Comma, semicolon and tab separators are recognized, and UTF-8, UTF-16 and Windows-1252; dates
    and amounts may be written as in `read_excel`. A file that nobody edited gives the opportunities
    that were written, also after Excel has saved it.

    Parameters
    ----------
    path : path
        A file that `to_csv` wrote.
    before : DataFrame, optional
        The exported opportunities: further columns take their dtypes from here, and are text
        without it. They also tell what nobody edited where Excel has rewritten a text.
    new_columns : collection of str
        Columns that the exported file did not have and that are to be written; `plan` refuses any
        other by name.

    Returns
    -------
    DataFrame
        Opportunities, like ``after`` in `read_excel`.

    Raises
    ------
    DataError
        If the file cannot be read or has no ``unique_id`` column.
    """
    file = arguments.path(path)
    titles, lines = _read_lines(file)
    known = [c for c in schema.COLUMNS if c in {inputs.fold(title) for title in titles}]
    columns = sheets.match_header(file, titles, list(dict.fromkeys(["unique_id", *known])))
    filled = {}
    for number, line in enumerate(lines, start=2):
        if len(line) > len(titles):
            raise DataError(
                f"{file}: row {number} has {len(line)} cells, more than the header in row 1"
            )
        if any(cell.strip() for cell in line):
            padded = [*line, *[""] * (len(titles) - len(line))]
            filled[number] = dict(zip(columns.values(), padded, strict=True))
    exported = (
        {}
        if before is None
        else {row["unique_id"]: row for row in list_rows(require_ids(before, "before"))}
    )
    day_first = _find_order(filled.values(), exported)
    meaning = Org.of(before)
    rows = {
        number: _read_row(cells, exported, day_first, meaning) for number, cells in filled.items()
    }
    return sheets.make_after(rows, columns, empty() if before is None else before, new_columns)


def _find_order(rows: Collection[dict[str, str]], exported: sheets.Held) -> bool | None:
    """Find the order of day and month in the close dates, else in the exported dates."""
    dated = [(row["close_date"], row["unique_id"]) for row in rows if row.get("close_date")]
    shown = sheets.find_file_day_order(text for text, _ in dated)
    if shown is not None:
        return shown
    return _find_day_order(
        (text, exported[i].get("close_date")) for text, i in dated if i in exported
    )


def _read_row(
    cells: dict[str, str], exported: sheets.Held, day_first: bool | None, meaning: Org
) -> dict[str, Any]:
    """Read the values of a row.

    One that nobody edited is the exported one, whatever Excel made of its text.
    """
    before = exported.get(cells["unique_id"], {})
    row = {}
    for column, text in cells.items():
        value, was = (
            _read_csv_cell(column, text, day_first=day_first, meaning=meaning),
            before.get(column),
        )
        as_text = isinstance(value, str)
        kept = _is_unedited(column, value, was) if as_text else _is_same_amount(column, text, was)
        row[column] = was if kept else value
    return row


def _is_same_amount(column: str, text: str, was: Any) -> bool:
    """Return True for the exported amount without its last zeros.

    12.3450, which is 12.345 now, is not 12,345.
    """
    try:
        return column == "value" and float(text) == was
    except ValueError:
        return False


def _read_lines(file: Path) -> tuple[list[str], list[list[str]]]:
    """Read the header in row 1 and the rows below it."""
    text, _ = decode_file(file, read_content(file))
    try:
        with allow_long_cells():
            delimiter = find_delimiter(text, lambda label: inputs.fold(label) == "unique_id")
            rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except (ValueError, csv.Error) as error:
        raise DataError(f"cannot read {file} as CSV ({error})") from None
    if not rows:
        raise DataError(f"{file} is empty; export it again")
    check_width(file, rows[0])
    # Spaces around a title do not matter unless there is an apostrophe.
    titles = [title[1:] if title.startswith("'") else title.strip() for title in rows[0]]
    return titles, rows[1:]


def _find_day_order(cells: Iterable[tuple[str, Any]]) -> bool | None:
    """Find out from dates of known value whether the day comes first.

    None if fewer than two of them tell.
    """
    agreeing: dict[bool, set[str]] = {False: set(), True: set()}
    for text, was in cells:
        readings = {first: _read_day(text, first) for first in agreeing}
        if readings[False] != readings[True]:
            for first, day in readings.items():
                if day is not None and day == was:
                    agreeing[first].add(text)
    fewer, more = sorted(agreeing, key=lambda first: len(agreeing[first]))
    return more if len(agreeing[more]) > max(1, len(agreeing[fewer])) else None


def _is_unedited(column: str, text: str, was: Any) -> bool:
    """Tell whether a text is Excel's form of an unedited value.

    Timestamps lose their zone and seconds, and letters that Windows' own code lacks become question
    marks.
    """
    if schema.is_blank(was):
        return False
    if column in sheets.MOMENTS:
        moment = _read_minute(was, False)
        return not pd.isna(moment) and any(
            _read_minute(text, first) == moment for first in (False, True)
        )
    return (
        isinstance(was, str)
        and "?" in text
        and was.encode(_WINDOWS, "replace").decode(_WINDOWS) == text
    )


def _read_day(text: str, day_first: bool) -> pd.Timestamp | None:
    try:
        return inputs.read_date(text, day_first=day_first)
    except schema.BadCell:
        return None


def _read_minute(value: Any, day_first: bool) -> Any:
    """Read a time to its minute, in UTC; NaT where there is none."""
    with warnings.catch_warnings(action="ignore", category=UserWarning):
        # That the other order of day and month fits better.
        return pd.to_datetime(value, dayfirst=day_first, utc=True, errors="coerce").floor("min")


def write_guarded(table: pd.DataFrame, target: Path | None = None, **options: Any) -> str | None:
    """Write a table for people as CSV, or give it as text, guarded against formulas.

    A cell that a spreadsheet would read as a formula gets an apostrophe in front.
    """
    texts = table.select_dtypes(exclude=["number", "bool", "datetime", "datetimetz"]).columns
    guarded = table.copy(deep=False)
    for name in texts:
        signed = table[name].astype("str").str.startswith(FORMULA_SIGNS, na=False)
        if signed.any():
            cells = table[name].astype("object")
            guarded[name] = cells.where(~signed, cells[signed].map(_guard_cell))
    quoting = _choose_quoting(table[name] for name in texts)
    content: str | None = guarded.rename(columns=_guard_cell).to_csv(
        target, index=False, quoting=quoting, **options
    )
    return content


def _guard_cell(cell: Any) -> Any:
    is_number = isinstance(cell, str) and cell.lstrip("+-").replace(".", "", 1).isdecimal()
    return guard_formula(cell) if isinstance(cell, str) and not is_number else cell


def _to_csv_text(column: str, value: Any) -> str:
    text = _to_plain_text(column, value)
    if not text or not isinstance(sheets.to_cell(column, value), str):
        return text
    return guard_formula(text) if _read_csv_cell(column, text) == text else f"'{text}"


def _to_plain_text(column: str, value: Any) -> str:
    """Write a value as text, without an apostrophe."""
    plain = sheets.to_cell(column, value)
    if plain is None:
        return ""
    if isinstance(plain, datetime):
        return str(plain.date().isoformat())
    if isinstance(plain, float):
        return inputs.spell_amount(plain)
    return str(plain)


def _read_csv_cell(
    column: str, text: str, *, day_first: bool | None = None, meaning: Org = DEFAULT
) -> Any:
    """Read a CSV cell as `parse` does; None if blank."""
    exact = text.removeprefix("'")
    if exact != text and (column in sheets.TEXTS or column not in schema.COLUMNS):
        return exact or None
    return sheets.parse(column, exact, day_first=day_first, meaning=meaning)
