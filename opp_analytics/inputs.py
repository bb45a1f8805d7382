"""One reader of what people type: amounts, percentages, dates, times and names.

It reads cell by cell, or a column at a time.

Cells of a grid, a workbook, a CSV file, another CRM's export, a targets file and a filter are all
read here. What may mean two things is refused with both readings, unless the rest of its file or
the caller settles it.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, NamedTuple, NoReturn

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from babel.core import Locale, UnknownLocaleError, get_global
from babel.numbers import get_currency_name, get_currency_symbol
from numpy.typing import NDArray

from opp_analytics.arrays import Flags, Places, Series
from opp_analytics.errors import DataError
from opp_analytics.schema import TEXT, BadCell, check_encodable
from opp_analytics.text import count, joined
from opp_analytics.text import day as format_day

_MONEY = r"[A-Z]{0,3}[$€£¥₹₩₪₺₽₫]|[A-Z]{3}"
_AMOUNT = re.compile(
    rf"(?P<minus>[-−]?)\s*(?P<before>{_MONEY})?\s*(?P<minus2>[-−]?)(?P<figure>[\d.,]*\d)\s*"
    r"(?P<unit>[kK]|[mM][mMnN]?|[bB][nN]?|)\s*"
    rf"(?P<after>{_MONEY})?"
)
_APART = re.compile(r"(?<=\d)[\s'’](?=\d{3}(?!\d))")
"""A space or an apostrophe between thousands: ``45 000``."""
_FIGURE = {
    False: re.compile(r"(?:[1-9]\d{0,2}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+"),
    True: re.compile(r"(?:[1-9]\d{0,2}(?:\.\d{3})+|\d+)(?:,\d+)?|,\d+"),
}
"""A number without its minus, with a decimal point and with a decimal comma."""
_SIGNS = {"$": ("Dollar", "Peso"), "€": ("Euro",), "£": ("Pound",), "¥": ("Yen", "Yuan")}
"""English names of the currencies that each sign may mean."""
_MOST_DIGITS = 300
"""More digits are beyond every float."""
_UNITS = {
    "k": 10**3,
    **dict.fromkeys(("m", "mm", "mn"), 10**6),
    **dict.fromkeys(("b", "bn"), 10**9),
}
"""``m`` is a million, as the package writes it; finance writes ``mm`` too, and nobody types
thousands as ``m`` here."""
_NOT_AN_AMOUNT = ("is not an amount", "try 45000, $45,000 or 45k")
_SCIENTIFIC = re.compile(r"\d(?:[.,]\d+)?E[+-]\d\d")
"""A long number as Excel shows it: ``1.23E+05``."""
_PERCENT = re.compile(r"(-?\d+(?:[.,]\d+)?|[.,]\d+)\s*(%?)")
_NOT_A_PERCENTAGE = ("is not a percentage", "try 60 or 60%")

_SUFFIXES = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345", dtype="S1")
_SALESFORCE_ID = "00[156][0-9A-Za-z]{12}"
"""Ids of accounts, users and opportunities."""

_FLAGS = dict.fromkeys(("true", "yes", "y", "1", "1.0"), True) | dict.fromkeys(
    ("false", "no", "n", "0", "0.0"), False
)

_ORDERS = (
    (r"(?:1[3-9]|[2-9]\d)[/-]\d{1,2}[/-](?:\d{4}|\d{2})(?:\D.*)?", True, "day"),
    (r"\d{1,2}[/-](?:1[3-9]|[2-9]\d)[/-](?:\d{4}|\d{2})(?:\D.*)?", False, "month"),
)
"""Dates whose order only one reading fits, whether the day is first in it, and what is."""
_SLASHED = re.compile(r"(\d{1,2})[/-](\d{1,2})(?:[/-](\d{4}|\d{2}))?")
_ISO = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:[T ][\d:.]+(?:Z|[+-]\d\d:?\d\d)?)?")
_FORMS = {
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?Z?)?": "ISO8601",
    r"\d{1,2}/\d{1,2}/\d{4} \d{1,2}:\d\d [AP]M": "%m/%d/%Y %I:%M %p",
    r"\d{1,2}/\d{1,2}/\d{4} \d{1,2}:\d\d": "%m/%d/%Y %H:%M",
    r"\d{1,2}\.\d{1,2}\.\d{4} \d{1,2}:\d\d": "%d.%m.%Y %H:%M",
}
"""Texts of times that CRMs write, each with its format."""
_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4}|\d{2})")
_MONTH_FIRST = re.compile(r"([A-Za-z]{3,9})\.?\s+(\d{1,2})(?:,?\s+(\d{4}))?")
_DAY_FIRST = re.compile(r"(\d{1,2})(?:\s+|-)([A-Za-z]{3,9})\.?(?:(?:,?\s+|-)(\d{4}|\d{2}))?")
"""Excel writes ``31-Dec-26``."""
_MONTHS = [name.lower() for name in calendar.month_name]
_TIMED = re.compile(
    r"(?P<date>.+?),? +(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d))?(?: "
    r"?(?P<half>[APap])\.?[Mm]\.?)?"
)
_MILLISECONDS = re.compile(r"\d{13}")
_DIGITS = re.compile(r"20\d\d(0[1-9]|1[0-2])([0-2]\d|3[01])")
"""A day of a warehouse: ``20230926``."""
_NOT_A_DATE = ("is not a date", "try 12/31/2026 or 2026-12-31")
_NEAR_DAYS = {"yesterday": -1, "today": 0, "tomorrow": 1}
_ENDS = {"eom": 1, "eoq": 3, "eoy": 12}
"""Words for the end of the running month, fiscal quarter and fiscal year, each with its months."""
_SPAN = re.compile(
    r"([+−-])\s*(\d{1,4})\s*(d|w|m|q|y|days?|weeks?|months?|quarters?|years?|)", re.IGNORECASE
)
_SPAN_UNITS = {"": 1, "d": 1, "w": 7, "m": 1, "q": 3, "y": 12}
"""Days or months of each unit."""
_LONGEST_SPAN = 1_200
"""Months of a century: a longer distance is a slip of the keyboard."""

_NAT = np.datetime64("NaT", "us")

_FIRST_SERIAL, _LAST_SERIAL = 20_000, 110_000
"""Days since `EPOCH` that count as dates, 1954 to 2201; smaller numbers are rather amounts or
years."""
FIRST_YEAR, LAST_YEAR = 1955, 2200
"""Whole years that `_FIRST_SERIAL` and `_LAST_SERIAL` hold: no deal is older than CRMs' users, or
planned for another century."""
_NEAR = timedelta(days=183)
"""A day without a year is taken for another year's within half a year; beyond, this year's is as
near."""
EPOCH = datetime(1899, 12, 30)
"""Day 0 of a workbook's dates, as Excel and LibreOffice have it."""
_MOST_NAMED = 20
"""Different bad cells that one error lists; the rest are counted."""
_BLANKS = frozenset(
    ("n/a", "n.a.", "k.a.", "na", "#n/a", "none", "null", "nan", "-", "--", "−", "–", "—")
)
"""Marks in a file's cell that say it is empty; a word that promises a value, such as ``TBD`` or
``?``, is none of them."""


class TwoReadings(BadCell):
    """A cell that may mean two things, and nothing settles which."""


class NotADate(BadCell):
    """A text in no form of a date; a day that does not exist has the form of one."""


class _TwoDays(TwoReadings):
    """A date such as 3/4/2027 whose order of day and month nothing settles."""

    def __init__(self, *days: date) -> None:
        self.days = days
        self.both = " or ".join(format_day(day, year=True) for day in days)
        super().__init__(f"may mean {self.both}", f"write it as {days[0]}")


# Amounts and percentages


class _Amount(NamedTuple):
    """An amount as it is written."""

    figure: str
    factor: int
    """The unit, negative below zero."""
    money: str
    """Sign or code of its currency; empty without one."""

    def read(self, decimal_comma: bool) -> float | None:
        """Read it with a decimal comma or point; None where that makes no number."""
        if self.figure.isdecimal() and self.factor == 1:
            return float(self.figure) if len(self.figure) < _MOST_DIGITS else None
        if not _FIGURE[decimal_comma].fullmatch(self.figure):
            return None
        if decimal_comma and "." in self.figure and abs(self.factor) > 1:
            return None  # Nobody writes thousands of millions: 1.234M has a decimal point.
        apart, point = (".", ",") if decimal_comma else (",", ".")
        number = float(self.figure.replace(apart, "").replace(point, ".")) * self.factor
        # 1.005 × 1000 is a little less than 1005 in binary.
        return number if abs(self.factor) == 1 else round(number, 9)


def _split_amount(text: str) -> _Amount:
    bare = text.strip()
    negative = bare.startswith("(") and bare.endswith(")")
    bare = bare[1:-1].strip() if negative else bare
    bare = _SCIENTIFIC.sub(lambda power: f"{Decimal(power[0].replace(',', '.')):f}", bare)
    parts = _AMOUNT.fullmatch(bare) or _AMOUNT.fullmatch(_APART.sub("", bare))
    if parts is None:
        raise BadCell(*_NOT_AN_AMOUNT)
    minus, before, minus2, figure, unit, after = parts.groups()
    if before and after:
        raise BadCell(*_NOT_AN_AMOUNT)
    factor = _UNITS[unit.lower()] if unit else 1
    return _Amount(
        figure, -factor if negative or minus or minus2 else factor, before or after or ""
    )


def read_amount(
    text: str, currency: str | None = None, *, decimal_comma: bool | None = None
) -> float:
    """Read money or another number that is typed alone.

    Money in another currency than `currency` is refused. ``k`` is a thousand, ``m``, ``mn`` and
    ``mm`` a million, ``b`` and ``bn`` a billion. ``45,000`` is thousands, as the package writes
    them; ``45.000`` is so only where `decimal_comma` is known to hold, else it is refused with both
    readings: nobody types 45 so.
    """
    amount = _split_amount(text)
    if currency is not None and amount.money and not _is_sign_of(amount.money, currency):
        raise BadCell(f"is in {amount.money}, not in {currency}", "convert it first")
    point, comma = amount.read(False), amount.read(True)
    readings = [reading for reading in (point, comma) if reading is not None]
    if not readings:
        raise BadCell(*_NOT_AN_AMOUNT)
    thousands = max(readings, key=abs)
    if decimal_comma or thousands == point:
        return thousands
    ways = " or ".join(
        spell_amount(reading) for reading in (thousands, point) if reading is not None
    )
    if point is None:
        way = f"type {ways}, or put a timezone of your country in the org file"
        raise BadCell("has a decimal comma", way)
    raise TwoReadings(f"may mean {_show_readings(*readings)}", f"type {ways}")


def spell_amount(amount: float) -> str:
    """Spell an amount so that `read_amount` gives it back."""
    if amount.is_integer() and abs(amount) < 2**53:
        return str(int(amount))
    spelled = repr(amount)
    return f"{spelled}0" if _FIGURE[True].fullmatch(spelled.lstrip("-")) else spelled


def _show_readings(*amounts: float) -> str:
    return " or ".join(f"{amount:,.15g}" for amount in sorted(amounts, key=abs, reverse=True))


@lru_cache(maxsize=256)
def _is_sign_of(money: str, currency: str) -> bool:
    """Tell whether a sign or code of money may be that of a currency: ``$`` and ``US$`` of USD."""
    if money[-1] not in _SIGNS:
        return money in (currency, get_currency_symbol(currency, locale="en"))
    own = get_currency_name(currency, locale="en").split()
    named = any(word in own for word in _SIGNS[money[-1]]) and currency.startswith(money[:-1])
    return named or money == get_currency_symbol(currency, locale="en")


def read_percent(text: str) -> float:
    """Read a percentage from 0 to 100.

    A fraction such as 0.8, which may mean two things, is refused.
    """
    number, signed = _split_percent(text.strip())
    if number < 0:
        raise BadCell(*_NOT_A_PERCENTAGE)
    if number > 100:
        raise BadCell("is above 100%", "type a percentage from 0 to 100")
    if 0 < number < 1 and not signed:
        raise BadCell(
            f"may mean {number * 100:g}% or {number:g}%", f"type the sign: {number * 100:g}%"
        )
    return number


def _split_percent(cell: Any) -> tuple[float, bool]:
    """Read a number, and whether it has the percent sign."""
    if not isinstance(cell, str):
        return _check_number(cell, _NOT_A_PERCENTAGE), False
    parts = _PERCENT.fullmatch(cell)
    if parts is None:
        raise BadCell(*_NOT_A_PERCENTAGE)
    # A percentage has no thousands.
    return float(parts[1].replace(",", ".")), bool(parts[2])


def _check_number(cell: Any, otherwise: tuple[str, str]) -> float:
    if isinstance(cell, bool) or not isinstance(cell, (int, float, np.integer, np.floating)):
        raise BadCell(*otherwise)
    check_encodable(cell)
    return float(cell)


def read_flag(text: str) -> bool:
    """Read yes or no."""
    word = text.strip().casefold()
    if word not in _FLAGS:
        raise BadCell("is neither true nor false")
    return _FLAGS[word]


@lru_cache(maxsize=256)
def find_habits(timezone: str | None, currency: str | None) -> tuple[bool | None, bool | None]:
    """Find out whether a time zone and currency use day first and a decimal comma.

    None where neither names a country, where they name countries that differ, and where dates begin
    with the year.
    """
    # The codes of most currencies begin with their country.
    countries = {get_global("zone_territories").get(timezone or ""), currency and currency[:2]} - {
        None
    }
    orders, signs = set(), set()
    for country in countries:
        with suppress(UnknownLocaleError):
            locale = Locale.parse(f"und_{country}")
            pattern = locale.date_formats["short"].pattern
            orders.add(None if pattern[0] == "y" else pattern[0] == "d")
            signs.add(locale.number_symbols["latn"]["decimal"] == ",")
    return tuple(answers.pop() if len(answers) == 1 else None for answers in (orders, signs))  # type: ignore[return-value]


# Dates and times


def read_date(
    text: str,
    *,
    today: date | None = None,
    past: bool = False,
    day_first: bool | None = None,
    year_start: int = 1,
) -> pd.Timestamp:
    """Read a calendar date; a time of day beside it is dropped.

    A person, for whom alone there is a `today`, may also type ``today``, ``tomorrow``, ``+7``,
    ``-3``, ``+2w``, ``+1m``, a day of the week (the next one, with `past` the last one) and
    ``eom``, ``eoq``, ``eoy``: the end of the month, and of the quarter and year of a fiscal year
    that begins in the month `year_start`.

    Without a year it is this year's, by `today`. One of this year that is over by then is next
    year's where that is near, and with `past` one to come is last year's; else both are shown.
    ``3/4/2026`` is April 3 with `day_first`, March 4 if that is False; None refuses a date that can
    be read in both ways.
    """
    if timed := _TIMED.fullmatch(text.strip()):
        _parse_time_of_day(*timed.groups()[1:])
        text = timed["date"]
    if today is not None:
        near = _read_near_day(text.strip().casefold(), today, past, year_start)
        if near is not None:
            check_year(near.year)
            return near.as_unit("us")
    try:
        return pd.Timestamp(_parse_date(text, None, day_first)).as_unit("us")
    except _NoYear:
        if today is None:
            raise
    years = (today.year, today.year + (-1 if past else 1))
    try:
        this, other = (_parse_date(text, year, day_first) for year in years)
    except _TwoDays as doubt:
        first, second = map(format_day, doubt.days)
        raise TwoReadings(f"may mean {first} or {second}; type it as {first}") from None
    if this == today or (this < today) == past:
        return pd.Timestamp(this).as_unit("us")
    if abs(other - today) <= _NEAR:
        return pd.Timestamp(other).as_unit("us")
    both = " or ".join(format_day(day, year=True) for day in sorted((this, other)))
    raise TwoReadings(f"may mean {both}; type the year")


class _NoYear(BadCell):
    """A date without a year that nothing completes."""


def _read_near_day(word: str, today: date, past: bool, year_start: int) -> pd.Timestamp | None:
    """Read a day that is named by its distance from today; None for any other text."""
    day = pd.Timestamp(today)
    if word in _NEAR_DAYS:
        return day + pd.Timedelta(days=_NEAR_DAYS[word])
    if word in _ENDS:
        over = (day.month - year_start) % _ENDS[word]
        return day.replace(day=1) + pd.DateOffset(months=_ENDS[word] - over) - pd.Timedelta(days=1)
    if (span := read_span(word)) is not None:
        return day + span
    names = [name.lower().startswith(word) for name in calendar.day_name]
    if len(word) < 3 or True not in names:
        return None
    days = (names.index(True) - day.weekday() - 1) % 7 + 1
    return day + pd.Timedelta(days=days - 7 if past and days < 7 else -7 if past else days)


def read_span(text: str) -> pd.DateOffset | None:
    """Read a distance between days: ``+7``, ``- 30d``, ``+2w``, ``+1m``.

    None for any other text.
    """
    parts = _SPAN.fullmatch(text.strip())
    if parts is None:
        return None
    unit = parts[3][:1].lower()
    number = int(parts[2]) * _SPAN_UNITS[unit] * (1 if parts[1] == "+" else -1)
    if unit not in ("m", "q", "y"):
        return pd.DateOffset(days=number)
    if abs(number) > _LONGEST_SPAN:
        raise BadCell("is too far away")
    return pd.DateOffset(months=number)


# A column of times has few days: a hundred thousand of them, two years' worth.
@lru_cache(maxsize=4096)
def _parse_date(text: str, this_year: int | None, day_first: bool | None) -> date:
    """Read a calendar date, without pandas: a column may hold many."""
    bare = text.strip()
    if parts := _ISO.fullmatch(bare):
        return _check_date(int(parts[1]), int(parts[2]), int(parts[3]))
    if parts := _DOTTED.fullmatch(bare):
        return _check_date(_read_year(parts[3], None), int(parts[2]), int(parts[1]))
    if parts := _SLASHED.fullmatch(bare):
        year = _read_year(parts[3], this_year)
        first, second = int(parts[1]), int(parts[2])
        if day_first is None and first != second and 1 <= first <= 12 and 1 <= second <= 12:
            check_year(year)
            raise _TwoDays(date(year, first, second), date(year, second, first))
        # Above 12 it can only be a day.
        if day_first or (day_first is None and first > 12):
            first, second = second, first
        return _check_date(year, first, second)
    named = _MONTH_FIRST.fullmatch(bare)
    month, day, written = named.groups() if named else ("", "", None)
    if named is None and (named := _DAY_FIRST.fullmatch(bare)):
        day, month, written = named.groups()
    if named is None or not (number := find_month(month)):
        if bare.isdecimal() and (serial := read_serial_date(int(bare))) is not None:
            raise BadCell(
                f"is the number of {format_day(serial, year=True)} in a workbook",
                f"type {serial:%Y-%m-%d}",
            )
        raise NotADate(*_NOT_A_DATE)
    return _check_date(_read_year(written, this_year), number, int(day))


def _read_year(written: str | None, this_year: int | None) -> int:
    if written is not None:
        return int(written) + (2000 if len(written) == 2 else 0)
    if this_year is None:
        raise _NoYear("has no year", "add it")
    return this_year


def find_month(name: str) -> int:
    """Find a month by its name or the start of it; 0 for another word."""
    fitting = [
        number for number, full in enumerate(_MONTHS) if full and full.startswith(name.lower())
    ]
    if name.lower() == "sept":
        return 9
    return fitting[0] if len(fitting) == 1 else 0


def check_year(year: int) -> None:
    """Refuse the year of a slip of the keyboard, such as 3026 or 26."""
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise BadCell(f"is in the year {year}", f"dates lie between {FIRST_YEAR} and {LAST_YEAR}")


def _check_date(year: int, month: int, day: int) -> date:
    if not 1 <= month <= 12:
        raise BadCell(f"is not a date: there is no month {month}")
    check_year(year)
    days = calendar.monthrange(year, month)[1]
    if not 1 <= day <= days:
        raise BadCell(f"is not a date: {calendar.month_name[month]} {year} has {days} days")
    return date(year, month, day)


def read_serial_date(number: Any, epoch: datetime = EPOCH) -> pd.Timestamp | None:
    """Read a workbook's date that became a number: the days since `epoch`.

    None for any other number.
    """
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        return None
    if not _FIRST_SERIAL <= number <= _LAST_SERIAL:
        return None
    return pd.Timestamp(epoch) + pd.Timedelta(days=float(number)).round("s")


def _parse_moment(cell: Any, day_first: bool | None) -> tuple[datetime, bool]:
    """Read a date or time, and whether it is in UTC rather than local time."""
    if isinstance(cell, str):
        if cell[4:5] == "-" and len(cell) > 10:
            with suppress(ValueError):
                # Warehouses name the zone: 2023-09-26 15:15:00 UTC.
                return _split_zone(datetime.fromisoformat(re.sub(" UTC$", "Z", cell)))
        if _MILLISECONDS.fullmatch(cell):
            return datetime(1970, 1, 1) + timedelta(milliseconds=int(cell)), True
        if _DIGITS.fullmatch(cell):
            cell = f"{cell[:4]}-{cell[4:6]}-{cell[6:]}"
        timed = _TIMED.fullmatch(cell)
        day = _parse_date(cell if timed is None else timed["date"], None, day_first)
        return datetime.combine(
            day, time() if timed is None else _parse_time_of_day(*timed.groups()[1:])
        ), False
    if isinstance(cell, (datetime, date, np.datetime64)):
        stamp = pd.Timestamp(cell)
        check_year(stamp.year)
        return _split_zone(stamp.to_pydatetime())
    serial = read_serial_date(cell)
    if serial is None:
        raise BadCell(*_NOT_A_DATE)
    return serial.to_pydatetime(), False


def _split_zone(moment: datetime) -> tuple[datetime, bool]:
    # Midnight of a zone, as Bitrix24 writes, is a day there.
    if not moment.tzinfo or (moment.utcoffset() and moment.time() == time()):
        return moment.replace(tzinfo=None), False
    return moment.astimezone(UTC).replace(tzinfo=None), True


@lru_cache(maxsize=4096)
def _parse_time_of_day(*parts: str | None) -> time:
    hour, minute, second = (int(part or 0) for part in parts[:3])
    half = (parts[3] or "").lower()
    if minute > 59 or second > 59 or hour > (12 if half else 23) or (half and not hour):
        raise BadCell("has a time of day that does not exist")
    return time(hour % 12 + 12 * (half == "p") if half else hour, minute, second)


# Names


@lru_cache(maxsize=4096)
def fold(name: str) -> str:
    """Fold a name to what tells it apart: case, spaces, hyphens and underscores do not."""
    return re.sub(r"[\s_-]+", "_", name.casefold()).strip("_") or name


def make_key(label: str) -> str:
    """Reduce a label to letters and digits; ``Probability (%)`` is read like ``probability``."""
    return re.sub(r"[\W_]+", "_", label.casefold()).strip("_")


def match_name(typed: str, names: Mapping[str, str] | Iterable[str]) -> str | None:
    """Find the name that `typed` spells.

    None for another word, and where two names differ only in case or signs.

    A mapping leads from each spelling, aliases included, to its name.
    """
    spellings = names if isinstance(names, Mapping) else {name: name for name in names}
    if typed in spellings:
        return spellings[typed]
    wanted = fold(typed)
    matches = {name for spelling, name in spellings.items() if fold(spelling) == wanted}
    return matches.pop() if len(matches) == 1 else None


def suggest(typed: str, names: Iterable[str], *, most: int = 2) -> list[str]:
    """Suggest names for `typed`: those that contain it, else the closest ones."""
    folded = {fold(name): name for name in names}
    wanted = fold(typed)
    # A word of one or two letters is inside many names.
    within = (
        [name for spelling, name in folded.items() if wanted in spelling] if len(wanted) > 2 else []
    )
    close = [folded[near] for near in get_close_matches(wanted, folded, n=most)]
    return (sorted(within, key=len) or close)[:most]


def did_you_mean(
    typed: str, names: Iterable[str], *, most: int = 1, write: Callable[[str], str] = repr
) -> str:
    """Ask for the name that somebody may have meant, as the end of a message.

    Empty when none is close.
    """
    near = suggest(typed, names, most=most)
    return f"did you mean {joined(map(write, near), last='or')}?" if near else ""


# Whole columns


@dataclass(frozen=True, order=True)
class BadValue:
    """One cell of a file that cannot be read."""

    row: int
    """Row of the file, as a spreadsheet counts them; of a frame, its position."""
    column: str
    """The file's own label."""
    value: Any
    reason: BadCell = field(compare=False)
    """Its problem completes "row 12: Amount='abc' …"."""

    def __str__(self) -> str:
        return list_bad([self])[0]

    @property
    def has_option(self) -> bool:
        """True where an option of the reader settles what the cell means."""
        return self.reason.python_way != self.reason.shell_way


Read = tuple[Series, list[BadValue]]
"""A column that was read, and its bad cells."""


def list_bad(bad: Iterable[BadValue]) -> list[str]:
    """List bad cells in file order; a column's equal cells and a reason appear once."""
    groups: dict[tuple[str, str, str], list[int]] = {}
    for one in sorted(bad, key=lambda one: (one.row, one.column)):
        reason = one.reason.problem if one.has_option else str(one.reason)
        groups.setdefault((one.column, repr(one.value), reason), []).append(one.row)
    lines, named = [], set()
    for (column, shown, reason), rows in list(groups.items())[:_MOST_NAMED]:
        where = f"row{'s' * (len(rows) > 1)} {joined(map(str, rows), most=3)}"
        cell = shown if len(shown) <= 80 else f"{shown[:79]}…"
        lines.append(f"{where}: {column}={cell}{'' if (column, reason) in named else f' {reason}'}")
        named.add((column, reason))
    more = sum(map(len, list(groups.values())[_MOST_NAMED:]))
    return [*lines, *([f"and {count(more, 'cell')} more"] if more else [])]


def refuse(file: str, bad: Sequence[BadValue], *ways: tuple[str, str]) -> NoReturn:
    """Raise one error that lists the bad cells, with `ways` out of all in Python and the shell."""
    lines, reasons = list_bad(bad), [one.reason for one in bad if one.has_option]
    ways = (*dict.fromkeys((each.python_way, each.shell_way) for each in reasons), *ways)
    raise DataError(
        "\n  ".join([f"{file}: {lines[0]}"] if len(lines) == 1 else [f"{file}:", *lines]),
        python_way="; ".join(python for python, _ in ways),
        shell_way="; ".join(shell for _, shell in ways),
    )


def is_mark_of_blank(cell: Any) -> bool:
    """Return True if a text says that a cell is empty, such as ``n/a`` or ``-``."""
    return isinstance(cell, str) and len(cell) <= 4 and cell.casefold() in _BLANKS


@dataclass(frozen=True)
class Cells:
    """A column of a file as its distinct cells, so that each is read once."""

    label: str
    """The file's own label, for messages."""
    rows: pd.Index[Any]
    """Row of the file for each row of the column."""
    codes: Places
    """Place in `distinct` for each row; −1 where the cell is empty."""
    distinct: Series
    """The distinct cells, at their dtype."""

    @classmethod
    def of(cls, column: Series, label: str) -> Cells:
        """The cells of a column whose index is the row of the file."""
        codes, cells = pd.factorize(column)
        # An index of objects would have its type inferred.
        return cls(label, column.index, codes, pd.Series(cells, dtype=cells.dtype))

    def spread(self, values: NDArray[Any], missing: Any) -> Series:
        """Spread one value for each distinct cell over the rows."""
        each = np.append(values, np.array([missing], dtype=values.dtype))[self.codes]
        return pd.Series(each, index=self.rows)

    @property
    def texts(self) -> pa.Array:
        """The distinct cells that are texts; others are empty ones."""
        cells = self.distinct
        if not isinstance(cells.dtype, pd.StringDtype):
            cells = cells.astype("object").map(lambda cell: str(cell) * isinstance(cell, str))
        return pa.array(cells, pa.string())

    def match(self, pattern: str) -> Flags:
        """Tell which of the distinct cells are texts of a regular expression, all at once."""
        return np.asarray(pc.match_substring_regex(self.texts, f"(?s)^(?:{pattern})$"))

    def read_each(
        self, read: Callable[[Any], Any], done: Flags | None = None
    ) -> tuple[dict[int, Any], dict[int, BadCell]]:
        """Read the distinct cells, except `done` ones and marks of empty cells.

        Returns the values by code, and the reasons of cells that `read` refuses.
        """
        values: dict[int, Any] = {}
        reasons: dict[int, BadCell] = {}
        left = self.distinct if done is None else self.distinct[~done]
        for code, cell in zip(left.index.tolist(), left.tolist(), strict=True):
            if is_mark_of_blank(cell):
                continue
            try:
                values[code] = read(cell)
            except BadCell as error:
                reasons[code] = error.with_traceback(None)
        return values, reasons

    def find_bad(self, reasons: Mapping[int, BadCell]) -> list[BadValue]:
        """Find the rows of the cells that were refused, each with its reason."""
        if not reasons:
            return []
        rows = np.flatnonzero(np.isin(self.codes, list(reasons)))
        return [
            BadValue(int(self.rows[row]), self.label, self.distinct.iloc[code], reasons[code])
            for row, code in ((int(row), int(self.codes[row])) for row in rows)
        ]


def as_texts(column: Series) -> Series:
    """Write a column as text; a whole number of a workbook without its decimals."""
    if isinstance(column.dtype, pd.StringDtype):
        return column.astype(TEXT)
    cells = [_as_text(cell) for cell in column.tolist()]
    return pd.Series(cells, index=column.index, dtype=TEXT)


def _as_text(cell: Any) -> str | None:
    if cell is None or (pd.api.types.is_scalar(cell) and pd.isna(cell)):
        return None
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def as_ids(column: Series) -> Series:
    """Write a column of ids as text; those of Salesforce with the 18 characters that its API has.

    Reports write 15 characters, in which only capitals tell some ids apart. The three further ones
    say which of each five characters are capitals:
    https://codegolf.stackexchange.com/questions/69127 has the rule and its test cases.
    """
    texts = as_texts(column)
    codes, ids = pd.factorize(texts)
    unique = pd.Series(ids, dtype=TEXT)
    short = unique.str.fullmatch(_SALESFORCE_ID).astype(bool)
    if not short.any():
        return texts
    unique = unique.where(~short, unique[short].add(_make_suffixes(unique[short])))
    return unique.reindex(codes).set_axis(texts.index)


def _make_suffixes(ids: Series) -> Series:
    letters = ids.to_numpy(dtype="S15").view(np.uint8).reshape(-1, 3, 5)
    capitals = (letters >= ord("A")) & (letters <= ord("Z"))
    codes = (capitals * (1 << np.arange(5))).sum(axis=2)
    three = _SUFFIXES[codes].view("S3").ravel().astype("U3")
    return pd.Series(three, index=ids.index, dtype=TEXT)


def find_decimal_comma(
    columns: Iterable[Cells],
    file: str | None = None,
    *,
    semicolons: bool = False,
    dots: bool = False,
) -> tuple[bool | None, str]:
    """Find out whether a file's amounts have a decimal comma.

    A reason is returned where it is only likely.

    A cell that is a number in one reading only settles it, such as ``1.234,56``; a contradiction is
    an error that names both rows, or None without the name of the `file`. Else a file with
    `semicolons` between its cells and `dots` in its dates has it; one with neither is American,
    where it has ``45,000``. None where nothing settles it.
    """
    settled: dict[bool, BadValue] = {}
    doubtful: set[str] = set()
    for column in columns:
        texts = column.texts
        bare = pc.replace_substring_regex(texts, r"^(\D*)0", r"\1z")
        shapes = pc.replace_substring_regex(bare, r"\d", "9").to_pandas()
        # One text of each shape; digits are alike but for a zero in front.
        for code in shapes.drop_duplicates().index:
            with suppress(BadCell):
                amount = _split_amount(str(texts[int(code)]))
                point, comma = amount.read(False), amount.read(True)
                if (point is None) != (comma is None) and (point is None) not in settled:
                    which = "comma" if point is None else "point"
                    settled[point is None] = column.find_bad(
                        {int(code): BadCell(f"has a decimal {which}")}
                    )[0]
                elif point is not None and comma is not None and point != comma:
                    doubtful.add(amount.figure.strip("0123456789"))
    if settled:
        return _settle(settled, file, "write all amounts in one way"), ""
    if semicolons and dots:
        why = "decimal comma, as in files with semicolons and dates such as 31.12.2026"
        return True, why if doubtful else ""
    return (False if doubtful == {","} and not semicolons and not dots else None), ""


def has_dotted_dates(columns: Iterable[Cells]) -> bool:
    """Tell whether a file has dates such as 31.12.2026."""
    return any(column.match(rf"{_DOTTED.pattern}.*").any() for column in columns)


def read_amounts(
    cells: Cells,
    currency: str | None = None,
    decimal_comma: bool | None = None,
) -> Read:
    """Read a column of amounts such as ``$120,000.00``, ``USD 485`` or 45000.

    NaN where a cell is empty or bad.

    An amount in another currency than `currency` is a bad value; without one, an amount
    in another than the first that is named. One that has two readings, where `decimal_comma`
    is None, is bad too.
    """
    amounts = np.full(len(cells.distinct), np.nan)
    # Figures that everybody reads alike need no closer look.
    signs = "".join(sign for sign in _SIGNS if currency is not None and _is_sign_of(sign, currency))
    figure = (
        r"\d{1,15}" if decimal_comma else r"\d{1,15}(?:\.\d\d?)?|[1-9]\d{0,2}(?:,\d{3}){1,4}\.\d\d?"
    )
    plain = cells.match(f"[{signs}]?(?:{figure})" if signs else figure)
    bare = pc.replace_substring_regex(cells.texts.filter(pa.array(plain)), f"[{signs},]", "")
    amounts[plain] = pc.cast(bare, pa.float64())
    named: list[str] = []

    def read(cell: Any) -> float:
        if not isinstance(cell, str):
            return _check_number(cell, _NOT_AN_AMOUNT)
        amount = _split_amount(cell)
        if amount.money and currency is not None and not _is_sign_of(amount.money, currency):
            raise BadCell(f"is in {amount.money}, not in {currency}", "convert it first")
        if amount.money and currency is None:
            named.append(amount.money)
            one, other = named[0], amount.money
            if not (one == other or _is_sign_of(one, other) or _is_sign_of(other, one)):
                raise BadCell(
                    f"is in {other}, and other rows are in {one}", "convert them to one currency"
                )
        return _read_in_column(amount, decimal_comma)

    numbers, reasons = cells.read_each(read, plain)
    amounts[list(numbers)] = list(numbers.values())
    return cells.spread(amounts, np.nan), cells.find_bad(reasons)


def _read_in_column(amount: _Amount, decimal_comma: bool | None) -> float:
    """Read an amount whose column has a decimal comma or point.

    None refuses one with two readings.
    """
    certain = decimal_comma is not None or amount.figure.isdecimal()
    if certain and (likely := amount.read(bool(decimal_comma))) is not None:
        return likely
    readings = {comma: amount.read(comma) for comma in (False, True)}
    wanted = {readings[comma] for comma in readings if decimal_comma in (None, comma)} - {None}
    if len(wanted) == 1:
        return wanted.pop() or 0.0
    if wanted:
        raise TwoReadings(
            f"may mean {_show_readings(*filter(None, wanted))}, and no other row of the file tells",
            python_way="use decimal_comma=True or False",
            shell_way="use --decimal-comma or --no-decimal-comma",
        )
    if set(readings.values()) == {None}:
        raise BadCell(*_NOT_AN_AMOUNT)
    sign, option = (
        ("point", "--no-decimal-comma") if decimal_comma else ("comma", "--decimal-comma")
    )
    raise BadCell(
        f"looks like a decimal {sign}",
        python_way=f"use decimal_comma={not decimal_comma}",
        shell_way=f"run again with {option}",
    )


def read_percents(cells: Cells, *, fractions: bool = False) -> tuple[Series, list[BadValue], bool]:
    """Read a column of percentages, 0 to 100.

    With the bad values, and whether numbers without a sign were fractions.

    Numbers without a sign are fractions where none is above 1 and one is between 0 and 1, or where
    the caller says so.
    """
    numbers, reasons = cells.read_each(_split_percent)
    bare = {code: number for code, (number, signed) in numbers.items() if not signed}
    fractional = bool(bare) and max(bare.values()) <= 1
    fractional = fractional and (fractions or any(0 < number < 1 for number in bare.values()))
    percents = np.full(len(cells.distinct), np.nan)
    for code, (number, signed) in numbers.items():
        percents[code] = number if signed or not fractional else round(number * 100, 9)
        if not 0 <= percents[code] <= 100:
            reasons[code] = BadCell("is not between 0% and 100%")
    if not fractional:
        reasons |= {
            code: BadCell(f"may mean {number:g}% or {number * 100:g}%", "write it with its sign")
            for code, number in bare.items()
            if 0 < number < 1 or (number == 1 and max(bare.values()) == 1)
        }
    return cells.spread(percents, np.nan), cells.find_bad(reasons), fractional


def read_flags(cells: Cells) -> Read:
    """Read a column of yes and no; an empty cell is no."""
    answers, reasons = cells.read_each(lambda cell: read_flag(str(cell)))
    flags = np.zeros(len(cells.distinct), dtype=bool)
    flags[list(answers)] = list(answers.values())
    return cells.spread(flags, False), cells.find_bad(reasons)


def find_day_order(columns: Iterable[Cells], file: str | None = None) -> bool | None:
    """Find out whether the day comes first in a file's dates; None when no row settles it.

    A contradiction is an error that names both rows; without the name of the `file`, it is None.
    """
    settled: dict[bool, BadValue] = {}
    for column in columns:
        # Above 12 it can only be a day.
        for pattern, day_first, which in _ORDERS:
            places = np.flatnonzero(column.match(pattern))
            if len(places) and day_first not in settled:
                settled[day_first] = column.find_bad(
                    {int(places[0]): BadCell(f"has the {which} first")}
                )[0]
    return _settle(settled, file, "write all dates in one order")


def _settle(settled: Mapping[bool, BadValue], file: str | None, way_out: str) -> bool | None:
    """Take the one answer that rows settled.

    Two are an error, or None without the name of the `file`.
    """
    if len(settled) == 2 and file is not None:
        first, last = sorted(settled.values())
        refuse(file, [first, replace(last, reason=BadCell(last.reason.problem, way_out))])
    return next(iter(settled)) if len(settled) == 1 else None


def read_dates(cells: Cells, day_first: bool | None) -> Read:
    """Read a column of dates, datetime64[us]; a time of day is dropped."""
    stamps, reasons, _ = _read_times(cells, day_first)
    return cells.spread(stamps, _NAT).dt.normalize(), cells.find_bad(reasons)


def read_instants(cells: Cells, day_first: bool | None, tz: str) -> Read:
    """Read a column of times, datetime64[us, UTC]; a time without a zone is local time in `tz`."""
    stamps, reasons, is_utc = _read_times(cells, day_first)
    walls: Series = pd.Series(np.where(is_utc, _NAT, stamps))
    local = walls.dt.tz_localize(
        tz, ambiguous=np.ones(len(walls), dtype=bool), nonexistent="shift_forward"
    )
    utc = local.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy(dtype="datetime64[us]")
    instants = cells.spread(np.where(is_utc, stamps, utc), _NAT).dt.tz_localize("UTC")
    return instants, cells.find_bad(reasons)


def _read_times(
    cells: Cells, day_first: bool | None
) -> tuple[NDArray[np.datetime64], dict[int, BadCell], Flags]:
    """Read the distinct cells as times.

    With the reasons of bad ones, and which times are in UTC.
    """
    distinct = cells.distinct
    if pd.api.types.is_datetime64_any_dtype(distinct.dtype):
        aware = isinstance(distinct.dtype, pd.DatetimeTZDtype)
        plain = distinct.dt.tz_convert("UTC").dt.tz_localize(None) if aware else distinct
        # All years of a column are looked at, and each only once.
        reasons = replace(cells, distinct=plain.dt.year).read_each(check_year)[1]
        return plain.to_numpy(dtype="datetime64[us]"), reasons, np.full(len(distinct), aware)

    def read(cell: Any) -> tuple[datetime, bool]:
        try:
            moment, in_utc = _parse_moment(cell, day_first)
        except _TwoDays as doubt:
            raise BadCell(
                f"may mean {doubt.both}, and no other row of the file tells",
                python_way="use day_first=True or False",
                shell_way="use --day-first or --month-first",
            ) from None
        check_year(moment.year)
        return moment, in_utc

    stamps, is_utc = np.full(len(distinct), _NAT), np.zeros(len(distinct), dtype=bool)
    # Forms that most exports write are read all at once; a time that does not exist is read again,
    # for its reason.
    for pattern, form in _FORMS.items():
        if not np.isnat(stamps).any():
            break
        if day_first is None and "/" in pattern:
            continue
        places = np.flatnonzero(cells.match(pattern))
        texts = distinct.iloc[places].astype(TEXT)
        form = form.replace("%m/%d", "%d/%m") if day_first else form
        moments = pd.to_datetime(texts, format=form, utc=True, errors="coerce")
        fits = moments.dt.year.between(FIRST_YEAR, LAST_YEAR).to_numpy()
        stamps[places[fits]] = moments[fits].dt.tz_localize(None).to_numpy(dtype="datetime64[us]")
        is_utc[places[fits]] = texts[fits].str.endswith("Z")
    moments_read, reasons = cells.read_each(read, ~np.isnat(stamps))
    for code, (moment, in_utc) in moments_read.items():
        stamps[code], is_utc[code] = moment, in_utc
    return stamps, reasons, is_utc
