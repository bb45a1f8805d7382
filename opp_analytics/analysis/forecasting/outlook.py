"""One period's outlook: chances, new business, and the distribution of the total."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, TypeVar

import numpy as np
import pandas as pd

from opp_analytics.analysis.forecasting.moment import Moment
from opp_analytics.analysis.forecasting.targets import find_gap
from opp_analytics.analysis.stats.distribution import Total, condition_on_each, distribute
from opp_analytics.arrays import Floats, Places
from opp_analytics.schema import HALF_CENT

_Amount = TypeVar("_Amount", float, Floats)
LEAST = 0.001
"""Smallest chance of an open target, and of missing it: no sample of the past can exclude more."""


class Distribution(Protocol):
    """The distribution of a period's total."""

    def quantile(self, q: float) -> float:
        """The amount that the total does not exceed with probability `q`."""

    def at_least(self, amount: float) -> float:
        """P(total ≥ `amount`)."""


@dataclass(frozen=True)
class Stretched:
    """A distribution stretched about its median by a factor, never below what is booked."""

    plain: Distribution
    factor: float
    booked: float

    @cached_property
    def median(self) -> float:
        """The median, which stays."""
        return self.plain.quantile(0.5)

    @cached_property
    def least(self) -> float:
        """The smallest total: what is booked, or less where negative amounts may come."""
        return min(self.booked, self.plain.quantile(0.0))

    def quantile(self, q: float) -> float:
        """The amount that the total does not exceed with probability `q`."""
        return max(self.median + self.factor * (self.plain.quantile(q) - self.median), self.least)

    def at_least(self, amount: float) -> float:
        """P(total ≥ `amount`), to the cent."""
        return (
            1.0
            if amount - HALF_CENT <= self.least
            else self.plain.at_least(self.find_plain(amount))
        )

    def find_plain(self, amount: _Amount) -> _Amount:
        """Find the amount that becomes `amount`."""
        return self.median + (amount - self.median) / self.factor


@dataclass(frozen=True)
class Mix:
    """A period's total: booked money, deals won or not, and one of several amounts."""

    rows: Places
    """Place of each deal in its moment."""
    amounts: Floats
    chances: Floats
    sure: float
    one_of: Sequence[float] = ()
    find_width: Callable[[], float] | None = None
    """Finds the factor on every distance from the median; None for 1."""

    @cached_property
    def plain(self) -> Total:
        """The distribution before it is stretched."""
        return distribute(self.amounts, self.chances, sure=self.sure, one_of=self.one_of)

    @cached_property
    def total(self) -> Stretched:
        """The distribution of the total."""
        return Stretched(self.plain, self.find_width() if self.find_width else 1.0, self.sure)

    def quantile(self, q: float) -> float:
        """The amount that the total does not exceed with probability `q`."""
        return self.total.quantile(q)

    def at_least(self, amount: float) -> float:
        """P(total ≥ `amount`)."""
        return self.total.at_least(amount)

    def conditions(self, target: float) -> tuple[Floats, Floats]:
        """P(total ≥ `target`) if each deal is won, and if it is not."""
        goal = self.total.find_plain(target)
        return condition_on_each(
            self.amounts, self.chances, goal, sure=self.sure, one_of=self.one_of
        )


@dataclass(frozen=True)
class Outlook:
    """A method's forecast of one period."""

    chance: Floats
    """Chance that each deal is won in the period: 0 for one that is not open, NaN where unknown."""
    expected_open: Floats
    """Expected money from open deals, by group; NaN where unknown."""
    new_business: Floats
    """Expected money from other deals, by group; NaN where unknown."""
    totals: Sequence[Distribution | None]
    """Distribution of the total, by group; None where unknown."""
    open_ended: bool = True
    """False for a period that has ended; in all others no target is out of reach, and none that is
    not met is certain."""

    def p_target(self, group: int, booked: float, target: float) -> float:
        """The chance that a group reaches its target: 1 once it is met, NaN where unknown."""
        return self.find_chance(self.totals[group], booked, target)

    def find_chance(self, total: Distribution | None, booked: float, target: float) -> float:
        """Find `p_target` of a total, of which so much is booked."""
        if np.isnan(target):
            return float("nan")
        if find_gap(target, booked) <= 0:
            return 1.0
        return float("nan") if total is None else self._keep_open(total.at_least(target))

    def conditions(self, total: Mix, booked: float, target: float) -> tuple[Floats, Floats]:
        """`p_target` if each deal of a total is won, and if it is not.

        Weighted by the deal's chance they give `p_target`.
        """
        if find_gap(target, booked) <= 0:
            return np.ones(len(total.amounts)), np.ones(len(total.amounts))
        chance = total.at_least(target)
        more = self._keep_open(chance) - chance
        won, lost = total.conditions(target)
        return np.clip(won + more, 0.0, 1.0), np.clip(lost + more, 0.0, 1.0)

    def _keep_open(self, chance: float) -> float:
        """Keep the chance of an open target away from impossible and certain."""
        return min(max(chance, LEAST), 1 - LEAST) if self.open_ended else chance


class Fitted(Protocol):
    """A method fitted to what was known by a moment."""

    def weigh(self, moment: Moment, period: pd.Period) -> Floats:
        """Compute what each deal adds to a period: 0 if not open, NaN if unknown."""

    def outlook(self, moment: Moment, period: pd.Period, new: Floats | None = None) -> Outlook:
        """Forecast a current or future period.

        `new` overrides new business with the sum of finer groups.
        """


def nothing_known(deals: int, groups: int) -> Outlook:
    """Give the outlook of a period of which nothing can be known."""
    return Outlook(
        np.full(deals, np.nan), np.full(groups, np.nan), np.full(groups, np.nan), [None] * groups
    )
