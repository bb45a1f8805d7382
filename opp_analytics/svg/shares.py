"""A whole in parts, in one bar: each part labeled inside where there is room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from opp_analytics.svg import marks

__all__ = ["Part", "shares"]


@dataclass(frozen=True)
class Part:
    """One part of a bar."""

    amount: float
    fill: marks.Fill
    forms: tuple[str, ...]
    """Its label, in fewer and fewer letters."""
    title: str
    """Its hover text."""
    key: str = ""
    """What it stands for in its table."""


def shares(parts: Sequence[Part], *, whole: float, said: str, height: float = 20) -> str:
    """A bar of parts one after another; `whole` is the amount at the picture's right edge."""
    drawn, left = [], 0.0
    for part in parts:
        right = left + (100 * part.amount / whole if whole > 0 else 0.0)
        if part.amount > 0:
            # A thin part keeps its width.
            gap = 2 if right - left > 1.5 else 0
            drawn.append(
                marks.bar(
                    left,
                    right,
                    y=4,
                    height=height,
                    fill=part.fill,
                    gap=gap,
                    title=part.title,
                    key=part.key,
                )
            )
            pale = part.fill in ("pale", "band")
            drawn.append(marks.inside(left, right, 8 + height / 2, part.forms, pale=pale))
        left = right
    return marks.picture(*drawn, height=height + 8, said=said)
