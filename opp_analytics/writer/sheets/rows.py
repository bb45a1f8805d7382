"""Rows of an edited file: match the header to columns and convert cells to their dtypes."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from opp_analytics import org, schema
from opp_analytics.errors import DataError
from opp_analytics.writer.plan.cells import fit_column

__all__ = ["after_frame", "header_key", "match_header", "sheet_order"]

_FIRST = ("name", "owner_name", "stage", "value", "close_date", "probability", "status")
_LAST = ("created_at", "updated_at", "account_id", "unique_id")


def sheet_order(columns: list[str]) -> list[str]:
    """The columns as people read them: names first, the server's timestamps and ids last.

    Examples
    --------
    >>> sheet_order(["unique_id", "name", "value", "region", "owner_name", "updated_at"])
    ['name', 'owner_name', 'value', 'region', 'updated_at', 'unique_id']
    """
    ends = [column for column in _LAST if column in columns]
    first = [column for column in _FIRST if column in columns]
    return [*first, *(c for c in columns if c not in first and c not in ends), *ends]


def header_key(name: Any) -> str:
    """Normalize a column name: capitals, spaces and hyphens do not matter."""
    return re.sub(r"[\s_-]+", "_", str(name).strip()).lower()


def match_header(file: Path, titles: list[Any], known: list[str]) -> dict[int, str]:
    """Match titles to column names, by place."""
    names = {header_key(column): column for column in known}
    columns = {
        place: str(title) if title in known else names.get(header_key(title), str(title))
        for place, title in enumerate(titles)
        if title is not None
    }
    twice = [c for c in columns.values() if list(columns.values()).count(c) > 1]
    if twice:
        raise DataError(f"{file}: duplicate column {twice[0]!r} in row 1; rename or remove one")
    lost = [c for c in known if c not in columns.values()]
    renamed = [c for c in columns.values() if c not in known]
    if "unique_id" in lost or (lost and renamed):
        new = f", and {renamed[0]!r} is new" if renamed else ""
        raise DataError(f"{file}: column {lost[0]!r} is missing from row 1{new}; restore the names of row 1")
    return columns


def after_frame(
    rows: dict[int, dict[str, Any]],
    columns: Mapping[int, str],
    before: pd.DataFrame,
    new_columns: Collection[str],
) -> pd.DataFrame:
    """The edited opportunities of a file: columns in the order of `before`, then the API's, then new ones.

    Raises
    ------
    DataError
        If a new column that was named is not in the file.
    """
    named = list(columns.values())
    wanted = [new_columns] if isinstance(new_columns, str) else list(new_columns)
    missing = [column for column in wanted if column not in named]
    if missing:
        raise DataError(
            f"new_columns names {missing[0]!r}, which the file does not have; it has {', '.join(named)}"
        )
    first = [str(c) for c in before.columns if c in named]
    first += [c for c in schema.COLUMNS if c in named and c not in first]
    frame = _typed(rows, [*first, *(c for c in named if c not in first)], before)
    if wanted:
        frame.attrs["new_columns"] = wanted
    return frame


def _typed(rows: dict[int, dict[str, Any]], columns: list[str], before: pd.DataFrame) -> pd.DataFrame:
    """Make a frame of the rows; a column gets its dtype from `before` if all its cells fit."""
    cells = pd.DataFrame(list(rows.values()), columns=columns, dtype="object")
    fitted = {}
    for column in columns:
        try:
            fitted[column] = org.conform(cells[[column]])[column]
        except DataError:
            fitted[column] = cells[column]
        if column not in schema.COLUMNS and column in before:
            fitted[column] = fit_column(cells[column], before[column].dtype)
    return pd.DataFrame(fitted).set_axis(pd.Index(rows, dtype="int64", name="row"))
