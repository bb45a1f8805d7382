"""The records that stand as long before the end of a past period as a forecast's day stands before its own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics import periods

NEAR_DAYS = 3
"""Largest difference between a record's lead and the one asked for."""
SETTLED_DAYS = 15
"""Days after its end from which a period counts as over: late entries are in by then."""


@dataclass(frozen=True)
class Now:
    """The moment of a forecast."""

    day: int
    """Number of its day."""
    newest: int
    """The last record by then; −1 if there is none."""


@dataclass(frozen=True)
class Records:
    """The moments of a history's records, and the periods around them."""

    moments: pd.DatetimeIndex
    """Instants, increasing, each once."""
    days: NDArray[np.int64]
    """Calendar day of each, as a number."""
    freq: str
    year_start: int
    """First month of the fiscal year."""

    @classmethod
    def of(cls, records: pd.DataFrame, freq: str, tz: str, year_start: int = 1) -> Records:
        """The records of a history, in the time zone of its business."""
        moments = records["recorded_at"].drop_duplicates().sort_values(ignore_index=True)
        return cls(pd.DatetimeIndex(moments), day_numbers(periods.to_dates(moments, tz=tz)), freq, year_start)

    def now(self, today: pd.Timestamp) -> Now:
        """The moment of a forecast on a day, which knows every record of that day."""
        day = day_number(today)
        return Now(day, int(np.searchsorted(self.days, day, side="right")) - 1)

    def at(self, record: int) -> Now:
        """The moment of a forecast made at a record."""
        return Now(int(self.days[record]), record)

    def ended(self, now: Now) -> list[pd.Period]:
        """Every period since the first record that is over at a moment, with a record by then that settles it."""
        if now.newest < 0:
            return []
        period = pd.Period(pd.Timestamp(self.days[0], unit="D"), self.freq)
        found = []
        while last_day(period) + SETTLED_DAYS <= now.day:
            if 0 <= self.settles(period) <= now.newest:
                found.append(period)
            period += 1
        return found

    def settles(self, period: pd.Period) -> int:
        """The record that shows what a period won: the last within 15 days of its end, else the first after them."""
        end = last_day(period)
        place = int(np.searchsorted(self.days, end + SETTLED_DAYS, side="right")) - 1
        if place >= 0 and self.days[place] > end:
            return place
        return place + 1 if place + 1 < len(self.days) else -1

    @property
    def monthly(self) -> bool:
        """True if the periods are months."""
        return self.freq[0] == "M"

    def closes_quarter(self, period: pd.Period) -> bool:
        """True for a month that ends a quarter of the fiscal year."""
        return self.monthly and (period.month - self.year_start) % 3 == 2

    def at_lead(self, period: pd.Period, lead: int) -> int:
        """The record nearest to `lead` days before a period's end, within 3 days and not after it; −1 if there is none."""
        end = last_day(period)
        wanted = end - lead
        first = int(np.searchsorted(self.days, wanted - NEAR_DAYS))
        near = self.days[first : int(np.searchsorted(self.days, min(wanted + NEAR_DAYS, end), side="right"))]
        if not len(near):
            return -1
        off = np.abs(near - wanted)
        # Of several records of a day, and of two days equally near, the last one.
        return first + int(np.flatnonzero(off == off.min())[-1])


def day_numbers(dates: pd.Series[pd.Timestamp]) -> NDArray[np.int64]:
    """Calendar dates as numbers of days."""
    return dates.to_numpy().astype("datetime64[D]").astype(np.int64)


def day_number(date: pd.Timestamp) -> int:
    """A calendar date as a number of days."""
    return int(np.datetime64(date, "D").astype(np.int64))


@lru_cache(maxsize=4096)
def first_day(period: pd.Period) -> int:
    """The first day of a period, as a number."""
    return day_number(period.start_time)


@lru_cache(maxsize=4096)
def last_day(period: pd.Period) -> int:
    """The last day of a period, as a number."""
    return day_number(period.end_time)
