"""The stylesheet: colors that can be read."""

from __future__ import annotations

import re

import pytest

from opp_analytics import svg
from tests.svg.reading import contrast


def _tokens(css: str) -> list[dict[str, str]]:
    """The tokens of light and dark."""
    return [
        dict(re.findall(r"--(\w+): ?(#\w+)", block))
        for block in re.findall(r":root ?\{([^}]*)\}", css)
    ]


def _long(color: str) -> str:
    return color if len(color) == 7 else "#" + "".join(2 * letter for letter in color[1:])


@pytest.mark.parametrize("theme", [0, 1])
def test_stylesheet__text_reads_on_every_ground_it_is_drawn_on(theme: int) -> None:
    colors = {name: _long(color) for name, color in _tokens(svg.stylesheet())[theme].items()}
    pairs = [(ink, ground) for ink in ("ink", "ink2", "ink3", "hi") for ground in ("bg", "fill")]
    pairs += [("bg", "bar"), ("bg", "mute"), ("bg", "hi"), ("ink", "pale"), ("ink", "band")]
    assert {
        pair: contrast(colors[pair[0]], colors[pair[1]])
        for pair in pairs
        if contrast(colors[pair[0]], colors[pair[1]]) < 4.5
    } == {}


def test_contrast__is_that_of_wcag() -> None:
    assert (round(contrast("#000000", "#ffffff")), round(contrast("#ffffff", "#ffffff"))) == (21, 1)
