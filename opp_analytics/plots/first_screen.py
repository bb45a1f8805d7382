"""The first screen of the weekly page as one picture, of a width that a phone shows."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from opp_analytics.charts import ChartData
from opp_analytics.plots.render import BACK, COLORS, DPI, Picture, add_axes, render

_WIDTH, _MARGIN, _CHART = 3.75, 0.12, 3.0
"""Inches of a phone's width, of its margin, and of the chart's height."""
_DAYS = 45
"""Days of the chart; weeks before a period the range is so wide that it would press the rest
together."""
_LETTERS = 37
"""Letters of a headline's line."""


def first_screen(
    heading: str, sentence: str, tiles: Sequence[tuple[str, str, str]], chart: ChartData
) -> Picture:
    """Draw headline, tiles (name, figure, what is said of it) and a chart under its title."""
    texts: list[tuple[float, float, str, float, str, bool]] = []
    down = 0.14

    def write(
        words: str,
        size: float,
        tone: str,
        *,
        bold: bool = False,
        left: float = 0.0,
        by: float = 0.0,
    ) -> None:
        texts.append((_MARGIN + left, down + by, words, size, tone, bold))

    write(heading, 8, "quiet")
    down += 0.2
    headline = textwrap.wrap(sentence, _LETTERS)
    write("\n".join(headline), 11.5, "ink", bold=True)
    down += 0.19 * len(headline) + 0.1
    for place, (name, shown, said) in enumerate(tiles):
        left = place % 2 * _WIDTH / 2
        write(name, 8, "quiet", left=left)
        write(shown, 15, "ink", bold=True, left=left, by=0.13)
        write(said, 8, "ink", left=left, by=0.37)
        down += 0.6 * (place % 2 or place == len(tiles) - 1)
    title = textwrap.wrap(chart.title, _LETTERS + 5)
    write("\n".join(title), 9.5, "ink", bold=True, by=0.05)
    down += 0.16 * len(title) + 0.05
    figure = Picture((_WIDTH, down + _CHART))
    figure.set_facecolor(BACK)
    figure.set_dpi(2 * DPI)  # a phone has twice the dots of a screen
    top, below = figure.subfigures(2, squeeze=False, height_ratios=[down, _CHART]).flat
    for left, under, words, size, tone, bold in texts:
        top.text(
            left / _WIDTH,
            1 - under / down,
            words,
            size=size,
            color=COLORS[tone],
            weight="bold" if bold else "normal",
            va="top",
            linespacing=1.15,
            parse_math=False,
        )
    axes = render(_simplify(chart), add_axes(below))
    # What goes on to the right would run through the names of the ends.
    axes.set_xlim(right=max((end.x for end in chart.ends), default=None))
    for line in axes.lines:
        line.set_clip_on(False)
    return figure


def _simplify(chart: ChartData) -> ChartData:
    """Keep what a small picture can show: the last weeks, without earlier periods behind them, which it has no room to explain."""
    since = max((end.x for end in chart.ends), default=0.0) - _DAYS

    def cut(points: tuple[tuple[float, ...], ...]) -> tuple[Any, ...]:
        return tuple(point for point in points if point[0] >= since) if len(points) > 1 else points

    return replace(
        chart,
        title="",
        note="",
        measure=replace(chart.measure, title=""),
        places=tuple(place for place in chart.places if place.at is None or place.at >= since),
        curves=tuple(
            replace(curve, points=cut(curve.points))
            for curve in chart.curves
            if curve.tone != "mute"
        ),
        ribbons=tuple(replace(ribbon, points=cut(ribbon.points)) for ribbon in chart.ribbons),
    )
