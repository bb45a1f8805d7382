"""The paper of all drawings: a figure that a notebook shows, its colors, title, caption and empty state.

Nothing here touches pyplot or its current figure. An Axes made by `canvas` shows itself at the end of a notebook cell
(``_repr_png_``), with any backend or none, and never twice. Colors are those of the weekly page; on a figure with a dark
background `finish` turns each into its dark twin.
"""

from __future__ import annotations

import functools
import inspect
import io
import textwrap
from collections.abc import Callable
from typing import Any, TypeVar, cast

import pandas as pd
from matplotlib import colors, rcParams
from matplotlib.axes import Axes
from matplotlib.collections import Collection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text

from opp_analytics import arguments, text
from opp_analytics.errors import ArgumentTypeError, MissingColumnError

__all__ = [
    "BACK",
    "COLORS",
    "Picture",
    "breadth",
    "canvas",
    "drawing",
    "finish",
    "room",
    "show_empty",
    "text_size",
]

BACK = "#ffffff"
"""Color behind all marks, and between the parts of a bar."""
COLORS = {
    "ink": "#15181c",
    "quiet": "#5f676f",
    "rule": "#e4e7ea",
    "bar": "#3d444b",
    "mute": "#6f7780",
    "pale": "#d5dade",
    "hi": "#0a58ca",
    "band": "#c9dbf7",
}
"""Color of each tone of `charts`."""
_DARK = {
    BACK: "#111418",
    COLORS["ink"]: "#eef0f2",
    COLORS["quiet"]: "#98a0a9",
    COLORS["rule"]: "#262b31",
    COLORS["bar"]: "#aab2ba",
    COLORS["mute"]: "#7b848d",
    COLORS["pale"]: "#3a4149",
    COLORS["hi"]: "#7fb0ff",
    COLORS["band"]: "#24416d",
}
_TWINS = {colors.to_rgb(light): colors.to_rgb(dark) for light, dark in _DARK.items()}
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
    """Size labels in points, a little below the reader's own ``font.size``."""
    return 0.9 * float(rcParams["font.size"])


class _Shown:
    """A matplotlib object that a notebook shows as a picture, without pyplot."""

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
    """Decorate the drawing of the analysis with the same name, or of what `made_by` names.

    The table is checked for `columns`; the docstring gains the sections that all drawings share.
    """

    def decorate(draw: _Draw) -> _Draw:
        name = made_by or f"oa.{draw.__name__}"

        @functools.wraps(draw)
        def check_and_draw(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
            _check_table(table, columns, name)
            return draw(table, ax=ax)

        if draw.__doc__:
            check_and_draw.__doc__ = inspect.cleandoc(draw.__doc__) + _SECTIONS.format(name=name)
        return cast("_Draw", check_and_draw)

    return decorate


def _check_table(table: pd.DataFrame, columns: tuple[str, ...], made_by: str) -> None:
    arguments.refuse_foreign(table, "table")
    if not isinstance(table, pd.DataFrame):
        raise ArgumentTypeError(f"table is a {type(table).__name__}; pass the result of {made_by}")
    missing = [c for c in columns if c not in table.columns]
    if missing:
        raise MissingColumnError(
            f"the table has no column {text.joined(missing)}; pass the result of {made_by}"
        )


def canvas(ax: Axes | None, *, rows: int = 0, size: tuple[float, float] = (7.5, 4.2)) -> Axes:
    """Prepare `ax`, or the axes of a new figure with room for `rows` labeled rows.

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
    ax.spines[["left", "bottom"]].set_color(COLORS["quiet"])
    ax.tick_params(colors=COLORS["ink"], labelsize=text_size(), length=0)
    ax.set_axisbelow(True)
    return ax


def room(ax: Axes, axis: str) -> float:
    """Measure an axis, in points."""
    width, height = ax.get_figure(root=True).get_size_inches()  # type: ignore[union-attr]
    box = ax.get_position()
    return 72 * float(height * box.height if axis == "y" else width * box.width)


def breadth(ax: Axes) -> float:
    """Measure the points from the left end of the axes to the right edge that text may reach."""
    if not isinstance(ax, _PictureAxes):
        return room(ax, "x")
    longest = max((len(label.get_text()) for label in ax.get_yticklabels()), default=0)
    # An axis of amounts has its labels only once it is drawn.
    beside = max(longest, 6) * text_size() * 0.6 + 3 * text_size()
    return 72 * float(ax.get_figure(root=True).get_size_inches()[0]) - beside  # type: ignore[union-attr]


def show_empty(ax: Axes, reason: str) -> None:
    """Write the reason in the middle of empty axes."""
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[["left", "bottom"]].set_visible(False)
    ax.text(
        0.5, 0.5, reason, transform=ax.transAxes, ha="center", va="center", color=COLORS["quiet"],
        fontsize=text_size() + 2, parse_math=False,
    )  # fmt: skip


def finish(ax: Axes, title: str, note: str = "") -> Axes:
    """Write the title and the caption under it, wrapped to fit, turn dark where the figure is, and return `ax`."""
    size = text_size()
    lines = textwrap.wrap(note, max(30, int(breadth(ax) / (size * 0.56)))) if note else []
    ax.set_title(
        "\n".join(textwrap.wrap(title.removesuffix("."), max(24, int(breadth(ax) / ((size + 2) * 0.6))))),
        loc="left", fontsize=size + 2, fontweight="bold", color=COLORS["ink"], pad=8 + 1.4 * size * len(lines),
        parse_math=False,
    )  # fmt: skip
    if lines:
        ax.annotate(
            "\n".join(lines), xy=(0, 1), xycoords="axes fraction", xytext=(0, 6), textcoords="offset points",
            va="bottom", fontsize=text_size(), color=COLORS["quiet"], gid="caption", parse_math=False,
        )  # fmt: skip
    _adapt(ax)
    return ax


def _adapt(ax: Axes) -> None:
    """Turn the colors of a finished drawing into their dark twins where its figure is dark."""
    behind = ax.get_facecolor() if ax.patch.get_visible() else ax.figure.get_facecolor()
    if sum(colors.to_rgb(behind)) / 3 > 0.5:
        return
    for artist in ax.findobj(lambda found: found is not ax.patch):
        for name in _list_colors(artist):
            old = getattr(artist, f"get_{name}")()
            getattr(artist, f"set_{name}")(_find_twin(old))


def _list_colors(artist: object) -> tuple[str, ...]:
    match artist:
        case Text():
            return ("color",)
        case Line2D():
            return ("color", "markerfacecolor", "markeredgecolor")
        case Patch() | Collection():
            return ("facecolor", "edgecolor")
    return ()


def _find_twin(old: Any) -> Any:
    if isinstance(old, str) and old in ("none", "auto", "face"):
        return old
    turned = [(*_TWINS.get(tuple(color[:3]), color[:3]), color[3]) for color in colors.to_rgba_array(old)]
    return turned[0] if len(turned) == 1 else turned
