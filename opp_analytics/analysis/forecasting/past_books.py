"""Won, lost and open deals at every record, for the run rates of past records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics import periods
from opp_analytics.analysis.forecasting.past_points import Records, first_day, last_day
from opp_analytics.analysis.forecasting.past_versions import UNDATED_DAY
from opp_analytics.analysis.forecasting.read_versions import read_versions
from opp_analytics.analysis.forecasting.run_rate import NEVER, Book, days_or_never
from opp_analytics.org import OPEN, WON, Org

if TYPE_CHECKING:
    from opp_analytics.history import History


@dataclass(frozen=True)
class PastBooks:
    """One row for each time that a deal was open, won or lost as it was."""

    records: Records
    seen: NDArray[np.intp]
    """The first record that shows it."""
    until: NDArray[np.intp]
    """The first record that no longer shows it."""
    created: NDArray[np.int64]
    closed: NDArray[np.int64]
    value: NDArray[np.float64]
    won: NDArray[np.bool_]
    open: NDArray[np.bool_]
    group: NDArray[np.intp]
    groups: list[tuple[str, ...]]

    def at(self, record: int) -> Book:
        """The deals as known at a record."""
        rows = np.flatnonzero((self.seen <= record) & (self.until > record))
        day = int(self.records.days[record])
        won = self.won[rows] & (self.closed[rows] <= day)
        return Book(
            day,
            self.created[rows],
            self.closed[rows],
            self.value[rows],
            won,
            self.open[rows],
            self.group[rows],
        )

    def booked(self, record: int, period: pd.Period) -> NDArray[np.float64]:
        """Money won in a period as known at a record, by group."""
        rows = (self.seen <= record) & (self.until > record) & self.won
        rows &= (self.closed >= first_day(period)) & (self.closed <= last_day(period))
        kept = np.flatnonzero(rows)
        return np.bincount(self.group[kept], weights=self.value[kept], minlength=len(self.groups)).astype(
            np.float64
        )

    def alive(self, record: int) -> NDArray[np.bool_]:
        """True for groups that held a won or open deal at a record."""
        rows = np.flatnonzero((self.seen <= record) & (self.until > record) & (self.won | self.open))
        return np.bincount(self.group[rows], minlength=len(self.groups)) > 0


def past_books(history: History, records: Records, *, by: Sequence[str], tz: str) -> PastBooks:
    """Every time that a deal was open, won or lost as it was, up to the last of some records."""
    known = read_versions(history, Org.of(history), by)
    open_ = known.outcome == OPEN
    closed = np.where(open_ | (known.day == UNDATED_DAY), NEVER, known.day.astype(np.int64))
    cents = np.where(open_, 0, known.cents)
    # A run rate looks at the outcome, and of a closed deal at its date and money; what else changed is one time.
    told = (known.deal, known.outcome, closed, cents, known.group)
    same = np.logical_and.reduce([part[1:] == part[:-1] for part in told])
    same &= known.seen[1:] == known.until[:-1]
    first = np.flatnonzero(np.append(True, ~same)[: len(open_)])
    last = np.append(first[1:], len(open_))[: len(first)] - 1
    created = pd.Series(known.created[first]).dt.tz_localize("UTC")
    return PastBooks(
        records,
        known.seen[first],
        known.until[last],
        days_or_never(periods.to_dates(created, tz=tz)),
        closed[first],
        cents[first] / 100,
        known.outcome[first] == WON,
        open_[first],
        known.group[first],
        known.groups,
    )
