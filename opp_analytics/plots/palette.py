"""The colors of all drawings, as on the weekly page: ink and grays, and one blue that says "look here".

Drawings name the light ones. On a figure with a dark background `adapt` turns each into its dark twin at the end.
"""

from __future__ import annotations

from typing import Any

from matplotlib import colors
from matplotlib.axes import Axes
from matplotlib.collections import Collection
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text

__all__ = ["BACK", "BAND", "BAR", "HI", "INK", "MUTE", "PALE", "QUIET", "RULE", "adapt"]

BACK = "#ffffff"
"""Behind all marks, and between the parts of a bar."""
INK = "#15181c"
"""Text, what happened, the target."""
QUIET = "#5f676f"
"""Captions, axes, reference lines."""
RULE = "#e4e7ea"
"""Grid lines."""
BAR = "#3d444b"
"""Closed money, totals."""
MUTE = "#6f7780"
"""Context."""
PALE = "#d5dade"
"""The rest of a whole."""
HI = "#0a58ca"
"""The one highlight; what is expected."""
BAND = "#c9dbf7"
"""Range of the highlight."""

_DARK = {
    BACK: "#111418",
    INK: "#eef0f2",
    QUIET: "#98a0a9",
    RULE: "#262b31",
    BAR: "#aab2ba",
    MUTE: "#7b848d",
    PALE: "#3a4149",
    HI: "#7fb0ff",
    BAND: "#24416d",
}
_TWINS = {colors.to_rgb(light): colors.to_rgb(dark) for light, dark in _DARK.items()}


def adapt(ax: Axes) -> None:
    """Turn the colors of a finished drawing into their dark twins where its figure is dark."""
    behind = ax.get_facecolor() if ax.patch.get_visible() else ax.figure.get_facecolor()
    if sum(colors.to_rgb(behind)) / 3 > 0.5:
        return
    for artist in ax.findobj(lambda found: found is not ax.patch):
        for name in _settings(artist):
            old = getattr(artist, f"get_{name}")()
            getattr(artist, f"set_{name}")(_turned(old))


def _settings(artist: object) -> tuple[str, ...]:
    match artist:
        case Text():
            return ("color",)
        case Line2D():
            return ("color", "markerfacecolor", "markeredgecolor")
        case Patch() | Collection():
            return ("facecolor", "edgecolor")
    return ()


def _turned(old: Any) -> Any:
    if isinstance(old, str) and old in ("none", "auto", "face"):
        return old
    turned = [(*_TWINS.get(tuple(color[:3]), color[:3]), color[3]) for color in colors.to_rgba_array(old)]
    return turned[0] if len(turned) == 1 else turned
