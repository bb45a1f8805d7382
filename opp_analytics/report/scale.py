"""The unit of a table's money: full digits, or thousands or millions where those would be too long."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from opp_analytics import text

__all__ = ["Scale", "scale"]


@dataclass(frozen=True)
class Scale:
    """The unit of one table's money: every cell is divided by it."""

    divisor: float
    words: str
    """The unit for the line under the title, empty when there is nothing to say."""

    def show(self, value: float, *, signed: bool = False) -> str:
        """A cell: full digits, or one decimal of millions."""
        return text.number(value / self.divisor, int(self.divisor == 1e6), signed=signed)


def scale(values: Iterable[float], currency: str | None = None) -> Scale:
    """The unit in which a table shows these amounts.

    Examples
    --------
    >>> scale([9_999_999], "USD").words, scale([12_000_000.0, 1.0], "USD").words
    ('US dollars', 'Thousands of US dollars, rounded, may not add')
    >>> scale([3.33e9], "EUR").show(3_326_000_000), scale([5.0]).words
    ('3,326.0', '')
    """
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    name = text.currency_name(currency)
    if largest < 9_999_999.5:
        return Scale(1.0, text.capital(name))
    divisor, unit = (1e6, "Millions") if largest >= 1e9 else (1e3, "Thousands")
    return Scale(divisor, f"{unit}{f' of {name}' if name else ''}, rounded, may not add")
