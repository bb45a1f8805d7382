"""Text for people: money, percent, counts, dates and names, each in one form everywhere."""

from __future__ import annotations

import html
import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd
from babel.numbers import (
    format_compact_currency,
    format_compact_decimal,
    format_currency,
    format_decimal,
    get_currency_name,
)

MISSING = "–"
"""Shown for an unknown number."""

_LOCALE = "en_US"
_IMPLAUSIBLE = 1e15
"""Larger amounts are surely errors; use scientific notation."""
_THOUSAND = 1_000
_MINUS = "−"
_PERIOD = re.compile(
    r"(?P<year>\d{4})(?:Q(?P<quarter>[1-4])|-(?P<month>\d\d)(?:-(?P<day>\d\d)/\d{4}-\d\d-\d\d)?)?$"
)
_LETTER_DIGIT = re.compile(r"(?<=[A-Za-z])(?=\d)")
_IRREGULAR = {"person": "people"}
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # controls: they move the cursor, ring, clear, recolor
    # bidirectional controls: they reorder what is read
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
    # line separators; lone surrogates and what is no character, which no file encodes
    "\u2028\u2029\ud800-\udfff\ufffe\uffff]"
)
_BREAK = re.compile("[\t-\r\x85\u2028\u2029]+")
_BREAKS = re.compile("[^\n]+")
_LEFTWARD = "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]+"
_LEFTWARD_NAME = re.compile(rf"{_LEFTWARD}(?:[ \d'’\"./&()-]{{1,12}}{_LEFTWARD})*")
FIRST_ISOLATE, LAST_ISOLATE = "\u2068", "\u2069"
"""What Unicode puts around a text whose direction is its own."""


def money(
    value: float,
    currency: str | None = None,
    *,
    full: bool = False,
    signed: bool = False,
    fine: bool = False,
    thousands: bool = False,
) -> str:
    """Write an amount of money, rounded for reading; no currency sign when the currency is unknown.

    Thousands are whole from 10K on and have one decimal below; millions and more have three digits.

    With `full`, all digits, and cents where there are some; with `fine`, three digits of thousands
    too. With `thousands`, an amount below a thousand is a tenth of one or more, or 0: "$0.2K".
    """
    if not math.isfinite(value):
        return MISSING
    if abs(value) >= _IMPLAUSIBLE:
        return _sign(value, signed) + (f"{currency} " if currency else "") + f"{abs(value):.2e}"
    if thousands:
        value = math.copysign(_half_up(abs(value), -2), value)
    shown = round(abs(value), 2) if full else _rounded(abs(value), fine)
    # Cents only where there are some.
    digits = "#,##0" if shown == int(shown) else "#,##0.00"
    if thousands and 0 < shown < _THOUSAND:
        full, digits, shown = True, "0.0K", shown / _THOUSAND
    if full:
        figure = (
            format_decimal(shown, digits, locale=_LOCALE)
            if currency is None
            else format_currency(
                shown, currency, f"¤{digits}", locale=_LOCALE, currency_digits=False
            )
        )
    elif currency is None:
        figure = format_compact_decimal(shown, locale=_LOCALE, fraction_digits=2)
    else:
        figure = format_compact_currency(shown, currency, locale=_LOCALE, fraction_digits=2)
    # "CHF 70K" but "$70K": a currency of letters is set apart.
    return _sign(value if shown else 0.0, signed) + _LETTER_DIGIT.sub("\N{NO-BREAK SPACE}", figure)


def money_range(
    low: float, high: float, write: Callable[..., str] = money, *, to: str = "–"
) -> str:
    """Write a range of money, whose ends are one amount where both are written alike.

    An end below a thousand is written in thousands beside one above it: "$170–$203K" would read as
    thousands at both.

    >>> (
    ...     money_range(170, 203_000),
    ...     money_range(20, 203_000),
    ...     money_range(170, 900),
    ...     money_range(9_000, 9_000),
    ... )
    ('0.2K–203K', '0–203K', '170–900', '9K')
    """
    # From 999.50 on an amount is written as 1K.
    small = [abs(end) < _THOUSAND - 0.5 for end in (low, high)]
    ends = (
        write(end, thousands=True) if below and not all(small) else write(end)
        for end, below in zip((low, high), small, strict=True)
    )
    return to.join(dict.fromkeys(ends))


def _rounded(value: float, fine: bool) -> float:
    if value < 1:
        return round(value, 2)
    digits = 3 if fine or not 1_000 <= value < 100_000 else 2
    return _half_up(value, digits - 1 - math.floor(math.log10(value)))


def _half_up(value: float, decimals: int) -> float:
    """Round a number at or above 0 to `decimals`.

    Negative ones round to tens, hundreds and so on.
    """
    scale = 10.0**decimals
    # 0.285 × 100 is a little less than 28.5 in binary.
    return float(math.floor(round(value * scale, 6) + 0.5) / scale)


def _sign(value: float, signed: bool) -> str:
    return _MINUS if value < 0 else "+" if signed and value > 0 else ""


def number(value: float, digits: int = 0, *, signed: bool = False) -> str:
    """Write a number with thousands separators, halves rounded up."""
    if not math.isfinite(value):
        return MISSING
    figure = f"{_half_up(abs(value), digits):,.{digits}f}"
    return _sign(value if float(figure.replace(",", "")) else 0.0, signed) + figure


def percent(fraction: float, digits: int = 0, *, signed: bool = False) -> str:
    """Write a fraction as a percentage, halves rounded up.

    0% and 100% of a share or chance are written only when exact.
    """
    if not math.isfinite(fraction):
        return MISSING
    rounded, step = _half_up(abs(fraction) * 100, digits), 10.0**-digits
    if not signed and rounded == 0 and fraction > 1e-9:
        return f"<{step:.{digits}f}%"
    if not signed and rounded == 100 and 0 < fraction < 1 - 1e-9:
        return f">{100 - step:.{digits}f}%"
    return f"{_sign(math.copysign(rounded, fraction), signed)}{rounded:,.{digits}f}%"


def whole_percents(fraction: float) -> float:
    """Round a fraction to whole percents, as `percent` shows it."""
    return math.copysign(_half_up(abs(fraction) * 100, 0) / 100, fraction)


def points(fraction: float, *, signed: bool = False) -> str:
    """Write a difference between two percentages: 62 pts."""
    if not math.isfinite(fraction):
        return MISSING
    whole = _half_up(abs(fraction) * 100, 0)
    figure = "<1 pt" if not whole and fraction else f"{whole:.0f} {'pt' if whole == 1 else 'pts'}"
    return f"{_sign(fraction, signed) if signed else ''}{figure}"


def times(ratio: float) -> str:
    """Write a ratio, such as 3.4×; one decimal below ten."""
    if not math.isfinite(ratio):
        return MISSING
    if 0 < ratio < 0.05:
        return "<0.1×"
    return f"{number(ratio, int(ratio < 9.95))}×"


def currency_name(currency: str | None) -> str:
    """Name a currency in words, such as "US dollars"; empty when it is unknown."""
    return get_currency_name(currency, count=2, locale=_LOCALE) if currency else ""


_DIGITS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def spelled(n: int, noun: str = "") -> str:
    """Spell a number in prose, in words below ten, with its noun: "five open deals"."""
    figure = _DIGITS[n] if 0 <= n < len(_DIGITS) else f"{n:,}"
    return f"{figure} {noun if n == 1 else plural(noun)}" if noun else figure


def capital(words: str) -> str:
    """Write a text with its first letter in upper case."""
    return words[:1].upper() + words[1:]


def plural(noun: str) -> str:
    """Form the plural of a noun."""
    if noun in _IRREGULAR:
        return _IRREGULAR[noun]
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("s", "x", "z", "ch", "sh")) else f"{noun}s"


def count(n: int, noun: str = "deal") -> str:
    """Count things: "12,480 deals"."""
    return f"{n:,} {noun if n == 1 else plural(noun)}"


def often(n: int) -> str:
    """Write how often something was done: once, twice, 3 times."""
    return {1: "once", 2: "twice"}.get(n, f"{n} times")


def day(date: Any, *, year: bool = False) -> str:
    """Write a date in prose and on axes: "Nov 25", or "Nov 25, 2026"."""
    stamp: Any = pd.Timestamp(date)
    if pd.isna(stamp):
        return MISSING
    return f"{stamp:%b} {stamp.day}" + (f", {stamp.year}" if year else "")


def days(first: Any, last: Any) -> str:
    """Write a range of days, with its year: "Nov 1 to Nov 30, 2026"."""
    start, end = pd.Timestamp(first), pd.Timestamp(last)
    if start == end:
        return day(end, year=True)
    return f"{day(start, year=start.year != end.year)} to {day(end, year=True)}"


def period(name: str, freq: str | None = None, *, months: bool = True) -> str:
    """Write a period for people: a week by its first day, a fiscal period by year and months."""
    found = _PERIOD.match(name)
    if found is None:
        return name
    if found["day"]:
        return day(name[:10], year=True)
    if found["month"]:
        return f"{pd.Timestamp(name):%b %Y}"
    quarter = f"Q{found['quarter']} " if found["quarter"] else ""
    ends = (freq or "").partition("-")[2]
    if ends in ("", "DEC"):
        return f"{quarter}{found['year']}"
    fiscal = f"FY{found['year'][2:]} {quarter}".rstrip()
    if not months:
        return fiscal
    span = pd.Period(name, freq=f"{'Q' if quarter else 'Y'}-{ends}")
    return f"{fiscal} ({span.start_time:%b}–{span.end_time:%b})"


def period_name(name: str, freq: str | None = None, *, today: Any, short: bool = False) -> str:
    """Write a period in a sentence; its year only when it is not this one.

    With `short`, a month has three letters, as beside a bar.
    """
    found = _PERIOD.match(name)
    if found is None:
        return name
    other = int(found["year"]) != pd.Timestamp(today).year
    if found["day"]:
        return f"the week of {day(name[:10], year=other)}"
    if found["month"]:
        return f"{pd.Timestamp(name):{'%b' if short else '%B'}}" + (
            f" {found['year']}" if other else ""
        )
    shown = period(name, freq, months=False)
    return shown if other or not found["quarter"] or shown.startswith("FY") else shown[:2]


def label(name: Any) -> str:
    """Spell a name from the data for people: the one rule for columns, outcomes and methods."""
    return str(name).replace("_", " ")


def stage(name: Any) -> str:
    """Write a stage as its org does.

    A name for programs as a label: "Closed won" for ``closed_won``.
    """
    shown = str(name)
    return title(shown) if " " not in shown and ("_" in shown or shown.islower()) else shown


_MOVEMENTS = {
    "value": "amount changed",
    "value_up": "amount raised",
    "value_down": "amount cut",
    "removed": "deleted or disqualified",
    "won_later": "won, dated later",
    "owner": "owner changed",
    "chance": "re-judged",
}


_BOTH_WAYS = {
    "chance": ("more likely", "less likely"),
    "value": ("amount raised", "amount cut"),
    "transferred": ("moved in", "moved out"),
}
"""Movements by their direction."""


def movement(name: Any, change: float | None = None) -> str:
    """Name a movement of the pipeline, or of a forecast.

    `change` is by how much it changed the forecast; 0 is in both directions.
    """
    if change is not None and change < 0 and name == "won":
        return "won, less than expected"
    if change and name in _BOTH_WAYS:
        up, down = _BOTH_WAYS[name]
        return up if change > 0 else down
    return _MOVEMENTS.get(str(name), label(name))


_NOUNS = {"D": "day", "W": "week", "M": "month", "Q": "quarter", "Y": "year"}
_FORMULAS = {
    "weighted": "weighted pipeline",
    "category_weights": "fixed weights by category",
    "three_periods": "mean of the last three {noun}s",
    "stage_projection": "stage projection of the last {noun}",
    "stage_projection_4": "stage projection of the last four {noun}s",
    "last_period": "last {noun}’s number",
    "year_ago": "same {noun} a year ago",
}


def noun(freq: Any) -> str:
    """Name a period of a frequency in words, such as "quarter" for Q-JAN."""
    return _NOUNS.get(str(freq)[:1], "period")


def method(name: Any, freq: Any = None) -> str:
    """Name a forecast method, or a formula of others that it is compared with."""
    return _FORMULAS.get(str(name), label(name)).format(noun=noun(freq))


def title(name: Any) -> str:
    """Spell a name from the data with a capital, for the head of a table or a mark."""
    return capital(label(name))


def group_label(column: Any) -> str:
    """Spell a column that groups a table: by "owner", not by "owner name"."""
    return label(str(column).removesuffix("_name"))


def split_key(key: Any) -> tuple[Any, ...]:
    """Split the key of a row into those of its levels."""
    return key if isinstance(key, tuple) else (key,)


def join_key(key: Any) -> str:
    """Write the key of a row, several levels joined by a dot."""
    return " · ".join(map(str, split_key(key)))


def printable(value: Any, *, lines: bool = False) -> str:
    r"""Make a text from a server or a file safe for a terminal.

    Signs that would steer the terminal are spelled out.

    With `lines`, line breaks stay, as a message of several lines needs them.
    """
    shown = str(value)
    if lines:
        return _BREAKS.sub(lambda line: printable(line[0]), shown)
    return _UNPRINTABLE.sub(lambda found: ascii(found[0])[1:-1], shown)


def compose(name: Any) -> str:
    """Spell a name in the one way that its letters have (Unicode NFC): ``e´`` is ``é``."""
    return unicodedata.normalize("NFC", str(name))


def is_whole(words: str) -> bool:
    """Tell whether a text holds whole characters only.

    No file or server takes half of one, a lone surrogate.
    """
    try:
        words.encode()
    except UnicodeEncodeError:
        return False
    return True


def one_line(value: Any) -> str:
    """Write a text from the data as one line of a page, mail or workbook.

    A line break becomes a blank, and control signs are left out.
    """
    words = str(value)
    return words if words.isprintable() else _UNPRINTABLE.sub("", _BREAK.sub(" ", words))


def isolate(words: str) -> str:
    r"""Set off each name in a right-to-left script, so amounts beside it keep their order.

    >>> isolate(
    ...     "Most to go: \u05d3\u05e0\u05d4 $105K"
    ... ) == "Most to go: \u2068\u05d3\u05e0\u05d4\u2069 $105K"
    True
    """
    return (
        words
        if words.isascii()
        else _LEFTWARD_NAME.sub(rf"{FIRST_ISOLATE}\g<0>{LAST_ISOLATE}", words)
    )


def facts_html(title: str, facts: Mapping[str, Any]) -> str:
    """Write a small table of facts for a notebook; everything in it is text."""
    left = "style='text-align:left'"
    rows = "".join(
        f"<tr><th {left}>{html.escape(n)}</th><td {left}>{html.escape(printable(v))}</td></tr>"
        for n, v in facts.items()
    )
    return f"<table><caption>{html.escape(title)}</caption>{rows}</table>"


def joined(names: Iterable[Any], *, most: int | None = None, last: str = "and") -> str:
    """List names in a sentence; after `most` of them, the number of the rest."""
    shown: Sequence[str] = [str(name) for name in names]
    if most is not None and len(shown) > most:
        shown = [*shown[:most], f"{len(shown) - most:,} more"]
    return (
        shown[0]
        if len(shown) == 1
        else f"{', '.join(shown[:-1])} {last} {shown[-1]}"
        if shown
        else ""
    )


@dataclass(frozen=True)
class Piece:
    """A word, amount, day or name of a sentence; whoever shows it decides how it looks."""

    kind: Literal["text", "lead", "name", "deal", "money", "share", "date", "count"]
    """Text, of which `lead` is the part that stands out, or what its value is."""
    value: Any
    id: str = ""
    """Id of a deal."""
    noun: str = "deal"
    """What is counted."""

    def write(self, currency: str | None) -> str:
        """Write it as people read it."""
        match self.kind:
            case "money":
                return money(float(self.value), currency)
            case "share":
                return percent(float(self.value))
            case "date":
                return day(self.value)
            case "count":
                return count(int(self.value), self.noun)
        return one_line(self.value)


@dataclass(frozen=True)
class Sentence:
    """Words and typed pieces in their order, without a full stop."""

    pieces: tuple[Piece, ...] = ()

    @classmethod
    def of(cls, *parts: Piece | str) -> Sentence:
        """Join pieces and plain words."""
        return cls(tuple(Piece("text", one) if isinstance(one, str) else one for one in parts))

    @classmethod
    def join(cls, sentences: Sequence[Sentence], between: str = "; ") -> Sentence:
        """Join sentences into one."""
        parts: list[Piece | str] = []
        for one in sentences:
            parts += [between, *one.pieces] if parts else one.pieces
        return cls.of(*parts)

    def write(self, currency: str | None = None) -> str:
        """Write it in one line."""
        return "".join(piece.write(currency) for piece in self.pieces)
