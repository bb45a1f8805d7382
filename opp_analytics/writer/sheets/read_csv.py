"""Read opportunities from an edited CSV file."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pandas as pd

from opp_analytics import arguments, files, org, schema
from opp_analytics.errors import DataError
from opp_analytics.writer.sheets.rows import header_key, match_header, typed_frame
from opp_analytics.writer.sheets.sheet_cells import parse, unguarded

__all__ = ["read_csv"]


def read_csv(path: str | Path, before: pd.DataFrame | None = None) -> pd.DataFrame:
    """Read opportunities from a CSV file, for `plan` against the exported frame.

    Comma, semicolon and tab separators are recognized; dates and amounts may be written as in `read_excel`.

    Parameters
    ----------
    path : path
        A file that `to_csv` wrote.
    before : DataFrame, optional
        The exported opportunities: extra columns take their dtypes from here, and are text without it.

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
    rows = {}
    for number, line in enumerate(lines, start=2):
        if len(line) > len(titles):
            raise DataError(f"{file}: row {number} has {len(line)} cells, more than the header in row 1")
        if any(cell.strip() for cell in line):
            filled = zip(columns.values(), [*line, *[""] * (len(titles) - len(line))], strict=True)
            rows[number] = {c: parse(c, unguarded(cell)) for c, cell in filled}
    return typed_frame(rows, list(columns.values()), org.empty() if before is None else before)


def _csv(file: Path) -> tuple[list[str], list[list[str]]]:
    """The header in row 1 and the rows below it."""
    files.refuse_devices(file)
    try:
        text = file.read_text(encoding="utf-8-sig")
        first = text.partition("\n")[0]
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count))
        titles, *lines = reader
    except OSError as error:
        raise DataError(f"cannot read {file}: {error.strerror}") from None
    except (ValueError, csv.Error) as error:
        raise DataError(f"cannot read {file} as CSV ({error})") from None
    return [unguarded(title) for title in titles], lines
