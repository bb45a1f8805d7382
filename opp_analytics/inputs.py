"""Amounts, percentages and dates as people type them in a spreadsheet."""

from __future__ import annotations

import calendar
import re
from datetime import date
from typing import NoReturn

import pandas as pd

from opp_analytics.schema import BadCell

__all__ = ["read_amount", "read_date", "read_percent"]

_AMOUNT = re.compile(
    r"(?P<minus>[-−]?)\s*[$€£]?\s*(?P<minus2>[-−]?)"
    r"(?P<figure>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)\s*(?P<unit>[kKmMbB]?)"
)
_UNITS = {"k": 1_000, "m": 1_000_000, "b": 1_000_000_000}
_PERCENT = re.compile(r"(\d+(?:\.\d+)?|\.\d+)\s*(%?)")
_SLASHED = re.compile(r"(\d{1,2})[/-](\d{1,2})(?:[/-](\d{4}|\d{2}))?")
_ISO = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:[T ][\d:.]+(?:Z|[+-]\d\d:?\d\d)?)?")
_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")
_MONTH_FIRST = re.compile(r"([A-Za-z]{3,9})\.?\s+(\d{1,2})(?:,?\s+(\d{4}))?")
_DAY_FIRST = re.compile(r"(\d{1,2})\s+([A-Za-z]{3,9})\.?(?:,?\s+(\d{4}))?")
_MONTHS = [name.lower() for name in calendar.month_name]


def read_amount(text: str) -> float:
    """Money or another number.

    Raises
    ------
    BadCell
        When the text is not an amount.

    Examples
    --------
    >>> read_amount("$12,000.50"), read_amount("45k"), read_amount("1.2M"), read_amount("($500)")
    (12000.5, 45000.0, 1200000.0, -500.0)
    """
    bare = text.strip()
    below = bare.startswith("(") and bare.endswith(")")
    found = _AMOUNT.fullmatch(bare[1:-1].strip() if below else bare)
    if found is None:
        raise BadCell("is not an amount; try 45000, $45,000 or 45k")
    amount = float(found["figure"].replace(",", ""))
    if found["unit"]:
        amount = round(amount * _UNITS[found["unit"].lower()], 9)
    return -amount if below or found["minus"] or found["minus2"] else amount


def read_percent(text: str) -> float:
    """A percentage from 0 to 100.

    Raises
    ------
    BadCell
        When the text is not a percentage, above 100, or a fraction such as 0.8, which may mean two things.

    Examples
    --------
    >>> read_percent("60"), read_percent("60 %"), read_percent("0.8%")
    (60.0, 60.0, 0.8)
    """
    found = _PERCENT.fullmatch(text.strip())
    if found is None:
        raise BadCell("is not a percentage; try 60 or 60%")
    number = float(found[1])
    if number > 100:
        raise BadCell("is above 100%; type a percentage from 0 to 100")
    if 0 < number < 1 and not found[2]:
        raise BadCell(f"may mean {number * 100:g}% or {number:g}%; type the sign: {number * 100:g}%")
    return number


def read_date(text: str, *, year: int | None = None, day_first: bool | None = False) -> pd.Timestamp:
    """A calendar date.

    Parameters
    ----------
    text : str
        ``12/31/2026``, ``12/31``, ``Dec 31, 2026``, ``Dec 31``, ``31 Dec 2026``, ``31.12.2026`` or ``2026-12-31``.
    year : int, optional
        Year of a date without one; by default this year.
    day_first : bool or None
        Whether ``3/4/2026`` is April 3; None refuses a date that can be read in both ways.

    Raises
    ------
    BadCell
        When the text is not a date, or not one that exists.

    Examples
    --------
    >>> [f"{read_date(text, year=2026):%Y-%m-%d}" for text in ("12/31", "Dec 31", "31 Dec 2027", "2026-02-01")]
    ['2026-12-31', '2026-12-31', '2027-12-31', '2026-02-01']
    """
    bare, this_year = text.strip(), year or date.today().year
    if found := _ISO.fullmatch(bare):
        return _existing(int(found[1]), int(found[2]), int(found[3]))
    if found := _DOTTED.fullmatch(bare):
        return _existing(int(found[3]), int(found[2]), int(found[1]))
    if found := _SLASHED.fullmatch(bare):
        full = this_year if found[3] is None else int(found[3]) + (2000 if len(found[3]) == 2 else 0)
        return _slashed(full, int(found[1]), int(found[2]), day_first)
    named = _MONTH_FIRST.fullmatch(bare)
    month, day, written = named.groups() if named else ("", "", None)
    if named is None and (named := _DAY_FIRST.fullmatch(bare)):
        day, month, written = named.groups()
    if named is None or not (number := _month(month)):
        raise BadCell("is not a date; try 12/31/2026, Dec 31 or 2026-12-31")
    return _existing(int(written or this_year), number, int(day))


def _month(name: str) -> int:
    """Number of a month by its name or the start of it; 0 for another word."""
    fitting = [number for number, full in enumerate(_MONTHS) if full and full.startswith(name.lower())]
    if name.lower() == "sept":
        return 9
    return fitting[0] if len(fitting) == 1 else 0


def _slashed(year: int, first: int, second: int, day_first: bool | None) -> pd.Timestamp:
    if day_first is None and first != second and max(first, second) <= 12:
        readings = (f"{calendar.month_abbr[m]} {d}, {year}" for m, d in ((first, second), (second, first)))
        raise BadCell(f"may mean {' or '.join(readings)}; write it as {year}-{first:02}-{second:02}")
    # Above 12 it can only be a day.
    if day_first or (day_first is None and first > 12):
        first, second = second, first
    return _existing(year, first, second)


def _existing(year: int, month: int, day: int) -> pd.Timestamp:
    if not 1 <= month <= 12:
        raise BadCell(f"is not a date: there is no month {month}")
    if not 1 <= year <= 9999:
        _no_year(year)
    days = calendar.monthrange(year, month)[1]
    if not 1 <= day <= days:
        raise BadCell(f"is not a date: {calendar.month_name[month]} {year} has {days} days")
    return pd.Timestamp(date(year, month, day)).as_unit("us")


def _no_year(year: int) -> NoReturn:
    raise BadCell(f"is not a date: there is no year {year}")
