"""The paper that all drawings share; on a dark figure every color has a dark twin, and all text can be read."""

from __future__ import annotations

import inspect
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
import pytest
from matplotlib import colors
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from opp_analytics import errors, plots
from opp_analytics.plots.canvas import COLORS, canvas, drawing, finish
from tests.plots import reading
from tests.plots.tables import TABLES


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


def test_canvas__grows_with_rows():
    heights = [canvas(None, rows=n).figure.get_size_inches()[1] for n in (0, 10, 40)]
    assert heights[0] <= heights[1] < heights[2]


def test_canvas__shows_itself_as_a_sharp_picture():
    png, size = canvas(None)._repr_png_()  # type: ignore[attr-defined]
    assert png.startswith(b"\x89PNG")
    assert size == {"width": 750, "height": 420}


def test_finish__writes_title_and_caption():
    ax = finish(canvas(None), "Win rate", "3 deals")
    assert reading.title(ax) == "Win rate"
    assert reading.caption(ax) == "3 deals"


def test_drawing__names_the_function_that_makes_the_table():
    @drawing("rate", "n")
    def win_rate(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
        """Draw `oa.win_rate`."""
        return canvas(ax)

    with pytest.raises(
        errors.MissingColumnError, match=r"no column rate and n; pass the result of oa\.win_rate"
    ):
        win_rate(pd.DataFrame({"a": [1]}))
    with pytest.raises(errors.ArgumentTypeError, match=r"table is a list; pass the result of oa\.win_rate"):
        win_rate([1])  # type: ignore[arg-type]
    assert list(inspect.signature(win_rate).parameters) == ["table", "ax"]
    assert "Result of `oa.win_rate`" in str(win_rate.__doc__)


def test_drawing__without_a_docstring_gets_none():
    @drawing()
    def blank(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
        return canvas(ax)

    assert blank.__doc__ is None


DARK: Any = {"figure.facecolor": "#111418", "axes.facecolor": "#111418"}


def luminance(color: Any) -> float:
    parts = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in colors.to_rgb(color)]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one: Any, other: Any) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("name", sorted(TABLES))
@pytest.mark.parametrize("settings", [{}, DARK], ids=["light", "dark"])
def test_finish__leaves_text_outside_of_marks_readable(name: str, settings: Any) -> None:
    with mpl.rc_context(settings):
        ax = getattr(plots, name)(TABLES[name])
    behind = ax.figure.get_facecolor()
    inside = [mark.get_window_extent() for mark in ax.patches]
    texts = [found for found in ax.figure.findobj(Text) if found.get_text().strip() and found.get_visible()]
    assert texts
    for found in texts:
        place = ax.transData.transform(found.get_position()) if found in ax.texts else (-1, -1)
        if not any(box.contains(*place) for box in inside):
            assert contrast(found.get_color(), behind) >= 4.5, found.get_text()


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
