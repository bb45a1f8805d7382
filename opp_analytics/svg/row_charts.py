"""Charts in rows: label, picture and figures side by side.

Each renders what `charts` prepared, and a row can open.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any

from opp_analytics import charts, text
from opp_analytics.charts import BarMark, ChartData, Place
from opp_analytics.svg import marks

_LETTER, _NARROWEST, _WIDEST = 7, 88, 272
"""Pixels of an average letter, and of the narrowest and widest labels."""
_HEIGHT, _THICK = 24.0, 16.0
"""Pixels of a row's picture, and of its bars."""
_SHORT = 176
"""Pixels of labels beside which a picture has room on a phone."""
_PITCH = 32
"""Pixels of the lowest row, in the stylesheet too."""


@dataclass(frozen=True)
class DrawnRow:
    """One row of a chart."""

    label: str
    picture: str
    """SVG."""
    figures: tuple[str, ...] = ()
    """What is written at the right; a second line of one is smaller."""
    note: str = ""
    """Quiet words after the label."""
    strong: bool = False
    """True for a total, in bold."""
    key: str = ""
    """What the row stands for in its table, to look up what it opens to."""


@dataclass(frozen=True)
class Rows:
    """A row chart."""

    rows: tuple[DrawnRow, ...]
    heads: tuple[str, ...] = ()
    """Headings of the figures; none for no heading."""
    axis: str = ""
    """SVG of the scale, above the pictures."""
    note: str = ""
    """Remark on the scale, for the line under the title."""
    stacked: bool = False
    """True when on a phone the picture goes below its label, because it needs the width."""

    def html(self, opened: Sequence[str] = ()) -> str:
        """Write the chart as HTML.

        `opened` has for each row the HTML that it opens to, or an empty text.
        """
        count = max((len(row.figures) for row in self.rows), default=0)
        words = [*self.heads, *(figure for row in self.rows for figure in row.figures)]
        width = max(64, 9 * max(map(len, words), default=0) - 8)
        style = f"--lab:{self.label_width}px;--fig:{width}px;--figs:{count}"
        inner = [_write_head(self, count)] if self.axis or self.heads else []
        inner += map(_write_row, self.rows, opened or [""] * len(self.rows))
        return (
            f'<div class="rows{" stacked" if self.stacked else ""}" '
            f'style="{style}">{"".join(inner)}</div>'
        )

    @property
    def label_width(self) -> int:
        """Measure the labels with their notes, in pixels."""
        longest = max((len(row.label) + len(row.note) for row in self.rows), default=0)
        return min(max(_LETTER * longest + 32, _NARROWEST), _WIDEST)


def _write_head(chart: Rows, count: int) -> str:
    heads = [*chart.heads, *[""] * (count - len(chart.heads))]
    figures = "".join(f'<span class="fig">{escape(head)}</span>' for head in heads)
    return f'<div class="row head"><span></span>{chart.axis or "<span></span>"}{figures}</div>'


def _write_row(row: DrawnRow, behind: str) -> str:
    note = f'<span class="note"> · {escape(row.note)}</span>' if row.note else ""
    cells = (
        '<span class="lab" '
        f'title="{escape(row.label)}"><bdi>{escape(row.label)}</bdi>{note}</span>{row.picture}'
    )
    cells += "".join(f'<span class="fig">{escape(figure)}</span>' for figure in row.figures)
    strong = " strong" if row.strong else ""
    if not behind:
        return f'<div class="row{strong}">{cells}</div>'
    return (
        f'<details class="opens{strong}"><summary class="row">{cells}</summary>{behind}</details>'
    )


def draw_rows(chart: ChartData) -> Rows:
    """Draw each place of a chart as a row.

    A text at the end of the marks that would meet the target's line stands beyond it.
    """
    stacked = any(
        isinstance(mark, BarMark) and mark.forms for one in chart.places for mark in one.marks
    )
    # Room for the text beside the longest mark.
    says = any(place.says or place.forms for place in chart.places)
    scale = marks.fit_scale(chart, end=86 if says else 100)
    goals = (scale.at(one.at) for one in chart.levels if one.tone == "ink" and one.name)
    goal = next(goals, -math.inf)
    rows = []
    for above, place in zip((None, *chart.places), chart.places, strict=False):
        tall = _HEIGHT + 14 * bool(place.forms)
        drawn = marks.draw_levels(chart.levels, scale, _HEIGHT, behind=True)
        if chart.linked:
            last = place is chart.places[-1]
            drawn += _link(None if last else place, above, scale, tall)
        least = 0.3 if chart.linked and not place.strong else 0
        drawn += marks.draw_marks(place, scale, height=_HEIGHT, thick=_THICK, least=least)
        drawn += marks.draw_levels(chart.levels, scale, _HEIGHT, behind=False)
        if place.forms:
            drawn.append(_write_below(place, scale, _HEIGHT + 9))
        elif place.says:
            drawn.append(_write_beside(place, scale.at(place.end), goal, _HEIGHT / 2 + 4))
        if place.marks and not any(getattr(mark, "title", "") for mark in place.marks):
            drawn.append(marks.hint(place.title))
        below = marks.beneath(place, scale)
        shown = marks.picture(*drawn, height=tall, said=place.title, below=below)
        name = text.capital(place.name)
        rows.append(DrawnRow(name, shown, place.figures, place.note, place.strong, place.key))
    made = Rows(
        tuple(rows),
        chart.heads,
        _draw_scale(chart, scale) if rows and not stacked else "",
        charts.CUT if chart.linked and chart.measure.low else "",
        stacked,
    )
    return replace(made, stacked=stacked or made.label_width > _SHORT)


def _draw_scale(chart: ChartData, scale: marks.Axis) -> str:
    """Draw the scale of rows with a unit: what their lines mean, else round amounts."""
    measure = chart.measure
    if measure.kind not in ("money", "percent"):
        return ""
    aims = [(level.at, level.name) for level in chart.levels if level.name and level.tone == "ink"]
    if not aims and not chart.linked:
        ticks = [(scale.at(tick), measure.write(tick)) for tick in scale.ticks(3)]
        labels = marks.scale_labels([tick for tick in ticks if tick[0] < 90])
        return marks.picture(*labels, height=14, said=f"Scale of {measure.title}")
    drawn, first = [], measure.write(scale.first)
    if not (aims and measure.low):
        taken = (marks.measure_room(scale.at(amount), first + name, 8) for amount, name in aims)
        drawn.append(marks.label(0, 11, first, kind="quiet", room=max(taken, default=0.0)))
    for amount, name in aims:
        # One beyond the scale is written at its end.
        at, beyond = scale.at(amount), "" if amount <= scale.top else " →"
        anchor: marks.Anchor = "middle" if 30 <= at <= 70 else "end" if at > 70 else "start"
        drawn.append(marks.label(at, 11, f"{name}{beyond}", anchor=anchor, kind="quiet"))
    return marks.picture(*drawn, height=14, said=f"Scale of {measure.title}")


def _link(place: Place | None, above: Place | None, scale: marks.Axis, tall: float) -> list[str]:
    """Link a row's bar to the row above and to the row below.

    The lines run from the ends of the bars, and meet at the edge of the row.
    """
    edge = max(0.0, (_PITCH - tall) / 2) + 0.5
    half = (_HEIGHT - _THICK) / 2
    ends = ((above, -edge, half), (place, half + _THICK, tall + edge))
    return [
        marks.down(scale.at(bar.end), top=top, bottom=bottom, line="axis")
        for one, top, bottom in ends
        for bar in (one.marks[:1] if one else ())
        if isinstance(bar, BarMark)
    ]


def _write_beside(place: Place, right: float, goal: float, y: float) -> str:
    """Write at the right of the marks; in a narrow picture beyond the target's line."""
    style: dict[str, Any] = {"dx": 8, "kind": "ink", "halo": True}
    before = marks.fit(right, y, (place.says,), goal - right, **style) if right <= goal else ""
    until = marks.measure_room(goal - right, place.says, 8) if before else 0.0
    return before + marks.label(max(right, goal), y, place.says, until=until, **style)


def _write_below(place: Place, scale: marks.Axis, y: float) -> str:
    """Write under a bar, beside the line from its end, on the side with more room.

    In a narrow picture, from its edge on.
    """
    x = next(scale.at(mark.end) for mark in place.marks if isinstance(mark, BarMark))
    share, anchor, dx = (100 - x, "start", 4) if x <= 50 else (x, "end", -4)
    *named, n = place.forms
    until = marks.measure_room(share, named[-1], 4)
    return marks.fit(x, y, named, share, kind="quiet", anchor=anchor, dx=dx, halo=True) + marks.fit(
        0, y, (named[-1], n), 100, until=until, kind="quiet", halo=True
    )
