"""Figures that people read: found in text, made from values, and compared."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

import pandas as pd

from opp_analytics import text
from opp_analytics.columns import find_unit

__all__ = ["CHANCE", "EVERYWHERE", "FLAGGED", "FORECAST", "Ledger", "Pool", "find_figures"]

EVERYWHERE = "all surfaces"
"""The scope of what every surface must say alike."""
FORECAST, CHANCE = "forecast of the current period", "chance of the current target"
FLAGGED = re.compile(r"([\d,]+) of ([\d,]+) open deals? ha(?:s|ve) a flag")

_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
_SHORT = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_FIGURE = re.compile(
    r"\d{4}-\d\d-\d\d(?: \d\d:\d\d)?"
    rf"|\b(?:{_SHORT}) \d{{1,2}}(?:, \d{{4}})?(?![\d,.]*[\dKMBT%×])"
    rf"|\b(?:{_MONTHS}|{_SHORT}) \d{{4}}\b"
    r"|\bFY\d\d(?: Q[1-4])?|\bQ[1-4](?: \d{4})?\b"
    r"|[<>]?(?:[$€£¥₹]|\b(?:CHF|JPY)[ "
    r"\u00a0])?(?<![\d.,])(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[KMBT]\b|%|×| pts?\b)?"
    r"|\b[Tt]wo\b|\b[Tt]hree\b|\b[Ff]our\b|\b[Ff]ive\b|\b[Ss]ix\b|\b[Ss]even\b|\b[Ee]ight\b|\b[Nn]ine\b"
)
_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_NO_FIGURES = re.compile(
    r"in seven days each|the other two|either|any one|first two|of these (?:two|three)|Scale "
    r"from \S+ to \S+"
    r"|[\d,]+ more (?:deals?(?:, (?:none|[\d,]+) of them)? )?in the workbook|Q[1-4]-[A-Z]{3}",
    re.IGNORECASE,
)
"""Words with a number that count nothing."""


def find_figures(words: str, names: Iterable[str] = ()) -> Iterator[str]:
    """Find every figure of a text, without the digits of names; a number in words becomes digits,
    signs are dropped."""
    digits = sorted({name for name in names if any(map(str.isdigit, name))}, key=len, reverse=True)
    if digits:
        words = re.sub("|".join(map(re.escape, digits)), " · ", words)
    for found in _FIGURE.finditer(_NO_FIGURES.sub("·", words)):
        figure = found[0].replace("\u00a0", " ").strip()
        low = figure.lower()
        yield str(_WORDS.index(low)) if low in _WORDS else figure


class Pool:
    """The figures that the functions behind a text give, in every form in which people read
    them."""

    def __init__(self, currency: str | None = None) -> None:
        self.currency = currency
        self.figures: set[str] = set()

    def copy(self) -> Pool:
        """A pool that begins with these figures."""
        made = Pool(self.currency)
        made.figures = set(self.figures)
        return made

    def words(self, *said: str) -> Pool:
        """Add the figures of a text that is right by itself."""
        for each in said:
            self.figures.update(find_figures(each))
        return self

    def money(self, *values: float) -> Pool:
        """Add amounts."""
        for value in values:
            if math.isfinite(value):
                size = abs(float(value))
                for form in ({}, {"fine": True}, {"full": True}):
                    self._add(text.money(size, self.currency, **form))
                    self._add(text.money(size, None, **form))
                # Whole amounts are rounded up or down so that parts add up.
                self.figures |= {f"{math.floor(size):,}", f"{math.ceil(size):,}", text.number(size)}
                for whole in (math.floor(size), math.ceil(size)):
                    self._add(text.money(whole, self.currency, full=True))
                    self._add(text.money(whole, self.currency, fine=True))
                self.figures |= {text.number(size / 1e3), text.number(size / 1e6, 1)}
        return self

    def rate(self, *fractions: float) -> Pool:
        """Add shares and chances."""
        for fraction in fractions:
            if math.isfinite(fraction):
                self._add(text.percent(fraction))
                self._add(text.percent(abs(fraction)))
                self._add(text.points(fraction))
        return self

    def ratio(self, *values: float) -> Pool:
        """Add multiples."""
        for value in values:
            if math.isfinite(value):
                self._add(text.times(abs(value)))
        return self

    def count(self, *numbers: float) -> Pool:
        """Add counts."""
        for number in numbers:
            if math.isfinite(number):
                self.figures |= {text.number(abs(number)), text.number(abs(number), 1)}
        return self

    def day(self, *dates: Any) -> Pool:
        """Add days."""
        for date in dates:
            if not pd.isna(date):
                stamp = pd.Timestamp(date)
                self.figures |= {
                    text.day(stamp),
                    text.day(stamp, year=True),
                    f"{stamp:%Y-%m-%d}",
                    f"{stamp:%Y-%m-%d %H:%M}",
                }
        return self

    def periods(self, labels: Iterable[str], freq: str, today: Any) -> Pool:
        """Add names of periods."""
        for label in labels:
            self.words(text.period(label, freq), text.period_name(label, freq, today=today), label)
            self.words(text.period_name(label, freq, today=today, short=True))
            found = re.match(r"(\d{4})-(\d\d)$", label)
            if found:
                self.words(f"{pd.Timestamp(label):%b %Y}", f"{pd.Timestamp(label):%B %Y}")
        return self

    def table(self, table: pd.DataFrame | None) -> Pool:
        """Add every cell of a result table."""
        if table is None:
            return self
        for name, column in table.reset_index().items():
            unit = find_unit(str(name))
            value: Any
            for value in column.drop_duplicates():
                if isinstance(value, (pd.Timestamp, pd.Period)):
                    self.day(getattr(value, "start_time", value))
                elif isinstance(value, str):
                    self.words(value)
                elif isinstance(value, Real) and math.isfinite(value):
                    add = {"money": self.money, "rate": self.rate, "ratio": self.ratio}.get(
                        unit, self.count
                    )
                    add(float(value))
                    if unit == "percent":
                        self.rate(float(value) / 100)
        return self

    def _add(self, figure: str) -> None:
        self.figures.add(figure.replace("\u00a0", " ").lstrip("−+"))

    def __contains__(self, figure: str) -> bool:
        return figure in self.figures


@dataclass
class Ledger:
    """What was compared, and what differs."""

    world: str
    count: int = 0
    mismatches: list[str] = field(default_factory=list)
    claims: dict[tuple[str, str], dict[str, list[str]]] = field(default_factory=dict)

    def _differ(self, line: str) -> None:
        if (whole := f"{self.world} · {line}") not in self.mismatches:
            self.mismatches.append(whole)

    def same(self, where: str, said: Any, given: Any) -> None:
        """Compare what a surface says with what the function gives."""
        self.count += 1
        said, given = _plain(said), _plain(given)
        if said != given:
            self._differ(f"{where}: says {said!r}, the function gives {given!r}")

    def near(self, where: str, said: float, given: float, within: float = 0.005) -> None:
        """Compare two numbers."""
        self.count += 1
        if not (abs(said - given) <= within or (math.isnan(said) and math.isnan(given))):
            self._differ(f"{where}: says {said!r}, the function gives {given!r}")

    def among(self, where: str, words: str, pool: Pool, names: Iterable[str] = ()) -> None:
        """Compare every figure of a text with those that the functions behind it give."""
        for figure in find_figures(words, names):
            self.count += 1
            if figure not in pool:
                at = max(words.find(figure), 0)
                excerpt = " ".join(words[max(at - 60, 0) : at + 60].split())
                self._differ(f"{where}: {figure!r} comes from no function in {excerpt!r}")

    def claim(self, scope: str, noun: str, said: str, where: str) -> None:
        """Note what a place says of something that all places of a scope must say alike."""
        self.claims.setdefault((scope, noun), {}).setdefault(_plain(said), []).append(where)

    def agree(self) -> None:
        """Compare the claims with each other."""
        for (scope, noun), said in self.claims.items():
            self.count += sum(map(len, said.values()))
            if len(said) > 1:
                each = "; ".join(
                    f"{what!r} ({', '.join(dict.fromkeys(where[:3]))})"
                    for what, where in said.items()
                )
                self._differ(f"{scope}: {noun} differs: {each}")
        self.claims.clear()


def _plain(said: Any) -> Any:
    return said.replace("\u00a0", " ") if isinstance(said, str) else said
