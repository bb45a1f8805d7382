"""Read opportunities from an edited CSV file."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from opp_analytics import arguments, files, org, schema
from opp_analytics.errors import DataError
from opp_analytics.writer.sheets.csv_cells import read_csv_cell, read_csv_title
from opp_analytics.writer.sheets.rows import after_frame, header_key, match_header
from opp_analytics.writer.sheets.sheet_cells import day_order

__all__ = ["read_csv"]


def read_csv(
    path: str | Path, before: pd.DataFrame | None = None, *, new_columns: Collection[str] = ()
) -> pd.DataFrame:
    """Read opportunities from a CSV file, for `plan` against the exported frame.

    Comma, semicolon and tab separators are recognized; dates and amounts may be written as in `read_excel`. A file that
    nobody edited gives the opportunities that were written.

    Parameters
    ----------
    path : path
        A file that `to_csv` wrote.
    before : DataFrame, optional
        The exported opportunities: further columns take their dtypes from here, and are text without it.
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
    titles, lines = _csv(file)
    known = [c for c in schema.COLUMNS if c in {header_key(title) for title in titles}]
    columns = match_header(file, titles, list(dict.fromkeys(["unique_id", *known])))
    dates = [place for place, column in columns.items() if column == "close_date"]
    day_first = day_order(cell for line in lines for cell in line[dates[0] : dates[0] + 1]) if dates else None
    rows = {}
    for number, line in enumerate(lines, start=2):
        if len(line) > len(titles):
            raise DataError(f"{file}: row {number} has {len(line)} cells, more than the header in row 1")
        if any(cell.strip() for cell in line):
            filled = zip(columns.values(), [*line, *[""] * (len(titles) - len(line))], strict=True)
            rows[number] = {c: read_csv_cell(c, cell, day_first=day_first) for c, cell in filled}
    return after_frame(rows, columns, org.empty() if before is None else before, new_columns)


def _csv(file: Path) -> tuple[list[str], list[list[str]]]:
    """The header in row 1 and the rows below it."""
    files.refuse_devices(file)
    try:
        # Not as a text file, in which a carriage return becomes a line feed.
        text = file.read_bytes().decode("utf-8-sig")
        with _cells_of_any_length():
            rows = list(_rows(text, max(",;\t", key=lambda delimiter: _header_score(text, delimiter))))
    except OSError as error:
        raise DataError(f"cannot read {file}: {error.strerror}") from None
    except (ValueError, csv.Error) as error:
        raise DataError(f"cannot read {file} as CSV ({error})") from None
    if not rows:
        raise DataError(f"{file} is empty; export it again")
    return [read_csv_title(title) for title in rows[0]], rows[1:]


def _rows(text: str, delimiter: str) -> Iterator[list[str]]:
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)


def _header_score(text: str, delimiter: str) -> tuple[bool, int]:
    titles = next(_rows(text, delimiter), [])
    return "unique_id" in map(header_key, titles), len(titles)


@contextmanager
def _cells_of_any_length() -> Iterator[None]:
    """The csv module allows 131,072 characters by default."""
    before = csv.field_size_limit(2**31 - 1)
    try:
        yield
    finally:
        csv.field_size_limit(before)
