"""The canvas, captions and colors that all drawings share."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from opp_analytics import errors, plots
from opp_analytics.plots import palette, style
from tests.plots import reading

MODULES = sorted(Path(inspect.getfile(plots)).parent.glob("*.py"))
ALLOWED = {
    "org",
    "as_of",
    "freq",
    "tz",
    "method",
    "confidence",
    "opening_at",
    "closing_at",
    "due",
    "age_days",
}
"""What a drawing may read from attrs: nothing that a filter or a concat could make wrong."""


def test_canvas__makes_a_figure_that_pyplot_does_not_know():
    ax = style.canvas(None)
    assert isinstance(ax.figure, Figure)
    assert plt.get_fignums() == []


def test_canvas__keeps_the_callers_axes():
    ax = Figure().add_subplot()
    assert style.canvas(ax) is ax


def test_canvas__refuses_what_is_not_an_axes():
    with pytest.raises(errors.ArgumentTypeError, match="omit it"):
        style.canvas("here")  # type: ignore[arg-type]


def test_canvas__grows_with_rows():
    heights = [style.canvas(None, rows=n).figure.get_size_inches()[1] for n in (0, 10, 40)]
    assert heights[0] <= heights[1] < heights[2]


def test_canvas__shows_itself_as_a_sharp_picture():
    png, size = style.canvas(None)._repr_png_()  # type: ignore[attr-defined]
    assert png.startswith(b"\x89PNG")
    assert size == {"width": 750, "height": 420}


def test_caption__says_only_what_it_knows():
    assert style.caption(pd.DataFrame()) == ""
    assert style.caption(pd.DataFrame(), "3 deals", "95% intervals") == "3 deals · 95% intervals"


def test_finish__writes_title_and_caption():
    ax = style.finish(style.canvas(None), "Win rate", "3 deals")
    assert reading.title(ax) == "Win rate"
    assert reading.caption(ax) == "3 deals"


def test_color_of_move__follows_the_direction():
    assert style.color_of_move("won", -5.0) == palette.MUTE
    assert style.color_of_move("value_up", 5.0) == palette.HI
    assert style.color_of_move("opening", 5.0) == palette.BAR


def test_drawing__names_the_function_that_makes_the_table():
    @style.drawing("rate", "n")
    def win_rate(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
        """Draw `oa.win_rate`."""
        return style.canvas(ax)

    with pytest.raises(
        errors.MissingColumnError, match=r"no column rate and n; pass the result of oa\.win_rate"
    ):
        win_rate(pd.DataFrame({"a": [1]}))
    with pytest.raises(errors.ArgumentTypeError, match=r"table is a list; pass the result of oa\.win_rate"):
        win_rate([1])  # type: ignore[arg-type]
    assert list(inspect.signature(win_rate).parameters) == ["table", "ax"]
    assert "Result of `oa.win_rate`" in str(win_rate.__doc__)


def test_caption__names_the_records_compared_and_the_days_due():
    table = pd.DataFrame()
    table.attrs.update(
        as_of="2026-03-31", opening_at="2026-02-28T09:00:00+00:00", closing_at="2026-03-31T09:00:00+00:00"
    )
    assert style.caption(table, "5 deals") == "5 deals · Feb 28 to Mar 31, 2026"
    table.attrs["due"] = ["2026-04-01", "2026-06-30"]
    assert style.caption(table) == "Feb 28 to Mar 31, 2026 · due Apr 1 to Jun 30, 2026"


def test_drawing__without_a_docstring_gets_none():
    @style.drawing()
    def blank(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
        return style.canvas(ax)

    assert blank.__doc__ is None


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_drawings__read_from_attrs_only_what_every_row_shares(path):
    nodes = list(ast.walk(ast.parse(path.read_text())))
    uses = [node for node in nodes if isinstance(node, ast.Attribute) and node.attr == "attrs"]
    keys = [
        ast.literal_eval(node.args[0])
        for node in nodes
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".attrs.get")
    ]
    assert set(keys) <= ALLOWED
    assert len(uses) == len(keys)
