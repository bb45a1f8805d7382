"""The paper that all drawings share, and labels that fit: whatever the data, none covers another,
and all text can be read."""

from __future__ import annotations

import inspect
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
import pytest
from matplotlib import colors
from matplotlib.figure import Figure
from matplotlib.text import Text

from opp_analytics import errors, plots
from opp_analytics.charts import BarMark, ChartData, Measure, Place
from opp_analytics.plots.render import COLORS, canvas, drawing, finish, render
from tests.plots import reading
from tests.plots.tables import TABLES
from tests.svg.reading import contrast


def test_canvas__makes_a_figure_that_pyplot_does_not_know():
    ax = canvas(None)
    assert isinstance(ax.figure, Figure)
    assert plt.get_fignums() == []


def test_canvas__keeps_the_callers_axes():
    ax = Figure().add_subplot()
    assert canvas(ax) is ax


def test_canvas__refuses_what_is_not_an_axes():
    with pytest.raises(errors.ArgumentTypeError, match="omit it"):
        canvas("here")  # type: ignore[arg-type]


def test_render__grows_with_rows():
    heights = [
        render(_bars(["a"] * n), None, "Bars").figure.get_size_inches()[1] for n in (1, 10, 40)
    ]
    assert heights[0] <= heights[1] < heights[2]


def test_canvas__shows_itself_as_a_sharp_picture():
    png, size = canvas(None)._repr_png_()  # type: ignore[attr-defined]
    assert png.startswith(b"\x89PNG")
    assert size == {"width": 900, "height": 420}


def test_finish__writes_title_and_caption():
    ax = finish(canvas(None), "Win rate", "3 deals")
    assert reading.title(ax) == "Win rate"
    assert reading.caption(ax) == "3 deals"


def test_drawing__names_the_function_that_makes_the_table():
    def win_rate(table: pd.DataFrame) -> ChartData:
        """Prepare a bar of each rate."""
        return ChartData(title=f"{len(table)} rates", empty="none")

    drawn = drawing(win_rate, "rate n")
    with pytest.raises(
        errors.MissingColumnError, match=r"no column rate and n; pass the result of oa\.win_rate"
    ):
        drawn(pd.DataFrame({"a": [1]}))
    with pytest.raises(
        errors.ArgumentTypeError, match=r"table is a list; pass the result of oa\.win_rate"
    ):
        drawn([1])  # type: ignore[arg-type]
    assert reading.title(drawn(pd.DataFrame({"rate": [0.5], "n": [2]}))) == "1 rates"
    assert list(inspect.signature(drawn).parameters) == ["table", "ax"]
    assert str(drawn.__doc__).startswith("Draw `oa.win_rate`: a bar of each rate.\n\nParameters\n")
    assert "Result of `oa.win_rate`" in str(drawn.__doc__)


def test_drawing__without_a_docstring_gets_none():
    def blank(table: pd.DataFrame) -> ChartData:
        return ChartData()

    assert drawing(blank).__doc__ is None


DARK: Any = {"figure.facecolor": "#111418", "axes.facecolor": "#111418"}


@pytest.mark.parametrize("name", sorted(TABLES))
@pytest.mark.parametrize("settings", [{}, DARK], ids=["light", "dark"])
def test_finish__leaves_text_outside_of_marks_readable(name: str, settings: Any) -> None:
    with mpl.rc_context(settings):
        ax = getattr(plots, name)(TABLES[name])
    behind = colors.to_hex(ax.figure.get_facecolor())
    inside = [mark.get_window_extent() for mark in ax.patches]
    texts = [
        found
        for found in ax.figure.findobj(Text)
        if found.get_text().strip() and found.get_visible()
    ]
    assert texts
    for found in texts:
        place = ax.transData.transform(found.get_position()) if found in ax.texts else (-1, -1)
        if not any(box.contains(*place) for box in inside):
            assert contrast(colors.to_hex(found.get_color()), behind) >= 4.5, found.get_text()


def test_finish__turns_marks_of_the_users_own_dark_axes() -> None:
    with mpl.rc_context(DARK):
        ax = plots.waterfall(TABLES["waterfall"], ax=Figure().add_subplot())
    fills = {colors.to_hex(bar.get_facecolor()) for bar in ax.patches}
    assert fills == {"#aab2ba", "#7fb0ff", "#7b848d"}


def test_finish__keeps_a_light_drawing() -> None:
    ax = plots.waterfall(TABLES["waterfall"])
    fills = {colors.to_hex(bar.get_facecolor()) for bar in ax.patches}
    assert fills == {COLORS["bar"], COLORS["hi"], COLORS["mute"]}


def test_text__follows_the_readers_own_font_size() -> None:
    with mpl.rc_context({"font.size": 20}):
        ax = plots.waterfall(TABLES["waterfall"])
    assert ax.get_xticklabels()[0].get_fontsize() == 18


def _bars(names, **chart):
    places = tuple(Place(name, (BarMark(0, 10.0 - k, "bar"),)) for k, name in enumerate(names))
    return ChartData(places, **chart)


def test_render__makes_room_beside_the_longest_bar():
    places = (
        Place("a", (BarMark(0, 10, "bar"),), "ten"),
        Place("b", (BarMark(0, 5, "bar"),), "five"),
    )
    ax = render(ChartData(places), None, "Bars")
    assert reading.texts(ax) == ["ten", "five"]
    assert ax.get_xlim()[1] > 10


def test_render__shows_dollars_as_they_are():
    ax = render(
        ChartData((Place("$10 and $20", (BarMark(0, 1, "bar"),), "$508K · $9K"),)),
        None,
        "$",
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
    ax = render(_bars(["a"], measure=measure), None, "Bars")
    assert ax.xaxis.get_major_formatter()(value, 0) == shown
    assert ax.get_xlabel() == "open value"
