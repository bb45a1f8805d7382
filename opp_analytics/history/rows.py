"""Opportunities as Arrow rows of a fixed schema, and back as a frame.

The columns of the API always have the same types; further columns get one of seven kinds, and a
column that changes its kind from one record to the next is widened, never misread.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from opp_analytics import org, schema
from opp_analytics.arrays import Series
from opp_analytics.errors import DataError

INSTANT = pa.timestamp("us", tz="UTC")

KINDS: dict[str, pa.DataType] = {
    "text": pa.string(),
    "whole": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "time": pa.timestamp("us"),
    "instant": INSTANT,
}
"""Types of the kinds of columns; boolean and time are of further ones only."""

KNOWN = {name: KINDS["text" if kind == "label" else kind] for name, kind in schema.COLUMNS.items()}
"""The stored columns of the API; a calendar date is stored as a date, so that no time zone can move
it."""

CHANGE_COLUMNS: dict[str, pa.DataType] = {
    "seen_after": INSTANT,
    "seen_at": INSTANT,
    "operation": pa.string(),
}
"""Columns of a change row before the opportunity's columns."""

DELETED = "deleted"
OPERATIONS = ("new", "changed", DELETED, "returned")
"""Operations: what can happen to an opportunity between two records."""

TRANSFERRED, TRANSFERRED_IN = "transferred", "transferred_in"
"""Operations in a part of a history (`History.where`): an opportunity left the part, or came from
elsewhere."""

MOVED = "moved"
"""Operation in a history read with people: the owner of an open opportunity moved to another team
or region."""

UNTRACKED = ("updated_at",)
"""Columns that are kept but do not count as a change: a nightly job that touches every row would
fill the log."""

_KIND_OF = {str(dtype): kind for kind, dtype in KINDS.items()}


def widest(one: str | None, other: str | None) -> str | None:
    """Find the narrowest kind that holds both.

    None is the kind of a column that was always empty.
    """
    if one is None or other is None or one == other:
        return one or other
    return "number" if {one, other} == {"whole", "number"} else "text"


def _to_array(column: Series) -> pa.Array:
    array = pa.array(column, from_pandas=True)
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _as_text(value: Any) -> str | None:
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return None
    return value if isinstance(value, str) else json.dumps(value, default=str, sort_keys=True)


def _cast_to_kind(array: pa.Array) -> pa.Array | None:
    """Cast an array to the type of its kind (`KINDS`); None when it fits none of them."""
    kind = array.type
    wanted = (
        (pa.types.is_null, pa.null()),
        (pa.types.is_string, pa.string()),
        (pa.types.is_large_string, pa.string()),
        (pa.types.is_integer, pa.int64()),
        (pa.types.is_floating, pa.float64()),
        (pa.types.is_boolean, pa.bool_()),
        (pa.types.is_date, pa.date32()),
    )
    for matches, target in wanted:
        if matches(kind):
            return array.cast(target)
    if pa.types.is_timestamp(kind):
        return array.cast(INSTANT if kind.tz else pa.timestamp("us"), safe=False)
    return None


def _further(column: Series) -> pa.Array:
    try:
        array = _cast_to_kind(_to_array(column))
    except (pa.ArrowException, OverflowError, TypeError, UnicodeError):
        array = None
    if array is None:
        return pa.array([_as_text(value) for value in column.tolist()], pa.string())
    return array


def to_rows(opportunities: pd.DataFrame, kinds: Mapping[str, str] | None = None) -> pa.Table:
    """Make Arrow rows of a conformed frame: the API's columns, then further filled ones.

    Earlier `kinds` of the further columns are widened, and these columns are kept even if empty.
    """
    check_names(opportunities.columns)
    before = kinds or {}
    columns: dict[str, pa.Array] = {}
    for name, dtype in KNOWN.items():
        column = opportunities.get(name)
        columns[name] = (
            pa.nulls(len(opportunities), dtype) if column is None else _to_array(column).cast(dtype)
        )
    for name in opportunities.columns:
        if name not in KNOWN:
            array = _further(opportunities[name])
            own = None if pa.types.is_null(array.type) else _KIND_OF[str(array.type)]
            kind = widest(before.get(name), own)
            if kind is not None:
                columns[name] = array.cast(KINDS[kind])
    return pa.table(columns)


def check_names(names: Iterable[Any]) -> None:
    """Refuse names that the change log cannot hold."""
    seen: dict[str, str] = {}
    for name in names:
        if not isinstance(name, str):
            raise DataError(f"column {name!r} has a name that is not text; rename it")
        if name.lower() in CHANGE_COLUMNS:
            raise DataError(
                f"column {name!r} has the same name as a column of the change log; rename or "
                "drop it"
            )
        # SQL engines ignore case in names.
        if name.lower() in seen:
            raise DataError(
                f"columns {seen[name.lower()]!r} and {name!r} differ only in case; rename one of "
                "them"
            )
        seen[name.lower()] = name


def find_kinds(rows: pa.Table) -> dict[str, str]:
    """Find the kind of each further column of Arrow rows."""
    own = {**CHANGE_COLUMNS, **KNOWN}
    return {field.name: _KIND_OF[str(field.type)] for field in rows.schema if field.name not in own}


def change_schema(kinds: Mapping[str, str]) -> pa.Schema:
    """Make the schema of a change log whose further columns have these kinds."""
    return pa.schema(
        {**CHANGE_COLUMNS, **KNOWN, **{name: KINDS[kind] for name, kind in kinds.items()}}
    )


def list_dtypes(opportunities: pd.DataFrame) -> dict[str, str]:
    """List the columns of a frame, in order, with their dtypes as text."""
    return {str(name): str(dtype) for name, dtype in opportunities.dtypes.items()}


def to_frame(rows: pa.Table, columns: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Make a writable frame of opportunities or changes from Arrow rows, typed by `schema`.

    `columns` gives names in order with their pandas dtypes; one that `rows` lacks is empty. By
    default further columns get the dtype nearest to their kind.
    """
    frame = schema.to_plain(rows)
    if columns is not None:
        frame = frame.reindex(columns=list(columns))
        for name, dtype in columns.items():
            if name not in KNOWN:
                frame[name] = _restore(frame[name], dtype)
    return org.conform(frame)


def _restore(column: Series, dtype: str) -> Series:
    """Restore a further column's recorded dtype; leave it unchanged if the dtype no longer fits."""
    try:
        return column.astype(schema.TEXT if dtype == "str" else pd.api.types.pandas_dtype(dtype))
    except (TypeError, ValueError):
        return column


def present(state: pa.Table) -> pa.Table:
    """Drop the change rows of opportunities that were deleted or transferred."""
    return state.filter(
        pc.invert(pc.is_in(state["operation"], value_set=pa.array([DELETED, TRANSFERRED])))
    )
