"""Marks of a picture: bars, bands, lines, dots and labels, as SVG text at percent positions.

And the stylesheet of all pictures.

Across, a position is a percentage of the picture's width (0 to 100), so that a picture stretches;
down, it is in pixels, so that text and bars keep their size. Colors are classes of the stylesheet,
so that a picture follows light, dark and print.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any, Literal

from opp_analytics import charts

Fill = charts.Tone
Line = Literal["axis", "target", "thin"] | charts.Tone
Anchor = Literal["start", "middle", "end"]
Kind = Literal["", "ink", "hi", "quiet", "on", "on-pale"]
Point = tuple[float, float]

WIDTHS: tuple[int, ...] = (*range(80, 400, 20), *range(400, 1001, 40))
"""Widths of a picture, in pixels, at which labels appear."""
_LETTER = 7.0
"""Width of an average letter at 12 px, in pixels; the widest of the fonts in use."""
_THIN = 1.5
"""Percent below which a part of a bar keeps its whole width."""


@dataclass(frozen=True)
class Axis:
    """A straight scale."""

    top: float
    """Amount at its end; above `first`."""
    start: float = 0.0
    """Position of `first`."""
    end: float = 100.0
    """Position of `top`."""
    first: float = 0.0
    """Amount at its start."""

    def at(self, amount: float) -> float:
        """Find the position of an amount; beyond either end, that end's."""
        share = min(max((amount - self.first) / (self.top - self.first), 0.0), 1.0)
        return self.start + share * (self.end - self.start)

    def ticks(self, most: int = 4) -> list[float]:
        """Choose at most `most` round ticks from 0."""
        return charts.choose_ticks(self.top, most)


def axis(
    amounts: Iterable[float], *, start: float = 0.0, end: float = 100.0, first: float = 0.0
) -> Axis:
    """Scale from `first` to a little beyond the largest known amount."""
    largest = max((amount for amount in amounts if math.isfinite(amount)), default=0.0)
    return Axis(
        first + 1.05 * (largest - first) if largest > first else first + 1.0, start, end, first
    )


def fit_scale(chart: charts.ChartData, *, end: float = 100.0) -> Axis:
    """Fit the axis of a chart.

    It begins at 0, or where bars are cut, and ends just beyond the largest mark, or with the whole
    that bars are parts of.
    """
    marks = [mark for place in chart.places for mark in place.marks]
    if any(isinstance(mark, charts.BarMark) and mark.forms for mark in marks):
        return Axis(max(place.end for place in chart.places) or 1.0, end=end)
    amounts = [level.at for level in chart.levels]
    for place in chart.places:
        amounts += _list_ends(place)
    return axis(amounts, end=end, first=max(chart.measure.low or 0.0, 0.0))


def _list_ends(place: charts.Place) -> list[float]:
    """List the amounts at which the marks of a place end."""
    amounts = []
    for mark in place.marks:
        match mark:
            case charts.BarMark():
                amounts += [mark.start, mark.end]
            case charts.RangeMark():
                amounts.append(mark.high)
            case charts.DotMark() | charts.TickMark():
                amounts.append(mark.at)
    return amounts


def draw_levels(
    levels: Iterable[charts.Level], scale: Axis, height: float, *, behind: bool
) -> list[str]:
    """Draw the named levels of a chart down a row.

    Reference lines are `behind` its marks, targets before them.
    """
    return [
        down(scale.at(level.at), bottom=height, line="axis" if behind else "target")
        for level in levels
        if level.name and behind == (level.tone != "ink")
    ]


def draw_marks(
    place: charts.Place,
    scale: Axis,
    *,
    height: float,
    thick: float,
    middle: float | None = None,
    least: float = 0.0,
) -> list[str]:
    """Draw the marks of a place from left to right.

    `height`, `thick` and `middle` are pixels; a bar is at least `least` percent wide, so that one
    thinner than a pixel is still a mark. An arrow says that something lies beyond the end of the
    scale.
    """
    y, at, drawn = height / 2 if middle is None else middle, scale.at, []
    for mark in place.marks:
        match mark:
            case charts.BarMark():
                left, right = sorted((at(mark.start), at(mark.end)))
                size, right = mark.thick * height if mark.thick else thick, max(right, left + least)
                gap = 2 if mark.forms and right - left > _THIN else 0
                top, title = y - size / 2, mark.title
                drawn.append(
                    bar(
                        left,
                        right,
                        y=top,
                        height=size,
                        fill=mark.tone,
                        gap=gap,
                        title=title,
                        key=mark.key,
                    )
                )
                if mark.forms:
                    drawn.append(
                        inside(left, right, y + 4, mark.forms, pale=mark.tone in ("pale", "band"))
                    )
            case charts.RangeMark():
                drawn.append(across(y, left=at(mark.low), right=at(mark.high), line=mark.tone))
            case charts.DotMark():
                x, radius = at(mark.at), 5 * mark.size
                drawn.append(dot(x, y, radius=radius, fill=mark.tone, title=mark.title))
            case charts.TickMark():
                half = mark.length * height / 2
                line = "target" if mark.tone == "ink" else mark.tone
                drawn.append(down(at(mark.at), top=y - half, bottom=y + half, line=line))
            case charts.BreakMark():
                drawn.append(
                    f'<rect class="cut" x="{_pc(at(mark.at))}" y="{_px(y - thick / 2 - 2)}" '
                    f'width="5" height="{_px(thick + 4)}" transform="skewX(-20)"/>'
                )
    if any(amount > scale.top * (1 + 1e-9) for amount in _list_ends(place)):
        drawn.append(label(scale.end, y + 4, "▸", anchor="end", kind="ink", halo=True))
    return drawn


def picture(*marks: str, height: float, said: str, group: bool = False, below: str = "") -> str:
    """Draw a picture of these marks, as wide as its place; `said` is for a screen reader.

    `group` is True when its marks can be focused one by one; `below` is HTML under them.
    """
    return (
        f'<span class="pic"><svg class="oa" width="100%" height="{_px(height)}" '
        f'role="{"group" if group else "img"}" '
        f'aria-label="{escape(said)}">{"".join(marks)}</svg>{below}</span>'
    )


def bar(
    left: float,
    right: float,
    *,
    y: float,
    height: float,
    fill: Fill,
    title: str = "",
    gap: float = 0,
    key: str = "",
) -> str:
    """Draw a bar; `gap` pixels stay free at its end, where another follows.

    `key` is its label in its table, as ``data-key``.
    """
    width = max(right - left, 0.0)
    size = f"calc({_pc(width)} - {_px(gap)}px)" if gap else _pc(width)
    if width <= 0:
        return ""
    named = f' data-key="{escape(key)}"' if key else ""
    return (
        f'<rect class="f-{fill}" x="{_pc(left)}" y="{_px(y)}" width="{size}" '
        f'height="{_px(height)}"{named}>'
        f"{hint(title)}</rect>"
    )


def across(y: float, *, left: float = 0, right: float = 100, line: Line) -> str:
    """Draw a horizontal line."""
    return (
        f'<line class="l-{line}" x1="{_pc(left)}" x2="{_pc(right)}" y1="{_px(y)}" y2="{_px(y)}"/>'
    )


def down(x: float, *, top: float = 0, bottom: float, line: Line) -> str:
    """Draw a vertical line; a line of kind "target" means the target, everywhere."""
    return (
        f'<line class="l-{line}" x1="{_pc(x)}" x2="{_pc(x)}" y1="{_px(top)}" y2="{_px(bottom)}"/>'
    )


def dot(
    x: float,
    y: float,
    *,
    radius: float = 4,
    fill: Fill = "hi",
    title: str = "",
) -> str:
    """Draw a point; a large one has a rim, so that it stays clear of what is behind."""
    kind = f"f-{fill}{' rim' if radius >= 4 else ''}"
    return (
        f'<circle class="{kind}" cx="{_pc(x)}" cy="{_px(y)}" '
        f'r="{_px(radius)}">{hint(title)}</circle>'
    )


def label(
    x: float,
    y: float,
    words: str,
    *,
    anchor: Anchor = "start",
    dx: float = 0,
    kind: Kind = "",
    halo: bool = False,
    room: float = 0,
    until: float = 0,
) -> str:
    """Write a text whose baseline is at `y`, and `dx` pixels to the right of `x`.

    Its `kind` "ink" or "hi" is bold; "on" is drawn on a dark bar, "on-pale" on a pale one; what is
    behind a `halo` stays clear of it. The text is drawn in pictures from `room` pixels wide, and
    below `until`.
    """
    limits = [f"from{_step(room)}" if room else "", f"below{_step(until)}" if until else ""]
    classes = " ".join(filter(None, [f"t-{kind}" if kind else "", "halo" if halo else "", *limits]))
    return (
        f'<text x="{_pc(x)}" y="{_px(y)}"'
        + (f' dx="{_px(dx)}"' if dx else "")
        + (f' text-anchor="{anchor}"' if anchor != "start" else "")
        + (f' class="{classes}"' if classes else "")
        + f">{escape(words)}</text>"
    )


def inside(left: float, right: float, y: float, forms: Sequence[str], *, pale: bool = False) -> str:
    """Write inside a bar the longest of its `forms` that fits, else nothing.

    `forms` are texts such as ("slipped 51%", "51%").
    """
    return fit(left, y, forms, right - left, dx=6, kind="on-pale" if pale else "on")


def fit(
    x: float, y: float, forms: Sequence[str], share: float, *, until: float = 0.0, **style: Any
) -> str:
    """Write the longest of the `forms` that fits into `share` percent of the picture, else nothing.

    `style` is the style of a `label`. With `until`, it is written only in a narrower picture.
    """
    needed = [measure_room(share, form, abs(style.get("dx", 0))) for form in forms]
    return "".join(
        label(x, y, form, room=room, until=limit, **style)
        for form, room, limit in zip(forms, needed, [until, *needed[:-1]], strict=True)
        if room <= WIDTHS[-1] and not (limit and _step(room) >= _step(limit))
    )


def beneath(place: charts.Place, scale: Axis) -> str:
    """Name below a bar the parts that are too narrow for their label."""
    parts = []
    for mark in place.marks:
        if isinstance(mark, charts.BarMark) and mark.forms:
            room = measure_room(scale.at(mark.end) - scale.at(mark.start), mark.forms[0], 6)
            limit = f' class="below{_step(room)}"' if room <= WIDTHS[-1] else ""
            parts.append(
                f'<span{limit}><i class="b-{mark.tone}"></i>{escape(mark.forms[0])}</span>'
            )
    return f'<span class="named" aria-hidden="true">{"".join(parts)}</span>' if parts else ""


def measure_room(share: float, words: str, dx: float = 0) -> float:
    """Measure how wide a picture must be for words to fit into `share` percent of it.

    `dx` pixels stay free at each end.
    """
    return 100 * (measure_text(words) + 2 * dx) / max(share, 0.01)


def scale_labels(places: Sequence[tuple[float, str]]) -> list[str]:
    """Label a scale; where labels would touch, leave out every second one."""
    if len(places) < 2:
        return [label(at, 11, words, kind="quiet") for at, words in places]
    widest = max(measure_text(words) for _, words in places) + 8
    room = 100 * widest / (places[1][0] - places[0][0])
    return [
        label(
            at, 11, words, anchor="middle" if at else "start", kind="quiet", room=room / (2 - k % 2)
        )
        for k, (at, words) in enumerate(places)
    ]


def plane(*shapes: str, height: float) -> str:
    """Stretch areas and polylines with the picture.

    Their points are percentages across and pixels down.
    """
    return (
        f'<svg x="0" y="0" width="100%" height="{_px(height)}" viewBox="0 0 100 {_px(height)}" '
        f'preserveAspectRatio="none" overflow="visible" aria-hidden="true">{"".join(shapes)}</svg>'
    )


def area(points: Iterable[Point], *, fill: Fill, soft: bool = False) -> str:
    """Fill a shape, for a `plane`."""
    return f'<polygon class="f-{fill}{" soft" if soft else ""}" points="{_points(points)}"/>'


def polyline(points: Iterable[Point], *, line: Line, dashed: bool = False) -> str:
    """Draw a line through points, for a `plane`; its width does not stretch."""
    dashes = ' stroke-dasharray="5 4"' if dashed else ""
    return f'<polyline class="l-{line} still"{dashes} points="{_points(points)}"/>'


def focusable(
    *marks: str, left: float, right: float, height: float, said: str, top: float = 0
) -> str:
    """Let marks say their week or row on hover and focus, in one line at the picture's top."""
    words = escape(said)
    return (
        '<g class="hover" tabindex="0" role="img" '
        f'aria-label="{words}"><title>{words}</title><rect class="hit" x="{_pc(left)}" '
        f'y="{_px(top)}" width="{_pc(right - left)}" '
        f'height="{_px(height - top)}"/>{"".join(marks)}<text x="0" y="12" class="tip t-ink '
        f'halo">{words}</text></g>'
    )


def measure_text(words: str) -> float:
    """Measure a text of 12 px, in pixels; as a rule it takes less."""
    return _LETTER * len(words)


def hint(words: str) -> str:
    """Add a hover text."""
    return f"<title>{escape(words)}</title>" if words else ""


def _step(width: float) -> int:
    """Round up to one of `WIDTHS`; beyond the last one, take that."""
    return next((step for step in WIDTHS if step >= width), WIDTHS[-1])


def _points(points: Iterable[Point]) -> str:
    return " ".join(f"{_px(x)},{_px(y)}" for x, y in points)


def _pc(value: float) -> str:
    return f"{_px(value)}%" if value else "0"


def _px(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


@cache
def stylesheet() -> str:
    """Build the CSS that pictures and row charts need, once on a page."""
    # A label shows from, or only below, a width of its picture.
    rules = (
        f"@container (width < {width}px) {{ .from{width} {{ display: none; }} }}\n"
        f"@container (width >= {width}px) {{ .below{width} {{ display: none; }} }}\n"
        for width in WIDTHS
    )
    return "".join([files(__package__).joinpath("style.css").read_text("utf-8"), *rules])
