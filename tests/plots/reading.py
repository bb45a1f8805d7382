"""What a person reads in a drawing, taken back from its Axes."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from matplotlib import colors
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FixedLocator

from opp_analytics.plots.render import COLORS


def texts(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


def caption(ax: Axes) -> str:
    return next(
        text.get_text().replace("\n", " ") for text in ax.texts if text.get_gid() == "caption"
    )


def title(ax: Axes) -> str:
    return ax.get_title(loc="left")


def rows(ax: Axes) -> list[str]:
    return [label.get_text() for label in ax.get_yticklabels()]


def _tone(color: Any) -> str:
    """A color by its name, with its opacity where that is not full."""
    tones = {colors.to_rgb(shade): tone for tone, shade in COLORS.items()}
    *hue, opacity = (round(float(part), 4) for part in np.ravel(colors.to_rgba(color)))
    named = next(tone for shade, tone in tones.items() if np.allclose(shade, hue, atol=1e-3))
    return named if opacity == 1 else f"{named} {opacity:.0%}"


def _write(points: Any) -> str:
    return " ".join(f"({x:.5g}, {y:.5g})" for x, y in points)


def _list_shapes(drawn: Any) -> list[str]:
    if isinstance(drawn, PolyCollection):
        corners = np.unique(np.asarray(drawn.get_paths()[0].vertices), axis=0)
        return [f"{_write(corners)} {_tone(np.ravel(drawn.get_facecolor()))}"]
    tone = _tone(drawn.get_color()[0])
    return [f"{_write(segment)} {tone}" for segment in drawn.get_segments()]


def read(ax: Axes) -> dict[str, Any]:
    """All that is drawn for this table: words, bars and lines, each by its ends and its tone."""
    named = {
        axis.axis_name: [label.get_text() for label in axis.get_ticklabels()]
        for axis in (ax.yaxis, ax.xaxis)
        if isinstance(axis.get_major_locator(), FixedLocator)
    }
    bars = [
        f"{_write([bar.get_xy(), bar.get_corners()[2]])} {_tone(bar.get_facecolor())}"  # type: ignore[attr-defined]
        for bar in ax.patches
    ]
    lines = [f"{_write(line.get_xydata())} {_tone(line.get_color())}" for line in ax.lines]
    said = [text for text in ax.texts if text.get_gid() != "caption"]
    found = {
        "title": title(ax).replace("\n", " "),
        "caption": caption(ax) if len(said) < len(ax.texts) else "",
        "axes": [ax.get_xlabel(), ax.get_ylabel()],
        "limits": _write([ax.get_xlim(), ax.get_ylim()]),
        **named,
        "texts": [text.get_text() for text in said],
        "bars": bars,
        "lines": lines,
        "ranges": [shape for drawn in ax.collections for shape in _list_shapes(drawn)],
    }
    return {name: part for name, part in found.items() if any(part)}


def _undrawn(figure: Figure) -> set[int]:
    """Labels of ticks beyond the end of their axis, which matplotlib does not draw."""
    found: set[int] = set()
    for axis in (axis for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)):
        low, high = sorted(axis.get_view_interval())
        found |= {
            id(tick.label1) for tick in axis.get_major_ticks() if not low <= tick.get_loc() <= high
        }
    return found


def faults(figure: Figure) -> list[tuple[Any, ...]]:
    """Texts that reach beyond the figure's edge, and pairs of texts that cover each other."""
    width, height = figure.get_size_inches() * figure.dpi
    undrawn = _undrawn(figure)
    boxes = [
        (text.get_text(), Text.get_window_extent(text))  # without the line that leads from a name
        for text in figure.findobj(Text)
        if text.get_text().strip() and text.get_visible() and id(text) not in undrawn
    ]
    cut = [
        (words, round(box.x0), round(box.x1 - width), round(box.y0), round(box.y1 - height))
        for words, box in boxes
        if box.x0 < -2 or box.x1 > width + 2 or box.y0 < -2 or box.y1 > height + 2
    ]
    touching = [
        (one, other)
        for (one, first), (other, second) in itertools.combinations(boxes, 2)
        if min(first.x1, second.x1) - max(first.x0, second.x0) > 1
        and min(first.y1, second.y1) - max(first.y0, second.y0) > 1
    ]
    return [("cut off", *found) for found in cut] + [("touching", *found) for found in touching]
