"""One reader of what people type: amounts, percentages, dates, times, and names, cell by cell or a column at a time.

Cells of a grid, a workbook, a CSV file, another CRM's export, a targets file and a filter are all read here. What may
mean two things is refused with both readings, unless the rest of its file or the caller settles it.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, NoReturn

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics.errors import DataError
from opp_analytics.schema import TEXT, BadCell
from opp_analytics.text import day as format_day
from opp_analytics.text import joined

_AMOUNT = re.compile(
    r"(?P<minus>[-−]?)\s*[$€£]?\s*(?P<minus2>[-−]?)"
    r"(?P<figure>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)\s*(?P<unit>[kKmMbB]?)"
)
_CODED = re.compile(r"(?P<code>[A-Z]{3})\s*(?P<amount>[^A-Z]+)|(?P<before>[^A-Z]+?)\s*(?P<after>[A-Z]{3})")
_UNITS = {"k": 1_000, "m": 1_000_000, "b": 1_000_000_000}
_NOT_AN_AMOUNT = "is not an amount; try 45000, $45,000 or 45k"
_PERCENT = re.compile(r"(-?\d+(?:\.\d+)?|\.\d+)\s*(%?)")
_NOT_A_PERCENTAGE = "is not a percentage; try 60 or 60%"

_FLAGS = dict.fromkeys(("true", "yes", "1", "1.0"), True) | dict.fromkeys(("false", "no", "0", "0.0"), False)

_ORDERED = re.compile(r"(\d{1,2})[/-](\d{1,2})[/-](?:\d{4}|\d{2})(?!\d)")
_SLASHED = re.compile(r"(\d{1,2})[/-](\d{1,2})(?:[/-](\d{4}|\d{2}))?")
_ISO = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:[T ][\d:.]+(?:Z|[+-]\d\d:?\d\d)?)?")
_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")
_MONTH_FIRST = re.compile(r"([A-Za-z]{3,9})\.?\s+(\d{1,2})(?:,?\s+(\d{4}))?")
_DAY_FIRST = re.compile(r"(\d{1,2})\s+([A-Za-z]{3,9})\.?(?:,?\s+(\d{4}))?")
_MONTHS = [name.lower() for name in calendar.month_name]
_TIMED = re.compile(
    r"(?P<date>.+?),? +(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d))?(?: ?(?P<half>[APap])\.?[Mm]\.?)?"
)
_MILLISECONDS = re.compile(r"\d{13}")
_NOT_A_DATE = "is not a date; try 12/31/2026 or 2026-12-31"

_NAT = np.datetime64("NaT", "us")

_FIRST_SERIAL, _LAST_SERIAL = 20_000, 110_000
"""Days since `EPOCH` that count as dates, 1954 to 2201; smaller numbers are rather amounts or years."""
EPOCH = datetime(1899, 12, 30)
"""Day 0 of a workbook's dates, as Excel and LibreOffice have it."""
_MOST_NAMED = 3
"""Bad cells that one error names; the rest are counted."""


# Amounts and percentages


def read_amount(text: str) -> float:
    """Read money or another number.

    Examples
    --------
    >>> read_amount("$12,000.50"), read_amount("45k"), read_amount("1.2M"), read_amount("($500)")
    (12000.5, 45000.0, 1200000.0, -500.0)
    """
    bare = text.strip()
    negative = bare.startswith("(") and bare.endswith(")")
    found = _AMOUNT.fullmatch(bare[1:-1].strip() if negative else bare)
    if found is None:
        raise BadCell(_NOT_AN_AMOUNT)
    amount = float(found["figure"].replace(",", ""))
    if found["unit"]:
        amount = round(amount * _UNITS[found["unit"].lower()], 9)
    return -amount if negative or found["minus"] or found["minus2"] else amount


def read_percent(text: str) -> float:
    """Read a percentage from 0 to 100.

    A fraction such as 0.8, which may mean two things, is refused.

    Examples
    --------
    >>> read_percent("60"), read_percent("60 %"), read_percent("0.8%")
    (60.0, 60.0, 0.8)
    """
    number, signed = _split_percent(text.strip())
    if number < 0:
        raise BadCell(_NOT_A_PERCENTAGE)
    if number > 100:
        raise BadCell("is above 100%; type a percentage from 0 to 100")
    if 0 < number < 1 and not signed:
        raise BadCell(f"may mean {number * 100:g}% or {number:g}%; type the sign: {number * 100:g}%")
    return number


def _split_percent(cell: Any) -> tuple[float, bool]:
    """Read a number, and whether it has the percent sign."""
    if not isinstance(cell, str):
        return _check_number(cell, _NOT_A_PERCENTAGE), False
    found = _PERCENT.fullmatch(cell)
    if found is None:
        raise BadCell(_NOT_A_PERCENTAGE)
    return float(found[1]), bool(found[2])


def _check_number(cell: Any, otherwise: str) -> float:
    if isinstance(cell, (int, float, np.integer, np.floating)) and not isinstance(cell, bool):
        return float(cell)
    raise BadCell(otherwise)


def read_flag(text: str) -> bool:
    """Read yes or no.

    Examples
    --------
    >>> read_flag("TRUE"), read_flag("no")
    (True, False)
    """
    word = text.strip().casefold()
    if word not in _FLAGS:
        raise BadCell("is neither true nor false")
    return _FLAGS[word]


# Dates and times


def read_date(text: str, *, year: int | None = None, day_first: bool | None = False) -> pd.Timestamp:
    """Read a calendar date.

    Without a year it is one of `year`, by default this year. ``3/4/2026`` is April 3 with `day_first`, else March 4;
    None refuses a date that can be read in both ways.

    Examples
    --------
    >>> [f"{read_date(text, year=2026):%Y-%m-%d}" for text in ("12/31", "Dec 31", "31 Dec 2027", "2026-02-01")]
    ['2026-12-31', '2026-12-31', '2027-12-31', '2026-02-01']
    """
    return pd.Timestamp(_parse_date(text, year or date.today().year, day_first)).as_unit("us")


# A column of times has few days: a hundred thousand of them, two years' worth.
@lru_cache(maxsize=4096)
def _parse_date(text: str, this_year: int, day_first: bool | None) -> date:
    """Read a calendar date, without pandas: a column may hold many."""
    bare = text.strip()
    if found := _ISO.fullmatch(bare):
        return _check_date(int(found[1]), int(found[2]), int(found[3]))
    if found := _DOTTED.fullmatch(bare):
        return _check_date(int(found[3]), int(found[2]), int(found[1]))
    if found := _SLASHED.fullmatch(bare):
        full = this_year if found[3] is None else int(found[3]) + (2000 if len(found[3]) == 2 else 0)
        return _parse_slashed(full, int(found[1]), int(found[2]), day_first)
    named = _MONTH_FIRST.fullmatch(bare)
    month, day, written = named.groups() if named else ("", "", None)
    if named is None and (named := _DAY_FIRST.fullmatch(bare)):
        day, month, written = named.groups()
    if named is None or not (number := _find_month(month)):
        raise BadCell("is not a date; try 12/31/2026, Dec 31 or 2026-12-31")
    return _check_date(int(written or this_year), number, int(day))


def _find_month(name: str) -> int:
    """Find a month by its name or the start of it; 0 for another word."""
    fitting = [number for number, full in enumerate(_MONTHS) if full and full.startswith(name.lower())]
    if name.lower() == "sept":
        return 9
    return fitting[0] if len(fitting) == 1 else 0


class _TwoReadings(BadCell):
    """A date such as 3/4/2027 whose order of day and month nothing settles."""

    def __init__(self, year: int, first: int, second: int) -> None:
        days = (date(year, first, second), date(year, second, first))
        self.both = " or ".join(format_day(day, year=True) for day in days)
        super().__init__(f"may mean {self.both}; write it as {days[0]}")


def _parse_slashed(year: int, first: int, second: int, day_first: bool | None) -> date:
    if day_first is None and first != second and 1 <= first <= 12 and 1 <= second <= 12 and year:
        raise _TwoReadings(year, first, second)
    # Above 12 it can only be a day.
    if day_first or (day_first is None and first > 12):
        first, second = second, first
    return _check_date(year, first, second)


def _check_date(year: int, month: int, day: int) -> date:
    if not 1 <= month <= 12:
        raise BadCell(f"is not a date: there is no month {month}")
    if not 1 <= year <= 9999:
        raise BadCell(f"is not a date: there is no year {year}")
    days = calendar.monthrange(year, month)[1]
    if not 1 <= day <= days:
        raise BadCell(f"is not a date: {calendar.month_name[month]} {year} has {days} days")
    return date(year, month, day)


def read_serial_date(number: Any, epoch: datetime = EPOCH) -> pd.Timestamp | None:
    """Read a workbook's date that became a number: the days since `epoch`; None for any other number.

    Examples
    --------
    >>> read_serial_date(46_351), read_serial_date(12_000)
    (Timestamp('2026-11-25 00:00:00'), None)
    """
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        return None
    if not _FIRST_SERIAL <= number <= _LAST_SERIAL:
        return None
    return pd.Timestamp(epoch) + pd.Timedelta(days=float(number)).round("s")


def _parse_time(cell: Any, day_first: bool | None) -> tuple[datetime, bool]:
    """Read a date or time, and whether it is in UTC rather than local time."""
    if isinstance(cell, str):
        # Most exports write ISO 8601.
        if cell[4:5] == "-" and len(cell) > 10:
            with suppress(ValueError):
                return _split_zone(datetime.fromisoformat(cell))
        if _MILLISECONDS.fullmatch(cell):
            return datetime(1970, 1, 1) + timedelta(milliseconds=int(cell)), True
        timed = _TIMED.fullmatch(cell)
        day = _parse_date(cell if timed is None else timed["date"], date.today().year, day_first)
        return datetime.combine(
            day, time() if timed is None else _parse_time_of_day(*timed.groups()[1:])
        ), False
    if isinstance(cell, (datetime, date, np.datetime64)):
        return _split_zone(pd.Timestamp(cell).to_pydatetime())
    serial = read_serial_date(cell)
    if serial is None:
        raise BadCell(_NOT_A_DATE)
    return serial.to_pydatetime(), False


def _split_zone(moment: datetime) -> tuple[datetime, bool]:
    if moment.tzinfo is None:
        return moment, False
    return moment.astimezone(UTC).replace(tzinfo=None), True


@lru_cache(maxsize=4096)
def _parse_time_of_day(*parts: str | None) -> time:
    hour, minute, second = (int(part or 0) for part in parts[:3])
    half = (parts[3] or "").lower()
    if minute > 59 or second > 59 or hour > (12 if half else 23) or (half and not hour):
        raise BadCell("has a time of day that does not exist")
    return time(hour % 12 + 12 * (half == "p") if half else hour, minute, second)


# Names


def fold(name: str) -> str:
    """Fold a name to what tells it apart: case, spaces, hyphens and underscores do not.

    Examples
    --------
    >>> fold("Closed - Won"), fold(" closed_won")
    ('closed_won', 'closed_won')
    """
    return re.sub(r"[\s_-]+", "_", name.casefold()).strip("_") or name


def match_name(typed: str, names: Mapping[str, str] | Iterable[str]) -> str | None:
    """Find the name that `typed` spells; None for another word, and where two names differ only in case or signs.

    A mapping leads from each spelling, aliases included, to its name.

    Examples
    --------
    >>> match_name("Closed-won", ["closed_won", "closed_lost"]), match_name("won", ["closed_won"])
    ('closed_won', None)
    """
    known = names if isinstance(names, Mapping) else {name: name for name in names}
    if typed in known:
        return known[typed]
    wanted = fold(typed)
    found = {name for spelling, name in known.items() if fold(spelling) == wanted}
    return found.pop() if len(found) == 1 else None


def suggest(typed: str, names: Iterable[str], *, most: int = 2) -> list[str]:
    """Suggest the names that somebody may have meant: those that contain `typed`, else the closest ones.

    Examples
    --------
    >>> suggest("closed", ["proposal", "closed_won", "closed_lost"]), suggest("propsal", ["proposal", "closed_won"])
    (['closed_won', 'closed_lost'], ['proposal'])
    """
    folded = {fold(name): name for name in names}
    wanted = fold(typed)
    # A word of one or two letters is inside many names.
    within = [name for spelling, name in folded.items() if wanted in spelling] if len(wanted) > 2 else []
    return (within or [folded[near] for near in get_close_matches(wanted, folded, n=most)])[:most]


def did_you_mean(
    typed: str, names: Iterable[str], *, most: int = 1, write: Callable[[str], str] = repr
) -> str:
    """Ask for the name that somebody may have meant, as the end of a message; empty when none is close.

    Examples
    --------
    >>> did_you_mean("qualifcation", ["qualification", "proposal"]), did_you_mean("x", ["proposal"])
    ("did you mean 'qualification'?", '')
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
    reason: str
    """Completes "row 12: Amount='abc' …"."""

    def __str__(self) -> str:
        shown = repr(self.value)
        return (
            f"row {self.row}: {self.column}={shown if len(shown) <= 80 else shown[:79] + '…'} {self.reason}"
        )


def refuse(file: str, bad: Sequence[BadValue]) -> NoReturn:
    """Raise one error that names the first bad cells in the order of the file, and counts the rest."""
    first = sorted(bad, key=lambda one: (one.row, one.column))[:_MOST_NAMED]
    more = f" (and {len(bad) - _MOST_NAMED:,} more)" if len(bad) > _MOST_NAMED else ""
    raise DataError(f"{file}: {'; '.join(map(str, first))}{more}")


@dataclass(frozen=True)
class Cells:
    """A column of a file as its distinct cells, so that each is read once."""

    label: str
    """The file's own label, for messages."""
    rows: pd.Index[Any]
    """Row of the file for each row of the column."""
    codes: NDArray[np.intp]
    """Place in `distinct` for each row; −1 where the cell is empty."""
    distinct: pd.Series[Any]
    """The distinct cells, at their dtype."""

    @classmethod
    def of(cls, column: pd.Series[Any], label: str) -> Cells:
        """The cells of a column whose index is the row of the file."""
        codes, cells = pd.factorize(column)
        # An index of objects would have its type inferred.
        return cls(label, column.index, codes, pd.Series(cells, dtype=cells.dtype))

    def spread(self, values: NDArray[Any], missing: Any) -> pd.Series[Any]:
        """Spread one value for each distinct cell over the rows."""
        each = np.append(values, np.array([missing], dtype=values.dtype))[self.codes]
        return pd.Series(each, index=self.rows)

    def read_each(self, read: Callable[[Any], Any]) -> tuple[dict[int, Any], dict[int, str]]:
        """Read the distinct cells: the values by place, and the reasons of those that `read` refuses."""
        values: dict[int, Any] = {}
        reasons: dict[int, str] = {}
        for place, cell in enumerate(self.distinct.tolist()):
            try:
                values[place] = read(cell)
            except BadCell as error:
                reasons[place] = str(error)
        return values, reasons

    def find_bad(self, reasons: Mapping[int, str]) -> list[BadValue]:
        """Find the rows of the cells that were refused, each with its reason."""
        if not reasons:
            return []
        found = np.flatnonzero(np.isin(self.codes, list(reasons)))
        return [
            BadValue(int(self.rows[row]), self.label, self.distinct.iloc[code], reasons[code])
            for row, code in ((int(row), int(self.codes[row])) for row in found)
        ]


def as_texts(column: pd.Series[Any]) -> pd.Series[Any]:
    """Write a column as text; a whole number of a workbook without its decimals.

    Examples
    --------
    >>> as_texts(pd.Series(["a", 7.0, None], dtype="object")).tolist()
    ['a', '7', nan]
    """
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


def read_amounts(cells: Cells, currency: str | None = None) -> tuple[pd.Series[Any], list[BadValue]]:
    """Read a column of amounts such as ``$120,000.00``, ``USD 485`` or 45000; NaN where a cell is empty or bad.

    An amount in another currency than `currency` is a bad value.
    """
    amounts = np.full(len(cells.distinct), np.nan)
    found, reasons = cells.read_each(lambda cell: _read_amount_in(cell, currency))
    amounts[list(found)] = list(found.values())
    return cells.spread(amounts, np.nan), cells.find_bad(reasons)


def _read_amount_in(cell: Any, currency: str | None) -> float:
    """Read an amount that may name its currency."""
    if not isinstance(cell, str):
        return _check_number(cell, _NOT_AN_AMOUNT)
    coded = _CODED.fullmatch(cell)
    if coded is None:
        return read_amount(cell)
    code = coded["code"] or coded["after"]
    if currency is not None and code != currency:
        raise BadCell(f"is in {code}, and the org's currency is {currency}; convert it first")
    return read_amount(coded["amount"] or coded["before"])


def read_percents(cells: Cells, *, fractions: bool = False) -> tuple[pd.Series[Any], list[BadValue], bool]:
    """Read a column of percentages, 0 to 100; with the bad values, and whether numbers without a sign were fractions.

    Numbers without a sign are fractions where none is above 1 and one is between 0 and 1, or where the caller says so.

    Examples
    --------
    >>> [read_percents(Cells.of(pd.Series(column), "p"))[0].tolist() for column in (["80%", "5"], [0.8, 1.0])]
    [[80.0, 5.0], [80.0, 100.0]]
    """
    found, reasons = cells.read_each(_split_percent)
    bare = {place: number for place, (number, signed) in found.items() if not signed}
    fractional = bool(bare) and max(bare.values()) <= 1
    fractional = fractional and (fractions or any(0 < number < 1 for number in bare.values()))
    percents = np.full(len(cells.distinct), np.nan)
    for place, (number, signed) in found.items():
        percents[place] = number if signed or not fractional else round(number * 100, 9)
        if not 0 <= percents[place] <= 100:
            reasons[place] = "is not between 0% and 100%"
    if bare and not fractional and max(bare.values()) == 1:
        doubt = "may mean 1% or 100%; write it with its sign"
        reasons |= {place: doubt for place, number in bare.items() if number == 1}
    return cells.spread(percents, np.nan), cells.find_bad(reasons), fractional


def read_flags(cells: Cells) -> tuple[pd.Series[Any], list[BadValue]]:
    """Read a column of yes and no; an empty cell is no."""
    found, reasons = cells.read_each(lambda cell: read_flag(str(cell)))
    flags = np.zeros(len(cells.distinct), dtype=bool)
    flags[list(found)] = list(found.values())
    return cells.spread(flags, False), cells.find_bad(reasons)


def find_day_order(columns: Iterable[Cells], file: str | None = None) -> bool | None:
    """Find out whether the day comes first in a file's dates; None when no row settles it.

    A contradiction is an error that names both rows; without the name of the `file`, it is None.
    """
    found: dict[bool, BadValue] = {}
    for column in columns:
        for place, cell in enumerate(column.distinct.tolist()):
            parts = _ORDERED.match(cell) if isinstance(cell, str) else None
            # Above 12 it can only be a day.
            for side, day_first, which in ((1, True, "day"), (2, False, "month")):
                if parts and int(parts[side]) > 12 and day_first not in found:
                    found[day_first] = column.find_bad({place: f"has the {which} first"})[0]
            if len(found) == 2:
                break
    if len(found) < 2:
        return next(iter(found), None)
    if file is None:
        return None
    first, last = sorted(found.values())
    refuse(file, [first, replace(last, reason=f"{last.reason}; write all dates in one order")])


def read_dates(cells: Cells, day_first: bool | None) -> tuple[pd.Series[Any], list[BadValue]]:
    """Read a column of dates, datetime64[us]; a time of day is dropped."""
    stamps, reasons, _ = _read_times(cells, day_first)
    return cells.spread(stamps, _NAT).dt.normalize(), cells.find_bad(reasons)


def read_instants(cells: Cells, day_first: bool | None, tz: str) -> tuple[pd.Series[Any], list[BadValue]]:
    """Read a column of times, datetime64[us, UTC]; a time without a zone is local time in `tz`.

    Examples
    --------
    >>> cells = Cells.of(pd.Series(["11/25/2026 9:14 AM"]), "Created Date")
    >>> read_instants(cells, False, "America/Chicago")[0].iloc[0]
    Timestamp('2026-11-25 15:14:00+0000', tz='UTC')
    """
    stamps, reasons, is_utc = _read_times(cells, day_first)
    walls: pd.Series[Any] = pd.Series(np.where(is_utc, _NAT, stamps))
    local = walls.dt.tz_localize(tz, ambiguous=np.ones(len(walls), dtype=bool), nonexistent="shift_forward")
    utc = local.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy(dtype="datetime64[us]")
    instants = cells.spread(np.where(is_utc, stamps, utc), _NAT).dt.tz_localize("UTC")
    return instants, cells.find_bad(reasons)


def _read_times(
    cells: Cells, day_first: bool | None
) -> tuple[NDArray[np.datetime64], dict[int, str], NDArray[np.bool_]]:
    """Read the distinct cells as times; with the reasons of bad ones, and which times are in UTC."""
    distinct = cells.distinct
    if pd.api.types.is_datetime64_any_dtype(distinct.dtype):
        aware = isinstance(distinct.dtype, pd.DatetimeTZDtype)
        plain = distinct.dt.tz_convert("UTC").dt.tz_localize(None) if aware else distinct
        return plain.to_numpy(dtype="datetime64[us]"), {}, np.full(len(distinct), aware)

    def read(cell: Any) -> tuple[datetime, bool]:
        try:
            return _parse_time(cell, day_first)
        except _TwoReadings as doubt:
            raise BadCell(
                f"may mean {doubt.both}, and no other row of the file tells; use day_first=True or False, in the shell "
                "--day-first or --month-first"
            ) from None

    stamps, is_utc = np.full(len(distinct), _NAT), np.zeros(len(distinct), dtype=bool)
    found, reasons = cells.read_each(read)
    for place, (moment, in_utc) in found.items():
        stamps[place], is_utc[place] = moment, in_utc
    return stamps, reasons, is_utc
