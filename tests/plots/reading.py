"""What a person reads in a drawing, taken back from its Axes."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text


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


def slots(ax: Axes) -> list[str]:
    return [label.get_text() for label in ax.get_xticklabels()]


def widths(ax: Axes) -> list[float]:
    return [bar.get_width() for bar in ax.patches]  # type: ignore[attr-defined]


def heights(ax: Axes) -> list[float]:
    return [bar.get_height() for bar in ax.patches]  # type: ignore[attr-defined]


def legend(ax: Axes) -> list[str]:
    found = ax.get_legend()
    return [entry.get_text() for entry in found.get_texts()] if found else []


def starts(ax: Axes) -> list[float]:
    """The first position across of each line; a dot is a line of one point."""
    return [float(np.asarray(line.get_xdata())[0]) for line in ax.lines]


def levels(ax: Axes, line: int) -> list[float]:
    """The amounts of a line."""
    return [float(amount) for amount in np.asarray(ax.lines[line].get_ydata())]


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
