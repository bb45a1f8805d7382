"""Read opportunities from an edited CSV file."""

from __future__ import annotations

import codecs
import csv
import io
import warnings
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from opp_analytics import arguments, files, inputs, org, schema
from opp_analytics.errors import DataError
from opp_analytics.writer.plan.cells import list_rows
from opp_analytics.writer.plan.difference import require_ids
from opp_analytics.writer.sheets import (
    find_file_day_order,
    make_after,
    match_header,
    normalize_title,
    read_csv_cell,
    read_csv_title,
)

__all__ = ["read_csv"]

Exported = dict[Any, dict[str, Any]]
"""The exported rows by id."""
_MOMENTS = ("created_at", "updated_at")
_WINDOWS = "cp1252"
"""The encoding in which Excel saves a plain CSV file."""


def read_csv(
    path: str | Path, before: pd.DataFrame | None = None, *, new_columns: Collection[str] = ()
) -> pd.DataFrame:
    """Read opportunities from a CSV file, for `plan` against the exported frame.

    Comma, semicolon and tab separators are recognized, and UTF-8, UTF-16 and Windows-1252; dates and amounts may be written
    as in `read_excel`. A file that nobody edited gives the opportunities that were written, also after Excel has saved it.

    Parameters
    ----------
    path : path
        A file that `to_csv` wrote.
    before : DataFrame, optional
        The exported opportunities: further columns take their dtypes from here, and are text without it. They also tell
        what nobody edited where Excel has rewritten a text.
    new_columns : collection of str
        Columns that the exported file did not have and that are to be written; `plan` refuses any other by name.

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
    known = [c for c in schema.COLUMNS if c in {normalize_title(title) for title in titles}]
    columns = match_header(file, titles, list(dict.fromkeys(["unique_id", *known])))
    filled = {}
    for number, line in enumerate(lines, start=2):
        if len(line) > len(titles):
            raise DataError(f"{file}: row {number} has {len(line)} cells, more than the header in row 1")
        if any(cell.strip() for cell in line):
            padded = [*line, *[""] * (len(titles) - len(line))]
            filled[number] = dict(zip(columns.values(), padded, strict=True))
    exported = (
        {} if before is None else {row["unique_id"]: row for row in list_rows(require_ids(before, "before"))}
    )
    day_first = _find_order(filled.values(), exported)
    rows = {number: _read_row(cells, exported, day_first) for number, cells in filled.items()}
    return make_after(rows, columns, org.empty() if before is None else before, new_columns)


def _find_order(rows: Collection[dict[str, str]], exported: Exported) -> bool | None:
    """The order of day and month in the close dates: as they show it, else as the exported dates do."""
    dated = [(row["close_date"], row["unique_id"]) for row in rows if row.get("close_date")]
    shown = find_file_day_order(text for text, _ in dated)
    if shown is not None:
        return shown
    return _find_day_order((text, exported[i].get("close_date")) for text, i in dated if i in exported)


def _read_row(cells: dict[str, str], exported: Exported, day_first: bool | None) -> dict[str, Any]:
    """The values of a row; one that nobody edited is the exported one, whatever Excel made of its text."""
    before = exported.get(cells["unique_id"], {})
    row = {}
    for column, text in cells.items():
        value, was = read_csv_cell(column, text, day_first=day_first), before.get(column)
        row[column] = was if isinstance(value, str) and _is_unedited(column, value, was) else value
    return row


def _read_lines(file: Path) -> tuple[list[str], list[list[str]]]:
    """The header in row 1 and the rows below it."""
    files.refuse_devices(file)
    try:
        # Not as a text file, in which a carriage return becomes a line feed.
        text = _decode(file.read_bytes())
        with _allow_long_cells():
            rows = list(_split_rows(text, max(",;\t", key=lambda delimiter: _score_header(text, delimiter))))
    except OSError as error:
        raise DataError(f"cannot read {file}: {error.strerror}") from None
    except (ValueError, csv.Error) as error:
        raise DataError(f"cannot read {file} as CSV ({error})") from None
    if not rows:
        raise DataError(f"{file} is empty; export it again")
    return [read_csv_title(title) for title in rows[0]], rows[1:]


def _split_rows(text: str, delimiter: str) -> Iterator[list[str]]:
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)


def _score_header(text: str, delimiter: str) -> tuple[bool, int]:
    titles = next(_split_rows(text, delimiter), [])
    return "unique_id" in map(normalize_title, titles), len(titles)


@contextmanager
def _allow_long_cells() -> Iterator[None]:
    """The csv module allows 131,072 characters by default."""
    before = csv.field_size_limit(2**31 - 1)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _decode(content: bytes) -> str:
    """The text of a CSV file: UTF-8, "Unicode text", or Windows' own code, in which Excel saves a plain CSV.

    Raises
    ------
    UnicodeDecodeError
        If it is none of them.

    Examples
    --------
    >>> [_decode("Café".encode(code)) for code in ("utf-8-sig", "utf-16", "cp1252")]
    ['Café', 'Café', 'Café']
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode(_WINDOWS)


def _find_day_order(cells: Iterable[tuple[str, Any]]) -> bool | None:
    """Whether the day comes first, by dates whose value is known; None if fewer than two of them tell.

    Parameters
    ----------
    cells : iterable of (str, value)
        The text of a date, and what it was before the file was edited.

    Examples
    --------
    >>> known = [("3/4/2027", pd.Timestamp("2027-03-04")), ("5/6/2027", pd.Timestamp("2027-05-06"))]
    >>> _find_day_order(known), _find_day_order(known[:1])
    (False, None)
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
    """Whether the text is what Excel makes of a value that nobody edited.

    Timestamps lose their zone and seconds, and letters that Windows' own code lacks become question marks.

    Examples
    --------
    >>> _is_unedited("created_at", "1/10/2026 10:30", pd.Timestamp("2026-01-10T10:30:07Z"))
    True
    >>> _is_unedited("name", "Vel? Opatov", "Velč Opatov"), _is_unedited("name", "Why?", "Why not")
    (True, False)
    """
    if schema.is_blank(was):
        return False
    if column in _MOMENTS:
        moment = _read_minute(was, False)
        return not pd.isna(moment) and any(_read_minute(text, first) == moment for first in (False, True))
    return isinstance(was, str) and "?" in text and was.encode(_WINDOWS, "replace").decode(_WINDOWS) == text


def _read_day(text: str, day_first: bool) -> pd.Timestamp | None:
    try:
        return inputs.read_date(text, day_first=day_first)
    except schema.BadCell:
        return None


def _read_minute(value: Any, day_first: bool) -> Any:
    """The minute in UTC; NaT where there is none."""
    with warnings.catch_warnings():
        # That the other order of day and month fits better.
        warnings.simplefilter("ignore", UserWarning)
        return pd.to_datetime(value, dayfirst=day_first, utc=True, errors="coerce").floor("min")
