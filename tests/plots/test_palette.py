"""Drawings follow a dark figure: every color has a dark twin, and all text can be read."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import pytest
from matplotlib import colors
from matplotlib.figure import Figure
from matplotlib.text import Text

from opp_analytics import plots
from opp_analytics.plots import palette
from tests.plots.tables import TABLES

DARK: Any = {"figure.facecolor": "#111418", "axes.facecolor": "#111418"}


def luminance(color: Any) -> float:
    parts = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in colors.to_rgb(color)]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one: Any, other: Any) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("name", sorted(TABLES))
@pytest.mark.parametrize("settings", [{}, DARK], ids=["light", "dark"])
def test_adapt__leaves_text_outside_of_marks_readable(name: str, settings: Any) -> None:
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


def test_adapt__turns_marks_of_the_users_own_dark_axes() -> None:
    with mpl.rc_context(DARK):
        ax = plots.waterfall(TABLES["waterfall"], ax=Figure().add_subplot())
    fills = {colors.to_hex(bar.get_facecolor()) for bar in ax.patches}
    assert fills == {"#aab2ba", "#7fb0ff", "#7b848d"}


def test_adapt__keeps_a_light_drawing() -> None:
    ax = plots.waterfall(TABLES["waterfall"])
    fills = {colors.to_hex(bar.get_facecolor()) for bar in ax.patches}
    assert fills == {palette.BAR, palette.HI, palette.MUTE}


def test_text__follows_the_readers_own_font_size() -> None:
    with mpl.rc_context({"font.size": 20}):
        ax = plots.waterfall(TABLES["waterfall"])
    assert ax.get_xticklabels()[0].get_fontsize() == 18
