"""The stylesheet of the pictures: one set of colors for light, dark and print, and an organization's own accent."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from opp_analytics.errors import ArgumentValueError
from opp_analytics.svg.marks import WIDTHS

_LIGHT, _DARK = "#ffffff", "#111418"
"""Backgrounds of the two themes."""
_READABLE = 4.5
"""Contrast of text at level AA."""
_HEX = re.compile(r"#[0-9a-fA-F]{6}")


@cache
def stylesheet(accent: str | None = None) -> str:
    """Build the CSS that pictures and row charts need, once on a page.

    `accent` is the color of the highlight as ``"#rrggbb"``, 4.5 : 1 against white; the lighter tone of the dark theme
    and the color of the ranges are derived from it.
    """
    css = files(__package__).joinpath("style.css").read_text("utf-8") + _write_label_rules()
    if accent is None:
        return css
    if not isinstance(accent, str) or not _HEX.fullmatch(accent):
        raise ArgumentValueError(f"accent={accent!r} is not a color; write it as '#0a58ca'")
    found = contrast(accent, _LIGHT)
    if found < _READABLE:
        raise ArgumentValueError(
            f"accent={accent!r} has a contrast of {found:.1f} : 1 with white, below 4.5 : 1; use a darker color"
        )
    light = f"--hi:{accent};--band:{_mix(accent, _LIGHT, 0.22)}"
    # Lighter, until it reads as well on the dark background.
    tones = (_mix(_LIGHT, accent, step / 20) for step in range(20))
    glow = next(tone for tone in tones if contrast(tone, _DARK) >= 6)
    dark = f"--hi:{glow};--band:{_mix(glow, _DARK, 0.3)}"
    # A page's own colors for paper come later, but say less.
    return f"{css}:root{{{light}}}@media (prefers-color-scheme:dark){{:root{{{dark}}}}}@media print{{:root:root{{{light}}}}}"


def _write_label_rules() -> str:
    """Show labels from, or only below, a width of their picture."""
    return "".join(
        f"@container (width < {width}px) {{ .from{width} {{ display: none; }} }}\n"
        f"@container (width >= {width}px) {{ .below{width} {{ display: none; }} }}\n"
        for width in WIDTHS
    )


def contrast(one: str, other: str) -> float:
    """Measure the contrast of two colors as WCAG 2 defines it, from 1 to 21."""
    light, dark = sorted((_measure_luminance(one), _measure_luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _measure_luminance(color: str) -> float:
    parts = [part / 255 for part in _split_color(color)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _mix(one: str, other: str, share: float) -> str:
    mixed = (
        round(a * share + b * (1 - share))
        for a, b in zip(_split_color(one), _split_color(other), strict=True)
    )
    return "#" + "".join(f"{part:02x}" for part in mixed)


def _split_color(color: str) -> list[int]:
    return [int(color[place : place + 2], 16) for place in (1, 3, 5)]
