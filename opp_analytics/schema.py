"""The opportunities frame: its columns, dtypes and stages, and the check that turns any frame into one.

Column names are the API's attribute names. Further columns are welcome everywhere and travel along untouched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics.errors import ArgumentError, DataError, MissingColumnError

__all__ = [
    "COLUMNS",
    "OPEN_STAGES",
    "READ_ONLY",
    "STAGES",
    "STATUSES",
    "TEXT",
    "BadCell",
    "conform",
    "empty",
    "is_blank",
    "parse_cell",
    "require",
    "stage_dtype",
    "status_dtype",
]

OPEN_STAGES = ("discovery", "qualification", "proposal", "negotiation")
"""The stages of a deal still in play, in order."""
STAGES = (*OPEN_STAGES, "closed_won", "closed_lost")
"""Every stage that the API documents, in order."""
STATUSES = ("active", "inactive", "won", "lost")
"""Every status that the API documents."""
READ_ONLY = ("unique_id", "created_at", "updated_at")
"""Columns that the server sets: never written."""

TEXT = pd.StringDtype(na_value=np.nan)
_DATE = np.dtype("datetime64[us]")
_INSTANT = pd.DatetimeTZDtype("us", "UTC")

COLUMNS = {
    "unique_id": "opaque key, str",
    "name": "str",
    "account_id": "str",
    "value": "money in the tenant's one currency, float64",
    "stage": "ordered category, discovery < … < closed_lost, unknown ones appended",
    "close_date": "calendar date, datetime64[us], naive midnight",
    "probability": "stated chance of winning in percent, Int64",
    "status": "category",
    "created_at": "instant, datetime64[us, UTC]",
    "updated_at": "instant, datetime64[us, UTC]",
}
"""The columns of the API, in order, with what they hold."""


def _extended(known: Sequence[str], values: Iterable[Any]) -> list[str]:
    return [*known, *sorted({str(v) for v in values if not pd.isna(v)} - set(known))]


def stage_dtype(values: Iterable[Any] = ()) -> pd.CategoricalDtype:
    """The ordered stage category, extended by the unknown stages among `values`.

    Examples
    --------
    >>> stage_dtype(["won!!"]).categories[-1]
    'won!!'
    """
    return pd.CategoricalDtype(_extended(STAGES, values), ordered=True)


def status_dtype(values: Iterable[Any] = ()) -> pd.CategoricalDtype:
    """The status category, extended by the unknown ones among `values`."""
    return pd.CategoricalDtype(_extended(STATUSES, values))


class BadCell(ValueError):
    """Why one value does not fit its column, as the end of a sentence that begins with column and value."""


def is_blank(value: Any) -> bool:
    """Whether a cell holds nothing: None, NaN, NaT, NA or an empty text."""
    return value is None or (pd.api.types.is_scalar(value) and pd.isna(value)) or value == ""


def _number(value: Any) -> float:
    if isinstance(value, (bool, np.bool_)):
        raise BadCell("is not a number")
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise BadCell("is not a number; write it as 12000.5") from None
    if not np.isfinite(number):
        raise BadCell("is not a finite number")
    return number


def _whole(value: Any) -> int:
    number = _number(value)
    if number != int(number):
        raise BadCell("is not a whole number")
    return int(number)


def _moment(value: Any, what: str, example: str) -> pd.Timestamp:
    try:
        if isinstance(value, str):
            return pd.Timestamp(datetime.fromisoformat(value.strip()))
        if isinstance(value, (date, datetime, np.datetime64)):
            return pd.Timestamp(value)
    except ValueError:
        raise BadCell(f"is not a {what} that exists; write it as {example}") from None
    raise BadCell(f"is not a {what}; write it as {example}")


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
    "unique_id": _text,
    "name": _text,
    "account_id": _text,
    "value": _number,
    "stage": _text,
    "close_date": _date,
    "probability": _whole,
    "status": _text,
    "created_at": _instant,
    "updated_at": _instant,
}


def parse_cell(column: str, value: Any) -> Any:
    """One value as its column holds it (float, int, Timestamp, str), None when blank; unknown columns pass as they are.

    Raises
    ------
    BadCell
        When the value does not fit the column.

    Examples
    --------
    >>> parse_cell("close_date", "2026-03-31"), parse_cell("value", "12000.5"), parse_cell("value", "")
    (Timestamp('2026-03-31 00:00:00'), 12000.5, None)
    """
    if is_blank(value):
        return None
    convert = _CELL.get(column)
    return value if convert is None else convert(value)


def _cells(column: pd.Series[Any], ids: pd.Series[Any] | None) -> list[Any]:
    """The parsed cells of a column; of texts each distinct one is parsed once, for a million dates are few days."""
    if pd.api.types.infer_dtype(column, skipna=True) == "string":
        codes, texts = pd.factorize(column)
        with suppress(BadCell):
            parsed = [*(parse_cell(str(column.name), text) for text in texts), None]
            return [parsed[code] for code in codes]
    return _cell_by_cell(column, ids)


def _cell_by_cell(column: pd.Series[Any], ids: pd.Series[Any] | None) -> list[Any]:
    cells: list[Any] = []
    bad: list[str] = []
    for position, value in enumerate(column.tolist()):
        try:
            cells.append(parse_cell(str(column.name), value))
        except BadCell as reason:
            where = f"opportunity {ids.iloc[position]!r}" if ids is not None else f"row {position}"
            bad.append(f"{where}: {column.name}={value!r} {reason}")
    if bad:
        more = f" (and {len(bad) - 3} more)" if len(bad) > 3 else ""
        raise DataError("; ".join(bad[:3]) + more)
    return cells


def _as_text(column: pd.Series[Any], ids: pd.Series[Any] | None) -> pd.Series[Any]:
    # A cast to the same dtype would still copy every string.
    return column if column.dtype == TEXT else column.astype(TEXT)


def _as_number(column: pd.Series[Any], ids: pd.Series[Any] | None) -> pd.Series[Any]:
    if pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype):
        numbers = column.astype("float64")
        if np.isfinite(numbers.dropna()).all():
            return numbers
    return pd.Series(_cells(column, ids), index=column.index, dtype="float64")


def _as_whole(column: pd.Series[Any], ids: pd.Series[Any] | None) -> pd.Series[Any]:
    if pd.api.types.is_integer_dtype(column.dtype):
        return column.astype("Int64")
    return pd.Series(_cells(column, ids), index=column.index, dtype="Int64")


def _as_dates(column: pd.Series[Any], ids: pd.Series[Any] | None) -> pd.Series[Any]:
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        dates: pd.Series[Any] = column.dt.tz_localize(None).dt.normalize().astype(_DATE)
        return dates
    return pd.Series(_cells(column, ids), index=column.index, dtype=_DATE)


def _as_instants(column: pd.Series[Any], ids: pd.Series[Any] | None) -> pd.Series[Any]:
    if not pd.api.types.is_datetime64_any_dtype(column.dtype):
        return pd.Series(_cells(column, ids), index=column.index, dtype=_INSTANT)
    aware = column if isinstance(column.dtype, pd.DatetimeTZDtype) else column.dt.tz_localize("UTC")
    instants: pd.Series[Any] = aware.dt.tz_convert("UTC").astype(_INSTANT)
    return instants


def _as_stage(column: pd.Series[Any], ids: pd.Series[Any] | None) -> pd.Series[Any]:
    return _recoded(column, stage_dtype)


def _as_status(column: pd.Series[Any], ids: pd.Series[Any] | None) -> pd.Series[Any]:
    return _recoded(column, status_dtype)


def _recoded(
    column: pd.Series[Any], dtype_for: Callable[[Iterable[Any]], pd.CategoricalDtype]
) -> pd.Series[Any]:
    """The column as a category of the known names and those it holds; only distinct names are compared, not cells."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes, names = column.cat.codes.to_numpy(), column.cat.categories.astype(TEXT)
    else:
        codes, names = pd.factorize(column.astype(TEXT))
    dtype = dtype_for(names[np.bincount(codes + 1, minlength=len(names) + 1)[1:] > 0])
    if column.dtype == dtype and column.cat.categories.equals(dtype.categories):
        return column
    places = np.append(dtype.categories.get_indexer(names), -1)
    return pd.Series(
        pd.Categorical.from_codes(places[codes], dtype=dtype), index=column.index, name=column.name
    )


_COLUMN: dict[str, Callable[[pd.Series[Any], pd.Series[Any] | None], pd.Series[Any]]] = {
    "unique_id": _as_text,
    "name": _as_text,
    "account_id": _as_text,
    "value": _as_number,
    "stage": _as_stage,
    "close_date": _as_dates,
    "probability": _as_whole,
    "status": _as_status,
    "created_at": _as_instants,
    "updated_at": _as_instants,
}


def empty() -> pd.DataFrame:
    """A frame of no opportunities with every column at its dtype.

    Examples
    --------
    >>> empty().dtypes["probability"]
    Int64Dtype()
    """
    return conform(pd.DataFrame({column: pd.Series([], dtype="object") for column in COLUMNS}))


def conform(opportunities: pd.DataFrame) -> pd.DataFrame:
    """A copy in which every known column that is present has its dtype; row order is kept, the index is 0…n−1.

    Raises
    ------
    ArgumentError
        When it is not a DataFrame.
    DataError
        When a value does not fit its column; the message names the opportunity, the column and the value.

    Examples
    --------
    >>> conform(pd.DataFrame({"close_date": ["2026-03-31", None]}))["close_date"].dtype
    dtype('<M8[us]')
    """
    if not isinstance(opportunities, pd.DataFrame):
        raise ArgumentError(f"expected a DataFrame of opportunities, not {type(opportunities).__name__}")
    twice = opportunities.columns[opportunities.columns.duplicated()]
    if len(twice):
        raise DataError(f"column {twice[0]!r} stands in the frame twice; drop one of them")
    frame = opportunities.reset_index(drop=True)
    ids = frame["unique_id"] if "unique_id" in frame else None
    return frame.assign(**{c: convert(frame[c], ids) for c, convert in _COLUMN.items() if c in frame})


def require(opportunities: pd.DataFrame, *columns: str, unique: bool = False) -> pd.DataFrame:
    """The frame conformed, after a check that it holds `columns`.

    Parameters
    ----------
    opportunities : DataFrame
        Any frame of opportunities.
    *columns : str
        Columns that the caller reads.
    unique : bool
        Whether ``unique_id`` must be there, filled, and without repeats.

    Raises
    ------
    MissingColumnError
        Naming the missing columns and those that are there.
    DataError
        When a value does not fit its column, or an id is missing or repeated.
    """
    if not isinstance(opportunities, pd.DataFrame):
        raise ArgumentError(f"expected a DataFrame of opportunities, not {type(opportunities).__name__}")
    needed = ("unique_id", *columns) if unique else columns
    missing = [c for c in needed if c not in opportunities.columns]
    if missing:
        raise MissingColumnError(
            f"the frame has no column {', '.join(map(repr, missing))}; "
            f"it has {', '.join(map(str, opportunities.columns))}"
        )
    frame = conform(opportunities)
    if unique:
        _check_ids(frame["unique_id"])
    return frame


def _check_ids(ids: pd.Series[Any]) -> None:
    if ids.isna().any():
        raise DataError(f"row {int(ids.isna().to_numpy().argmax())} has no unique_id; drop it or fill it in")
    repeated = ids[ids.duplicated()].unique()
    if len(repeated):
        raise DataError(
            f"unique_id {repeated[0]!r} stands in the frame more than once ({len(repeated)} such ids); "
            "keep one row each, for example with drop_duplicates('unique_id', keep='last')"
        )
