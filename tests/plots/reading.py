"""What a person reads in a drawing, taken back from its Axes."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes


def texts(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


def caption(ax: Axes) -> str:
    return next(text.get_text().replace("\n", " ") for text in ax.texts if text.get_gid() == "caption")


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
