"""Rows into groups once, then every column of a summary as one count or sum over the same codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics import org, periods, schema
from opp_analytics.arguments import texts
from opp_analytics.errors import ArgumentValueError
from opp_analytics.schema import NO_LABEL

By = str | Sequence[str] | None
"""One column, several, or none."""


@dataclass(frozen=True)
class Key:
    """One grouping column: a code per row (−1: the row belongs to no group) and the labels in order."""

    name: str
    codes: NDArray[np.intp]
    labels: pd.Index[Any]


@dataclass(frozen=True)
class Groups:
    """A code per row (−1: in no group) into the rows of a summary."""

    codes: NDArray[np.intp]
    index: pd.Index[Any] | None
    """The summary's index; None for the one row of a summary without groups."""

    @property
    def size(self) -> int:
        """How many groups there are."""
        return 1 if self.index is None else len(self.index)

    def count(self, mask: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Rows of each group for which `mask` holds."""
        # By places: picking by a mask that flickers costs several times as much.
        codes = self.codes[np.flatnonzero(mask & (self.codes >= 0))]
        return np.bincount(codes, minlength=self.size).astype(np.int64)

    def sum(self, amounts: NDArray[np.float64], mask: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Sum of `amounts` in each group over rows for which `mask` holds; missing amounts add nothing."""
        keep = np.flatnonzero(mask & (self.codes >= 0) & ~np.isnan(amounts))
        # Without rows bincount forgets that the weights were floats.
        return np.bincount(self.codes[keep], weights=amounts[keep], minlength=self.size).astype(np.float64)

    def sums(self, amounts: NDArray[np.float64], kind: NDArray[np.int8], kinds: int) -> NDArray[np.float64]:
        """Sum of `amounts` for each of so many kinds of rows (−1: of none), in rows, and each group, in columns."""
        keep = np.flatnonzero((kind >= 0) & (self.codes >= 0) & ~np.isnan(amounts))
        cells = kind[keep] * np.intp(self.size) + self.codes[keep]
        flat = np.bincount(cells, weights=amounts[keep], minlength=kinds * self.size)
        return flat.astype(np.float64).reshape(kinds, self.size)

    def frame(self, columns: dict[str, Any]) -> pd.DataFrame:
        """The summary."""
        return pd.DataFrame(columns, index=pd.RangeIndex(1) if self.index is None else self.index)


def by_columns(by: By, *, level: str | None = None) -> list[str]:
    """The grouping columns as a list, after a check that none has the name of the table's own index level.

    Raises
    ------
    ArgumentTypeError, ArgumentValueError
        When `by` is neither a column name nor a list of them, names a column twice, or one called `level`.
    """
    names = texts(by, "by", of="column")
    if level in names:
        raise ArgumentValueError(f"by={by!r}: the table has a level {level!r} of its own; rename that column")
    return names


def read(opportunities: pd.DataFrame, *columns: str, by: By = None, unique: bool = False) -> pd.DataFrame:
    """The checked columns that a function reads, with `status` where there is one and the columns of `by`.

    Only these are checked, so that an odd value in a column that does not matter here stops nothing.
    """
    if not isinstance(opportunities, pd.DataFrame):
        return org.require(opportunities)
    wanted = list(dict.fromkeys([*columns, *by_columns(by)]))
    org.require(opportunities.iloc[:0], *wanted, *(["unique_id"] if unique else []))
    # The id rides along where there is one: messages name opportunities by it.
    extra = [c for c in ("unique_id", "status") if c in opportunities.columns and c not in wanted]
    return org.require(opportunities[[*wanted, *extra]], *wanted, unique=unique)


def column_key(column: pd.Series[Any]) -> Key:
    """A key by the values of a column, sorted (a category in its own order), the missing ones last as "(none)"."""
    try:
        codes, found = pd.factorize(column, sort=True)
    except TypeError:
        # Values of several types have no order among themselves; their texts have.
        codes, found = pd.factorize(column.astype(schema.TEXT), sort=True)
    labels = pd.Index(found)
    if isinstance(column.dtype, pd.CategoricalDtype):
        labels = labels.astype(schema.TEXT)
    missing = codes < 0
    if missing.any():
        codes = np.where(missing, len(labels), codes)
        labels = labels.astype(schema.TEXT).append(pd.Index([NO_LABEL], dtype=schema.TEXT))
    return Key(str(column.name), codes, labels)


def period_key(dates: pd.Series[Any], freq: str, name: str = "period") -> Key:
    """A key by the period of each date, in order of time; a missing date belongs to none."""
    codes, found = pd.factorize(dates.dt.to_period(periods.check_freq(freq)), sort=True)
    return Key(name, codes, pd.Index(found.astype("str"), dtype=schema.TEXT))


def combine(keys: Sequence[Key], rows: int, *, everything: bool = False) -> Groups:
    """Groups of rows by all keys; those that hold a row, or every combination with `everything`."""
    if not keys:
        return Groups(np.zeros(rows, dtype=np.intp), None)
    sizes = [len(key.labels) for key in keys]
    codes = np.zeros(rows, dtype=np.intp)
    inside = np.ones(rows, dtype=bool)
    for key, size in zip(keys, sizes, strict=True):
        codes = codes * size + key.codes
        inside &= key.codes >= 0
    codes[~inside] = -1
    if everything:
        return Groups(codes, _index(keys, sizes, np.arange(int(np.prod(sizes)))))
    codes[inside], seen = pd.factorize(codes[inside], sort=True)
    return Groups(codes, _index(keys, sizes, seen))


def _index(keys: Sequence[Key], sizes: list[int], seen: NDArray[np.intp]) -> pd.Index[Any]:
    parts = np.unravel_index(seen, sizes) if len(seen) else [seen] * len(keys)
    levels = [key.labels[part] for key, part in zip(keys, parts, strict=True)]
    names = [key.name for key in keys]
    if len(keys) == 1:
        return levels[0].rename(names[0])
    return pd.MultiIndex.from_arrays(levels, names=names)


def ratio(part: NDArray[Any], whole: NDArray[Any]) -> NDArray[np.float64]:
    """`part` / `whole`, NaN where the whole is nothing."""
    share: NDArray[np.float64] = np.divide(
        part, whole, out=np.full(len(part), np.nan), where=np.asarray(whole) != 0
    )
    return share
