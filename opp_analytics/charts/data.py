"""Charts as plain data: places, marks, curves, axes and words.

`plots` and `svg` render them alike.

A chart has places: rows from the top, or columns from the left when it is `upright`. Each place
carries its marks, measured along one axis in the units of the table. Curves, ribbons and levels run
across all places. Nothing here knows matplotlib, SVG or pixels; a preparation decides what is
drawn, in which order, colors and words; a renderer only fits it into the space.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import pandas as pd

from opp_analytics import text
from opp_analytics.columns import find_unit, write_key
from opp_analytics.note import note_of
from opp_analytics.org import Org, day_of

Tone = Literal["ink", "quiet", "rule", "bar", "mute", "pale", "hi", "band"]
"""ink: text, targets, actuals · quiet: captions, reference lines · rule: grid lines · bar: closed
money, totals · mute: context · pale: the rest of a whole · hi: the one highlight, what is expected
· band: the range of the highlight."""


@dataclass(frozen=True)
class BarMark:
    """A bar between two amounts."""

    start: float
    end: float
    tone: Tone
    thick: float | None = None
    """Share of the place's breadth; None for the renderer's default."""
    forms: tuple[str, ...] = ()
    """Text inside the bar, the longest form first; a bar with forms is part of a whole."""
    title: str = ""
    """Text on hover."""
    key: str = ""
    """Label of this part in its table."""
    strength: float = 1.0
    """Opacity, for the cells of a matrix."""


@dataclass(frozen=True)
class RangeMark:
    """A thin line between two amounts: an interval, or a link between two dots."""

    low: float
    high: float
    tone: Tone = "mute"
    capped: bool = False
    shift: float = 0.0
    """Distance from the middle of the place, as a share of its breadth."""
    cut: tuple[bool, bool] = (False, False)
    """Whether each end lies beyond the axis, and the line was cut there."""


@dataclass(frozen=True)
class DotMark:
    """A point, or a ring at the other end of a comparison."""

    at: float
    tone: Tone = "bar"
    size: float = 1.0
    hollow: bool = False
    title: str = ""


@dataclass(frozen=True)
class TickMark:
    """A line across its place, such as a target."""

    at: float
    tone: Tone = "ink"
    length: float = 1.0
    """Share of the place's breadth."""


@dataclass(frozen=True)
class BreakMark:
    """A gap across a bar that begins below the axis."""

    at: float


Mark = BarMark | RangeMark | DotMark | TickMark | BreakMark


@dataclass(frozen=True)
class Place:
    """One row or column of a chart, for one row of a table."""

    name: str
    marks: tuple[Mark, ...] = ()
    says: str = ""
    """Text at `end`."""
    end: float = 0.0
    """Amount at which `says` or `short` is shown."""
    short: str = ""
    """Short form of `says`, if figures are shown beside the marks."""
    figures: tuple[str, ...] = ()
    """Text in columns at the right."""
    title: str = ""
    """The place in words: on hover, and for a screen reader."""
    key: str = ""
    """Label of this place in its table."""
    at: float | None = None
    """Position among the others; None for one after another."""
    strong: bool = False
    """True for a total."""
    note: str = ""
    """Muted text after the name."""
    forms: tuple[str, ...] = ()
    """What is said under the bar in place of `short`, the longest form first."""


class EndName(NamedTuple):
    """A name at the right end of a curve or of a stack."""

    x: float
    y: float
    name: str
    tone: Tone


@dataclass(frozen=True)
class Curve:
    """A line through points across the places."""

    points: tuple[tuple[float, float], ...]
    tone: Tone
    width: float = 1.5
    dots: float = 0.0
    """Size of a dot at each point, in points; 0 for none."""
    stepped: bool = False
    dashed: bool = False


@dataclass(frozen=True)
class Ribbon:
    """An area between two curves: (position, low, high)."""

    points: tuple[tuple[float, float, float], ...]
    stepped: bool = False


@dataclass(frozen=True)
class Level:
    """A line across all places at one amount."""

    at: float
    tone: Tone = "quiet"
    name: str = ""


@dataclass(frozen=True)
class Measure:
    """An axis and its unit."""

    kind: Literal["money", "percent", "count", "number", "date", "names", "none"] = "none"
    title: str = ""
    low: float | None = None
    high: float | None = None
    """Ends of the axis; by default those of the marks. A low above the high reverses it."""
    currency: str | None = None
    signed: bool = False
    ticks: tuple[tuple[float, str], ...] = ()
    """Labels at fixed positions, in place of round ones."""

    def write(self, value: float) -> str:
        """Write a value of this axis; a date is in days since 1970."""
        if self.kind == "money":
            return text.money(value, self.currency, signed=self.signed and value != 0)
        if self.kind == "percent":
            return text.percent(value)
        if self.kind == "date":
            return text.day(math.floor(value) * 86_400_000_000_000)
        return text.number(value)


@dataclass(frozen=True)
class TextColumn:
    """A column of text over the marks' right part; `Place.figures` fills it."""

    at: float
    """Position, as a share of the width."""
    head: str = ""
    figures: bool = True
    """True for figures, which end there, False for words, which begin there, quietly."""


@dataclass(frozen=True)
class ChartData:
    """A chart, ready to be rendered."""

    title: str
    note: str = ""
    """Caption."""
    empty: str = ""
    """Reason to show in place of marks that are all zero."""
    places: tuple[Place, ...] = ()
    upright: bool = False
    """True for places side by side, False for one below another."""
    linked: bool = False
    """True when each bar begins where the one above it ends."""
    measure: Measure = Measure()
    """Axis along the marks."""
    across: Measure = Measure()
    """Axis along the places, or below a matrix."""
    curves: tuple[Curve, ...] = ()
    ribbons: tuple[Ribbon, ...] = ()
    levels: tuple[Level, ...] = ()
    ends: tuple[EndName, ...] = ()
    columns: tuple[TextColumn, ...] = ()
    footer: str = ""
    """Note below the axis of the places."""
    says_tone: Tone = "ink"
    size: tuple[float, float] = (7.5, 4.2)
    """Usual width and least height, in inches."""
    least_rows: int = 4
    """Minimum rows of space, so that a single bar does not fill the page."""
    name_width: int = 32
    """Characters of a place's name."""


def choose_ticks(top: float, most: int = 4) -> list[float]:
    """Choose round amounts from 0 to `top`, about `most` of them."""
    step = top / most
    magnitude = 10.0 ** math.floor(math.log10(step))
    step = next(
        round(n * magnitude, 12) for n in (1, 2, 5, 10) if n * magnitude >= step * (1 - 1e-9)
    )
    return [round(k * step, 12) for k in range(int(top / step + 1e-9) + 1)]


_BLANKS = re.compile(r"[^\S\u00a0]+")
"""Blanks at which a line may break."""


def shorten(name: Any, width: int = 32) -> str:
    """Fit a name into one line of at most `width` characters.

    … replaces the middle, so both ends stay readable; a short last key stays whole.
    """
    line = _BLANKS.sub(" ", str(name)).strip() if name is not None else ""
    if len(line) <= width:
        return line
    first, dot, last = line.rpartition(" · ")
    if dot and len(last) <= width // 2:
        return f"{shorten(first, width - len(dot + last))}{dot}{last}"
    head = (width + 1) // 2
    return f"{line[:head]}…{line[len(line) - (width - head - 1) :]}"


def name_rows(index: pd.Index[Any]) -> list[str]:
    """Name the rows of a table: several keys joined by " · ", a single row without a key "all"."""
    return (
        ["all"]
        if len(index) == 1 and index.name is None
        else [write_key(index.names, key) for key in index]
    )


def trace(across: Iterable[Any], along: Iterable[Any]) -> tuple[tuple[float, float], ...]:
    """Pair positions with amounts, as the points of a curve."""
    return tuple(zip(map(float, across), map(float, along), strict=True))


def count_days(moment: Any) -> Any:
    """Count the days since 1970, as an axis of dates does.

    Of one moment in local time, or of an index.
    """
    return (moment - pd.Timestamp(0)) / pd.Timedelta(days=1)


def iterate(table: pd.DataFrame) -> Iterable[Any]:
    """Go through the rows of a table as named tuples."""
    return table.itertuples()


def name_periods(table: pd.DataFrame) -> list[str]:
    """Name the periods of a table; a star marks a running one."""
    freq = note_of(table).freq
    keys = map(text.split_key, table.index)
    names = [
        " · ".join([*map(str, groups), _name_period(str(period), freq)]) for *groups, period in keys
    ]
    running = table["to_date"] if "to_date" in table else [False] * len(table)
    return [f"{name}*" if now else name for name, now in zip(names, running, strict=True)]


def _name_period(period: str, freq: str | None) -> str:
    """Name a period; the day of a week never breaks."""
    name = text.period(period, freq)
    return name.replace(" ", "\u00a0", 1) if "/" in period else name


def note_periods(table: pd.DataFrame) -> str:
    """Explain the star of a running period and the day of a week."""
    weekly = any("/" in str(name) for name in table.index.get_level_values(-1))
    running = "to_date" in table and bool(table["to_date"].any())
    return " · ".join(
        [*(["weeks by their first day"] if weekly else []), *(["* to date"] if running else [])]
    )


def write_caption(table: pd.DataFrame, *says: str) -> str:
    """Write a caption: number of deals, dates of the table if known, then further notes."""
    return " · ".join(part for part in (*says[:1], *_write_dates(table), *says[1:]) if part)


def _write_dates(table: pd.DataFrame) -> list[str]:
    as_of, due = note_of(table).day, note_of(table).due
    opening, closing = note_of(table).opening_at, note_of(table).closing_at
    if opening and closing:
        window = text.days(day_of(table, opening), day_of(table, closing))
    else:
        seen = note_of(table).seen_on
        last = f", last seen on {text.day(seen, year=True)}" if seen else ""
        window = f"as of {text.day(as_of, year=True)}{last}" if as_of else ""
    return [window, f"due {text.days(*due)}" if due else ""]


def name_method(table: pd.DataFrame) -> str:
    """Name the forecast method for a caption, if the table has one."""
    name = note_of(table).method
    return f"method: {text.label(name)}" if isinstance(name, str) else ""


def note_intervals(table: pd.DataFrame) -> str:
    """Name the intervals by their confidence; empty if the table does not tell it."""
    confidence = note_of(table).confidence
    return f"{text.percent(confidence)} intervals" if confidence else ""


def note_rest(rest: int, noun: str) -> str:
    """Count what is not drawn; empty for none."""
    return f"{text.count(rest, noun)} not shown" if rest else ""


def keep_largest(table: pd.DataFrame, column: str, most: int) -> pd.DataFrame:
    """Keep the rows with the largest amounts of a column, up or down, largest first."""
    return table.sort_values(column, key=abs, ascending=False, kind="stable").head(most)


def measure_column(
    table: pd.DataFrame,
    column: str,
    title: str = "",
    *,
    signed: bool = False,
    low: float | None = None,
) -> Measure:
    """Measure a column in its unit, money in the table's currency.

    The title is its name, unless another says more.
    """
    unit, currency = find_unit(column), Org.of(table).currency
    return Measure(
        "money" if unit == "money" else "percent" if unit == "rate" else "number",
        title or text.label(column),
        low=low,
        currency=currency,
        signed=signed,
    )


def measure_percent(
    title: str = "",
    *,
    low: float | None = -0.02,
    high: float | None = 1.02,
    ticks: Iterable[float] = (),
) -> Measure:
    """Measure fractions from 0 to 1 in percent."""
    return Measure(
        "percent", title, low, high, ticks=tuple((tick, text.percent(tick)) for tick in ticks)
    )
