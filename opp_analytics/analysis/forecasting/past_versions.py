"""Every version of every deal as numbers, from which all past points are counted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics.org import LOST, OPEN, WON

Numbers = NDArray[Any]
OWNER = "owner_name"
"""The column that tells whose deal it is."""
UNDATED_DAY = np.iinfo(np.int32).max
"""The day of a deal without a date."""
_RECORDS = 2**31
"""More than any number of records."""


@dataclass(frozen=True)
class Versions:
    """The versions in which deals were open, won or lost, by deal and time; a record is the number of its moment."""

    deal: Numbers
    seen: Numbers
    """The first record that shows it."""
    until: Numbers
    """The first record that no longer shows it."""
    outcome: Numbers
    """Code of `OUTCOMES`."""
    day: Numbers
    """Close date as a number of days."""
    cents: Numbers
    created: NDArray[np.datetime64]
    stage: Numbers
    owner: Numbers
    group: Numbers
    stages: list[tuple[str, ...]]
    """Name of each stage, and its pipeline in an org that has several."""
    owners: list[str]
    groups: list[tuple[str, ...]]
    exact: bool
    """False where amounts that are alike are counted together."""

    @cached_property
    def open(self) -> OpenVersions:
        """The open ones, each with the number of its kind."""
        rows = np.flatnonzero(self.outcome == OPEN)
        rows = rows[np.argsort(self.seen[rows], kind="stable")]
        keys = self.stage[rows], self.owner[rows], self.group[rows]
        kind = np.ravel_multi_index(keys, (len(self.stages) + 1, len(self.owners) + 1, len(self.groups) + 1))
        size, sizes = pd.factorize(self._size(self.cents[rows]), sort=True)
        cell, cells = pd.factorize(kind * len(sizes) + size, sort=True)
        first = np.zeros(len(cells), dtype=np.intp)
        first[cell] = np.arange(len(rows))
        return OpenVersions(
            self.seen[rows],
            self.until[rows],
            self.day[rows],
            self.cents[rows].astype(np.float64),
            cell,
            cells // max(len(sizes), 1),
            *(key[first].astype(np.int32) for key in keys),
        )

    def _size(self, cents: Numbers) -> Numbers:
        """What is counted together: amounts that are equal, or alike."""
        if self.exact:
            return cents
        size: Numbers = np.floor(np.log2(np.maximum(np.abs(cents), 1)) * 2).astype(np.int64)
        return np.asarray(np.where(cents < 0, -size - 1, size))

    @cached_property
    def won(self) -> Numbers:
        """The rows of wins, by date."""
        rows = np.flatnonzero(self.outcome == WON)
        return rows[np.argsort(self.day[rows], kind="stable")]

    def wins(self, record: int, first: int, last: int) -> Numbers:
        """The rows of the wins dated in a period, as a record shows them."""
        ends = np.searchsorted(self._won_days, [first, last + 1])
        rows = self.won[ends[0] : ends[1]]
        return rows[(self.seen[rows] <= record) & (self.until[rows] > record)]

    @cached_property
    def _won_days(self) -> Numbers:
        return self.day[self.won]

    def then(self, rows: Numbers, record: int) -> Numbers:
        """The row that a record shows of the deal of each row; −1 where it is neither open nor won there."""
        deals = self.deal[rows]
        place = np.searchsorted(self._key, deals * _RECORDS + record, side="right") - 1
        shown = (self.deal[place] == deals) & (self.until[place] > record) & (self.outcome[place] != LOST)
        return np.where((place >= 0) & shown, place, -1)

    @cached_property
    def _key(self) -> Numbers:
        return self.deal * _RECORDS + self.seen


@dataclass(frozen=True)
class OpenVersions:
    """The versions in which deals were open, oldest first."""

    seen: Numbers
    until: Numbers
    day: Numbers
    cents: NDArray[np.float64]
    cell: Numbers
    """Number of its stage, owner, group and size together; the next six tell what each is."""
    kind: Numbers
    """Of a cell: number of its stage, owner and group together."""
    stage: Numbers
    owner: Numbers
    group: Numbers

    def at(self, record: int) -> Numbers:
        """The rows that a record shows."""
        seen = int(np.searchsorted(self.seen, record, side="right"))
        return np.flatnonzero(self.until[:seen] > record)
