"""What a picture shows, read back from its text."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from opp_analytics.svg import Rows


def parse(html: str | Rows) -> ElementTree.Element:
    """The picture as a tree; it fails on text that was not escaped."""
    text = html.html() if isinstance(html, Rows) else html
    return ElementTree.fromstring(f"<root>{text}</root>")


def texts(html: str | Rows) -> list[str]:
    """The labels, without those that appear on hover."""
    return [
        "".join(found.itertext())
        for found in parse(html).iter("text")
        if "tip" not in found.get("class", "")
    ]


def titles(html: str | Rows) -> list[str]:
    """The hover texts."""
    return ["".join(found.itertext()) for found in parse(html).iter("title")]


def marks(html: str | Rows, tag: str, kind: str) -> list[dict[str, float]]:
    """Positions and sizes of the marks of a kind, percent and pixels as numbers."""
    return [
        {name: _number(value) for name, value in found.attrib.items() if name != "class"}
        for found in parse(html).iter(tag)
        if kind in found.get("class", "").split()
    ]


def figures(rows: Rows) -> dict[str, tuple[str, ...]]:
    """What is written beside each row."""
    return {row.label: row.figures for row in rows.rows}


def _number(value: str) -> float:
    found = re.search(r"-?[\d.]+", value)
    return float(found[0]) if found else 0.0


def read(picture: str | Rows) -> dict[str, list[str]]:
    """All that is in a picture: what it says, and each mark with its kind, place and size."""
    root = parse(picture)
    shapes = ("rect", "line", "circle", "polygon", "polyline")
    found = {
        "figures": [" | ".join((row.label, *row.figures)) for row in picture.rows]
        if isinstance(picture, Rows)
        else [],
        "texts": [
            " ".join(("".join(each.itertext()), "@", *each.attrib.values()))
            for each in root.iter("text")
            if "tip" not in each.get("class", "")
        ],
        "titles": titles(picture),
        "marks": [
            " ".join((each.tag, *each.attrib.values()))
            for each in root.iter()
            if each.tag in shapes and each.get("class") != "hit"
        ],
    }
    return {name: part for name, part in found.items() if part}


def contrast(one: str, other: str) -> float:
    """Measure the contrast of two colors as WCAG 2 defines it, from 1 to 21."""
    light, dark = sorted(map(_measure_luminance, (one, other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _measure_luminance(color: str) -> float:
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
