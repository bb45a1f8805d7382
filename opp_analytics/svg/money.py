"""Money as the pictures write it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pandas as pd

from opp_analytics import org, text

__all__ = ["Money", "money_of"]

Money = Callable[[float], str]
"""An amount in words."""


def money_of(table: pd.DataFrame) -> Money:
    """Amounts in the currency of a result table."""
    return partial(text.money, currency=org.currency_code())
