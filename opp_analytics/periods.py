"""Instants, dates and reporting periods: one parser for every way to write a time.

Three kinds of time never mix. An *instant* is a UTC ``Timestamp``. A *date* is a naive midnight
``Timestamp`` (``close_date`` is one, and is never localized). A *period* is a pandas ``Period`` of
an alias such as ``"M"``, ``"Q"`` or the fiscal ``"Q-JAN"``, printed as ``2026-03``, ``2026Q1``,
``2027Q1``.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Literal, cast
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from opp_analytics.arrays import Series
from opp_analytics.errors import ArgumentTypeError, ArgumentValueError
from opp_analytics.inputs import find_month, read_date
from opp_analytics.schema import TEXT, BadCell
from opp_analytics.text import noun

When = str | date | datetime | pd.Timestamp
"""Any way to write a time."""
Freq = Literal[
    "D",
    "W",
    "W-SUN",
    "W-MON",
    "W-TUE",
    "W-WED",
    "W-THU",
    "W-FRI",
    "W-SAT",
    "M",
    "Q",
    "Y",
    "Q-JAN",
    "Q-FEB",
    "Q-MAR",
    "Q-APR",
    "Q-MAY",
    "Q-JUN",
    "Q-JUL",
    "Q-AUG",
    "Q-SEP",
    "Q-OCT",
    "Q-NOV",
    "Q-DEC",
    "Y-JAN",
    "Y-FEB",
    "Y-MAR",
    "Y-APR",
    "Y-MAY",
    "Y-JUN",
    "Y-JUL",
    "Y-AUG",
    "Y-SEP",
    "Y-OCT",
    "Y-NOV",
    "Y-DEC",
]
"""Period aliases: days, weeks by their last day, months, quarters and years by their last month."""

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAY = pd.Timedelta(days=1)
_TICK = pd.Timedelta(microseconds=1)


def _timestamp(when: Any, name: str) -> pd.Timestamp:
    if not isinstance(when, (str, date, datetime)):
        raise ArgumentTypeError.of(
            name,
            when,
            "is not a date",
            "use one such as '2026-03-31' or a datetime with its time zone",
        )
    if isinstance(when, str) and "/" in when:
        try:
            # Nothing here settles the order of a date such as 03/04/2027.
            read_date(when.split()[0], day_first=None)
        except BadCell as error:
            raise ArgumentValueError.of(name, when, error.problem, error.python_way) from None
    try:
        stamp = pd.Timestamp(when)
    except (ValueError, TypeError) as error:
        raise ArgumentValueError.of(
            name, when, "is not a date that exists", "write it as '2026-03-31'"
        ) from error
    if pd.isna(stamp):
        raise ArgumentValueError.of(name, when, "is not a date", "use one such as '2026-03-31'")
    first, last = pd.Timestamp.min.year, pd.Timestamp.max.year
    if not first <= stamp.year <= last:
        raise ArgumentValueError.of(
            name,
            when,
            f"is in the year {stamp.year}",
            f"dates lie between {first} and {last}",
        )
    return stamp


def _zone(tz: str) -> ZoneInfo:
    if not isinstance(tz, str):
        raise ArgumentTypeError(
            f"tz={tz!r} is not text; use the name of a time zone such as 'America/Chicago'"
        )
    try:
        return ZoneInfo(tz)
    except (KeyError, ValueError, OSError) as error:
        raise ArgumentValueError(
            f"tz={tz!r} is not a time zone; use a name such as 'America/Chicago'"
        ) from error


def as_instant(
    when: When, *, tz: str = "UTC", end: bool = False, name: str = "when"
) -> pd.Timestamp:
    """Read an instant, in UTC.

    A time with a zone keeps its instant. A naive date is the start of its day in `tz`, or its last
    microsecond with `end`. A naive time of day is wall time in `tz`.
    """
    stamp = _timestamp(when, name)
    if stamp.tzinfo is not None:
        return stamp.tz_convert("UTC")
    if end and stamp == stamp.normalize():
        stamp = stamp + _DAY - _TICK
    return stamp.tz_localize(_zone(tz), ambiguous=True, nonexistent="shift_forward").tz_convert(
        "UTC"
    )


def list_midnights(first: pd.Timestamp, last: pd.Timestamp, *, tz: str) -> pd.DatetimeIndex:
    """List the instants, in UTC, at which the days in `tz` from the first to the last begin."""
    days = pd.date_range(first, last, freq="D")
    midnights = days.tz_localize(
        _zone(tz), ambiguous=np.ones(len(days), dtype=bool), nonexistent="shift_forward"
    )
    return midnights.tz_convert("UTC")


def as_date(when: When, *, tz: str = "UTC", name: str = "as_of") -> pd.Timestamp:
    """Read the calendar date (naive midnight) of an instant in `tz`."""
    stamp = _timestamp(when, name)
    if stamp.tzinfo is not None:
        stamp = stamp.tz_convert(_zone(tz)).tz_localize(None)
    return stamp.normalize()


def to_dates(instants: Series, *, tz: str = "UTC") -> Series:
    """Turn UTC instants into calendar dates (naive midnight, datetime64[us]) in `tz`."""
    days: Series = instants.dt.tz_convert(_zone(tz)).dt.tz_localize(None).dt.normalize()
    return days.astype("datetime64[us]")


def window(
    start: When | None, end: When | None, *, tz: str = "UTC"
) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Read the first and last day of a window of dates, both included; None leaves a side open."""
    first = pd.Timestamp.min.ceil("D") if start is None else as_date(start, tz=tz, name="start")
    last = pd.Timestamp.max.floor("D") if end is None else as_date(end, tz=tz, name="end")
    if last < first:
        raise ArgumentValueError.of("end", end, f"is before the start, {start!r}", "swap them")
    return first, last


def check_freq(freq: str) -> Freq:
    """Check a period alias."""
    wrong, known = "is not a period alias", "'W', 'M', 'Q', 'Y' or a fiscal 'Q-JAN'"
    if not isinstance(freq, str):
        raise ArgumentTypeError.of("freq", freq, wrong, f"use {known}")
    meant = [alias for alias in "WMQY" if freq.casefold().startswith(noun(alias))]
    if meant:
        raise ArgumentValueError.of("freq", freq, wrong, f"did you mean {meant[0]!r}?")
    try:
        steps = pd.Period("2026-01-01", freq=freq).freq.n
    except (ValueError, TypeError, AttributeError) as error:
        raise ArgumentValueError.of("freq", freq, wrong, f"use {known}") from error
    if steps != 1:
        # pandas would start a period of two weeks in every week.
        raise ArgumentValueError.of(
            "freq", freq, "counts several periods", f"use a single one: {known}"
        )
    return cast("Freq", freq)


_TYPED_YEAR = r"(?:FY ?)?['’]?(?P<year>\d{4}|\d\d)"
_TYPED_PERIODS = [
    re.compile(form, re.IGNORECASE)
    for form in (
        rf"{_TYPED_YEAR}[ /-]?Q(?P<quarter>[1-4])",
        rf"Q(?P<quarter>[1-4])[ /-]?{_TYPED_YEAR}",
        r"FY ?['’]?(?P<year>\d{4}|\d\d)",
        r"(?P<year>\d{4})[/.-](?P<month>\d\d?)",
        r"(?P<month>\d\d?)[/.-](?P<year>\d{4})",
        r"(?P<name>[a-z]{3,9})\.?[ -]?['’]?(?P<year>\d{4}|\d\d)",
        r"(?P<year>\d{4}) (?P<name>[a-z]{3,9})",
        r"(?P<year>\d{4})-?W(?P<week>\d\d?)",
    )
]


@lru_cache(maxsize=4096)
def read_period(typed: str) -> str:
    """Read a month, quarter, year or ISO week as people write it, as the label that it has in data.

    Other text stays as it is.
    """
    bare = typed.partition("(")[0].strip()
    found = next((found for form in _TYPED_PERIODS if (found := form.fullmatch(bare))), None)
    parts = found.groupdict() if found else {}
    month = find_month(parts["name"]) if "name" in parts else int(parts.get("month") or 0)
    if not found or (month or 1) > 12 or (month == 0 and {"name", "month"} & set(parts)):
        return typed
    if "week" in parts:
        try:
            return str(
                pd.Period(date.fromisocalendar(int(parts["year"]), int(parts["week"]), 1), "W")
            )
        except ValueError:
            return typed
    year = parts["year"] if len(parts["year"]) == 4 else f"20{parts['year']}"
    return (
        f"{year}-{month:02}"
        if month
        else f"{year}Q{parts['quarter']}"
        if "quarter" in parts
        else year
    )


def write_period(label: str) -> str:
    """Write the label of a period in data as people type it: a week as 2026-W48."""
    return f"{date.fromisoformat(label[:10]):%G-W%V}" if "/" in label else label


def as_period(label: Any, freq: str, *, name: str = "period") -> pd.Period:
    """Read the label of a period of `freq`, written as pandas or as people write it."""
    read = read_period(str(label))
    try:
        period = pd.Period(read, check_freq(freq))
    except (ValueError, TypeError):
        period = None
    if period is None or str(period) != read:
        raise ArgumentValueError.of(
            name,
            str(label),
            f"is not a period of frequency {freq}",
            f"write it like {str(pd.Period('2026-03', freq))!r}",
        )
    return period


def labels(dates: Series, freq: str) -> Series:
    """Label the period of each date, as `str`; a missing date stays missing."""
    names: Series = dates.dt.to_period(check_freq(freq)).astype(TEXT)
    return names


def period_days(
    label: Any, *, name: str = "period", year_end: str = "DEC"
) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Read the first and last day of a period such as "2026Q4", "Nov 2026", "FY26" or "2026-W48".

    `year_end` is the last month of the fiscal year, such as "JAN", for quarters and years.
    """
    read = read_period(label) if isinstance(label, str) else label
    for freq in ("M", f"Q-{year_end}", f"Y-{year_end}", "W"):
        try:
            period = pd.Period(read, freq)
            if str(period) == read:
                return period.start_time.normalize(), period.end_time.normalize()
        except (ValueError, TypeError):
            continue
    raise ArgumentValueError.of(
        name, label, "is not a period", "use one such as '2026Q4', '2026-11' or '2026'"
    )
