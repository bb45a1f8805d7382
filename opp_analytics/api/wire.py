"""The wire format: JSON:API answers as typed Arrow columns and frames, and cells as JSON.

A page is decoded by msgspec and turned into Arrow column by column under the fixed types of the known columns,
so that a page of nulls or of numbers sent as strings cannot change a dtype. Attributes that the schema does not
know become further columns: text, whole numbers, numbers or booleans; lists and objects as JSON text.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import chain
from types import NoneType
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa

from opp_analytics import org, schema
from opp_analytics.errors import DataWarning, UnexpectedResponse
from opp_analytics.text import joined

_DATE = pa.timestamp("us")
_INSTANT = pa.timestamp("us", tz="UTC")
_LABEL = pa.dictionary(pa.int32(), pa.string())


class _Resource(msgspec.Struct):
    attributes: dict[str, Any]
    id: str | int | None = None
    relationships: dict[str, Any] | None = None


class _Meta(msgspec.Struct):
    totalPages: int | None = None  # noqa: N815  the reference's spelling
    totalRecords: int | None = None  # noqa: N815
    total_pages: int | None = None
    total_count: int | None = None


class _Many(msgspec.Struct):
    data: list[_Resource]
    meta: _Meta | None = None


class _One(msgspec.Struct):
    data: _Resource


_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
"""An escape in JSON. Its group is half of a surrogate pair, which is not a character and which msgspec refuses."""
_REPLACED = "\N{REPLACEMENT CHARACTER}"

_decode_many = msgspec.json.Decoder(_Many).decode
_decode_one = msgspec.json.Decoder(_One).decode


@dataclass(frozen=True)
class WirePage:
    """One decoded page of a list."""

    rows: list[dict[str, Any]]
    """The opportunities as flat dicts, each with its ``unique_id``."""
    total_pages: int | None
    """Number of pages at the server's page size; None when the answer does not report it."""
    total_records: int | None
    """Number of rows on all pages; None when the answer does not report it."""


def _flat(resource: _Resource) -> dict[str, Any]:
    attributes = resource.attributes
    if attributes.get("unique_id") is None:
        if resource.id is None:
            raise UnexpectedResponse("an opportunity in the answer has no id")
        attributes["unique_id"] = str(resource.id)
    if attributes.get("account_id") is None:
        account = _related(resource, "account") or attributes.get("account_unique_id")
        if account is not None:
            attributes["account_id"] = str(account)
    return attributes


def _related(resource: _Resource, name: str) -> Any:
    link = (resource.relationships or {}).get(name)
    data = link.get("data") if isinstance(link, dict) else None
    return data.get("id") if isinstance(data, dict) else None


def _decoded(decode: Callable[[bytes], Any], body: bytes) -> Any:
    try:
        return decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        what = "is empty" if not body.strip() else f"cannot be read as this API's JSON ({error})"
        raise UnexpectedResponse(f"the answer {what}; it begins {body[:60]!r}") from None


def _decoded_rows(decode: Callable[[bytes], Any], body: bytes) -> Any:
    """An answer; half of a surrogate pair in a text of it becomes �, with a warning that names the deal."""
    try:
        return _decoded(decode, body)
    except UnexpectedResponse:
        sound = _ESCAPE.sub(lambda found: _REPLACED.encode() if found[1] else found[0], body)
        if sound == body:
            raise
    answer = _decoded(decode, sound)
    resources = answer.data if isinstance(answer, _Many) else [answer.data]
    ids = [_flat(resource)["unique_id"] for resource in resources if _REPLACED in repr(resource.attributes)]
    warnings.warn(
        f"a text of opportunity {joined(map(repr, ids), most=3)} holds half of a character, shown as {_REPLACED}; "
        "correct it on the server",
        DataWarning,
        stacklevel=3,
    )
    return answer


def decode_page(body: bytes) -> WirePage:
    """A list answer, either spelling of its paging meta."""
    answer = _decoded_rows(_decode_many, body)
    meta = answer.meta or _Meta()
    return WirePage(
        rows=[_flat(resource) for resource in answer.data],
        total_pages=meta.totalPages if meta.totalPages is not None else meta.total_pages,
        total_records=meta.totalRecords if meta.totalRecords is not None else meta.total_count,
    )


def decode_one(body: bytes) -> dict[str, Any]:
    """A single-opportunity answer as a flat dict holding ``unique_id``."""
    return _flat(_decoded_rows(_decode_one, body).data)


def _cell_by_cell(values: list[Any], column: str, ids: list[Any]) -> list[Any]:
    cells = []
    for unique_id, value in zip(ids, values, strict=True):
        try:
            cells.append(schema.parse_cell(column, value))
        except schema.BadCell as reason:
            raise UnexpectedResponse(
                f"opportunity {unique_id!r}: {column}={value!r} {reason}; "
                f"correct it on the server, for example with client.update({str(unique_id)!r}, {column}=…)"
            ) from None
    return cells


def _to_text(value: Any) -> str:
    # As Arrow writes it, so that a text does not depend on what else the page held.
    if isinstance(value, float) and value.is_integer():
        return str(pa.scalar(value).cast(pa.string()))
    return value if isinstance(value, str) else json.dumps(value)


def _numbers(values: list[Any], column: str, ids: list[Any]) -> pa.Array:
    # Arrow would take True for 1, and cut 62.5 to a whole number, in silence.
    if set(map(type, values)) <= {int, float, NoneType}:
        with suppress(pa.ArrowException, OverflowError):  # beyond 64 bits
            return pa.array(values, pa.float64())
    return pa.array(_cell_by_cell(values, column, ids), pa.float64())


def _wholes(values: list[Any], column: str, ids: list[Any]) -> pa.Array:
    if set(map(type, values)) <= {int, NoneType}:
        with suppress(pa.ArrowException, OverflowError):
            return pa.array(values, pa.int64())
    return pa.array(_cell_by_cell(values, column, ids), pa.int64())


def _dates(values: list[Any], column: str, ids: list[Any]) -> pa.Array:
    try:
        return pa.array(values, pa.string()).cast(pa.date32()).cast(_DATE)
    except pa.ArrowException:
        return pa.array(_cell_by_cell(values, column, ids), _DATE)


def _instants(values: list[Any], column: str, ids: list[Any]) -> pa.Array:
    try:
        return pa.array(values, pa.string()).cast(_INSTANT)
    except pa.ArrowException:
        return pa.array(_cell_by_cell(values, column, ids), _INSTANT)


def _texts(values: list[Any], column: str, ids: list[Any]) -> pa.Array:
    try:
        return pa.array(values, pa.string())
    except pa.ArrowException:
        return pa.array([None if v is None else _to_text(v) for v in values], pa.string())


def _label_column(values: list[Any], column: str, ids: list[Any]) -> pa.Array:
    return _texts(values, column, ids).dictionary_encode().cast(_LABEL)


def _further(values: list[Any]) -> pa.Array:
    """An attribute outside the schema, at the narrowest type that holds all its values."""
    kinds = set(map(type, values)) - {NoneType}
    # Arrow would take True for 1.0 after a fraction.
    if bool not in kinds or kinds == {bool}:
        with suppress(pa.ArrowException, OverflowError):
            array = pa.array(values)
            if not pa.types.is_nested(array.type):
                return array
    return pa.array([None if v is None else _to_text(v) for v in values], pa.string())


_BUILD: dict[str, Callable[[list[Any], str, list[Any]], pa.Array]] = {
    "unique_id": _texts,
    "name": _texts,
    "account_id": _texts,
    "value": _numbers,
    "stage": _label_column,
    "close_date": _dates,
    "probability": _wholes,
    "status": _label_column,
    "created_at": _instants,
    "updated_at": _instants,
}


def rows_to_table(rows: list[dict[str, Any]]) -> pa.Table:
    """Flat rows as an Arrow table: the known columns at their types, then the further ones."""
    ids = [row["unique_id"] for row in rows]
    further = dict.fromkeys(chain.from_iterable(rows))
    columns = {c: build([r.get(c) for r in rows], c, ids) for c, build in _BUILD.items()}
    columns |= {c: _further([r.get(c) for r in rows]) for c in further if c not in _BUILD}
    return pa.table(columns)


def _reconciled(tables: list[pa.Table]) -> list[pa.Table]:
    """The tables with one type for each further column."""
    types: dict[str, set[pa.DataType]] = {}
    for table in tables:
        for field in table.schema:
            if field.name not in _BUILD and not pa.types.is_null(field.type):
                types.setdefault(field.name, set()).add(field.type)
    numeric = {pa.int64(), pa.float64()}
    clashing = {name for name, kinds in types.items() if len(kinds) > 1 and not kinds <= numeric}
    return [_as_strings(table, clashing) for table in tables]


def _as_strings(table: pa.Table, names: set[str]) -> pa.Table:
    for name in names & set(table.column_names):
        table = table.set_column(table.column_names.index(name), name, table[name].cast(pa.string()))
    return table


_PANDAS = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype(), pa.string(): schema.TEXT}
_CATEGORY = {"stage": org.stage_dtype, "status": org.status_dtype}


def assemble(tables: list[pa.Table]) -> pd.DataFrame:
    """One writable opportunities frame from the tables of all pages, in order.

    Parameters
    ----------
    tables : list of pyarrow.Table
        As `rows_to_table` makes them.

    Returns
    -------
    DataFrame
        The opportunities frame; with no tables or no rows, the empty frame.
    """
    if not sum(table.num_rows for table in tables):
        return org.empty()
    merged = concat_tables(tables)
    names = [*schema.COLUMNS, *(c for c in merged.column_names if c not in schema.COLUMNS)]
    return pd.DataFrame({name: _to_series(name, merged[name]) for name in names}, copy=False)


def concat_tables(tables: list[pa.Table]) -> pa.Table:
    """The rows of all tables, which may differ in their further columns, as one table."""
    return pa.concat_tables(_reconciled(tables), promote_options="permissive").unify_dictionaries()


def frame_to_table(opportunities: pd.DataFrame) -> pa.Table:
    """An assembled frame as an Arrow table, for merging with newer rows."""
    table = pa.Table.from_pandas(opportunities, preserve_index=False)
    return pa.table({name: _as_sent(name, table[name]) for name in table.column_names})


def _as_sent(name: str, column: pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """A frame's column at the Arrow type of `rows_to_table`."""
    if name in _CATEGORY:
        return column.cast(_LABEL)
    if name not in _BUILD and column.null_count == len(column):
        return pa.nulls(len(column))
    return column.cast(pa.string()) if pa.types.is_large_string(column.type) else column


def _to_series(name: str, column: pa.ChunkedArray) -> pd.Series[Any]:
    if name in _CATEGORY:
        # Encoded anew, so that a label of rows that are gone is gone too.
        return _to_category(name, column.combine_chunks().dictionary_decode().dictionary_encode())
    if pa.types.is_null(column.type):
        column = column.cast(pa.string())
    series: pd.Series[Any] = column.to_pandas(types_mapper=_PANDAS.get)
    # A zero-copy column is read-only, and .loc edits on it raise.
    return (
        series.copy()
        if isinstance(series.dtype, np.dtype) and not series.to_numpy().flags.writeable
        else series
    )


def _to_category(name: str, column: pa.DictionaryArray) -> pd.Series[Any]:
    found = column.dictionary.to_pylist()
    dtype = _CATEGORY[name](found)
    position = np.array([*dtype.categories.get_indexer(found), -1])
    codes = position[column.indices.fill_null(len(found)).to_numpy(zero_copy_only=False)]
    return pd.Series(pd.Categorical.from_codes(codes, dtype=dtype))


def to_wire(column: str, value: Any) -> Any:
    """A frame's cell as the JSON value of `column` in the API; a blank cell is None.

    Decimals stay exact, whole amounts are sent without a fraction, dates as ``2026-03-31``.

    Raises
    ------
    opp_analytics.schema.BadCell
        When the value does not fit the column.

    Examples
    --------
    >>> to_wire("close_date", pd.Timestamp("2026-03-31")), to_wire("value", np.float64(1200.0))
    ('2026-03-31', 1200)
    """
    cell = schema.parse_cell(column, value)
    if cell is None:
        return None
    if isinstance(value, Decimal) and column not in ("probability", "close_date"):
        return value
    if isinstance(cell, (date, datetime)):
        return cell.strftime("%Y-%m-%d") if column == "close_date" else cell.isoformat()
    if isinstance(cell, np.generic):
        cell = cell.item()
    return int(cell) if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53 else cell


_encode = msgspec.json.Encoder(decimal_format="number").encode


def encode(fields: dict[str, Any]) -> bytes:
    """The request body for a create or an update, numbers exact."""
    return _encode({"opportunity": fields})
