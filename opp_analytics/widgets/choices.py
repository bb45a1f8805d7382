"""What can be chosen in the explorer, and the opportunities that a choice leaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics.plots import money

__all__ = ["NO_LABEL", "Choice", "amounts", "groups_of", "names_in", "periods_of"]

NO_LABEL = "(none)"
"""How a missing value is shown."""
_MOST_VALUES = 500
_MOST_PERIODS = 240
_NOT_GROUPS = {"unique_id", "name", "stage", "outcome"}


@dataclass(frozen=True)
class Choice:
    """Which opportunities are looked at; an empty choice leaves all."""

    by: str | None = None
    """The column that is chosen from, and that win rates are grouped by."""
    values: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    freq: str = "M"
    period: str | None = None
    """Label of the period that the close date lies in."""
    low: float = -np.inf
    high: float = np.inf

    def of(self, opportunities: pd.DataFrame) -> pd.Series[bool]:
        """Which rows are chosen."""
        chosen = pd.Series(True, index=opportunities.index)
        if self.by and self.values:
            chosen &= names_in(opportunities[self.by]).isin(self.values)
        if self.stages:
            chosen &= opportunities["stage"].isin(self.stages)
        if self.period:
            period = pd.Period(self.period, self.freq)
            chosen &= opportunities["close_date"].between(period.start_time, period.end_time)
        if np.isfinite(self.low) or np.isfinite(self.high):
            chosen &= opportunities["value"].between(self.low, self.high)
        return chosen


def names_in(column: pd.Series[Any]) -> pd.Series[Any]:
    """A column's values as text, a missing one under a name."""
    return column.astype("str").where(column.notna(), NO_LABEL)


def groups_of(opportunities: pd.DataFrame) -> dict[str, list[str]]:
    """Columns that can be chosen from, each with its values in order."""
    found = {}
    for name in map(str, opportunities.columns):
        column = opportunities[name]
        wordy = isinstance(column.dtype, (pd.StringDtype, pd.CategoricalDtype)) or column.dtype == bool
        if name in _NOT_GROUPS or not wordy:
            continue
        values = names_in(pd.Series(column.unique())).tolist()
        if 1 < len(values) <= _MOST_VALUES:
            found[name] = sorted(values)
    return found


def periods_of(opportunities: pd.DataFrame, freq: str) -> list[str]:
    """Labels of the periods from the first close date to the last."""
    dates = opportunities["close_date"].dropna()
    if dates.empty:
        return []
    spanned = pd.period_range(dates.min(), dates.max(), freq=freq)
    return [str(period) for period in spanned[-_MOST_PERIODS:]]


def amounts(opportunities: pd.DataFrame) -> list[tuple[str, float]]:
    """Bounds for a range of values: 1, 2, 5, 10, … between the smallest and the largest, and open ends."""
    values = opportunities["value"].dropna()
    positive = values[values > 0]
    steps: list[float] = []
    if len(positive):
        exponents = range(int(np.floor(np.log10(positive.min()))), int(np.ceil(np.log10(positive.max()))) + 1)
        steps = [digit * 10.0**power for power in exponents for digit in (1, 2, 5)]
        steps = [step for step in steps if positive.min() < step < positive.max()]
    return [("any", -np.inf), *((money(step), step) for step in steps), ("any ", np.inf)]
