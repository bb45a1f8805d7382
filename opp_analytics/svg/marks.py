"""Marks of a picture: bars, bands, lines, dots and labels, as SVG text at percent positions.

Across, a position is a percentage of the picture's width (0 to 100), so that a picture stretches; down, it is in pixels, so
that text and bars keep their size. Colors are classes of the stylesheet, so that a picture follows light, dark and print.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Literal

__all__ = [
    "WIDTHS",
    "Anchor",
    "Fill",
    "Line",
    "Point",
    "across",
    "area",
    "bar",
    "dot",
    "down",
    "focusable",
    "hint",
    "inside",
    "label",
    "picture",
    "plane",
    "polyline",
    "ring",
    "scale_labels",
    "width_of",
]

Fill = Literal["bar", "mute", "pale", "hi", "band", "ink"]
"""bar: closed and totals · mute: context · pale: rest of a whole · hi: the one highlight · band: its range · ink: a point in text color."""
Line = Literal["rule", "axis", "target", "hi", "bar", "mute"]
Anchor = Literal["start", "middle", "end"]
Kind = Literal["", "ink", "hi", "quiet", "on", "on-pale"]
Point = tuple[float, float]

WIDTHS: tuple[int, ...] = (*range(80, 400, 20), *range(400, 1001, 40))
"""Widths of a picture, in pixels, at which labels appear."""
_LETTER = 7.0
"""Width of an average letter at 12 px, in pixels; the widest of the fonts in use."""


def picture(*marks: str, height: float, said: str, group: bool = False) -> str:
    """A picture of these marks, as wide as its place.

    Parameters
    ----------
    height : float
        Height in pixels.
    said : str
        The picture in words, for a screen reader.
    group : bool
        True when its marks can be focused one by one.
    """
    return (
        f'<span class="pic"><svg class="oa" width="100%" height="{_px(height)}" role="{"group" if group else "img"}" '
        f'aria-label="{escape(said)}">{"".join(marks)}</svg></span>'
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
    """A bar from `left` to `right`; `gap` pixels are left free at its end, where another bar follows.

    `key` is what it stands for in its table, as ``data-key``.
    """
    width = max(right - left, 0.0)
    size = f"calc({_pc(width)} - {_px(gap)}px)" if gap else _pc(width)
    if width <= 0:
        return ""
    named = f' data-key="{escape(key)}"' if key else ""
    return (
        f'<rect class="f-{fill}" x="{_pc(left)}" y="{_px(y)}" width="{size}" height="{_px(height)}"{named}>'
        f"{hint(title)}</rect>"
    )


def across(y: float, *, left: float = 0, right: float = 100, line: Line) -> str:
    """A horizontal line."""
    return f'<line class="l-{line}" x1="{_pc(left)}" x2="{_pc(right)}" y1="{_px(y)}" y2="{_px(y)}"/>'


def down(x: float, *, top: float = 0, bottom: float, line: Line) -> str:
    """A vertical line; a line of kind "target" means the target, everywhere."""
    return f'<line class="l-{line}" x1="{_pc(x)}" x2="{_pc(x)}" y1="{_px(top)}" y2="{_px(bottom)}"/>'


def dot(x: float, y: float, *, radius: float = 4, fill: Fill = "hi", title: str = "") -> str:
    """A point; a large one has a rim, so that it stays clear of what is behind."""
    rim = " rim" if radius >= 4 else ""
    return (
        f'<circle class="f-{fill}{rim}" cx="{_pc(x)}" cy="{_px(y)}" r="{_px(radius)}">{hint(title)}</circle>'
    )


def ring(x: float, y: float, *, radius: float = 5, title: str = "") -> str:
    """A hollow point, for the other end of a comparison."""
    return f'<circle class="ring" cx="{_pc(x)}" cy="{_px(y)}" r="{_px(radius)}">{hint(title)}</circle>'


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
    """Text whose baseline is at `y`.

    Parameters
    ----------
    dx : float
        Pixels to the right of `x`.
    kind : str
        "ink" and "hi" are bold; "on" is drawn on a dark bar, "on-pale" on a pale one.
    halo : bool
        If True, what is behind the text stays clear of it.
    room, until : float
        Width of the picture in pixels, from which on and below which the text is drawn.
    """
    classes = " ".join(
        filter(
            None,
            (
                f"t-{kind}" if kind else "",
                "halo" if halo else "",
                f"from{_step(room)}" if room else "",
                f"below{_step(until)}" if until else "",
            ),
        )
    )
    return (
        f'<text x="{_pc(x)}" y="{_px(y)}"'
        + (f' dx="{_px(dx)}"' if dx else "")
        + (f' text-anchor="{anchor}"' if anchor != "start" else "")
        + (f' class="{classes}"' if classes else "")
        + f">{escape(words)}</text>"
    )


def inside(left: float, right: float, y: float, forms: Sequence[str], *, pale: bool = False) -> str:
    """A label inside a bar: the longest of its `forms` for which the bar is long enough, else none.

    Parameters
    ----------
    forms : list of str
        The same in fewer and fewer letters: ("slipped 51%", "51%").
    pale : bool
        True for a bar of a pale color.
    """
    kind: Kind = "on-pale" if pale else "on"
    share = max(right - left, 0.01) / 100
    needed = [(width_of(form) + 12) / share for form in forms]
    limits = [0.0, *needed[:-1]]
    return "".join(
        label(left, y, form, dx=6, kind=kind, room=room, until=limit)
        for form, room, limit in zip(forms, needed, limits, strict=True)
        if room <= WIDTHS[-1]
    )


def scale_labels(places: Sequence[tuple[float, str]], *, y: float = 11) -> list[str]:
    """Labels of a scale at their places; where they would touch, every second one is left out."""
    if len(places) < 2:
        return [label(at, y, words, kind="quiet") for at, words in places]
    widest = max(width_of(words) for _, words in places) + 8
    room = 100 * widest / (places[1][0] - places[0][0])
    return [
        label(
            at,
            y,
            words,
            anchor="middle" if at else "start",
            kind="quiet",
            room=room if place % 2 else room / 2,
        )
        for place, (at, words) in enumerate(places)
    ]


def plane(*shapes: str, height: float) -> str:
    """Areas and polylines, whose points are percentages across and pixels down, stretched with the picture."""
    return (
        f'<svg x="0" y="0" width="100%" height="{_px(height)}" viewBox="0 0 100 {_px(height)}" '
        f'preserveAspectRatio="none" aria-hidden="true">{"".join(shapes)}</svg>'
    )


def area(points: Iterable[Point], *, fill: Fill, soft: bool = False) -> str:
    """A filled shape, for a `plane`."""
    return f'<polygon class="f-{fill}{" soft" if soft else ""}" points="{_points(points)}"/>'


def polyline(points: Iterable[Point], *, line: Line) -> str:
    """A line through points, for a `plane`; its width does not stretch."""
    return f'<polyline class="l-{line} still" points="{_points(points)}"/>'


def focusable(*marks: str, left: float, right: float, height: float, said: str, top: float = 0) -> str:
    """Marks of one week or row that say themselves on hover and focus, in one line at the picture's top."""
    words = escape(said)
    return (
        f'<g class="hover" tabindex="0" role="img" aria-label="{words}"><title>{words}</title>'
        f'<rect class="hit" x="{_pc(left)}" y="{_px(top)}" width="{_pc(right - left)}" height="{_px(height - top)}"/>'
        f'{"".join(marks)}<text x="0" y="12" class="tip t-ink halo">{words}</text></g>'
    )


def width_of(words: str) -> float:
    """Pixels that a text of 12 px takes at most, as a rule."""
    return _LETTER * len(words)


def hint(words: str) -> str:
    """The hover text of a whole picture."""
    return f"<title>{escape(words)}</title>" if words else ""


def _step(width: float) -> int:
    """The next of `WIDTHS`; the last one for all beyond."""
    return next((step for step in WIDTHS if step >= width), WIDTHS[-1])


def _points(points: Iterable[Point]) -> str:
    return " ".join(f"{_px(x)},{_px(y)}" for x, y in points)


def _pc(value: float) -> str:
    return f"{_px(value)}%" if value else "0"


def _px(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
