"""How a result table is told by its columns, and put in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pandas as pd

from opp_analytics.org import money_of

__all__ = ["Saying", "unsigned"]


class Saying(NamedTuple):
    """The sentence of one function's tables."""

    function: str
    """Name of the function."""
    columns: frozenset[str]
    """Columns by which its tables are known."""
    say: Callable[[pd.DataFrame], str]
    rows: frozenset[str] = frozenset()
    """Labels that the last level of the index must have."""

    def fits(self, table: pd.DataFrame) -> bool:
        """True for a table of this function."""
        return self.columns <= set(table.columns) and self.rows <= set(table.index.get_level_values(-1))


def unsigned(value: float, table: pd.DataFrame) -> str:
    """An amount of a result table without its sign, which the words around it tell."""
    return money_of(table)(abs(value))
