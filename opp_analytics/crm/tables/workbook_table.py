"""The table in a sheet of an Excel workbook."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from opp_analytics.crm.tables.header import HEADER_WITHIN, Known, header_place, labels_of, score
from opp_analytics.crm.tables.table import Table, table_of_columns, title_note
from opp_analytics.errors import ConfigError, DataError

__all__ = ["workbook_table"]


def workbook_table(path: Path, content: bytes, known: Known) -> Table:
    """The table of the visible sheet with the most known labels.

    Raises
    ------
    DataError
        When the file is damaged or holds no table.
    ConfigError
        When openpyxl is not installed.
    """
    sheets = _sheets(path, content)
    if not sheets:
        raise DataError(f"{path} has no visible sheet; show the one with the report")
    title, rows = max(sheets, key=lambda sheet: _best(sheet[1], known))
    place = header_place(rows, known)
    labels = labels_of(rows[place]) if rows else ()
    if not labels:
        raise DataError(f"{path} holds no table; export the report again")
    first, width = place + 2, len(labels)
    below = [_fitted(row, width, path, number) for number, row in enumerate(rows[place + 1 :], start=first)]
    columns: list[Sequence[Any]] = list(zip(*below, strict=True)) if below else [()] * width
    index = pd.RangeIndex(first, first + len(below), name="row")
    return table_of_columns(str(path), f"sheet {title!r}", labels, columns, index, title_note(place))


def _sheets(path: Path, content: bytes) -> list[tuple[str, list[list[Any]]]]:
    try:
        import openpyxl
    except ImportError:
        raise ConfigError(
            "workbooks need openpyxl; install it with: pip install 'opp-analytics[excel]'"
        ) from None
    try:
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        return [
            (sheet.title, [[_cell(cell) for cell in row] for row in sheet.iter_rows()])
            for sheet in book.worksheets
            if sheet.sheet_state == "visible"
        ]
    except Exception as error:  # openpyxl raises whatever a damaged part makes it stumble over
        raise DataError(f"{path} is damaged or not an Excel file ({error}); save it again as .xlsx") from None


def _cell(cell: Any) -> Any:
    """The value of a cell; a number shown as a percentage is its text, such as ``80%``."""
    value = cell.value
    if isinstance(value, (int, float)) and not isinstance(value, bool) and "%" in str(cell.number_format):
        return f"{round(value * 100, 9):g}%"
    return value


def _best(rows: Sequence[Sequence[Any]], known: Known) -> tuple[int, int]:
    return max((score(row, known) for row in rows[:HEADER_WITHIN]), default=(0, 0))


def _fitted(row: Sequence[Any], width: int, path: Path, number: int) -> list[Any]:
    further = [cell for cell in row[width:] if cell is not None and str(cell).strip()]
    if further:
        raise DataError(
            f"{path}: row {number} has the cell {further[0]!r} right of the last label; give its column a label"
        )
    return [*row[:width], *[None] * (width - len(row))]
