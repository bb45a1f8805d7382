"""Labels that fit: whatever the number of rows and the length of names, none covers another."""

from __future__ import annotations

import itertools
from typing import Any

import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from opp_analytics.org import Org
from opp_analytics.plots import labels, style
from tests.plots import reading


def _overlap(ax: Any, axis: str) -> bool:
    """Whether two visible tick labels of an axis cover each other."""
    canvas = FigureCanvasAgg(ax.figure)
    canvas.draw()
    ticks = ax.get_yticklabels() if axis == "y" else ax.get_xticklabels()
    # One renderer for all: without it each text would make its own, as large as the figure.
    boxes = [t.get_window_extent(canvas.get_renderer()) for t in ticks if t.get_text()]
    if axis == "y":
        spans = sorted((b.y0, b.y1) for b in boxes)
    else:
        spans = sorted((b.x1 - 6, b.x1 + 6) if ticks[0].get_rotation() else (b.x0, b.x1) for b in boxes)
    return any(second[0] < first[1] - 1 for first, second in itertools.pairwise(spans))


@pytest.mark.parametrize("count", [1, 5, 40, 400])
@pytest.mark.parametrize("own", [True, False])
def test_label_rows__never_overlap(count, own):
    ax = style.canvas(None if own else Figure(figsize=(3, 2)).add_subplot(), rows=count)
    labels.label_rows(ax, [f"A customer with quite a long name, number {k}" for k in range(count)])
    assert reading.rows(ax)
    assert not _overlap(ax, "y")


@pytest.mark.parametrize("count", [1, 5, 40, 400])
def test_label_slots__never_overlap(count):
    ax = style.canvas(None)
    labels.label_slots(ax, [f"2026-{k:02d}" for k in range(count)])
    assert reading.slots(ax)
    assert not _overlap(ax, "x")


def test_label_bars__make_room_beside_the_longest():
    ax = style.canvas(None)
    labels.label_bars(ax, [10.0, 5.0], ["ten", "five"])
    assert reading.texts(ax) == ["ten", "five"]
    assert ax.get_xlim()[1] > 10


def test_shorten__keeps_both_ends():
    assert labels.shorten("Northwind Traders (Berlin branch)", 21) == "Northwind T…n branch)"
    assert len(labels.shorten("x" * 100, 30)) == 30


def test_labels__show_dollars_as_they_are():
    ax = style.canvas(None)
    labels.label_rows(ax, ["$10 and $20"])
    labels.beside(ax, "$508K · $9K", (0, 0))
    for text in (ax.get_yticklabels()[0], ax.texts[0]):
        assert not text.get_parse_math()


@pytest.mark.parametrize(("currency", "shown"), [(None, "250K"), ("USD", "$250K"), ("EUR", "€250K")])
def test_money_axis__is_in_the_currency_of_the_organization(currency, shown):
    table = Org(currency=currency).apply(pd.DataFrame({"value": [1.0]}))
    ax = style.canvas(None)
    labels.money_axis(ax.yaxis, "open value", table)
    assert ax.yaxis.get_major_formatter()(250_000, 0) == shown
    assert ax.get_ylabel() == "open value"


def test_percent_axis__writes_percents_without_a_space():
    ax = style.canvas(None)
    labels.percent_axis(ax.xaxis)
    assert ax.xaxis.get_major_formatter()(0.25, 0) == "25%"
