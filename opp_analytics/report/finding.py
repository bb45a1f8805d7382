"""A block's title: the finding of its table."""

from __future__ import annotations

import pandas as pd

from opp_analytics.analysis import sentence

__all__ = ["finding"]


def finding(table: pd.DataFrame) -> str:
    """The sentence of a result table, as a title without its full stop."""
    return sentence(table).removesuffix(".")
