"""The language that all drawings share."""

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from opp_analytics import errors
from opp_analytics.plots import style


def _overlaps(ax, axis):
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


def test_canvas__makes_a_figure_that_pyplot_does_not_know():
    ax = style.canvas(None)
    assert isinstance(ax.figure, Figure)
    assert plt.get_fignums() == []


def test_canvas__keeps_the_callers_axes():
    ax = Figure().add_subplot()
    assert style.canvas(ax) is ax


def test_canvas__refuses_what_is_no_axes():
    with pytest.raises(errors.ArgumentError, match="leave it out"):
        style.canvas("here")


def test_canvas__grows_with_rows():
    heights = [style.canvas(None, rows=n).figure.get_size_inches()[1] for n in (0, 10, 40)]
    assert heights[0] <= heights[1] < heights[2]


def test_canvas__shows_itself_as_a_sharp_picture():
    png, size = style.canvas(None)._repr_png_()
    assert png.startswith(b"\x89PNG")
    assert size == {"width": 750, "height": 420}


@pytest.mark.parametrize("count", [1, 5, 40, 400])
@pytest.mark.parametrize("own", [True, False])
def test_label_rows__never_overlap(count, own):
    ax = style.canvas(None if own else Figure(figsize=(3, 2)).add_subplot(), rows=count)
    style.label_rows(ax, [f"A customer with quite a long name, number {k}" for k in range(count)])
    assert not _overlaps(ax, "y")


@pytest.mark.parametrize("count", [1, 5, 40, 400])
def test_label_slots__never_overlap(count):
    ax = style.canvas(None)
    style.label_slots(ax, [f"2026-{k:02d}" for k in range(count)])
    assert not _overlaps(ax, "x")


def test_shorten__keeps_both_ends():
    assert style.shorten("Northwind Traders (Berlin branch)", 21) == "Northwind T…n branch)"
    assert len(style.shorten("x" * 100, 30)) == 30


def test_shorten__takes_no_mathtext():
    assert style.shorten("$10$ deal") == r"\$10\$ deal"


def test_money__says_unknown_as_a_dash():
    assert style.money(np.nan) == "–"
    assert style.money(999_999) == "1M"


def test_caption__says_n_as_of_and_what_is_left_out():
    table = pd.DataFrame({"won": [1]})
    table.attrs = {"n": 1200, "as_of": "2026-03-31", "left_out": {"conflict": 2, "no_value": 0}}
    assert style.caption(table) == "n = 1,200 · as of 2026-03-31 · left out: 2 conflict"


def test_caption__says_only_what_it_knows():
    assert style.caption(pd.DataFrame()) == ""


def test_finish__writes_title_and_caption():
    ax = style.finish(style.canvas(None), "Win rate", "n = 3")
    assert ax.get_title(loc="left") == "Win rate"
    assert [t.get_text() for t in ax.texts] == ["n = 3"]


def test_series_colours__gives_one_thing_one_colour():
    assert style.series_colours(["a", "won", "b"])["won"][0] == style.COLOURS["won"]
    assert len(set(style.series_colours(map(str, range(8))).values())) == 8


def test_check_table__names_the_function_that_makes_the_table():
    with pytest.raises(errors.MissingColumnError, match=r"draw what oa\.win_rate returns"):
        style.check_table(pd.DataFrame({"a": [1]}), "rate", made_by="oa.win_rate")
    with pytest.raises(errors.ArgumentError, match="expected the table"):
        style.check_table([1], "rate", made_by="oa.win_rate")


def test_money_axis__names_the_currency_where_one_is_set(monkeypatch):
    ax = style.canvas(None)
    style.money_axis(ax.yaxis, "open value")
    assert ax.get_ylabel() == "open value"
    monkeypatch.setenv("BLOCKS_CURRENCY", "EUR")
    style.money_axis(ax.yaxis, "open value")
    assert ax.get_ylabel() == "open value, EUR"
