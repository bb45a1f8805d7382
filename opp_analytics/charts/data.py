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
from collections.abc import Iterable, Iterator, Sequence
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
    """Opacity, for what is further away."""


@dataclass(frozen=True)
class RangeMark:
    """A thin line between two amounts: an interval, or a link between two dots."""

    low: float
    high: float
    tone: Tone = "mute"
    capped: bool = False
    shift: float = 0.0
    """Distance from the middle of the place, as a share of its breadth."""


@dataclass(frozen=True)
class DotMark:
    """A point."""

    at: float
    tone: Tone = "bar"
    size: float = 1.0
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
    """Text at the end of the marks."""
    figures: tuple[str, ...] = ()
    """Text in columns at the right, or before what the place `says`."""
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
    """What is said under the bar in place of `says`, the longest form first."""

    @property
    def end(self) -> float:
        """Find where the marks end that stand on the place itself, targets apart."""
        ends = [0.0]
        for mark in self.marks:
            match mark:
                case BarMark():
                    ends += [mark.start, mark.end]
                case RangeMark() if not mark.shift:
                    ends.append(mark.high)
                case DotMark():
                    ends.append(mark.at)
        return max(end for end in ends if not math.isnan(end))


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

    kind: Literal["money", "percent", "count", "number", "times", "date", "none"] = "none"
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
        if self.kind == "date":
            return text.day(math.floor(value) * 86_400_000_000_000)
        if self.kind == "percent":
            return text.percent(value)
        return text.times(value) if self.kind == "times" else text.number(value)


@dataclass(frozen=True)
class ChartData:
    """A chart, ready to be rendered."""

    places: tuple[Place, ...] = ()
    note: tuple[str, ...] = ()
    """Caption: how many, before the dates of the table, then what else there is to know."""
    title: str = ""
    """By default what the table says."""
    empty: str = ""
    """Reason to show in place of marks that are all zero."""
    upright: bool = False
    """True for places side by side, False for one below another."""
    linked: bool = False
    """True when each bar begins where the one above it ends."""
    measure: Measure = Measure()
    """Axis along the marks."""
    across: Measure = Measure()
    """Axis along the places."""
    curves: tuple[Curve, ...] = ()
    ribbons: tuple[Ribbon, ...] = ()
    levels: tuple[Level, ...] = ()
    ends: tuple[EndName, ...] = ()
    heads: tuple[str, ...] = ()
    """Heads of the columns of figures; without any, figures have no columns."""


def make_bar(
    name: str,
    value: float,
    tone: Tone = "mute",
    says: str = "",
    figures: tuple[str, ...] = (),
    title: str = "",
    key: str = "",
) -> Place:
    """Make a place of one bar from zero."""
    return Place(
        name, (BarMark(0, value, tone, title=title),), says, figures, title, key=key or name
    )


def keep_apart(places: Sequence[float], rooms: Sequence[float], end: float) -> list[float]:
    """Move places in rising order apart, each by the room of the one before, none beyond `end`."""
    moved = [*places]
    for k in range(1, len(moved)):
        moved[k] = max(moved[k], moved[k - 1] + rooms[k - 1])
    moved[-1:] = [min(place, end) for place in moved[-1:]]
    for k in reversed(range(len(moved) - 1)):
        moved[k] = min(moved[k], moved[k + 1] - rooms[k])
    return moved


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


def list_rows(table: pd.DataFrame) -> Iterator[tuple[str, Any]]:
    """List the rows of a table as named tuples, each with its name."""
    return zip(name_rows(table.index), table.itertuples(), strict=True)


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


def measure_column(table: pd.DataFrame, column: str, title: str = "", **more: Any) -> Measure:
    """Measure a column in its unit, money in the table's currency.

    The title is its name, unless another says more; `more` are fields of `Measure`.
    """
    kind: Any = {"money": "money", "rate": "percent"}.get(find_unit(column), "number")
    return Measure(kind, title or text.label(column), currency=Org.of(table).currency, **more)
