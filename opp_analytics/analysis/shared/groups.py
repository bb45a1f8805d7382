"""Grouping: rows get a group code once.

Every column of a summary is a count or sum over the codes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics import org, periods, schema
from opp_analytics.arguments import texts
from opp_analytics.arrays import Counts, Flags, Floats, Places, Series
from opp_analytics.certificate import Certificate
from opp_analytics.errors import ArgumentValueError
from opp_analytics.schema import NO_LABEL, NO_NAMES

By = str | Sequence[str] | None
"""One column, several, or none."""


@dataclass(frozen=True)
class Key:
    """One grouping column: a code per row (−1 for no group) and the labels in order."""

    name: str
    codes: Places
    labels: pd.Index[Any]


@dataclass(frozen=True)
class Groups:
    """The groups of a summary: a code per row (−1 for no group), and the index."""

    codes: Places
    index: pd.Index[Any] | None
    """The summary's index; None for the one row of a summary without groups."""

    @property
    def size(self) -> int:
        """Number of groups."""
        return 1 if self.index is None else len(self.index)

    def count(self, mask: Flags) -> Counts:
        """Count the rows of each group where `mask` is true."""
        # By position: a scattered boolean mask takes several times as long.
        codes = self.codes[np.flatnonzero(mask & (self.codes >= 0))]
        return np.bincount(codes, minlength=self.size).astype(np.int64)

    def sum(self, amounts: Floats, mask: Flags) -> Floats:
        """Sum the `amounts` of each group where `mask` is true; missing amounts count 0."""
        keep = np.flatnonzero(mask & (self.codes >= 0) & ~np.isnan(amounts))
        # Without rows, bincount returns integers.
        return np.bincount(self.codes[keep], weights=amounts[keep], minlength=self.size).astype(
            np.float64
        )

    def nest(self, labels: pd.Index[Any], times: int | Places) -> pd.Index[Any]:
        """Put the labels of all groups below them; each group has so many."""
        if self.index is None:
            return labels
        levels = [self.index.get_level_values(k).repeat(times) for k in range(self.index.nlevels)]
        return pd.MultiIndex.from_arrays([*levels, labels], names=[*self.index.names, labels.name])

    def frame(self, columns: dict[str, Any]) -> pd.DataFrame:
        """Make the summary a frame."""
        return pd.DataFrame(columns, index=pd.RangeIndex(1) if self.index is None else self.index)


def check_by(by: By, *, level: str | None = None) -> list[str]:
    """Return the grouping columns as a list; refuse one named like the table's index level."""
    names = texts(by, "by")
    if level in names:
        raise ArgumentValueError(
            f"by={by!r}: the result has an index level {level!r}; rename that column"
        )
    return names


def read(
    opportunities: Any, *columns: str, by: By = None, unique: bool = False, any_stage: bool = False
) -> pd.DataFrame:
    """Check and return the columns to read, with `status` if present and those of `by`.

    Other columns are not checked, so a bad value there does not matter. Of the attrs the org and
    the moment are kept. Unless `any_stage`, warn of deals in stages unknown to the org, and refuse
    deals in another currency where `value` is read; see `org.check_stages` and
    `org.check_currency`.
    """
    if not isinstance(opportunities, pd.DataFrame):
        return org.require(opportunities)
    wanted = list(dict.fromkeys([*columns, *check_by(by)]))
    org.require(opportunities.iloc[:0], *wanted, *(["unique_id"] if unique else []))
    # The id is included if present, because messages name opportunities by it.
    extra = [c for c in ("unique_id", "status") if c in opportunities.columns and c not in wanted]
    # Attrs are set anew, because pandas copies them deeply at each step.
    mine = pd.DataFrame(opportunities)[[*wanted, *extra]]
    mine.attrs = {"org": opportunities.attrs["org"]} if "org" in opportunities.attrs else {}
    if (moment := Certificate.moment_of(opportunities)) is not None:
        mine.attrs["recorded_at"] = moment
    frame = org.require(mine, *wanted, unique=unique)
    if "unique_id" in frame and not unique:
        org.refuse_repeated(frame["unique_id"])
    if "stage" in wanted and not any_stage:
        org.check_stages(frame)
    if "value" in wanted and org.CURRENCY in opportunities and not any_stage:
        org.check_currency(opportunities)
    return frame


def make_column_key(column: Series) -> Key:
    """Make a sorted key of a column's values, with "(none)" last for missing values.

    Categories keep their order.

    A group that is really named "(none)", or like the text of a missing value, is one with them, as
    in a history.
    """
    try:
        codes, found = pd.factorize(column, sort=True)
    except TypeError:
        # Values of mixed types are sorted as text.
        codes, found = pd.factorize(column.astype(schema.TEXT), sort=True)
    labels = pd.Index(found)
    if isinstance(column.dtype, pd.CategoricalDtype):
        labels = labels.astype(schema.TEXT)
    named = np.asarray(labels.isin([NO_LABEL, *NO_NAMES]), dtype=bool)
    if named.any() or (codes < 0).any():
        labels = _as_texts(labels)
        place = np.append(np.cumsum(~named) - 1, -1)
        place[np.append(named, True)] = int((~named).sum())
        codes = place[codes]
        labels = labels[~named].append(pd.Index([NO_LABEL], dtype=schema.TEXT))
    return Key(str(column.name), codes, labels)


def _as_texts(labels: pd.Index[Any]) -> pd.Index[Any]:
    """Convert labels to text.

    Whole numbers that are floats only because some are missing lose the decimal point.
    """
    if pd.api.types.is_float_dtype(labels.dtype) and (labels == np.rint(labels)).all():
        labels = labels.astype("int64")
    return labels.astype(schema.TEXT)


def make_period_key(dates: Series, freq: str) -> Key:
    """Make a key of the period of each date, in order of time; a missing date has no group."""
    codes, found = pd.factorize(dates.dt.to_period(periods.check_freq(freq)), sort=True)
    return Key("period", codes, pd.Index(found).astype(schema.TEXT))


def combine(
    keys: Sequence[Key],
    rows: int,
    *,
    within: Flags | None = None,
    everything: bool = False,
) -> Groups:
    """Combine keys into groups: those with rows, or every combination if `everything` is true.

    With keys, rows outside `within` have no group, and make none.
    """
    if not keys:
        return Groups(np.zeros(rows, dtype=np.intp), None)
    sizes = [len(key.labels) for key in keys]
    codes = np.zeros(rows, dtype=np.intp)
    inside = np.ones(rows, dtype=bool) if within is None else within
    for key, size in zip(keys, sizes, strict=True):
        codes = codes * size + key.codes
        inside = inside & (key.codes >= 0)
    codes[~inside] = -1
    if everything:
        return Groups(codes, _index(keys, sizes, np.arange(int(np.prod(sizes)))))
    codes[inside], seen = pd.factorize(codes[inside], sort=True)
    return Groups(codes, _index(keys, sizes, seen))


def group_by(frame: pd.DataFrame, names: Sequence[str]) -> Groups:
    """Combine columns of a frame into groups."""
    return combine([make_column_key(frame[name]) for name in names], len(frame))


def _index(keys: Sequence[Key], sizes: list[int], seen: Places) -> pd.Index[Any]:
    parts = np.unravel_index(seen, sizes) if len(seen) else [seen] * len(keys)
    levels = [key.labels[part] for key, part in zip(keys, parts, strict=True)]
    names = [key.name for key in keys]
    if len(keys) == 1:
        return levels[0].rename(names[0])
    return pd.MultiIndex.from_arrays(levels, names=names)


def divide(part: Any, whole: Any) -> Floats:
    """Divide `part` by `whole`; NaN where `whole` is 0."""
    share: Floats = np.divide(
        part, whole, out=np.full(np.shape(part), np.nan), where=np.asarray(whole) != 0
    )
    return share
