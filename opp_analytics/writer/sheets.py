"""Rows and cells of workbooks and CSV files, written and read back."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd

from opp_analytics import inputs, org, schema
from opp_analytics.errors import DataError
from opp_analytics.files import say_failure, write_whole
from opp_analytics.schema import Json
from opp_analytics.writer.cells import KINDS, fit_column, list_rows, read_typed, same

TEXTS = ("unique_id", "name", "account_id", "stage", "status")
"""Text columns, even where the text looks like a number."""
MOMENTS = ("created_at", "updated_at")
"""The server's timestamps; Excel rewrites their text without zone and seconds."""
_FIRST = ("name", "owner_name", "stage", "value", "close_date", "probability", "status")
"""What people edit comes first."""
_LAST = (*MOMENTS, "account_id", "unique_id")
"""What the server sets comes last."""
Held = dict[Any, Json]
"""The exported rows by id."""


def parse(
    column: str,
    value: Any,
    number_format: str = "",
    epoch: datetime = inputs.EPOCH,
    *,
    day_first: bool | None = None,
    meaning: org.Org = org.DEFAULT,
) -> Any:
    """Parse a cell for its column; what cannot be read for certain is kept as it is.

    A workbook gives `epoch`, its day 0.
    """
    if isinstance(value, str):
        value = value.strip().replace("\u00a0", " ").strip()
    if schema.is_blank(value):
        return None
    if column in TEXTS:
        return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    if isinstance(value, str):
        try:
            return read_typed(KINDS.get(column), value, meaning, day_first=day_first)
        except schema.BadCell:
            return value  # the plan says what is wrong with it
    if column == "close_date":
        serial = inputs.read_serial_date(value, epoch)
        return value if serial is None else serial.normalize()
    if column == "probability" and "%" in number_format and not isinstance(value, bool):
        return round(value * 100, 9)
    return value


def find_file_day_order(cells: Iterable[Any]) -> bool | None:
    """Find out whether the day comes first in a file's dates.

    None if no date says, or if they contradict each other.
    """
    bare = [cell.strip() if isinstance(cell, str) else cell for cell in cells]
    column = pd.Series(bare, dtype="object")
    return inputs.find_day_order([inputs.Cells.of(column, "close_date")])


def to_cell(column: str, value: Any) -> Any:
    """Convert a value to a spreadsheet cell: typed if the column is, otherwise text.

    None if blank.
    """
    if schema.is_blank(value):
        return None
    if isinstance(value, str):
        return value
    if column in MOMENTS:
        return pd.Timestamp(value).isoformat()
    if column == "close_date":
        return pd.Timestamp(value).to_pydatetime()
    if column in schema.COLUMNS:
        return (
            int(value)
            if column == "probability"
            else float(value)
            if column == "value"
            else str(value)
        )
    if isinstance(value, np.generic):
        value = value.item()
    # Excel has no more digits than a float, and no infinity.
    whole = isinstance(value, int) and abs(value) < 2**53
    return value if whole or (isinstance(value, float) and math.isfinite(value)) else str(value)


def save(target: Path, content: bytes | Callable[[BinaryIO], object]) -> Path:
    """Write a sheet's file whole."""
    with say_failure(f"cannot write {target}", "; close it if it is open in Excel"):
        write_whole(target, content)
    return target


def order_columns(columns: list[str]) -> list[str]:
    """Order columns as people read them: names first, the server's timestamps and ids last."""
    ends = [column for column in _LAST if column in columns]
    first = [column for column in _FIRST if column in columns]
    return [*first, *(c for c in columns if c not in first and c not in ends), *ends]


def match_header(file: Path, titles: list[Any], known: list[str]) -> dict[int, str]:
    """Match titles to column names, by place."""
    names = {inputs.fold(column): column for column in known}
    columns = {
        place: str(title) if title in known else names.get(inputs.fold(str(title)), str(title))
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
        raise DataError(
            f"{file}: column {lost[0]!r} is missing from row 1{new}; restore the names of row 1"
        )
    return columns


def make_after(
    rows: dict[int, Json],
    columns: Mapping[int, str],
    before: pd.DataFrame,
    new_columns: Collection[str],
) -> pd.DataFrame:
    """Make the edited opportunities of a file.

    Columns are in the order of `before`, then the API's, then new ones.
    """
    named = list(columns.values())
    wanted = [new_columns] if isinstance(new_columns, str) else list(new_columns)
    missing = [column for column in wanted if column not in named]
    if missing:
        raise DataError(
            f"new_columns names {missing[0]!r}, which the file does not have; it has "
            f"{', '.join(named)}"
        )
    # The plan refuses an id that is neither.
    found = list_rows(before) if "unique_id" in before else []
    held = {row["unique_id"]: row for row in found if isinstance(row["unique_id"], (str, int))}
    meaning = org.Org.of(before)
    _refuse_doubtful(rows, held, meaning)
    first = [str(c) for c in before.columns if c in named]
    first += [c for c in schema.COLUMNS if c in named and c not in first]
    _match_choices(rows, held, meaning)
    frame = _fit_columns(rows, [*first, *(c for c in named if c not in first)], before)
    if wanted:
        frame.attrs["new_columns"] = wanted
    return frame


def _refuse_doubtful(rows: Mapping[int, Json], held: Held, meaning: org.Org) -> None:
    """Refuse edited amounts with two readings, such as ``45.000``.

    A frame would take one of them.
    """
    bad = []
    for number, row in rows.items():
        typed, was = row.get("value"), held.get(row.get("unique_id"), {}).get("value")
        doubt = _find_doubt(typed, meaning)
        if doubt and not same("value", typed, was):
            bad.append(inputs.BadValue(number, "value", typed, doubt))
    if bad:
        inputs.refuse("the edited file", bad)


def _find_doubt(typed: Any, meaning: org.Org) -> schema.BadCell | None:
    """Find the two readings of an amount.

    None where it has one, or none, of which the plan says what is wrong.
    """
    try:
        if isinstance(typed, str):
            inputs.read_amount(typed, meaning.currency, decimal_comma=meaning.decimal_comma)
    except inputs.TwoReadings as doubt:
        return doubt
    except schema.BadCell:
        pass
    return None


def _match_choices(rows: dict[int, Json], held: Held, meaning: org.Org) -> None:
    """Replace a typed stage or status by the name that it spells, as the grid does.

    ``closed-won`` is ``closed_won``.

    A cell that nobody edited stays: a server may hold a spelling of its own.
    """
    known = {"stage": meaning.stages.spellings, "status": {name: name for name in schema.STATUSES}}
    for row in rows.values():
        was = held.get(row.get("unique_id"), {})
        for column, names in known.items():
            typed = row.get(column)
            # An alias stays, as in a frame.
            if isinstance(typed, str) and typed not in names and typed != was.get(column):
                row[column] = inputs.match_name(typed, names) or typed


def _fit_columns(rows: dict[int, Json], columns: list[str], before: pd.DataFrame) -> pd.DataFrame:
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
