"""Frames of opportunities in the organization's form: known columns at their dtypes, stages in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics.errors import ArgumentTypeError, DataError, MissingColumnError
from opp_analytics.org.stages import STAGES
from opp_analytics.schema import COLUMNS, STATUSES, TEXT, as_column, as_text

__all__ = ["conform", "empty", "require", "stage_dtype", "status_dtype"]


def stage_dtype(values: Iterable[Any] = ()) -> pd.CategoricalDtype:
    """The ordered stage category, extended by the unknown stages among `values`.

    Examples
    --------
    >>> stage_dtype(["won!!"]).categories[-1]
    'won!!'
    """
    return pd.CategoricalDtype(pd.Index(_extended(STAGES.names, values), dtype=TEXT), ordered=True)


def status_dtype(values: Iterable[Any] = ()) -> pd.CategoricalDtype:
    """The status category, extended by the unknown ones among `values`."""
    return pd.CategoricalDtype(pd.Index(_extended(STATUSES, values), dtype=TEXT))


def _extended(known: Sequence[str], values: Iterable[Any]) -> list[str]:
    return [*known, *sorted({str(v) for v in values if not pd.isna(v)} - set(known))]


def empty() -> pd.DataFrame:
    """An empty frame of opportunities, every column at its dtype.

    Examples
    --------
    >>> empty().dtypes["probability"]
    Int64Dtype()
    """
    return conform(pd.DataFrame({column: pd.Series([], dtype="object") for column in COLUMNS}))


def conform(opportunities: pd.DataFrame) -> pd.DataFrame:
    """A copy with every known column at its dtype, rows in the same order and index 0…n−1.

    Raises
    ------
    ArgumentTypeError
        When it is not a DataFrame.
    DataError
        When a value does not fit its column; the message names the opportunity, the column and the value.

    Examples
    --------
    >>> conform(pd.DataFrame({"close_date": ["2026-03-31", None]}))["close_date"].dtype
    dtype('<M8[us]')
    """
    _check_frame(opportunities)
    twice = opportunities.columns[opportunities.columns.duplicated()]
    if len(twice):
        raise DataError(f"duplicate column {twice[0]!r}: drop one of them")
    frame = opportunities.reset_index(drop=True)
    ids = frame["unique_id"] if "unique_id" in frame else None
    return frame.assign(**{column: _as_known(frame[column], ids) for column in COLUMNS if column in frame})


def _as_known(column: pd.Series[Any], ids: pd.Series[Any] | None) -> pd.Series[Any]:
    dtype_for = _CATEGORIES.get(str(column.name))
    return as_column(column, ids) if dtype_for is None else _recoded(column, dtype_for, ids)


def _recoded(
    column: pd.Series[Any],
    dtype_for: Callable[[Iterable[Any]], pd.CategoricalDtype],
    ids: pd.Series[Any] | None,
) -> pd.Series[Any]:
    """The column as a category of the known names and its own."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes, names = column.cat.codes.to_numpy(), column.cat.categories.astype(TEXT)
    else:
        codes, names = pd.factorize(as_text(column, ids))
    dtype = dtype_for(names[np.bincount(codes + 1, minlength=len(names) + 1)[1:] > 0])
    if column.dtype == dtype and column.cat.categories.equals(dtype.categories):
        return column
    places = np.append(dtype.categories.get_indexer(names), -1)
    return pd.Series(
        pd.Categorical.from_codes(places[codes], dtype=dtype), index=column.index, name=column.name
    )


_CATEGORIES: dict[str, Callable[[Iterable[Any]], pd.CategoricalDtype]] = {
    "stage": stage_dtype,
    "status": status_dtype,
}


def require(opportunities: pd.DataFrame, *columns: str, unique: bool = False) -> pd.DataFrame:
    """The conformed frame, after a check that it has `columns`.

    Parameters
    ----------
    opportunities : DataFrame
        Any frame of opportunities.
    *columns : str
        Columns the frame must have.
    unique : bool
        If True, every row must also have a ``unique_id`` of its own.

    Raises
    ------
    ArgumentTypeError
        When it is not a DataFrame.
    MissingColumnError
        When a column is missing; the message lists those that are there.
    DataError
        When a value does not fit its column, or an id is missing or repeated.
    """
    _check_frame(opportunities)
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


def _check_frame(opportunities: Any) -> None:
    if not isinstance(opportunities, pd.DataFrame):
        raise ArgumentTypeError(f"expected a DataFrame of opportunities, not {type(opportunities).__name__}")
    if opportunities.columns.nlevels > 1:
        raise DataError(
            f"the columns have {opportunities.columns.nlevels} levels; keep one of them: "
            "frame.columns = frame.columns.get_level_values(0)"
        )


def _check_ids(ids: pd.Series[Any]) -> None:
    if ids.isna().any():
        raise DataError(f"row {int(ids.isna().to_numpy().argmax())} has no unique_id; drop it or fill it in")
    repeated = ids[ids.duplicated()].unique()
    if len(repeated):
        raise DataError(
            f"unique_id {repeated[0]!r} occurs more than once ({len(repeated)} such ids); "
            "keep one row each, for example with drop_duplicates('unique_id', keep='last')"
        )
