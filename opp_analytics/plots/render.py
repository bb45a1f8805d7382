"""Render a prepared chart on matplotlib Axes.

Labels shrink, break or thin out, so that they fit and never overlap.

Nothing here touches pyplot or its current figure. An Axes made by `canvas` shows itself at the end
of a notebook cell (``_repr_png_``), with any backend or none, and never twice. Colors are those of
the weekly page; on a figure with a dark background each turns into its dark twin.
"""

from __future__ import annotations

import functools
import inspect
import io
import math
import textwrap
from collections.abc import Callable, Sequence
from typing import Any, Protocol, cast

import matplotlib.dates as mdates
import numpy as np
import pandas as pd
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from opp_analytics import arguments, charts
from opp_analytics.analysis import heading
from opp_analytics.errors import ArgumentTypeError
from opp_analytics.schema import Json

_TONES = {
    "back": ("#ffffff", "#111418"),
    "ink": ("#15181c", "#eef0f2"),
    "quiet": ("#5f676f", "#98a0a9"),
    "rule": ("#e4e7ea", "#262b31"),
    "bar": ("#3d444b", "#aab2ba"),
    "mute": ("#6f7780", "#7b848d"),
    "pale": ("#d5dade", "#3a4149"),
    "hi": ("#0a58ca", "#7fb0ff"),
    "band": ("#c9dbf7", "#24416d"),
}
COLORS = {tone: light for tone, (light, _) in _TONES.items()}
"""Color of each tone of `charts` on a light background."""
DPI = 160
"""Resolution of every figure made here, on a dense screen and in print."""
_SCREEN = 100
"""Pixels of an inch at which a notebook shows a figure."""
_ROW_HEIGHT, _USUAL_SIZE = 0.26, 9.0
_SIZE = (9.0, 4.2)
"""Width and height in inches, at the usual size of text."""
_LEAST_ROWS = 3
"""Rows that have room at least, so that a single bar does not fill the page."""
_NEAR = 0.08
"""Height of an amount above a column, as a share of the axis."""
_SECTIONS = """

Parameters
----------
table : DataFrame
    Result of `{name}`, or some of its rows.
ax : Axes, optional
    Axes to draw on; a new figure by default. Save it with ``.figure.savefig(path)``.

Returns
-------
Axes
    A notebook shows it at the end of a cell.

Raises
------
ArgumentTypeError, MissingColumnError
    When `table` is not a result of `{name}`.
"""
_SURE = 0.85
"""Part of the estimated height that the axes have at least."""
_DOT = 6.0
"""Size of a dot, in points."""
_THICK = 0.62
"""Share of a place that a bar fills."""
_ABOVE = 8.0
"""Size of text above a column, in points."""


class Drawing(Protocol):
    """A drawing of one table."""

    def __call__(self, table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
        """Draw the table, on a new figure by default."""


def drawing(prepare: Callable[[pd.DataFrame], charts.ChartData], columns: str = "") -> Drawing:
    """Draw what a chart prepares from the analysis of the same name.

    The table is checked for `columns`, separated by blanks; the docstring is the chart's, with the
    sections that all drawings share.
    """
    name = f"oa.{prepare.__name__}"

    @functools.wraps(prepare, assigned=("__name__", "__qualname__"))
    def draw(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
        arguments.frame(table, "table", *columns.split(), made_by=name)
        chart = prepare(table)
        title = chart.title or heading(table, name.removeprefix("oa."))
        return render(chart, ax, title, charts.write_caption(table, *chart.note))

    draw.__module__ = __package__
    draw.__signature__ = inspect.signature(draw, follow_wrapped=False)  # type: ignore[attr-defined]
    if prepare.__doc__:
        promise = inspect.cleandoc(prepare.__doc__).removeprefix("Prepare ")
        draw.__doc__ = f"Draw `{name}`: {promise}{_SECTIONS.format(name=name)}"
    return draw


def render(chart: charts.ChartData, ax: Axes | None, title: str, note: str = "") -> Axes:
    """Draw a chart on `ax`, or on a new figure, and return the Axes."""
    # A new figure has room for all rows.
    rows = max(len(chart.places), _LEAST_ROWS) + bool(chart.heads)
    height = 1.3 + _ROW_HEIGHT * rows
    ax = canvas(ax, size=_SIZE if chart.upright or chart.empty else (_SIZE[0], height))
    if chart.empty:
        show_empty(ax, chart.empty)
    elif chart.upright:
        _draw_columns(ax, chart)
    else:
        _draw_rows(ax, chart)
    return finish(ax, title, note)


def _draw_rows(ax: Axes, chart: charts.ChartData) -> None:
    """Draw places from the top, their marks to the right."""
    for row, place in enumerate(chart.places):
        _draw_marks(ax, row, place, chart.measure, upright=False)
    for row, place in enumerate(chart.places[:-1] if chart.linked else ()):
        level = place.marks[0].end  # type: ignore[union-attr]
        ax.plot([level, level], [row + 0.31, row + 0.69], color=paint(ax, "mute"), linewidth=0.8)
    for level in chart.levels:
        ax.axvline(level.at, color=paint(ax, level.tone), linewidth=0.8)
    _name_rows(ax, [place.name for place in chart.places])
    _set_axis(ax.xaxis, chart.measure)
    _write_rows(ax, chart)
    _write_inside(ax, chart)


def _draw_columns(ax: Axes, chart: charts.ChartData) -> None:
    """Draw places from the left, their marks upward, and curves across them."""
    for ribbon in chart.ribbons:
        x, low, high = zip(*ribbon.points, strict=True)
        step = "post" if ribbon.stepped else None
        ax.fill_between(x, low, high, step=step, color=paint(ax, "band"), linewidth=0)  # type: ignore[arg-type]
    for slot, place in enumerate(chart.places):
        at = slot if place.at is None else place.at
        _draw_marks(ax, at, place, chart.measure, upright=True)
    for level in chart.levels:
        ax.axhline(level.at, color=paint(ax, level.tone), linewidth=1)
    for curve in filter(lambda curve: curve.points, chart.curves):
        x, y = zip(*curve.points, strict=True)
        ax.plot(
            x,
            y,
            color=paint(ax, curve.tone),
            linewidth=curve.width,
            linestyle="--" if curve.dashed else "-",
            drawstyle="steps-post" if curve.stepped else "default",
            marker="o" if curve.dots else None,
            markersize=curve.dots,
        )
    names = [place.name for place in chart.places]
    if any(names):
        _name_columns(ax, names, width=26)
        _label_axis(ax.xaxis, chart.across.title)
    else:
        _set_axis(ax.xaxis, chart.across)
    _set_axis(ax.yaxis, chart.measure)
    if any(isinstance(mark, charts.BarMark) for place in chart.places for mark in place.marks):
        # Stacked bars would touch the frame, and what stands above them its title.
        lines = max(place.says.count("\n") for place in chart.places)
        foot, top = ax.get_ylim()
        ax.set_ylim(foot, top + (0.06 + 0.08 * lines) * (top - foot))
    _write_above(ax, chart)
    right = max((end.x for end in chart.ends), default=0.0)
    named = [
        charts.EndName(right, level.at, level.name, level.tone)
        for level in chart.levels
        if level.name
    ]
    _name_ends(ax, [*chart.ends, *named])


def _draw_marks(
    ax: Axes, at: float, place: charts.Place, measure: charts.Measure, *, upright: bool
) -> None:
    along, across = (ax.vlines, ax.hlines) if upright else (ax.hlines, ax.vlines)
    for mark in place.marks:
        color = paint(ax, "back" if isinstance(mark, charts.BreakMark) else mark.tone)
        match mark:
            case charts.BarMark():
                _draw_bar(ax, at, mark, upright=upright)
            case charts.RangeMark():
                middle = at + mark.shift
                low, high = max(mark.low, measure.low or -math.inf), mark.high
                if measure.high is not None:
                    high = min(high, measure.high)
                along(middle, low, high, color=color, linewidth=1.2)
                # What goes on beyond the axis ends in an arrow.
                for end, is_cut, arrow in (
                    (low, mark.low < low, "<"),
                    (high, mark.high > high, ">"),
                ):
                    if is_cut:
                        ax.plot(end, middle, arrow, color=color, markersize=_DOT)
                if mark.capped:
                    across([low, high], middle - 0.04, middle + 0.04, color=color, linewidth=1.2)
            case charts.DotMark():
                point = (at, mark.at) if upright else (mark.at, at)
                ax.plot(*point, "o", color=color, markersize=_DOT * mark.size)
            case charts.TickMark():
                half = mark.length / 2
                across(mark.at, at - half, at + half, color=color, linewidth=2)
            case charts.BreakMark():
                low, high = ax.dataLim.intervalx
                lean = 0.006 * (high - low)
                ends = [mark.at - lean, mark.at + lean]
                ax.plot(ends, [at + 0.4, at - 0.4], color=color, linewidth=4)


def _draw_bar(ax: Axes, at: float, mark: charts.BarMark, *, upright: bool) -> None:
    back, color = paint(ax, "back"), to_rgb(paint(ax, mark.tone))
    style: Json = {"color": (*color, mark.strength)}
    if mark.forms:
        style |= {"edgecolor": back, "linewidth": 0.8}
    length, thick = mark.end - mark.start, mark.thick or _THICK
    # The grid would shine through a weak color.
    for look in ({"color": back}, style) if mark.strength < 1 else (style,):
        if upright:
            ax.bar(at, length, bottom=mark.start, width=thick, **look)
        else:
            ax.barh(at, length, left=mark.start, height=thick, **look)


def _set_axis(axis: Axis, measure: charts.Measure) -> None:
    set_ends = axis.axes.set_xlim if axis is axis.axes.xaxis else axis.axes.set_ylim
    set_ends(measure.low, measure.high)
    if measure.ticks:
        axis.set_ticks([at for at, _ in measure.ticks], [name for _, name in measure.ticks])
    else:
        axis.set_major_formatter(FuncFormatter(lambda value, _: measure.write(value)))
        if measure.kind == "money":
            axis.set_major_locator(MaxNLocator(nbins=6))
        elif measure.kind == "count":
            axis.set_major_locator(MaxNLocator(integer=True))
        elif measure.kind == "date":
            fit = int(measure_axis(axis.axes, "x") / (5 * size_text()))
            axis.set_major_locator(mdates.AutoDateLocator(minticks=3, maxticks=min(max(fit, 3), 8)))  # type: ignore[no-untyped-call]
    if measure.kind in ("money", "percent") or (measure.kind == "number" and not measure.ticks):
        axis.grid(visible=True, color=paint(axis.axes, "rule"), linewidth=0.8)
    _label_axis(axis, measure.title)


def _label_axis(axis: Axis, label: str) -> None:
    if label:
        color = paint(axis.axes, "quiet")
        axis.set_label_text(label, color=color, fontsize=size_text(), parse_math=False)


def _size_rows(ax: Axes, rows: int) -> float:
    """Find the text size at which a line fits into each of `rows` rows."""
    return float(np.clip(0.75 * measure_axis(ax, "y") / max(rows, 1), 5.0, size_text()))


def _name_rows(ax: Axes, names: Sequence[str]) -> None:
    """Name rows 0, 1, … from the top; the text shrinks, then thins out."""
    rows = max(len(names), _LEAST_ROWS)
    size = _size_rows(ax, rows)
    step = max(1, math.ceil(size / max(measure_axis(ax, "y") / rows, 0.1)))
    places = list(range(0, len(names), step))
    shown = [charts.shorten(names[k], 40) for k in places]
    ax.set_yticks(places, shown, fontsize=size, parse_math=False)
    ax.set_ylim(rows - 0.4, -0.6)


def _name_columns(ax: Axes, names: Sequence[str], *, width: int = 18) -> None:
    """Name columns 0, 1, … from the left; names break at blanks, then thin out."""
    pitch, letter = measure_axis(ax, "x") / max(len(names), 1), 0.55 * size_text()
    fits = max(4, int((pitch - 4) / letter))
    broken = [
        "\n".join(
            textwrap.fill(charts.shorten(line, width), fits, break_long_words=False)
            for line in name.split("\n")
        )
        for name in names
    ]
    longest = max((len(line) for name in broken for line in name.split("\n")), default=0)
    step = max(1, math.ceil((longest * letter + 4) / max(pitch, 0.1)))
    places = list(range(0, len(names), step))
    ax.set_xticks(places, [broken[k] for k in places], fontsize=size_text(), parse_math=False)
    ax.set_xlim(-0.6, max(len(names), 1) - 0.4)


def _write_rows(ax: Axes, chart: charts.ChartData) -> None:
    """Write a text beside the end of each row, and figures in columns at the right.

    The axis makes room for both. Where rows are too thin, there is no text beside them.
    """
    rows = max(len(chart.places), _LEAST_ROWS)
    size, pitch = _size_rows(ax, rows), measure_axis(ax, "y") / rows
    letter = 0.6 * size / max(measure_breadth(ax), 1.0)
    columns = [
        [head, *texts]
        for head, *texts in zip(
            chart.heads, *(place.figures for place in chart.places), strict=False
        )
    ]
    widths = [letter * (max(map(len, texts)) + 3) for texts in columns]
    parts_by_row = [(*(() if columns else place.figures), place.says) for place in chart.places]
    words = [", ".join(filter(None, parts)) for parts in parts_by_row]
    longest = max(map(len, words))
    beside = min(0.7, letter * (longest + 2)) if longest else 0.0
    ends = [
        max([place.end, *(mark.at for mark in place.marks if isinstance(mark, charts.TickMark))])
        for place in chart.places
    ]
    low, high = chart.measure.low, chart.measure.high
    drawn = ax.dataLim.intervalx
    first = min(0.0, drawn[0]) if low is None else low
    last = max([*ends, first] if longest or columns else [drawn[1]]) if high is None else high
    reach = (last - first or 1.0) / max(0.1, 1 - beside - sum(widths))
    if longest or columns:
        ax.set_xlim(first - (0.02 * reach if low is None and first < 0 else 0), first + reach)
    if columns and chart.measure.kind != "none":
        whole = chart.measure.kind in ("count", "number")
        places = MaxNLocator(nbins=5, integer=whole).tick_values(first, last)
        ax.set_xticks([tick for tick in places if first <= tick <= last])
    for row, (end, text) in enumerate(zip(ends, words, strict=True)):
        if text and pitch >= size:
            _annotate(ax, text, (max(end, 0.0), row), (4, 0), "ink", size)
    # Heads stand close above the first row, however high the rows are.
    above = min(1.0, 0.4 + 1.2 * size / pitch)
    places_down, share = [-above, *map(float, range(len(chart.places)))], ("axes fraction", "data")
    for k, texts in enumerate(columns):
        x = 1 - sum(widths[k + 1 :])
        for y, text in zip(places_down, texts, strict=True):
            tone, style = "quiet" if y < 0 else "ink", {"ha": "right", "annotation_clip": False}
            _annotate(ax, text, (x, y), (0, 0), tone, size, xycoords=share, **style)
    if columns:
        ax.set_ylim(top=-above - min(0.5, size / pitch))


def _write_inside(ax: Axes, chart: charts.ChartData) -> None:
    """Write into the bars the first of their forms that fits."""
    low, high = ax.get_xlim()
    size = _size_rows(ax, max(1, round(abs(ax.get_ylim()[0] - ax.get_ylim()[1]))))
    for row, place in enumerate(chart.places):
        for mark in place.marks:
            if not isinstance(mark, charts.BarMark):
                continue
            letters = ((mark.end - mark.start) / (high - low) * measure_axis(ax, "x") - 4) / (
                size * 0.6
            )
            words = next((form for form in mark.forms if len(form) <= letters), "")
            if words:
                ax.text(
                    (mark.start + mark.end) / 2,
                    row,
                    words,
                    ha="center",
                    va="center",
                    color=paint(ax, "back" if sum(to_rgb(COLORS[mark.tone])) / 3 < 0.55 else "ink"),
                    fontsize=size,
                    parse_math=False,
                )


def _write_above(ax: Axes, chart: charts.ChartData) -> None:
    """Write a text above each column, where the last one leaves room for it."""
    taken, (low, high), height = -math.inf, sorted(ax.get_xlim()), np.ptp(ax.get_ylim())
    for slot, place in enumerate(chart.places):
        at, end = slot if place.at is None else place.at, place.end
        for mark in place.marks:
            # A target just above the column would run through the text.
            if isinstance(mark, charts.TickMark) and 0 < mark.at - end < _NEAR * height:
                end = mark.at
        half = (
            0.3
            * max(map(len, [*place.says.split("\n")]))
            * _ABOVE
            / measure_axis(ax, "x")
            * (high - low)
        )
        if place.says and at - half > taken:
            _annotate(ax, place.says, (at, end), (0, 3), "ink", _ABOVE, ha="center", va="bottom")
            taken = at + half


def _name_ends(ax: Axes, ends: Sequence[charts.EndName]) -> None:
    """Name curves at their right ends.

    Where ends are close, names move apart and a thin line leads to each.
    """
    low, high = ax.get_ylim()
    points, gap = _SURE * measure_axis(ax, "y") / (high - low), 1.35 * size_text()
    ends = sorted(ends, key=lambda end: -end.y)
    below = [(high - end.y) * points for end in ends]
    apart = charts.keep_apart(below, [gap] * len(ends), (high - low) * points)
    line = {"color": paint(ax, "mute"), "linewidth": 0.6, "relpos": (0, 0.5)}
    for end, own, place in zip(ends, below, apart, strict=True):
        moved = abs(own - place) > 0.25 * gap
        leader = {"arrowstyle": "-", "shrinkA": 1, "shrinkB": 1, **line} if moved else None
        by = (16 if moved else 5, own - place)
        _annotate(ax, end.name, (end.x, end.y), by, end.tone, size_text(), arrowprops=leader)


def _annotate(
    ax: Axes,
    words: str,
    at: tuple[float, float],
    by: tuple[float, float],
    tone: str,
    size: float,
    **style: Any,
) -> None:
    """Write a text at a point, moved by so many points."""
    usual: Json = {"textcoords": "offset points", "va": "center", "parse_math": False}
    ax.annotate(words, at, by, color=paint(ax, tone), fontsize=size, **usual | style)


def paint(ax: Axes, tone: str) -> str:
    """Find the color of a tone on the background of axes: light, or dark."""
    behind = (ax if ax.patch.get_visible() else _find_figure(ax)).get_facecolor()
    return _TONES[tone][sum(to_rgb(behind)) / 3 <= 0.5]


def size_text() -> float:
    """Size labels in points, a little below the reader's own ``font.size``."""
    return 0.9 * float(rcParams["font.size"])


class _NotebookPng:
    """A matplotlib object that a notebook shows as a picture, without pyplot."""

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        figure: Any = self if isinstance(self, Figure) else getattr(self, "figure", None)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png")
        width, height = figure.get_size_inches() * _SCREEN
        # More pixels than at the stated size: sharp on dense screens.
        return buffer.getvalue(), {"width": int(width), "height": int(height)}


class Picture(_NotebookPng, Figure):
    """A figure outside pyplot that a notebook shows.

    The size is in inches at the usual ``font.size`` of 10.
    """

    def __init__(self, size: tuple[float, float]) -> None:
        # A larger font gets a larger figure, so that everything fits as it does at the usual size.
        scale = size_text() / _USUAL_SIZE
        super().__init__(figsize=(scale * size[0], scale * size[1]), layout="constrained", dpi=DPI)


class _PictureAxes(_NotebookPng, Axes):
    """Axes that a notebook shows as their figure."""


def canvas(ax: Axes | None, *, size: tuple[float, float] = _SIZE) -> Axes:
    """Prepare `ax`, or the axes of a new figure of a `size` in inches at the usual ``font.size``.

    Never pyplot's current figure.
    """
    if ax is None:
        ax = Picture(size).add_subplot(axes_class=_PictureAxes)
    elif not isinstance(ax, Axes):
        raise ArgumentTypeError(f"ax={ax!r} is not a matplotlib Axes; omit it for a new figure")
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(paint(ax, "quiet"))
    ax.tick_params(colors=paint(ax, "ink"), labelsize=size_text(), length=0)
    ax.set_axisbelow(True)
    return ax


def _find_figure(ax: Axes) -> Figure:
    """Find the whole figure of axes, which may be in a part of it."""
    return cast("Figure", ax.get_figure(root=True))


def measure_axis(ax: Axes, axis: str) -> float:
    """Measure an axis, in points."""
    return 72 * (ax.bbox.height if axis == "y" else ax.bbox.width) / ax.figure.dpi


def measure_breadth(ax: Axes) -> float:
    """Measure the points from the left end of the axes to the right edge that text may reach."""
    if not isinstance(ax, _PictureAxes):
        return measure_axis(ax, "x")
    longest = max((len(label.get_text()) for label in ax.get_yticklabels()), default=0)
    # An axis of amounts has its labels only once it is drawn.
    beside = max(longest, 6) * size_text() * 0.6 + 3 * size_text()
    return 72 * ax.figure.bbox.width / ax.figure.dpi - beside


def show_empty(ax: Axes, reason: str) -> None:
    """Write the reason in the middle of empty axes."""
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[["left", "bottom"]].set_visible(False)
    ax.text(
        0.5,
        0.5,
        textwrap.fill(reason, max(24, int(measure_axis(ax, "x") / (0.6 * size_text())))),
        transform=ax.transAxes,
        ha="center",
        va="center",
        color=paint(ax, "quiet"),
        fontsize=size_text() + 2,
        parse_math=False,
    )


def finish(ax: Axes, title: str, note: str = "") -> Axes:
    """Write the title and the caption below it, wrapped to fit, and return `ax`."""
    size = size_text()
    lines = textwrap.wrap(note, max(30, int(measure_breadth(ax) / (size * 0.56)))) if note else []
    ax.set_title(
        "\n".join(
            textwrap.wrap(
                title.removesuffix("."), max(24, int(measure_breadth(ax) / ((size + 2) * 0.6)))
            )
        ),
        loc="left",
        fontsize=size + 2,
        fontweight="bold",
        color=paint(ax, "ink"),
        pad=8 + 1.4 * size * len(lines),
        parse_math=False,
    )
    if lines:
        _annotate(
            ax,
            "\n".join(lines),
            (0, 1),
            (0, 6),
            "quiet",
            size,
            xycoords="axes fraction",
            va="bottom",
            gid="caption",
        )
    return ax
