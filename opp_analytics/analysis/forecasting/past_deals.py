"""What past records knew of past periods: deals open then, wins, money."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics.analysis.forecasting.past_points import Records, first_day, last_day
from opp_analytics.analysis.forecasting.past_versions import UNDATED_DAY, Numbers, Versions
from opp_analytics.org import WON as WON_CODE

BUCKET_NAMES = ("overdue", "undated", "due before", "due", "due soon after", "due later")
OVERDUE, UNDATED, BEFORE, DUE, SOON_AFTER, LATER = range(6)
SOON_DAYS = 31
_WON, _NEITHER = 6, 7
_BY_DAY = np.array([OVERDUE, BEFORE, DUE, SOON_AFTER, LATER, UNDATED])
_POINTS = 128
"""Points that are kept: those of four leads, for periods of two years."""
_DENSE = 8
"""Cells per row up to which all cells are counted, which is faster than to sort the rows."""
_T = TypeVar("_T")


@dataclass(frozen=True)
class OpenDeals:
    """Deals open at a point: a row stands for `count` deals of one kind and amount."""

    bucket: Numbers
    stage: Numbers
    owner: Numbers
    group: Numbers
    value: NDArray[np.float64]
    count: NDArray[np.float64]


@dataclass(frozen=True)
class Wins:
    """What a period won in the end, by what its deals were at a point."""

    bucket: Numbers
    """Of each deal that was open and won."""
    stage: Numbers
    owner: Numbers
    money: NDArray[np.float64]
    """By group, and bucket at the point; then by deals already won, and by others."""

    @property
    def actual(self) -> NDArray[np.float64]:
        """Money by group."""
        total: NDArray[np.float64] = self.money.sum(axis=1)
        return total

    def further(self, *, due: bool = False) -> NDArray[np.float64]:
        """Money from deals neither won nor open (with `due`: nor due in it) at the point, by group."""
        kinds = [_NEITHER, *(kind for kind in range(_WON) if due and kind != DUE)]
        total: NDArray[np.float64] = self.money[:, kinds].sum(axis=1)
        return total


@dataclass(frozen=True)
class PastDeals:
    """The deals of past points: a period as a record shows it."""

    versions: Versions
    records: Records
    _kept: OrderedDict[Any, Any] = field(default_factory=OrderedDict)

    @property
    def size(self) -> int:
        """Number of groups."""
        return len(self.versions.groups)

    def open(self, record: int, period: pd.Period) -> OpenDeals:
        """The deals open at a point."""
        return self._keep(("open", record, period), lambda: self._open(record, period))

    def wins(self, record: int, period: pd.Period, known: int | None = None) -> Wins:
        """What the period won as the record `known` shows it, by default the one that settles it."""
        known = self.records.settles(period) if known is None else known
        return self._keep(("wins", record, period, known), lambda: self._wins(record, period, known))

    def booked(self, record: int, period: pd.Period) -> NDArray[np.float64]:
        """Money won in the period by the record, by group."""
        rows = self.versions.wins(record, first_day(period), last_day(period))
        return self._money(self.versions.group[rows], rows, self.size)

    def _keep(self, key: tuple[Any, ...], make: Callable[[], _T]) -> _T:
        if key not in self._kept:
            self._kept[key] = make()
            if len(self._kept) > 2 * _POINTS:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        found: _T = self._kept[key]
        return found

    def _open(self, record: int, period: pd.Period) -> OpenDeals:
        known = self.versions.open
        rows = known.at(record)
        cells = len(known.kind)
        number = self._bucket(known.day[rows], record, period) * cells + known.cell[rows]
        kept, count, cents = _counted(number, known.cents[rows], len(BUCKET_NAMES) * cells)
        bucket, cell = np.divmod(kept, max(cells, 1))
        # Within a kind by count, then by amount.
        kinds = int(known.kind.max(initial=0)) + 1
        order = np.argsort(
            (bucket * kinds + known.kind[cell]) * (count.max(initial=0) + 1) + count, kind="stable"
        )
        bucket, cell, count, cents = bucket[order], cell[order], count[order], cents[order]
        return OpenDeals(
            bucket.astype(np.int32),
            known.stage[cell],
            known.owner[cell],
            known.group[cell],
            cents / count / 100,
            count.astype(np.float64),
        )

    def _wins(self, record: int, period: pd.Period, known: int) -> Wins:
        versions = self.versions
        rows = versions.wins(known, first_day(period), last_day(period))
        then = versions.then(rows, record)
        there = then >= 0
        won = there & (versions.outcome[then] == WON_CODE)
        due = self._bucket(versions.day[then], record, period)
        bucket = np.where(won, _WON, np.where(there, due, _NEITHER))
        group = versions.group[np.where(there, then, rows)]
        money = self._money(group * (_NEITHER + 1) + bucket, rows, self.size * (_NEITHER + 1))
        came = bucket < _WON
        return Wins(
            bucket[came],
            versions.stage[then[came]],
            versions.owner[then[came]],
            money.reshape(self.size, _NEITHER + 1),
        )

    def _money(self, place: Numbers, rows: Numbers, size: int) -> NDArray[np.float64]:
        cents = np.bincount(place, weights=self.versions.cents[rows], minlength=size)
        return np.asarray(cents / 100, dtype=np.float64)

    def _bucket(self, day: Numbers, record: int, period: pd.Period) -> Numbers:
        """When deals are due, seen from the record's day and the period."""
        last = last_day(period)
        edges = [
            int(self.records.days[record]),
            first_day(period),
            last + 1,
            last + SOON_DAYS + 1,
            UNDATED_DAY,
        ]
        return _BY_DAY[np.searchsorted(np.maximum.accumulate(edges), day, side="right")]


def _counted(numbers: Numbers, cents: Numbers, size: int) -> tuple[Numbers, Numbers, Numbers]:
    """The numbers that occur, increasing, with how often, and the cents of each."""
    if size <= _DENSE * len(numbers):
        every = np.bincount(numbers, minlength=size)
        kept = np.flatnonzero(every)
        return kept, every[kept], np.bincount(numbers, weights=cents, minlength=size)[kept]
    kept, place, count = np.unique(numbers, return_inverse=True, return_counts=True)
    return kept, count, np.bincount(place, weights=cents, minlength=len(kept))
