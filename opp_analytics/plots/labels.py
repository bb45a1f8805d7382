"""Labels that fit and never overlap: rows, slots, marks, and axes of money and percent."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import to_rgb
from matplotlib.ticker import FuncFormatter, MaxNLocator

from opp_analytics import text
from opp_analytics.org import money_of
from opp_analytics.plots.palette import BACK, INK, MUTE, QUIET, RULE
from opp_analytics.plots.style import breadth, room, text_size

__all__ = [
    "above",
    "at_ends",
    "axis_label",
    "beside",
    "count_axis",
    "counts_above",
    "in_order",
    "label_bars",
    "label_parts",
    "label_rows",
    "label_slots",
    "money_axis",
    "note_running",
    "on",
    "percent_axis",
    "row_names",
    "row_text_size",
    "shorten",
    "slot_names",
    "stacked",
    "write",
]

_BLANKS = re.compile(r"[^\S\u00a0]+")
"""Blanks at which a line may break."""
_SURE = 0.85
"""Part of the estimated height that the axes have at least."""
_MOST_COUNTS = 24
"""Largest number of slots with room for a number above each."""


def shorten(name: Any, width: int = 32) -> str:
    """`name` on one line of at most `width` characters; … replaces its middle, so that both ends stay readable; a short last key stays whole.

    Examples
    --------
    >>> shorten("A very long company name, Inc. of Springfield", 20)
    'A very lon…ringfield'
    >>> shorten("A very long company name, Inc. · discovery", 24)
    'A very… Inc. · discovery'
    """
    line = _BLANKS.sub(" ", str(name)).strip() if name is not None else ""
    if len(line) <= width:
        return line
    first, dot, last = line.rpartition(" · ")
    if dot and len(last) <= width // 2:
        return f"{shorten(first, width - len(dot + last))}{dot}{last}"
    head = (width + 1) // 2
    return f"{line[:head]}…{line[len(line) - (width - head - 1) :]}"


def row_names(index: pd.Index[Any]) -> list[str]:
    """The labels of a table's rows as text: several keys joined by " · ", a single row as "all"."""
    if isinstance(index, pd.MultiIndex):
        return [" · ".join(str(part) for part in key) for key in index]
    return ["all"] if len(index) == 1 and index.name is None else [str(key) for key in index]


def slot_names(table: pd.DataFrame) -> list[str]:
    r"""The labels of periods; a star marks a running period.

    Examples
    --------
    >>> slot_names(pd.DataFrame({"to_date": [False, True]}, index=["2026-03-02/2026-03-08", "2026-04"]))
    ['Mar\xa02, 2026', 'Apr 2026*']
    """
    freq = table.attrs.get("freq")
    keys = [key if isinstance(key, tuple) else (key,) for key in table.index]
    names = [" · ".join([*map(str, groups), _slot(str(period), freq)]) for *groups, period in keys]
    running = table["to_date"] if "to_date" in table else [False] * len(table)
    return [f"{name}*" if now else name for name, now in zip(names, running, strict=True)]


def _slot(period: str, freq: str | None) -> str:
    """The label of a period; the day of a week never breaks."""
    name = text.period(period, freq)
    return name.replace(" ", "\u00a0", 1) if "/" in period else name


def note_running(ax: Axes, table: pd.DataFrame) -> None:
    """Caption notes: the star of a running period, the day of a week."""
    weekly = any("/" in str(name) for name in table.index.get_level_values(-1))
    running = "to_date" in table and bool(table["to_date"].any())
    says = [*(["weeks by their first day"] if weekly else []), *(["* to date"] if running else [])]
    if says:
        ax.set_xlabel(" · ".join(says), color=QUIET, fontsize=text_size(), loc="right")


def row_text_size(ax: Axes, rows: int) -> float:
    """The text size at which a line fits into each of `rows` rows."""
    return float(np.clip(0.75 * room(ax, "y") / max(rows, 1), 5.0, text_size()))


def label_rows(ax: Axes, names: Sequence[str], *, width: int = 32, least: int = 4) -> None:
    """Name horizontal rows 0, 1, … from the top; the text shrinks, then thins out, so that it never overlaps.

    There is room for `least` rows, so that a single bar does not fill the page.
    """
    rows = max(len(names), least)
    pitch = room(ax, "y") / rows
    size = row_text_size(ax, rows)
    step = max(1, int(np.ceil(size / max(pitch, 0.1))))
    places = list(range(0, len(names), step))
    ax.set_yticks(places, [shorten(names[k], width) for k in places], fontsize=size, parse_math=False)
    ax.set_ylim(rows - 0.4, -0.6)


def label_bars(ax: Axes, ends: Sequence[float], texts: Sequence[str], *, color: str = QUIET) -> None:
    """Write a text beside the end of each horizontal bar and make room for it; omit it where rows are too thin."""
    pitch = room(ax, "y") / max(len(texts), 1)
    low, high = min([0.0, *ends]), max([0.0, *ends])
    size = row_text_size(ax, len(texts))
    wide = min(0.7, (max(map(len, texts), default=0) * size * 0.6 + 4) / max(breadth(ax), 1.0))
    reach = (high - low or 1.0) / (1 - wide)
    ax.set_xlim(low - 0.02 * reach if low < 0 else 0, high + wide * reach)
    if pitch < size:
        return
    for row, (end, words) in enumerate(zip(ends, texts, strict=True)):
        beside(ax, words, (max(end, 0.0), row), color=color, size=size)


def label_slots(ax: Axes, names: Sequence[str], *, width: int = 18) -> None:
    """Name vertical slots 0, 1, … from the left; names of one or more lines break at blanks, then thin out, so that they never overlap."""
    pitch = room(ax, "x") / max(len(names), 1)
    letter = 0.55 * text_size()
    fits = max(1, int((pitch - 4) / letter))
    broken = [
        "\n".join(
            textwrap.fill(shorten(line, width), max(fits, 4), break_long_words=False)
            for line in name.split("\n")
        )
        for name in names
    ]
    longest = max((len(line) for name in broken for line in name.split("\n")), default=0)
    step = max(1, int(np.ceil((longest * letter + 4) / max(pitch, 0.1))))
    places = list(range(0, len(names), step))
    ax.set_xticks(places, [broken[k] for k in places], fontsize=text_size(), parse_math=False)
    ax.set_xlim(-0.6, max(len(names), 1) - 0.4)


def stacked(ax: Axes, parts: pd.DataFrame, colors: Mapping[str, str], *, every_row: bool = False) -> None:
    """Draw each row of `parts` as a bar cut by its columns; the first row (or `every_row`) names them, the others say their share.

    Rows and the limits of both axes must be set; a text that does not fit into its part is left out.
    """
    values = parts.to_numpy(dtype=float)
    lefts = np.cumsum(values, axis=1) - values
    sums = np.where(values.sum(axis=1) > 0, values.sum(axis=1), np.nan)
    fills = [colors.get(str(name), MUTE) for name in parts.columns]
    for column, fill in enumerate(fills):
        ax.barh(
            range(len(parts)),
            values[:, column],
            left=lefts[:, column],
            height=0.62,
            color=fill,
            edgecolor=BACK,
            linewidth=0.8,
        )
    for row in range(len(parts)):
        shares = [text.percent(value / sums[row]) for value in values[row]]
        names = [f"{text.label(str(name))} " if every_row or row == 0 else "" for name in parts.columns]
        cells = zip(lefts[row], values[row], fills, names, shares, strict=True)
        label_parts(
            ax,
            row,
            [
                (left, width, fill, (f"{name}{share}", share))
                for left, width, fill, name, share in cells
                if width
            ],
        )


def in_order(parts: pd.DataFrame) -> str:
    """Caption note: what the parts of `stacked` are, from the left; empty ones are left out.

    Examples
    --------
    >>> in_order(pd.DataFrame({"won": [1, 0], "still_due": [2, 1], "lost": [0, 0]}))
    'from the left: won, still due'
    """
    names = [text.label(str(name)) for name in parts if parts[name].any()]
    return f"from the left: {', '.join(names)}" if names else ""


def label_parts(ax: Axes, row: float, parts: Sequence[tuple[float, float, str, tuple[str, ...]]]) -> None:
    """Write into the parts of a horizontal bar, each (left, width, fill, forms), the first form that fits."""
    low, high = ax.get_xlim()
    size = row_text_size(ax, max(1, round(abs(ax.get_ylim()[0] - ax.get_ylim()[1]))))
    for left, width, fill, forms in parts:
        letters = (width / (high - low) * room(ax, "x") - 4) / (size * 0.6)
        words = next((form for form in forms if len(form) <= letters), "")
        if words:
            write(ax, words, (left + width / 2, row), color=on(fill), size=size)


def on(fill: str) -> str:
    """The color of text on a mark."""
    return BACK if sum(to_rgb(fill)) / 3 < 0.55 else INK


def beside(
    ax: Axes,
    words: str,
    place: tuple[float, float],
    *,
    color: str = QUIET,
    size: float = 8.5,
    coords: Any = "data",
) -> None:
    """Write to the right of a mark."""
    ax.annotate(
        words,
        place,
        xycoords=coords,
        xytext=(4, 0),
        textcoords="offset points",
        va="center",
        color=color,
        fontsize=size,
        parse_math=False,
    )


def at_ends(ax: Axes, ends: Sequence[tuple[float, float, str, str]]) -> None:
    """Name lines at their right ends, each (x, y, name, color), moved apart where ends are close; limits must be set."""
    low, high = ax.get_ylim()
    points = _SURE * room(ax, "y") / (high - low)
    gap = 1.35 * text_size()
    # A name that has to move is placed from the one below it, since the height of the axes is not yet known exactly.
    level, anchor, start = -np.inf, low, 0.0
    for x, y, name, color in sorted(ends, key=lambda end: end[1]):
        at = (y - low) * points
        if at >= level + gap:
            anchor, start = y, at
        else:
            at = level + gap
        ax.annotate(
            name,
            (x, anchor),
            xytext=(5, at - start),
            textcoords="offset points",
            va="center",
            color=color,
            fontsize=text_size(),
            parse_math=False,
        )
        level = at


def above(ax: Axes, words: str, place: tuple[float, float], *, color: str = QUIET, size: float = 8.0) -> None:
    """Write above a mark."""
    ax.annotate(
        words,
        place,
        xytext=(0, 3),
        textcoords="offset points",
        ha="center",
        va="bottom",
        color=color,
        fontsize=size,
        parse_math=False,
    )


def counts_above(ax: Axes, counts: Sequence[int]) -> None:
    """Write the number of deals above each slot of a percent axis that ends at 112%; omit them where there is no room."""
    ax.set_ylim(-0.02, 1.12)
    if len(counts) <= _MOST_COUNTS:
        for slot, n in enumerate(counts):
            above(ax, f"n={n:,}", (slot, 1.03), size=7.5)


def axis_label(axis: Axis, label: str) -> None:
    """Label an axis."""
    axis.set_label_text(label, color=QUIET, fontsize=text_size(), parse_math=False)


def money_axis(axis: Axis, label: str, table: pd.DataFrame, *, signed: bool = False) -> None:
    """Format an axis as money ($250K, $1.5M) in the table's currency, with grid lines."""
    money = money_of(table)
    axis.set_major_locator(MaxNLocator(nbins=6))
    axis.set_major_formatter(FuncFormatter(lambda amount, _: money(amount, signed=signed and amount != 0)))
    axis.grid(visible=True, color=RULE, linewidth=0.8)
    axis_label(axis, label)


def count_axis(axis: Axis, label: str) -> None:
    """Format an axis as whole numbers."""
    axis.set_major_locator(MaxNLocator(integer=True))
    axis.set_major_formatter(FuncFormatter(lambda n, _: text.number(n)))
    axis_label(axis, label)


def percent_axis(axis: Axis, label: str = "") -> None:
    """Format an axis of fractions as 0%, 25%, …, with grid lines."""
    axis.set_major_formatter(FuncFormatter(lambda share, _: text.percent(share)))
    axis.grid(visible=True, color=RULE, linewidth=0.8)
    if label:
        axis_label(axis, label)


def write(ax: Axes, words: str, place: tuple[float, float], *, color: str = INK, size: float = 8.0) -> None:
    """Write in the middle of a mark."""
    ax.text(*place, words, ha="center", va="center", color=color, fontsize=size, parse_math=False)
