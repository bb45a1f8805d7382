"""Frames of opportunities in the form of their own org."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from opp_analytics.errors import DataError, MissingColumnError
from opp_analytics.org.conformed import check_frame, conformed, stage_dtype_of
from opp_analytics.org.org import DEFAULT, Org
from opp_analytics.schema import COLUMNS

__all__ = ["PIPELINE", "conform", "empty", "no_column", "require", "split_by", "stage_dtype"]

PIPELINE = "pipeline"
"""The column that says which pipeline a deal is in."""


def stage_dtype(values: Iterable[Any] = (), org: Org = DEFAULT) -> pd.CategoricalDtype:
    """The ordered category of the org's stages, extended by the unknown ones among `values`.

    Examples
    --------
    >>> stage_dtype(["won!!"]).categories[-1]
    'won!!'
    """
    return stage_dtype_of(org.stages, values)


def empty(org: Org | None = None) -> pd.DataFrame:
    """An empty frame of opportunities, every column at its dtype.

    Examples
    --------
    >>> empty().dtypes["probability"]
    Int64Dtype()
    """
    frame = pd.DataFrame({column: pd.Series([], dtype="object") for column in COLUMNS})
    return conform(frame) if org is None else org.apply(frame)


def conform(opportunities: pd.DataFrame) -> pd.DataFrame:
    """A copy with every known column at its dtype, stages as its org has them, same rows, index 0…n−1, same attrs.

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
    return conformed(opportunities, Org.of(opportunities).stages)


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
    check_frame(opportunities)
    needed = ("unique_id", *columns) if unique else columns
    missing = [c for c in needed if c not in opportunities.columns]
    if missing:
        whose = "history" if "recorded_at" in opportunities.attrs else "frame"
        raise no_column(whose, missing, opportunities.columns)
    frame = conform(opportunities)
    if unique:
        _check_ids(frame["unique_id"])
    return frame


def no_column(whose: str, missing: Iterable[str], known: Iterable[Any]) -> MissingColumnError:
    """The error that names missing columns, those that are there, and where team and region come from."""
    missing = list(missing)
    theirs = {"team", "region"}.intersection(missing)
    hint = f"; [people] of the org file gives {' and '.join(sorted(theirs))}" if theirs else ""
    return MissingColumnError(
        f"the {whose} has no column {', '.join(map(repr, missing))}; it has {', '.join(map(str, known))}{hint}"
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


def split_by(opportunities: pd.DataFrame) -> list[str]:
    """The grouping that keeps pipelines apart, for tables of stages: none where the org has only one.

    Examples
    --------
    >>> org = Org(stages=[{"name": "Demo", "kind": "open", "pipeline": "New"}, {"name": "Quote", "kind": "open", "pipeline": "Old"}])
    >>> split_by(org.apply(pd.DataFrame({"pipeline": ["New"]}))), split_by(pd.DataFrame({"pipeline": ["New"]}))
    (['pipeline'], [])
    """
    several = len(Org.of(opportunities).stages.pipelines) > 1
    return [PIPELINE] if several and PIPELINE in opportunities else []
