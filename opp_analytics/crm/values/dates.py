"""Columns of dates and times as CRMs write them: ``11/25/2026``, ``25.11.2026``, ``11/25/2026 9:14 AM``, ISO 8601.

Whether ``03/04/2027`` is March 4 or April 3 follows the other rows of the same file; where none of them decides, it is a
bad value with both readings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from opp_analytics.crm.problems import BadValue, refuse
from opp_analytics.crm.values.distinct import Distinct
from opp_analytics.inputs import read_date
from opp_analytics.schema import BadCell
from opp_analytics.text import day as written_day

__all__ = ["Times", "day_order"]

_SLASHED = (
    r"^(?P<a>\d{1,2})[/-](?P<b>\d{1,2})[/-](?P<year>\d{4}|\d{2})"
    r"(?:,? +(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}))?(?: ?(?P<half>[AaPp])\.?[Mm]\.?)?)?$"
)
_ISO = r"^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)?$"
_ZONED = r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:?\d\d)$"
_MILLISECONDS = re.compile(r"\d{13}")
_TIMED = re.compile(
    r"(?P<date>.+?),? +(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d))?(?: ?(?P<half>[APap])\.?[Mm]\.?)?"
)
_FIRST_SERIAL, _LAST_SERIAL = 20_000, 110_000
"""Serial numbers of dates from 1954 to 2201 in a workbook."""
_NOT_A_DATE = "is not a date; try 12/31/2026 or 2026-12-31"
_NAT = np.datetime64("NaT", "us")


@dataclass(frozen=True)
class _Slashed:
    """The parts of texts such as 11/25/2026 9:14 PM."""

    places: NDArray[np.intp]
    """Places of these texts among the distinct cells."""
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    year: NDArray[np.int64]
    seconds: NDArray[np.int64]
    """Time of day; −1 where there is none such."""


@dataclass(frozen=True)
class Times:
    """A column of dates or times, read once its file's order of day and month is known."""

    column: Distinct

    @classmethod
    def of(cls, column: pd.Series[Any], label: str) -> Times:
        """The times of a column whose index is the row of the file."""
        return cls(Distinct.of(column, label))

    @cached_property
    def _texts(self) -> pa.Array:
        return self.column.texts()

    @cached_property
    def _slashed(self) -> _Slashed:
        fields = pc.extract_regex(self._texts, _SLASHED)
        found = pc.is_valid(fields)
        fields = fields.filter(found)

        def number(name: str) -> NDArray[np.int64]:
            texts = pc.struct_field(fields, name)
            digits = pc.if_else(pc.equal(texts, ""), "0", texts)
            return np.asarray(digits.cast(pa.int64()).to_numpy(zero_copy_only=False))

        year, hour, minute, second = map(number, ("year", "hour", "minute", "second"))
        half = np.asarray(
            pc.utf8_lower(pc.struct_field(fields, "half")).to_numpy(zero_copy_only=False), dtype="U1"
        )
        possible = np.where(half != "", (hour >= 1) & (hour <= 12), hour < 24) & (minute < 60) & (second < 60)
        hour = np.where(half != "", hour % 12 + 12 * (half == "p"), hour)
        return _Slashed(
            places=np.flatnonzero(found.to_numpy(zero_copy_only=False)),
            first=number("a"),
            second=number("b"),
            year=np.where(year < 100, year + 2000, year),
            seconds=np.where(possible, hour * 3600 + minute * 60 + second, -1),
        )

    def order(self) -> dict[bool, BadValue]:
        """A cell that has the day first (True), and one that has the month first (False), where there is one."""
        parts = self._slashed
        found = {}
        for day_first, beyond, said in (
            (True, parts.first, "has the day first"),
            (False, parts.second, "has the month first"),
        ):
            places = parts.places[beyond > 12]
            if len(places):
                found[day_first] = self.column.bad({int(places[0]): said})[0]
        return found

    def dates(self, day_first: bool | None) -> tuple[pd.Series[Any], list[BadValue]]:
        """Dates, datetime64[us], on the rows of the file; a time of day is dropped.

        Examples
        --------
        >>> column = pd.Series(["11/25/2026", "2026-12-01 14:30"])
        >>> Times.of(column, "Close Date").dates(False)[0].dt.strftime("%F").tolist()
        ['2026-11-25', '2026-12-01']
        """
        stamps, reasons, _ = self._read(day_first)
        return self._spread(stamps).dt.normalize(), self.column.bad(reasons)

    def instants(self, day_first: bool | None, tz: str) -> tuple[pd.Series[Any], list[BadValue]]:
        """Instants, datetime64[us, UTC], on the rows of the file; a time without a zone is wall time in `tz`.

        Examples
        --------
        >>> column = pd.Series(["11/25/2026 9:14 AM"])
        >>> Times.of(column, "Created Date").instants(False, "America/Chicago")[0].iloc[0]
        Timestamp('2026-11-25 15:14:00+0000', tz='UTC')
        """
        stamps, reasons, is_utc = self._read(day_first)
        walls: pd.Series[Any] = pd.Series(np.where(is_utc, _NAT, stamps))
        local = walls.dt.tz_localize(
            tz, ambiguous=np.ones(len(walls), dtype=bool), nonexistent="shift_forward"
        )
        utc = local.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy(dtype="datetime64[us]")
        return self._spread(np.where(is_utc, stamps, utc)).dt.tz_localize("UTC"), self.column.bad(reasons)

    def _spread(self, stamps: NDArray[np.datetime64]) -> pd.Series[Any]:
        return pd.Series(self.column.spread(stamps, _NAT), index=self.column.rows)

    def _read(
        self, day_first: bool | None
    ) -> tuple[NDArray[np.datetime64], dict[int, str], NDArray[np.bool_]]:
        """The distinct cells as times, the reasons of those that are none, and which of them are in UTC."""
        cells = self.column.cells
        if pd.api.types.is_datetime64_any_dtype(cells.dtype):
            aware = isinstance(cells.dtype, pd.DatetimeTZDtype)
            plain = cells.dt.tz_convert("UTC").dt.tz_localize(None) if aware else cells
            return plain.to_numpy(dtype="datetime64[us]"), {}, np.full(len(cells), aware)
        stamps = np.full(len(cells), _NAT)
        unclear = self._read_slashed(stamps, day_first)
        self._read_iso(stamps, _ISO, pa.timestamp("us"))
        is_utc = self._read_iso(stamps, _ZONED, pa.timestamp("us", "UTC"))
        rest = np.isnat(stamps)
        rest[list(unclear)] = False
        found, reasons = self.column.each(lambda cell: _time(cell, day_first), rest)
        for place, (stamp, in_utc) in found.items():
            stamps[place], is_utc[place] = stamp.to_datetime64(), in_utc
        return stamps, reasons | unclear, is_utc

    def _read_slashed(self, stamps: NDArray[np.datetime64], day_first: bool | None) -> dict[int, str]:
        """Fill in the texts with slashes; those that can be read in two ways are returned with both."""
        parts = self._slashed
        month, day = (parts.second, parts.first) if day_first else (parts.first, parts.second)
        clear = _exists(parts.year, month, day) & (parts.seconds >= 0)
        unclear = np.zeros(len(clear), dtype=bool)
        if day_first is None:
            unclear = clear & (day <= 12) & (month != day)
            clear &= month == day
        months = ((parts.year[clear] - 1970) * 12 + month[clear] - 1).astype("datetime64[M]")
        days = months.astype("datetime64[D]") + (day[clear] - 1)
        stamps[parts.places[clear]] = days.astype("datetime64[us]") + parts.seconds[clear].astype(
            "timedelta64[s]"
        )
        return {
            int(parts.places[k]): _two_readings(int(parts.year[k]), int(parts.first[k]), int(parts.second[k]))
            for k in np.flatnonzero(unclear)
        }

    def _read_iso(self, stamps: NDArray[np.datetime64], form: str, kind: pa.DataType) -> NDArray[np.bool_]:
        matches = pc.fill_null(pc.match_substring_regex(self._texts, form), False)
        mask: NDArray[np.bool_] = matches.to_numpy(zero_copy_only=False).copy()
        if mask.any():
            try:
                read = self._texts.filter(matches).cast(kind).to_numpy(zero_copy_only=False)
            except pa.ArrowInvalid:  # one of them does not exist; they are read one by one
                mask[:] = False
            else:
                stamps[mask] = read.astype("datetime64[us]")
        return mask


def day_order(columns: Iterable[Times], file: str) -> bool | None:
    """Whether the day comes first in a file's dates; None when no row of it tells.

    Raises
    ------
    DataError
        When one row can only have the day first and another only the month; both are named.

    Examples
    --------
    >>> day_order([Times.of(pd.Series(["03/04/2027", "03/25/2027"]), "Close Date")], "deals.csv")
    False
    """
    found: dict[bool, BadValue] = {}
    for column in columns:
        found = {**column.order(), **found}
    if len(found) == 2:
        first, last = sorted(found.values())
        refuse(file, [first, replace(last, reason=f"{last.reason}; write all dates in one order")])
    return next(iter(found), None)


def _two_readings(year: int, first: int, second: int) -> str:
    one, other = (written_day(date(year, *parts), year=True) for parts in ((first, second), (second, first)))
    return f"may mean {one} or {other}, and no other row of the file tells; use day_first=True or False, in the shell --day-first or --month-first"


def _exists(year: NDArray[np.int64], month: NDArray[np.int64], day: NDArray[np.int64]) -> NDArray[np.bool_]:
    first = ((year - 1970) * 12 + np.clip(month, 1, 12) - 1).astype("datetime64[M]")
    length = (
        (first + np.timedelta64(1, "M")).astype("datetime64[D]") - first.astype("datetime64[D]")
    ).astype(np.int64)
    return np.asarray((month >= 1) & (month <= 12) & (day >= 1) & (day <= length))


def _time(cell: Any, day_first: bool | None) -> tuple[pd.Timestamp, bool]:
    """One time, and whether it is in UTC rather than wall time.

    Raises
    ------
    BadCell
        When the cell is no time, or one that can be read in two ways.
    """
    if isinstance(cell, (datetime, date, np.datetime64)):
        stamp = pd.Timestamp(cell)
        return (stamp, False) if stamp.tzinfo is None else (stamp.tz_convert("UTC").tz_localize(None), True)
    if (
        isinstance(cell, (int, float))
        and not isinstance(cell, bool)
        and _FIRST_SERIAL <= cell <= _LAST_SERIAL
    ):
        return pd.Timestamp(1899, 12, 30) + pd.Timedelta(days=float(cell)).round("s"), False
    if not isinstance(cell, str):
        raise BadCell(_NOT_A_DATE)
    if _MILLISECONDS.fullmatch(cell):
        return pd.Timestamp(int(cell), unit="ms"), True
    timed = _TIMED.fullmatch(cell)
    if timed is None:
        return read_date(cell, day_first=day_first), False
    return read_date(timed["date"], day_first=day_first) + _time_of_day(timed), False


def _time_of_day(timed: re.Match[str]) -> pd.Timedelta:
    hour, minute, second = (int(timed[name] or 0) for name in ("hour", "minute", "second"))
    half = (timed["half"] or "").lower()
    if minute > 59 or second > 59 or hour > (12 if half else 23) or (half and not hour):
        raise BadCell("has a time of day that does not exist")
    hour = hour % 12 + 12 * (half == "p") if half else hour
    return pd.Timedelta(hours=hour, minutes=minute, seconds=second)
