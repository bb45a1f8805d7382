"""The explorer's choices, and the opportunities that a choice selects."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics.history import History
from opp_analytics.org import money_of
from opp_analytics.schema import NO_LABEL, TEXT

__all__ = ["Choice", "amounts", "groups_of", "names_in", "periods_of"]

_MOST_VALUES = 500
_MOST_PERIODS = 240
_NOT_GROUPS = {"unique_id", "name", "stage"}


@dataclass(frozen=True)
class Choice:
    """A selection of opportunities; an empty choice selects all."""

    by: str | None = None
    """Column to choose from and to group win rates by."""
    values: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    freq: str = "M"
    period: str | None = None
    """Label of the period of the close date."""
    low: float = -np.inf
    high: float = np.inf

    @property
    def due(self) -> tuple[pd.Timestamp, pd.Timestamp] | None:
        """First and last day of the period."""
        if self.period is None:
            return None
        period = pd.Period(self.period, self.freq)
        return period.start_time.normalize(), period.end_time.normalize()

    @property
    def of_deals(self) -> Choice:
        """The part of the choice that does not depend on a deal's stage or date."""
        return replace(self, stages=(), period=None)

    def of(self, opportunities: pd.DataFrame) -> pd.Series[bool]:
        """Mask of the chosen rows."""
        chosen = pd.Series(True, index=opportunities.index)
        if self.by and self.values:
            chosen &= names_in(opportunities[self.by]).isin(self.values)
        if self.stages:
            chosen &= opportunities["stage"].isin(self.stages)
        if self.due:
            chosen &= opportunities["close_date"].between(*self.due)
        if np.isfinite(self.low) or np.isfinite(self.high):
            chosen &= opportunities["value"].between(self.low, self.high)
        return chosen


def chosen_history(history: History, changes: pd.DataFrame, choice: Choice) -> History:
    """The history of the deals that a choice selects by their last values, including deleted deals.

    Parameters
    ----------
    history : History
        The whole history.
    changes : DataFrame
        Its change rows, in order of time.
    choice : Choice
        Choice whose `of_deals` selects the deals.
    """
    if choice.of_deals == Choice(by=choice.by, freq=choice.freq):
        return history
    last = changes.drop_duplicates("unique_id", keep="last")
    picked = last.loc[choice.of_deals.of(last), "unique_id"]
    kept = History.from_changes(changes[changes["unique_id"].isin(picked)])
    # Records without a change to these deals still count.
    chosen = History.from_table(kept.table, history.records)
    # The files of one live as long as the other.
    weakref.finalize(chosen, lambda _: None, kept)
    return chosen


def names_in(column: pd.Series[Any]) -> pd.Series[Any]:
    """A column's values as text; a missing value gets a name."""
    return column.astype(TEXT).where(column.notna(), NO_LABEL)


def groups_of(opportunities: pd.DataFrame) -> dict[str, list[str]]:
    """Columns to choose from, each with its values in order."""
    found = {}
    for name in map(str, opportunities.columns):
        column = opportunities[name]
        kind = pd.api.types.infer_dtype(column, skipna=True)
        wordy = isinstance(column.dtype, pd.CategoricalDtype) or kind in ("string", "boolean")
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
    """Bounds to choose from for a range of values: 1, 2, 5, 10, … between smallest and largest, and open ends."""
    values = opportunities["value"].dropna()
    positive = values[values > 0]
    steps: list[float] = []
    if len(positive):
        exponents = range(int(np.floor(np.log10(positive.min()))), int(np.ceil(np.log10(positive.max()))) + 1)
        steps = [digit * 10.0**power for power in exponents for digit in (1, 2, 5)]
        steps = [step for step in steps if positive.min() < step < positive.max()]
    money = money_of(opportunities)
    return [
        ("any", -np.inf),
        *((money(step), step) for step in steps),
        ("any ", np.inf),
    ]
