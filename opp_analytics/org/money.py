"""Money as people read it, in the currency of a frame's or a history's org."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from opp_analytics import text
from opp_analytics.org.org import Org

__all__ = ["Money", "money_of"]

Money = Callable[..., str]
"""An amount in words: `text.money` in one currency."""


def money_of(source: Any) -> Money:
    """Amounts in the currency that the org of `source` declares; without one, no sign of currency.

    Examples
    --------
    >>> import pandas as pd
    >>> money = money_of(Org(currency="EUR").apply(pd.DataFrame({"value": [1.0]})))
    >>> money(12_000), money(-500.5, full=True), money_of(pd.DataFrame())(12_000)
    ('€12K', '−€500.50', '12K')
    """
    return partial(text.money, currency=Org.of(source).currency)
