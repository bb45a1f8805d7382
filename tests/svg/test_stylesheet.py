"""The stylesheet: colors that can be read, and an own accent that must be."""

from __future__ import annotations

import re

import pytest

from opp_analytics import svg
from opp_analytics.errors import ArgumentValueError
from opp_analytics.svg.marks import contrast


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


@pytest.mark.parametrize("accent", ["#0a58ca", "#7a1fa2", "#b00020", "#000000", "#006b3c"])
def test_stylesheet__an_accent_reads_in_both_themes(accent: str) -> None:
    light, dark, paper = _tokens(svg.stylesheet(accent))[-3:]
    assert light == paper
    assert light["hi"] == accent
    assert contrast(dark["hi"], "#111418") >= 4.5
    assert contrast("#15181c", light["band"]) >= 4.5
    assert contrast("#eef0f2", dark["band"]) >= 4.5


@pytest.mark.parametrize(
    ("accent", "message"),
    [
        ("#7fb0ff", r"has a contrast of 2\.2 : 1 with white, below 4\.5 : 1; use a darker color"),
        ("blue", "is not a color; write it as '#0a58ca'"),
        ("#fff;} body{display:none", "is not a color"),
    ],
)
def test_stylesheet__an_accent_that_cannot_be_read_is_refused(accent: str, message: str) -> None:
    with pytest.raises(ArgumentValueError, match=message):
        svg.stylesheet(accent)


def test_contrast__is_that_of_wcag() -> None:
    assert (round(contrast("#000000", "#ffffff")), round(contrast("#ffffff", "#ffffff"))) == (21, 1)
