"""Charts as plain data: places with marks, curves, axes and words, which `plots` and `svg` render alike.

A chart has places: rows from the top, or columns from the left when it is `upright`. Each place carries its marks,
measured along one axis in the units of the table. Curves, ribbons and levels run across all places. Nothing here knows
matplotlib, SVG or pixels; a preparation decides what is drawn, in which order, colors and words; a renderer only
fits it into the space.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

from opp_analytics import text

Tone = Literal["ink", "quiet", "rule", "bar", "mute", "pale", "hi", "band"]
"""ink: text, targets, actuals · quiet: captions, reference lines · rule: grid lines · bar: closed money, totals ·
mute: context · pale: the rest of a whole · hi: the one highlight, what is expected · band: the range of the highlight."""


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


Mark = BarMark | RangeMark | DotMark | TickMark


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
    highlight: bool = False
    """True for the place that the title names."""


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
    right: bool = False
    """True to right-align its text there, False to left-align."""
    head: str = ""
    tone: Tone = "quiet"


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
    step = next(round(n * magnitude, 12) for n in (1, 2, 5, 10) if n * magnitude >= step * (1 - 1e-9))
    return [round(k * step, 12) for k in range(int(top / step + 1e-9) + 1)]
