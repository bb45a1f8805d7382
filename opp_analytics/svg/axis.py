"""Axes: from an amount to its position across or down a picture, with round ticks."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Axis", "axis"]


@dataclass(frozen=True)
class Axis:
    """A straight scale that starts at 0."""

    top: float
    """Amount at its end; above 0."""
    start: float = 0.0
    """Position of 0."""
    end: float = 100.0
    """Position of `top`."""

    def at(self, amount: float) -> float:
        """Position of an amount; beyond either end, that end's.

        Examples
        --------
        >>> Axis(200).at(50), Axis(100, start=340, end=40).at(50), Axis(10).at(11)
        (25.0, 190.0, 100.0)
        """
        share = min(max(amount / self.top, 0.0), 1.0)
        return self.start + share * (self.end - self.start)

    def ticks(self, most: int = 4) -> list[float]:
        """Round amounts from 0 on, at most so many.

        Examples
        --------
        >>> Axis(560_000).ticks(), Axis(0.7).ticks()
        ([0.0, 200000.0, 400000.0], [0.0, 0.2, 0.4, 0.6])
        """
        step = self.top / most
        magnitude = 10.0 ** math.floor(math.log10(step))
        step = next(round(n * magnitude, 12) for n in (1, 2, 5, 10) if n * magnitude >= step * (1 - 1e-9))
        return [round(k * step, 12) for k in range(int(self.top / step + 1e-9) + 1)]


def axis(amounts: Iterable[float], *, start: float = 0.0, end: float = 100.0) -> Axis:
    """An axis from 0 to a little beyond the largest amount; amounts that are not known are passed over.

    Examples
    --------
    >>> axis([200.0, float("nan"), 100.0]).at(200) < 100, axis([]).top
    (True, 1.0)
    """
    largest = max((amount for amount in amounts if math.isfinite(amount)), default=0.0)
    return Axis(1.05 * largest if largest > 0 else 1.0, start, end)
