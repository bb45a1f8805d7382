"""The opportunities frame: its columns, their contents, and the parser of a cell.

Column names are the API's attribute names. Every function accepts further columns and passes them
on unchanged.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from opp_analytics.arrays import Flags, Series
from opp_analytics.errors import DataError
from opp_analytics.text import is_whole

NO_LABEL = "(none)"
"""Group label of rows whose value is missing; such rows are shown, never dropped."""
NO_NAMES = ("", "nan", "NaN", "None", "<NA>", "NaT")
"""Texts of a missing name: an empty one, and what ``str`` makes of a missing value."""
ALL = "(all)"
"""Label of the rows of totals."""
HALF_CENT = 0.005
"""Amounts this close are equal, and meet a target: a sum of floats may miss by its last bit."""
BUCKETS = ("overdue", "unscheduled")
"""Forecast rows for open deals outside the coming periods: overdue, or without a date."""

UNRECORDED = "not_recorded"
"""Column of change rows: those of ``close_date value`` that an imported history does not hold at
that time."""

Json = dict[str, Any]
"""A JSON object: values by name."""
STATUSES = ("active", "inactive", "won", "lost")
"""Every status that the API documents."""
READ_ONLY = ("unique_id", "created_at", "updated_at")
"""Columns that the server sets: never written."""

FACTS = ("load", "org", "recorded_at", "seen_on")
"""Attrs that belong to a frame's rows in every file that can hold them: certificate, org, time of
the record, and day of the export."""


def keep_facts(attrs: Mapping[Any, Any]) -> Json:
    """Keep the `FACTS` among attrs."""
    return {name: attrs[name] for name in FACTS if name in attrs}


TEXT = pd.StringDtype(na_value=np.nan)
_DATE = np.dtype("datetime64[us]")
_INSTANT = pd.DatetimeTZDtype("us", "UTC")

COLUMNS = {
    "unique_id": "text",
    "name": "text",
    "account_id": "text",
    "value": "number",
    "stage": "label",
    "close_date": "date",
    "probability": "whole",
    "status": "label",
    "created_at": "instant",
    "updated_at": "instant",
}
"""The columns of the API, in order, and the kind of each.

Text is str, a number float64, a whole Int64, a date datetime64[us] at naive midnight, an instant
datetime64[us, UTC], a label a category: the stages in their order, unknown ones appended. The value
is money in the tenant's one currency, the probability the stated chance of winning in percent.
"""

PANDAS = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype(), pa.string(): TEXT}
"""The dtypes of the types of Arrow that pandas would read as others."""


class BadCell(DataError):
    """A value does not fit its column.

    The problem completes a sentence that names column and value.
    """


def check_encodable(value: Any) -> None:
    """Refuse what no JSON holds, at any depth: a number out of range, and half of a character."""
    if isinstance(value, (np.integer, np.floating)):
        value = value.item()
    if isinstance(value, str):
        if not is_whole(value):
            raise BadCell("holds half of a character", "write it anew")
    elif isinstance(value, (int, float, Decimal)):
        largest = sys.float_info.max
        if not is_blank(value) and not -largest <= value <= largest:
            raise BadCell("is not a finite number")
    elif isinstance(value, (list, dict)):
        for part in value if isinstance(value, list) else (*value, *value.values()):
            check_encodable(part)


def is_blank(value: Any) -> bool:
    """True for an empty cell: None, NaN, NaT, NA or empty text."""
    if value is None or isinstance(value, str):
        return not value
    if isinstance(value, Decimal):
        return value.is_nan()
    return bool(pd.api.types.is_scalar(value) and pd.isna(value))


def _number(value: Any) -> float:
    if isinstance(value, (bool, np.bool_, complex, np.complexfloating)):
        raise BadCell("is not a number")
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise BadCell("is not a number", "write it as 12000.5") from None
    except OverflowError:
        number = np.inf
    if not np.isfinite(number):
        raise BadCell("is not a finite number")
    return number


def _whole(value: Any) -> int:
    number = _number(value)
    if number != int(number):
        raise BadCell("is not a whole number")
    if abs(number) >= 2**63:
        raise BadCell("is too large")
    return int(number)


def _moment(value: Any, what: str, example: str) -> pd.Timestamp:
    try:
        if isinstance(value, str):
            value = datetime.fromisoformat(value.strip())
        if isinstance(value, (date, datetime, np.datetime64)):
            # Nanoseconds end in 1677 and 2262, microseconds later than any calendar.
            return pd.Timestamp(value).as_unit("us")
    except (ValueError, OverflowError):
        raise BadCell(f"is not a {what} that exists", f"write it as {example}") from None
    raise BadCell(f"is not a {what}", f"write it as {example}")


def _date(value: Any) -> pd.Timestamp:
    return _moment(value, "date", "2026-03-31").tz_localize(None).normalize()


def _instant(value: Any) -> pd.Timestamp:
    stamp = _moment(value, "time", "2026-03-31T10:00:00Z")
    return stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp.tz_convert("UTC")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise BadCell("is not text")
    return value


_CELL: dict[str, Callable[[Any], Any]] = {
    "text": _text,
    "label": _text,
    "number": _number,
    "whole": _whole,
    "date": _date,
    "instant": _instant,
}


def parse_cell(column: str, value: Any) -> Any:
    """Parse one value at its column's type (float, int, Timestamp, str), or None when blank.

    Unknown columns pass unchanged.
    """
    if is_blank(value):
        return None
    kind = COLUMNS.get(column)
    return value if kind is None else _CELL[kind](value)


def read_stamp(value: Any) -> Any:
    """Read an instant that the server sent.

    None where there is none, or one that cannot be read.
    """
    try:
        return parse_cell("updated_at", value)
    except BadCell:
        return None


def _cells(column: Series, ids: Series | None) -> list[Any]:
    """Parse the cells of a column; each distinct one once, where equal ones mean the same."""
    kind = pd.api.types.infer_dtype(column, skipna=True)
    # One instant in two zones may be two dates.
    if kind in ("string", "integer", "floating") or (
        kind == "datetime"
        and all(getattr(cell, "tzinfo", None) is None for cell in column.tolist())
    ):
        codes, distinct = pd.factorize(column)
        with suppress(BadCell):
            parsed = [*(parse_cell(str(column.name), cell) for cell in distinct), None]
            return [parsed[code] for code in codes]
    cells: list[Any] = []
    bad: list[str] = []
    for position, value in enumerate(column.tolist()):
        try:
            cells.append(parse_cell(str(column.name), value))
        except BadCell as reason:
            bad.append(f"{_name_row(position, ids)}: {column.name}={value!r} {reason}")
    if bad:
        more = f" (and {len(bad) - 3} more)" if len(bad) > 3 else ""
        raise DataError("; ".join(bad[:3]) + more)
    return cells


def _name_row(place: int, ids: Series | None) -> str:
    return f"row {place}" if ids is None else f"opportunity {ids.iloc[place]!r}"


def as_text(column: Series, ids: Series | None = None) -> Series:
    """Cast a column to text."""
    # A cast to the same dtype would still copy every string.
    if column.dtype == TEXT:
        return column
    try:
        return column.astype(TEXT)
    except (ValueError, TypeError, ArithmeticError):
        for position, value in enumerate(column.tolist()):
            if not _has_text(value):
                break
    raise DataError(
        f"{_name_row(position, ids)}: {column.name}={value!r} is not text; write it anew"
    )


def to_plain(table: pa.Table) -> pd.DataFrame:
    """Make a writable frame of any Arrow table.

    Text is str, whole numbers are Int64, dates are naive midnights.
    """
    for place, field in enumerate(table.schema):
        kind = field.type
        if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
            kind = pa.timestamp("us", getattr(kind, "tz", None))
        elif pa.types.is_large_string(kind) or pa.types.is_null(kind):
            kind = pa.string()
        if kind != field.type:
            # What is finer than a microsecond is cut.
            cast = table.column(place).cast(kind, safe=not pa.types.is_timestamp(kind))
            table = table.set_column(place, field.name, cast)
    # Arrow hands out read-only columns, on which .loc edits raise.
    frame: pd.DataFrame = table.to_pandas(types_mapper=PANDAS.get).copy()
    # Text without a row has no chunk in Arrow, and pandas cannot merge that.
    return frame if len(frame) else frame.astype("object").astype(frame.dtypes.to_dict())


def as_plain(opportunities: pd.DataFrame) -> pd.DataFrame:
    """Give any library's columns the dtypes of a load: str, Int64, boolean, float64, dates.

    These are columns of Arrow and of pandas' nullable dtypes, and further columns of objects that
    are all of one type. The index and the attrs are the same; other columns are unchanged.
    """
    changed: dict[int, Any] = {}
    for place, (name, dtype) in enumerate(opportunities.dtypes.items()):
        # Of Arrow, or nullable and not one that a load has.
        known = isinstance(dtype, (pd.ArrowDtype, pd.StringDtype, pd.SparseDtype)) or hasattr(
            dtype, "numpy_dtype"
        )
        if (known and dtype not in PANDAS.values()) or (
            pd.api.types.is_object_dtype(dtype) and name not in COLUMNS
        ):
            column = opportunities.iloc[:, place]
            plain = _as_plain(column)
            if plain is not column:
                changed[place] = plain
    if not changed:
        return opportunities
    frame = opportunities.copy(deep=False)
    for place, plain in changed.items():
        frame.isetitem(place, plain)
    return frame


def _as_plain(column: Series) -> Series:
    if isinstance(column.dtype, pd.SparseDtype):
        column = pd.Series(np.asarray(column), index=column.index, name=column.name)
    types, dtype = pd.api.types, column.dtype
    try:
        if types.is_object_dtype(dtype) and types.infer_dtype(column.dropna()) not in _OF_ONE_TYPE:
            return column
        if isinstance(dtype, pd.StringDtype):
            return column.astype(TEXT)
        for matches, wanted in _NUMBERS.items():
            if matches(dtype):
                return column.astype(wanted)
        array = pa.chunked_array([pa.array(column, from_pandas=True)])
        # A dictionary is an encoding; the order of its values means something only if it says so.
        if pa.types.is_dictionary(array.type) and not array.type.ordered:
            array = array.cast(array.type.value_type)
        if pa.types.is_nested(array.type) or (
            pa.types.is_date(array.type) and column.name not in COLUMNS
        ):
            return pd.Series(array.to_pylist(), index=column.index, dtype="object")
        return pd.Series(to_plain(pa.table({"": array}))[""].array, index=column.index)
    except (ValueError, TypeError, ArithmeticError):
        # Half of a character, beyond 64 bits, or a Decimal that signals.
        cells = [None if isinstance(cell, Decimal) and cell.is_nan() else cell for cell in column]
        return pd.Series(cells, index=column.index, dtype="object")


_NUMBERS: dict[Callable[[Any], bool], Any] = {
    pd.api.types.is_float_dtype: "float64",
    pd.api.types.is_integer_dtype: "Int64",
    pd.api.types.is_bool_dtype: "boolean",
}
_OF_ONE_TYPE = ("string", "integer", "floating", "boolean", "datetime")
"""What pandas calls objects of one type that a column of its own holds; calendar dates have
none."""


def is_among(texts: Any, others: Any) -> Flags:
    """Tell which texts of a column or index are among others.

    `isin` of pandas takes seconds for 100,000 of them.
    """
    sought, found = (
        pa.array(pd.Series(each).astype(TEXT), pa.string()) for each in (texts, others)
    )
    return np.asarray(pc.is_in(sought, value_set=found, skip_nulls=True))


def refuse_halves(frame: pd.DataFrame, ids: Series | None = None) -> None:
    """Refuse half of a character in a column of objects: no file or request takes it.

    No other kind of column can hold one.
    """
    for name, column in frame.items():
        cells = column.tolist() if column.dtype == "object" else ()
        texts = [cell if isinstance(cell, str) else "" for cell in cells]
        if not is_whole("".join(texts)):
            place = [is_whole(text) for text in texts].index(False)
            raise DataError(
                f"{_name_row(place, ids)}: {name}={texts[place]!r} holds half of a character; "
                "write it anew"
            )


def label_groups(column: Series) -> pd.Series[str]:
    """Label each row's group, as `history.label_of` does: as text, "(none)" if missing."""
    labels: pd.Series[str] = column.astype(TEXT)
    return labels.mask(labels.isna() | labels.isin(NO_NAMES), NO_LABEL)


def mark_named(index: pd.Index[Any]) -> NDArray[np.bool_]:
    """Mark the groups that are somebody or something: whose last label is not "(none)"."""
    return np.asarray(index.get_level_values(-1) != NO_LABEL, dtype=bool)


def _has_text(value: Any) -> bool:
    try:
        pd.Series([value], dtype="object").astype(TEXT)
    except (ValueError, TypeError, ArithmeticError):
        return False
    return True


_DTYPES: Json = {
    "number": "float64",
    "whole": "Int64",
    "date": _DATE,
    "instant": _INSTANT,
}


def as_column(column: Series, ids: Series | None) -> Series:
    """Cast a column to its schema dtype.

    Categories, and columns unknown to the API, are unchanged.
    """
    kind = COLUMNS.get(str(column.name), "label")
    if kind not in _DTYPES:
        return as_text(column, ids) if kind == "text" else column
    cast: Series | None = _cast(column, kind)
    return (
        pd.Series(_cells(column, ids), index=column.index, dtype=_DTYPES[kind])
        if cast is None
        else cast
    )


def _cast(column: Series, kind: str) -> Any:
    """Cast a column whose dtype fits its kind; None where each cell must be parsed."""
    try:
        column = column.infer_objects() if column.dtype == "object" else column
    except UnicodeEncodeError:  # Half of a character, which pandas 3 cannot hold as text.
        return None
    types, dtype = pd.api.types, column.dtype
    if kind in ("whole", "instant") and dtype == _DTYPES[kind]:
        return column
    if kind == "number" and types.is_any_real_numeric_dtype(dtype):
        numbers = column if dtype == "float64" else column.astype("float64")
        return None if np.isinf(numbers.to_numpy()).any() else numbers
    if (
        kind == "whole"
        and types.is_integer_dtype(dtype)
        and not types.is_unsigned_integer_dtype(dtype)
    ):
        return column.astype("Int64")
    if kind not in ("date", "instant") or not types.is_datetime64_any_dtype(dtype):
        return None
    if kind == "date":
        if dtype == _DATE and _are_days(column.to_numpy()):
            return column
        return column.dt.tz_localize(None).dt.normalize().astype(_DATE)
    aware = column if isinstance(dtype, pd.DatetimeTZDtype) else column.dt.tz_localize("UTC")
    return aware.dt.tz_convert("UTC").astype(_INSTANT)


def _are_days(times: NDArray[Any]) -> bool:
    return np.array_equal(times, times.astype("datetime64[D]"), equal_nan=True)


def unstack_level(values: Series, level: str) -> pd.DataFrame:
    """Spread a level of the index over columns.

    Rows and columns keep the order in which they first come.
    """
    rows = values.index.droplevel(level).unique()  # type: ignore[arg-type]
    columns = values.index.get_level_values(level).unique()
    # `unstack(level, sort=False)` of pandas 2.3 puts values under the wrong labels.
    return values.unstack(level).reindex(index=rows, columns=columns)  # noqa: PD010  pivot_table drops what is empty
