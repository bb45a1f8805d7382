"""The run rate: what ended periods won after the same point, from one frame and without looking at open deals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from opp_analytics import periods
from opp_analytics.analysis.forecasting.past_points import day_number, day_numbers, first_day, last_day
from opp_analytics.analysis.stats.distribution import Total, from_draws
from opp_analytics.org import LOST, OPEN, WON

Floats = NDArray[np.float64]
FEWEST_PERIODS, FEWEST_WINS = 3, 6
_MOST_PERIODS = 12
_STILL = 6
"""Wins after the same point below which no range is given; periods below which none is dropped for its youth."""
_SLOWEST = 0.95
_SHORTEST_DAYS = 30
_PRIOR_POWER, _PRIOR_SPREAD = 0.5, 0.35
_PRIOR_PERIODS = 4
_DRAWS = 20_000
_GROUP_SPREAD = 0.3
NEVER = 2**40
"""A day later than any."""


@dataclass(frozen=True)
class Book:
    """Won, lost and open deals as known at a forecast's day; days are numbers."""

    today: int
    created: NDArray[np.int64]
    """Day of creation; a very late day where unknown."""
    closed: NDArray[np.int64]
    """Day on which a deal was won or lost; a very late day for an open deal."""
    value: Floats
    won: NDArray[np.bool_]
    """Wins with a date by the forecast's day."""
    open: NDArray[np.bool_]
    group: NDArray[np.intp]

    @classmethod
    def of(
        cls, frame: pd.DataFrame, outcome: NDArray[Any], group: NDArray[np.intp], today: pd.Timestamp, tz: str
    ) -> Book:
        """The won, lost and open deals of a conformed frame."""
        day = day_number(today)
        date = days_or_never(frame["close_date"])
        known = "created_at" in frame
        created = (
            days_or_never(periods.to_dates(frame["created_at"], tz=tz))
            if known
            else np.full(len(frame), NEVER)
        )
        won, open_ = (outcome == WON) & (date <= day), outcome == OPEN
        kept = (outcome <= LOST) | open_
        value = np.nan_to_num(frame["value"].to_numpy(dtype=np.float64))
        closed = np.where(open_, NEVER, date)
        parts = (part[kept] for part in (created, closed, value, won, open_, group))
        return cls(day, *parts)

    def ended(self, freq: str) -> list[pd.Period]:
        """The last ended periods, at most 12, from the first full one after the first win."""
        if not self.won.any():
            return []
        first = pd.Timestamp(int(self.closed[self.won].min()), unit="D")
        period = pd.Period(first, freq)
        period += int(first_day(period) < day_number(first))
        found = []
        while last_day(period) < self.today:
            found.append(period)
            period += 1
        return found[-_MOST_PERIODS:]

    def wins_in(self, period: pd.Period, after: int | None = None) -> NDArray[np.bool_]:
        """The wins of a period, or those after a day."""
        first = first_day(period) if after is None else max(first_day(period), after + 1)
        inside: NDArray[np.bool_] = self.won & (self.closed >= first) & (self.closed <= last_day(period))
        return inside


@dataclass(frozen=True)
class RootStudent:
    """Booked money plus the square of a Student variable, floored at 0."""

    booked: float
    center: float
    width: float
    freedom: float

    def quantile(self, q: float) -> float:
        """The amount that the total does not exceed with probability `q`."""
        return float(self.booked + max(self.center + stdtrit(self.freedom, q) * self.width, 0.0) ** 2)

    def at_least(self, amount: float) -> float:
        """P(total ≥ `amount`)."""
        if amount <= self.booked:
            return 1.0
        return float(1 - stdtr(self.freedom, ((amount - self.booked) ** 0.5 - self.center) / self.width))


@dataclass(frozen=True)
class RunRate:
    """What the run rate says of one period."""

    amounts: Floats
    """Money that each ended period won after the same point, at today's size of the pipeline."""
    wins: list[NDArray[np.intp]]
    """Their deals."""
    factors: Floats
    """Factor of each period for the size of its pipeline."""

    @property
    def mean(self) -> float:
        """Money still to come."""
        return float(self.amounts.mean())

    @property
    def ranged(self) -> bool:
        """True where enough deals were won after the same point to give a range."""
        return sum(len(rows) for rows in self.wins) >= _STILL

    def total(self, book: Book, booked: float) -> RootStudent:
        """The distribution of the period's total."""
        roots, count = np.sqrt(np.maximum(self.amounts, 0)), len(self.amounts)
        scaled = np.concatenate(
            [book.value[rows] * factor for rows, factor in zip(self.wins, self.factors, strict=True)]
        )
        whole = scaled.sum()
        own = 1.2 * (scaled**2).sum() / (4 * whole) if whole > 0 else 0.0
        freedom = _PRIOR_PERIODS + count - 1
        spread = (_PRIOR_PERIODS * own + ((roots - roots.mean()) ** 2).sum()) / freedom
        width = max(float(np.sqrt(spread * (1 + 1 / count))), 1e-9)
        return RootStudent(booked, float(roots.mean()), width, float(freedom))

    def outlook(
        self, book: Book, booked: Floats, *, grouped: bool, means: Floats | None = None
    ) -> tuple[Floats, list[RootStudent | Total | None]]:
        """Money still to come in each group, and the distribution of its total where there are enough wins for one.

        `means` is that money, where finer groups said it.
        """
        if not grouped:
            return np.array([self.mean]), [self.total(book, float(booked[0])) if self.ranged else None]
        means, draws = self.by_group(book, len(booked), means)
        if not self.ranged:
            return means, [None] * len(booked)
        return means, [from_draws(own + drawn) for own, drawn in zip(booked, draws, strict=True)]

    def by_group(self, book: Book, size: int, means: Floats | None = None) -> tuple[Floats, list[Floats]]:
        """Money still to come in each group, and draws of it."""
        rows = np.concatenate(self.wins)
        counts = np.bincount(book.group[rows], minlength=size)
        typical = float(book.value[rows].mean()) if len(rows) else 0.0
        if means is None:
            means = self._means(book, size, counts, typical)
        return means, [
            self._draws(book.value[rows], mean, typical, n) for mean, n in zip(means, counts, strict=True)
        ]

    def _means(self, book: Book, size: int, counts: NDArray[np.int64], typical: float) -> Floats:
        """Money still to come in each group."""
        rows = np.concatenate(self.wins)
        scaled = np.concatenate(
            [book.value[part] * factor for part, factor in zip(self.wins, self.factors, strict=True)]
        )
        weight = np.bincount(book.group[rows], weights=scaled, minlength=size) + 2 * typical
        alive = (counts > 0) | (np.bincount(book.group[book.open], minlength=size) > 0)
        weight = np.where(alive, weight, 0.0)
        return self.mean * weight / weight.sum() if weight.sum() > 0 else np.zeros(size)

    def _draws(self, values: Floats, mean: float, typical: float, wins: int) -> Floats:
        if mean <= 0 or typical <= 0:
            return np.zeros(_DRAWS)
        rng = np.random.default_rng([int(mean * 100), wins])
        shape = 1 / (_GROUP_SPREAD**2 + 1 / (wins + 2))
        number = rng.poisson(rng.gamma(shape, mean / typical / shape, _DRAWS))
        drawn = np.concatenate([[0.0], np.cumsum(rng.choice(np.sort(values), int(number.sum())))])
        ends = np.cumsum(number)
        total: Floats = drawn[ends] - drawn[ends - number]
        return total


def run_rate(book: Book, period: pd.Period) -> RunRate | None:
    """The run rate of one period that has not ended; None without enough ended periods and wins.

    Parameters
    ----------
    book : Book
        The deals, as known at the forecast's day.
    period : Period
        The period forecast.
    """
    ended = book.ended(period.freqstr)
    if len(ended) < FEWEST_PERIODS or sum(int(book.wins_in(k).sum()) for k in ended) < FEWEST_WINS:
        return None
    lead = last_day(period) - book.today
    cuts = np.array([last_day(k) - lead for k in ended])
    ended, cuts, sizes = _old_enough(book, ended, cuts)
    wins = [np.flatnonzero(book.wins_in(k, after=int(cut))) for k, cut in zip(ended, cuts, strict=True)]
    amounts = np.array([book.value[rows].sum() for rows in wins])
    factors = np.ones(len(ended))
    if sizes is not None and any(len(rows) for rows in wins) and (amounts >= 0).all():
        power = _power(amounts, np.array([len(rows) for rows in wins]), sizes[:-1])
        factors = np.clip(sizes[-1] / sizes[:-1], 0.5, 2.0) ** power
    return RunRate(amounts * factors, wins, factors)


def _old_enough(
    book: Book, ended: list[pd.Period], cuts: NDArray[np.int64]
) -> tuple[list[pd.Period], NDArray[np.int64], Floats | None]:
    """The periods before which the pipeline is known, and its size at each and today; None where too few are."""
    dated = book.created < NEVER
    took = (book.closed - book.created)[book.won & dated & (book.created <= book.closed)]
    if not len(took):
        return ended, cuts, None
    reach = max(float(np.quantile(took, _SLOWEST)), _SHORTEST_DAYS)
    old = cuts >= book.created[dated].min() + reach
    if old.sum() < min(_STILL, len(ended)):
        return ended, cuts, None
    ended, cuts = [k for k, keep in zip(ended, old, strict=True) if keep], cuts[old]
    days = np.append(cuts, book.today)
    sizes = [
        5.0 + int(((book.created > day - reach) & (book.created <= day) & (book.closed > day)).sum())
        for day in days
    ]
    return ended, cuts, np.array(sizes)


def _power(amounts: Floats, counts: NDArray[np.int64], sizes: Floats) -> float:
    """How strongly the money follows the size of the pipeline, from no effect (0) to proportional (1)."""
    logs = np.log(sizes)
    logs = logs - logs.mean()
    squares = float((logs**2).sum())
    roots = np.sqrt(amounts)
    if len(amounts) < FEWEST_PERIODS or squares <= 0 or roots.mean() <= 0:
        return _PRIOR_POWER
    off = roots / roots.mean() - 1
    slope = 2 * float((logs * off).sum()) / squares
    variance = (float(((off - slope * logs / 2) ** 2).sum()) + 2 / counts.mean()) / (len(amounts) + 2)
    own = 4 * variance / squares
    prior = _PRIOR_SPREAD**2
    return float(np.clip((_PRIOR_POWER / prior + slope / own) / (1 / prior + 1 / own), 0.0, 1.0))


def days_or_never(dates: pd.Series[Any]) -> NDArray[np.int64]:
    """Calendar dates as numbers of days; a day later than any for a missing one."""
    missing = dates.isna().to_numpy()
    return np.where(missing, NEVER, day_numbers(dates.fillna(pd.Timestamp(0))))
