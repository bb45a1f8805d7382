"""The common style of all drawings: colors by meaning, the canvas, titles, captions, and the empty state.

A drawing gets its Axes from `canvas`, adds its marks in `COLORS`, and ends with `finish`, which writes title and
caption. Nothing here touches pyplot or its current figure. An Axes made by `canvas` shows itself at the end of a
notebook cell (``_repr_png_``), with any backend or none, and never twice.
"""

from __future__ import annotations

import functools
import inspect
import io
import textwrap
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

import numpy as np
import pandas as pd
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from opp_analytics import text
from opp_analytics.errors import ArgumentTypeError, MissingColumnError
from opp_analytics.plots.palette import BAR, HI, INK, MUTE, PALE, QUIET, adapt

__all__ = [
    "COLORS",
    "INK",
    "QUIET",
    "Picture",
    "breadth",
    "canvas",
    "caption",
    "check_table",
    "color_of",
    "color_of_move",
    "drawing",
    "finish",
    "headroom",
    "method",
    "nothing",
    "room",
    "text_size",
    "whiskers",
]

COLORS: Mapping[str, str] = {
    "won": BAR,
    "booked": BAR,
    "lost": MUTE,
    "expected": HI,
    "weighted_open": HI,
    "target": INK,
    "open": BAR,
    "actual": INK,
    "advanced": HI,
    "slipped": HI,
    "pushed_out": HI,
    "back": BAR,
    "still": PALE,
    "still_due": PALE,
    "overdue": PALE,
    "unscheduled": PALE,
    "removed": PALE,
    "pulled_out": PALE,
    "error": HI,
    "warning": MUTE,
    "info": PALE,
    "opening": BAR,
    "closing": BAR,
    "total": BAR,
}
"""Color of each thing drawn, by its name in the tables."""

_ROW_HEIGHT, _USUAL_SIZE = 0.26, 9.0
_Draw = TypeVar("_Draw", bound=Callable[..., Axes])
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


def text_size() -> float:
    """Size of labels in points, a little below the reader's own ``font.size``."""
    return 0.9 * float(rcParams["font.size"])


class _Shown:
    """Shows a matplotlib object as a picture in a notebook, without pyplot."""

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        figure: Any = self if isinstance(self, Figure) else getattr(self, "figure", None)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=2 * figure.dpi)
        width, height = figure.get_size_inches() * figure.dpi
        # Twice the pixels at the stated size: sharp on dense screens.
        return buffer.getvalue(), {"width": int(width), "height": int(height)}


class Picture(_Shown, Figure):
    """A figure outside pyplot that a notebook shows."""


class _PictureAxes(_Shown, Axes):
    """Axes that a notebook shows as their figure."""


def drawing(*columns: str, made_by: str | None = None) -> Callable[[_Draw], _Draw]:
    """Decorator for the drawing of the analysis with the same name, or of what `made_by` names.

    The table is checked for `columns`; the docstring gains the sections that all drawings share.
    """

    def decorate(draw: _Draw) -> _Draw:
        name = made_by or f"oa.{draw.__name__}"

        @functools.wraps(draw)
        def checked(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
            return draw(check_table(table, *columns, made_by=name), ax=ax)

        if draw.__doc__:
            checked.__doc__ = inspect.cleandoc(draw.__doc__) + _SECTIONS.format(name=name)
        return cast("_Draw", checked)

    return decorate


def check_table(table: pd.DataFrame, *columns: str, made_by: str) -> pd.DataFrame:
    """The table, after a check that it is the result of `made_by`.

    Raises
    ------
    ArgumentTypeError, MissingColumnError
        When it is another table; the message names the function that makes the right one.
    """
    if not isinstance(table, pd.DataFrame):
        raise ArgumentTypeError(f"table is a {type(table).__name__}; pass the result of {made_by}")
    missing = [c for c in columns if c not in table.columns]
    if missing:
        raise MissingColumnError(
            f"the table has no column {text.joined(missing)}; pass the result of {made_by}"
        )
    return table


def canvas(ax: Axes | None, *, rows: int = 0, size: tuple[float, float] = (7.5, 4.2)) -> Axes:
    """`ax`, or the axes of a new figure with room for `rows` labeled rows.

    Parameters
    ----------
    ax : Axes or None
        Axes to draw on; None makes a new figure, never the current one of pyplot.
    rows : int
        Number of labeled rows (horizontal bars) that must fit.
    size : (float, float)
        Width and minimum height in inches, at the usual ``font.size`` of 10.

    Raises
    ------
    ArgumentTypeError
        When `ax` is not an Axes.

    Examples
    --------
    >>> canvas(None).figure.get_size_inches().tolist()
    [7.5, 4.2]
    """
    if ax is None:
        # A larger font gets a larger figure, so that everything fits as it does at the usual size.
        scale = text_size() / _USUAL_SIZE
        figsize = (scale * size[0], scale * max(size[1], 1.3 + _ROW_HEIGHT * rows))
        ax = Picture(figsize=figsize, layout="constrained").add_subplot(axes_class=_PictureAxes)
    elif not isinstance(ax, Axes):
        raise ArgumentTypeError(f"ax={ax!r} is not a matplotlib Axes; omit it for a new figure")
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(QUIET)
    ax.tick_params(colors=INK, labelsize=text_size(), length=0)
    ax.set_axisbelow(True)
    return ax


def room(ax: Axes, axis: str) -> float:
    """Length of an axis, in points."""
    width, height = ax.get_figure(root=True).get_size_inches()  # type: ignore[union-attr]
    box = ax.get_position()
    return 72 * float(height * box.height if axis == "y" else width * box.width)


def breadth(ax: Axes) -> float:
    """Points from the left end of the axes to the right edge that text may reach."""
    if not isinstance(ax, _PictureAxes):
        return room(ax, "x")
    longest = max((len(label.get_text()) for label in ax.get_yticklabels()), default=0)
    # An axis of amounts has its labels only once it is drawn.
    beside = max(longest, 6) * text_size() * 0.6 + 3 * text_size()
    return 72 * float(ax.get_figure(root=True).get_size_inches()[0]) - beside  # type: ignore[union-attr]


def headroom(ax: Axes) -> None:
    """Add room above the highest mark, because stacked bars would touch the frame."""
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.06 * (high - low))


def color_of(name: object) -> str:
    """The color of a thing in the tables; gray if it has none."""
    return COLORS.get(str(name), MUTE)


def color_of_move(movement: str, value: float) -> str:
    """The color of a movement: that of a total at both ends, else that of its direction."""
    if movement in ("opening", "closing"):
        return COLORS[movement]
    return HI if value >= 0 else MUTE


def whiskers(middle: Any, low: Any, high: Any) -> Any:
    """The lengths of error bars below and above `middle`."""
    # Rounding can make a length slightly negative.
    return np.maximum(np.array([middle - low, high - middle]), 0)


def caption(table: pd.DataFrame, *says: str) -> str:
    """The caption: number of deals, dates of the table if known, then further notes.

    Examples
    --------
    >>> table = pd.DataFrame()
    >>> table.attrs["as_of"] = "2026-03-31"
    >>> caption(table, "312 closed deals", "", "95% intervals")
    '312 closed deals · as of Mar 31, 2026 · 95% intervals'
    """
    return " · ".join(part for part in (*says[:1], *_dates(table), *says[1:]) if part)


def _dates(table: pd.DataFrame) -> list[str]:
    as_of, due = table.attrs.get("as_of"), table.attrs.get("due")
    opening, closing = table.attrs.get("opening_at"), table.attrs.get("closing_at")
    if opening and closing:
        window = text.days(opening, closing)
    else:
        window = f"as of {text.day(as_of, year=True)}" if as_of else ""
    return [window, f"due {text.days(*due)}" if due else ""]


def method(table: pd.DataFrame) -> str:
    """The forecast method for a caption, if the table names it."""
    name = table.attrs.get("method")
    return f"method: {text.label(name)}" if isinstance(name, str) else ""


def finish(ax: Axes, title: str, note: str = "") -> Axes:
    """Write the title and the caption under it, wrapped to fit, turn dark where the figure is, and return `ax`."""
    size = text_size()
    lines = textwrap.wrap(note, max(30, int(breadth(ax) / (size * 0.56)))) if note else []
    ax.set_title(
        "\n".join(textwrap.wrap(title.removesuffix("."), max(24, int(breadth(ax) / ((size + 2) * 0.6))))),
        loc="left",
        fontsize=size + 2,
        fontweight="bold",
        color=INK,
        pad=8 + 1.4 * size * len(lines),
        parse_math=False,
    )
    if lines:
        ax.annotate(
            "\n".join(lines),
            xy=(0, 1),
            xycoords="axes fraction",
            xytext=(0, 6),
            textcoords="offset points",
            va="bottom",
            fontsize=text_size(),
            color=QUIET,
            gid="caption",
            parse_math=False,
        )
    adapt(ax)
    return ax


def nothing(ax: Axes, reason: str) -> None:
    """Draw the empty state: the reason in the middle."""
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[["left", "bottom"]].set_visible(False)
    ax.text(
        0.5,
        0.5,
        reason,
        transform=ax.transAxes,
        ha="center",
        va="center",
        color=QUIET,
        fontsize=text_size() + 2,
        parse_math=False,
    )
