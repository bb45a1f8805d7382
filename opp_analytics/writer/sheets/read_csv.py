"""Read opportunities from an edited CSV file."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from opp_analytics import arguments, files, org, schema
from opp_analytics.errors import DataError
from opp_analytics.writer.plan.cells import row_dicts
from opp_analytics.writer.plan.difference import with_ids
from opp_analytics.writer.sheets.csv_cells import read_csv_cell, read_csv_title
from opp_analytics.writer.sheets.rows import after_frame, header_key, match_header
from opp_analytics.writer.sheets.saved_by_excel import decoded, order_of_known, still
from opp_analytics.writer.sheets.sheet_cells import day_order

__all__ = ["read_csv"]

Exported = dict[Any, dict[str, Any]]
"""The exported rows by id."""


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
    titles, lines = _csv(file)
    known = [c for c in schema.COLUMNS if c in {header_key(title) for title in titles}]
    columns = match_header(file, titles, list(dict.fromkeys(["unique_id", *known])))
    filled = {}
    for number, line in enumerate(lines, start=2):
        if len(line) > len(titles):
            raise DataError(f"{file}: row {number} has {len(line)} cells, more than the header in row 1")
        if any(cell.strip() for cell in line):
            padded = [*line, *[""] * (len(titles) - len(line))]
            filled[number] = dict(zip(columns.values(), padded, strict=True))
    exported = (
        {} if before is None else {row["unique_id"]: row for row in row_dicts(with_ids(before, "before"))}
    )
    day_first = _day_first(filled.values(), exported)
    rows = {number: _row(cells, exported, day_first) for number, cells in filled.items()}
    return after_frame(rows, columns, org.empty() if before is None else before, new_columns)


def _day_first(rows: Collection[dict[str, str]], exported: Exported) -> bool | None:
    """The order of day and month in the close dates: as they show it, else as the exported dates do."""
    dated = [(row["close_date"], row["unique_id"]) for row in rows if row.get("close_date")]
    shown = day_order(text for text, _ in dated)
    if shown is not None:
        return shown
    return order_of_known((text, exported[i].get("close_date")) for text, i in dated if i in exported)


def _row(cells: dict[str, str], exported: Exported, day_first: bool | None) -> dict[str, Any]:
    """The values of a row; one that nobody edited is the exported one, whatever Excel made of its text."""
    before = exported.get(cells["unique_id"], {})
    row = {}
    for column, text in cells.items():
        value, was = read_csv_cell(column, text, day_first=day_first), before.get(column)
        row[column] = was if isinstance(value, str) and still(column, value, was) else value
    return row


def _csv(file: Path) -> tuple[list[str], list[list[str]]]:
    """The header in row 1 and the rows below it."""
    files.refuse_devices(file)
    try:
        # Not as a text file, in which a carriage return becomes a line feed.
        text = decoded(file.read_bytes())
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
