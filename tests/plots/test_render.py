"""Labels that fit: whatever the number of places and the length of names, none covers another."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from opp_analytics.charts import BarMark, ChartData, Measure, Place
from opp_analytics.plots.render import render
from tests.plots import reading


def _bars(names, **chart):
    places = tuple(Place(name, (BarMark(0, 10.0 - k, "bar"),), end=10.0 - k) for k, name in enumerate(names))
    return ChartData("Bars", places=places, **chart)


def _overlap(ax: Any, axis: str) -> bool:
    """Whether two visible tick labels of an axis cover each other."""
    canvas = FigureCanvasAgg(ax.figure)
    canvas.draw()
    ticks = ax.get_yticklabels() if axis == "y" else ax.get_xticklabels()
    # One renderer for all: without it each text would make its own, as large as the figure.
    boxes = [t.get_window_extent(canvas.get_renderer()) for t in ticks if t.get_text()]
    spans = sorted((b.y0, b.y1) if axis == "y" else (b.x0, b.x1) for b in boxes)
    return any(second[0] < first[1] - 1 for first, second in itertools.pairwise(spans))


@pytest.mark.parametrize("count", [1, 5, 40, 400])
@pytest.mark.parametrize("own", [True, False])
def test_render__names_of_rows_never_overlap(count, own):
    names = [f"A customer with quite a long name, number {k}" for k in range(count)]
    ax = render(_bars(names), None if own else Figure(figsize=(3, 2)).add_subplot())
    assert reading.rows(ax)
    assert not _overlap(ax, "y")


@pytest.mark.parametrize("count", [1, 5, 40, 400])
def test_render__names_of_columns_never_overlap(count):
    ax = render(_bars([f"2026-{k:02d}" for k in range(count)], upright=True), None)
    assert reading.slots(ax)
    assert not _overlap(ax, "x")


def test_render__makes_room_beside_the_longest_bar():
    places = (
        Place("a", (BarMark(0, 10, "bar"),), "ten", 10.0),
        Place("b", (BarMark(0, 5, "bar"),), "five", 5.0),
    )
    ax = render(ChartData("Bars", places=places), None)
    assert reading.texts(ax) == ["ten", "five"]
    assert ax.get_xlim()[1] > 10


def test_render__shows_dollars_as_they_are():
    ax = render(
        ChartData("$", places=(Place("$10 and $20", (BarMark(0, 1, "bar"),), "$508K · $9K", 1.0),)), None
    )
    for text in (ax.get_yticklabels()[0], ax.texts[0]):
        assert not text.get_parse_math()


@pytest.mark.parametrize(
    ("measure", "value", "shown"),
    [
        (Measure("money", "open value"), 250_000, "250K"),
        (Measure("money", "open value", currency="USD"), 250_000, "$250K"),
        (Measure("money", "open value", currency="EUR", signed=True), 250_000, "+€250K"),
        (Measure("percent", "open value"), 0.25, "25%"),
        (Measure("date", "open value"), 20_454.0, "Jan 1"),
    ],
)
def test_render__writes_an_axis_in_its_unit(measure, value, shown):
    ax = render(_bars(["a"], measure=measure), None)
    assert ax.xaxis.get_major_formatter()(value, 0) == shown
    assert ax.get_xlabel() == "open value"
