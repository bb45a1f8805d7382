"""One visual language for every drawing: colours by meaning, money axes, captions, labels that never overlap.

A drawing is built in three steps: `canvas` gives the Axes, the drawing adds its marks with `COLOURS`, and `finish`
writes title and caption. Nothing here touches pyplot or its current figure. An Axes made by `canvas` knows how to
show itself: at the end of a notebook cell it appears as the picture (``_repr_png_``), with any backend or none, and
never twice.
"""

from __future__ import annotations

import io
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.container import BarContainer
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from opp_analytics.errors import ArgumentError, MissingColumnError
from opp_analytics.org import currency

__all__ = [
    "COLOURS",
    "INK",
    "QUIET",
    "Picture",
    "canvas",
    "caption",
    "check_table",
    "counted",
    "finish",
    "headroom",
    "label_bars",
    "label_rows",
    "label_slots",
    "legend",
    "money",
    "money_axis",
    "note_running",
    "nothing",
    "rate_axis",
    "row_names",
    "row_text_size",
    "series_colours",
    "shorten",
    "slot_names",
]

INK = "#222222"
"""Text, expected values, observed lines."""
QUIET = "#6B6B6B"
"""Captions, axes, reference lines."""
GRID = "#E4E4E4"
"""Grid lines."""

COLOURS: Mapping[str, str] = {
    # Okabe and Ito's palette, told apart with any colour vision; one colour for one thing, everywhere.
    "won": "#009E73",
    "booked": "#009E73",
    "lost": "#D55E00",
    "open": "#0072B2",
    "still": "#0072B2",
    "weighted_open": "#56B4E9",
    "expected": INK,
    "target": "#CC79A7",
    "overdue": "#E69F00",
    "slipped": "#E69F00",
    "unscheduled": "#A6A6A6",
    "removed": "#A6A6A6",
    "deleted": "#A6A6A6",
    "disqualified": "#C4C4C4",
    "pulled_out": "#F0E442",
    "pulled_in": "#F0E442",
    "pushed_in": "#F5C766",
    "pushed_out": "#E69F00",
    "new": "#56B4E9",
    "rise": "#56B4E9",
    "fall": "#E69F00",
    "total": "#4D4D4D",
}
"""Colour of each thing drawn, by its name in the tables."""

_SERIES = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#4D4D4D", "#B8A200")
_MARKS = ("o", "s", "^", "D", "v", "P", "X", "<")
_TEXT_SIZE = 9.0
_ROW_HEIGHT = 0.26
_WEEK = re.compile(r"(\d{4}-\d\d-\d\d)/\d{4}-\d\d-\d\d$")


class _Shown:
    """What lets a notebook show an object of matplotlib as its picture, without pyplot."""

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        figure: Any = self if isinstance(self, Figure) else getattr(self, "figure", None)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=2 * figure.dpi)
        width, height = figure.get_size_inches() * figure.dpi
        # Twice the pixels at the stated size: sharp on dense screens.
        return buffer.getvalue(), {"width": int(width), "height": int(height)}


class Picture(_Shown, Figure):
    """A figure that pyplot does not know and that a notebook shows."""


class _PictureAxes(_Shown, Axes):
    """Axes that a notebook shows as their figure."""


def canvas(ax: Axes | None, *, rows: int = 0, size: tuple[float, float] = (7.5, 4.2)) -> Axes:
    """`ax` itself, or the axes of a new figure that is high enough for `rows` labelled rows.

    Parameters
    ----------
    ax : Axes or None
        Where the caller wants the drawing; None asks for a new figure, never the current one of pyplot.
    rows : int
        Labelled rows (horizontal bars) that must fit.
    size : (float, float)
        Width and least height in inches.

    Raises
    ------
    ArgumentError
        When `ax` is no Axes.

    Examples
    --------
    >>> canvas(None).figure.get_size_inches().tolist()
    [7.5, 4.2]
    """
    if ax is None:
        height = max(size[1], 1.3 + _ROW_HEIGHT * rows)
        ax = Picture(figsize=(size[0], height), layout="constrained").add_subplot(axes_class=_PictureAxes)
    elif not isinstance(ax, Axes):
        raise ArgumentError(f"ax={ax!r} is not a matplotlib Axes; leave it out for a new figure")
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(QUIET)
    ax.tick_params(colors=INK, labelsize=_TEXT_SIZE, length=0)
    ax.set_axisbelow(True)
    return ax


def check_table(table: pd.DataFrame, *columns: str, made_by: str) -> pd.DataFrame:
    """The table, after a check that it is the result of `made_by`.

    Raises
    ------
    ArgumentError, MissingColumnError
        Saying which function makes the table that the drawing needs.
    """
    if not isinstance(table, pd.DataFrame):
        raise ArgumentError(f"expected the table of {made_by}, not {type(table).__name__}")
    missing = [c for c in columns if c not in table.columns]
    if missing:
        raise MissingColumnError(f"the table has no column {', '.join(missing)}; draw what {made_by} returns")
    return table


def shorten(text: Any, width: int = 32) -> str:
    """`text` on one line of at most `width` characters, its middle replaced by … so that both ends can be told apart.

    Examples
    --------
    >>> shorten("A very long company name, Inc. of Springfield", 20)
    'A very lon…ringfield'
    """
    line = " ".join(str(text).split()).replace("$", r"\$") if text is not None else ""
    if len(line) <= width:
        return line
    head = (width + 1) // 2
    return f"{line[:head]}…{line[len(line) - (width - head - 1) :]}"


def row_names(index: pd.Index[Any]) -> list[str]:
    """The labels of a table's rows as text; the levels of several keys are joined by " · "."""
    if isinstance(index, pd.MultiIndex):
        return [" · ".join(str(part) for part in key) for key in index]
    return [str(key) for key in index]


def slot_names(table: pd.DataFrame) -> list[str]:
    """The labels of rows that are periods: a week by its first day, one still running with a star.

    Examples
    --------
    >>> slot_names(pd.DataFrame({"to_date": [False, True]}, index=["2026-03-02/2026-03-08", "2026-04"]))
    ['2026-03-02', '2026-04*']
    """
    running = table["to_date"] if "to_date" in table else [False] * len(table)
    names = [_WEEK.sub(r"\1", name) for name in row_names(table.index)]
    return [f"{name}*" if now else name for name, now in zip(names, running, strict=True)]


def note_running(ax: Axes, table: pd.DataFrame) -> None:
    """Say what the star of a running period and the day of a week stand for, where there is one."""
    weekly = any(_WEEK.search(name) for name in row_names(table.index))
    running = "to_date" in table and bool(table["to_date"].any())
    says = [*(["weeks by their first day"] if weekly else []), *(["* to date"] if running else [])]
    if says:
        ax.set_xlabel(" · ".join(says), color=QUIET, fontsize=_TEXT_SIZE, loc="right")


def headroom(ax: Axes) -> None:
    """Leave air above the highest mark: stacked bars would else touch the frame."""
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.06 * (high - low))


def _room(ax: Axes, axis: str) -> float:
    """Length of an axis in points."""
    width, height = ax.get_figure(root=True).get_size_inches()  # type: ignore[union-attr]
    box = ax.get_position()
    return 72 * float(height * box.height if axis == "y" else width * box.width)


def _breadth(ax: Axes) -> float:
    """Points from the left end of the axes rightwards: in a figure of ours to its edge, which text may reach."""
    if not isinstance(ax, _PictureAxes):
        return _room(ax, "x")
    longest = max((len(label.get_text()) for label in ax.get_yticklabels()), default=0)
    # An axis of amounts has its labels only once it is drawn.
    beside = max(longest, 6) * _TEXT_SIZE * 0.6 + 3 * _TEXT_SIZE
    return 72 * float(ax.get_figure(root=True).get_size_inches()[0]) - beside  # type: ignore[union-attr]


def row_text_size(ax: Axes, rows: int) -> float:
    """The text size at which one line fits into each of `rows` rows."""
    return float(np.clip(0.75 * _room(ax, "y") / max(rows, 1), 5.0, _TEXT_SIZE))


def label_rows(ax: Axes, names: Sequence[str], *, width: int = 32) -> None:
    """Name horizontal rows 0, 1, … from the top; the text shrinks, then thins out, before it could overlap."""
    pitch = _room(ax, "y") / max(len(names), 1)
    size = row_text_size(ax, len(names))
    step = max(1, int(np.ceil(size / max(pitch, 0.1))))
    places = list(range(0, len(names), step))
    ax.set_yticks(places, [shorten(names[k], width) for k in places], fontsize=size)
    ax.set_ylim(len(names) - 0.4, -0.6)


def label_bars(ax: Axes, bars: BarContainer, texts: Sequence[str]) -> None:
    """Write a text beside each horizontal bar, and make room for it; left out where rows are too thin to read."""
    pitch = _room(ax, "y") / max(len(texts), 1)
    ends = [bar.get_width() for bar in bars]
    low, high = min([0.0, *ends]), max([0.0, *ends])
    size = row_text_size(ax, len(texts))
    wide = min(0.7, (max(map(len, texts), default=0) * size * 0.6 + 4) / max(_breadth(ax), 1.0))
    reach = (high - low or 1.0) / (1 - wide)
    ax.set_xlim(low - 0.02 * reach if low < 0 else 0, high + wide * reach)
    if pitch < size:
        return
    for bar, text in zip(bars, texts, strict=True):
        place = (max(bar.get_width(), 0.0), bar.get_y() + bar.get_height() / 2)
        ax.annotate(
            text,
            place,
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            color=QUIET,
            fontsize=size,
        )


def label_slots(ax: Axes, names: Sequence[str], *, width: int = 18) -> None:
    """Name vertical slots 0, 1, … from the left; names are slanted, then thinned out, before they could overlap."""
    pitch = _room(ax, "x") / max(len(names), 1)
    short = [shorten(name, width) for name in names]
    longest = max((len(name) for name in short), default=0)
    level = longest * _TEXT_SIZE * 0.6 + 4 <= pitch
    step = 1 if level else max(1, int(np.ceil(2.0 * _TEXT_SIZE / max(pitch, 0.1))))
    places = list(range(0, len(names), step))
    turned: dict[str, Any] = {} if level else {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
    ax.set_xticks(places, [short[k] for k in places], fontsize=_TEXT_SIZE, **turned)
    ax.set_xlim(-0.6, max(len(names), 1) - 0.4)


def money(amount: float) -> str:
    """An amount in three significant digits with k, M, B or T.

    Examples
    --------
    >>> [money(x) for x in (0, 950, 12_500, -3_250_000, 7.1e9)]
    ['0', '950', '12.5k', '−3.25M', '7.1B']
    """
    if not np.isfinite(amount):
        return "–"
    sign = "−" if amount < 0 else ""
    size = abs(float(f"{amount:.3g}"))
    for unit, letter in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if size >= unit:
            return f"{sign}{size / unit:.3g}{letter}"
    return f"{sign}{size:.3g}" if size else "0"


def counted(count: float, noun: str) -> str:
    """A number of things: "1 deal", "2,000 deals"."""
    return f"{int(count):,} {noun}{'' if int(count) == 1 else 's'}"


def money_axis(axis: Axis, label: str | None = None) -> None:
    """Ticks as 0, 250k, 1.5M, with grid lines across; the label names the currency where one is set."""
    axis.set_major_locator(MaxNLocator(nbins=6))
    axis.set_major_formatter(FuncFormatter(lambda amount, _: money(amount)))
    axis.grid(visible=True, color=GRID, linewidth=0.8)
    if label:
        unit = currency()
        axis.set_label_text(f"{label}, {unit}" if unit else label, color=QUIET, fontsize=_TEXT_SIZE)


def rate_axis(axis: Axis, label: str | None = None) -> None:
    """Ticks as 0 %, 25 %, … of a fraction 0–1, with grid lines across."""
    axis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
    axis.grid(visible=True, color=GRID, linewidth=0.8)
    if label:
        axis.set_label_text(label, color=QUIET, fontsize=_TEXT_SIZE)


def series_colours(names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """A colour and a marker for each series, by meaning where its name has one, else in a fixed order."""
    free = [(colour, mark) for mark in _MARKS for colour in _SERIES]
    listed = list(dict.fromkeys(names))
    return {
        name: (COLOURS.get(name, free[k % len(free)][0]), _MARKS[k % len(_MARKS)])
        for k, name in enumerate(listed)
    }


def caption(table: pd.DataFrame, *further: str) -> str:
    """Who is counted and when: "n = 312 · as of 2026-03-31 · left out: 3 conflict", from the table's attrs.

    Attrs do not survive every pandas operation; what is not there is not said.
    """
    attrs = table.attrs
    parts = [f"n = {attrs['n']:,}"] if isinstance(attrs.get("n"), int) else []
    if attrs.get("as_of"):
        parts.append(f"as of {attrs['as_of']}")
    parts += [text for text in further if text]
    left_out = attrs.get("left_out") or {}
    named = [f"{count:,} {str(why).replace('_', ' ')}" for why, count in left_out.items() if count]
    if named:
        parts.append("left out: " + ", ".join(named))
    return " · ".join(parts)


def finish(ax: Axes, title: str, note: str = "") -> Axes:
    """Write the title and, under it, the caption, wrapped to the room there is; returns `ax`."""
    lines = textwrap.wrap(note, max(30, int(_breadth(ax) / (_TEXT_SIZE * 0.56)))) if note else []
    ax.set_title(
        title, loc="left", fontsize=_TEXT_SIZE + 3, fontweight="bold", color=INK, pad=8 + 12.5 * len(lines)
    )
    if lines:
        ax.annotate(
            "\n".join(lines),
            xy=(0, 1),
            xycoords="axes fraction",
            xytext=(0, 6),
            textcoords="offset points",
            va="bottom",
            fontsize=_TEXT_SIZE,
            color=QUIET,
            gid="caption",
        )
    return ax


def legend(ax: Axes, **options: Any) -> None:
    """A frameless legend beside the marks in a figure of ours; inside, where it is emptiest, on the caller's axes."""
    if isinstance(ax, _PictureAxes):
        options = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0), **options}
    ax.legend(frameon=False, fontsize=_TEXT_SIZE, labelcolor=INK, **options)


def nothing(ax: Axes, message: str) -> None:
    """The empty state: say in the middle why there is nothing to see."""
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[["left", "bottom"]].set_visible(False)
    ax.text(
        0.5,
        0.5,
        message,
        transform=ax.transAxes,
        ha="center",
        va="center",
        color=QUIET,
        fontsize=_TEXT_SIZE + 2,
    )


def said(row: Any) -> str:
    if np.isnan(row.wape):
        return " could forecast nothing"
    return f"{row.wape:.0%}, bias {row.bias:+.0%}, band held {row.interval_coverage:.0%}"
