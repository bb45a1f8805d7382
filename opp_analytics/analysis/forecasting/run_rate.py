"""The run rate: what ended periods won after the same point.

It needs one frame, and does not look at open deals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import floor
from typing import Protocol

import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit

from opp_analytics.analysis.forecasting.moment import (
    NEVER,
    Moment,
    Versions,
    day_number,
    first_day,
    last_day,
    list_near_leads,
)
from opp_analytics.analysis.forecasting.outlook import (
    Distribution,
    Outlook,
    Stretched,
    nothing_known,
)
from opp_analytics.analysis.forecasting.range_width import (
    LEVEL,
    follow_range_width,
    measure_miss,
)
from opp_analytics.analysis.stats.distribution import Total, compound
from opp_analytics.arrays import Counts, Floats, Integers, Places
from opp_analytics.org import LOST

# Each number was chosen on simulated teams and tried on fresh seeds: docs/definitions.md,
# "run_rate".
FEWEST_PERIODS, FEWEST_WINS = 3, 6
"""Ended periods, and wins in them, below which there is no run rate: fewer give no mean worth the
name."""
_MOST_PERIODS = 12
"""Ended periods that count: a year of months, beyond which a team has changed."""
_FEWEST_RANGED = 6
"""Wins after the same point below which no range is given."""
_FEWEST_OLD = 6
"""Periods below which none is dropped because the pipeline before it is unknown."""
_SLOWEST = 0.95
"""Quantile of the days from created to won that the size of the pipeline looks back on."""
_SHORTEST_DAYS = 30
"""Shortest such look back, so that a team of fast deals counts more than a handful."""
_PRIOR_POWER, _PRIOR_SPREAD = 0.5, 0.35
"""Prior of how strongly money follows the size of the pipeline: its mean and standard deviation."""
_PRIOR_PERIODS = 4
"""Weight of the spread that single wins suggest, in periods."""
_GROUP_SPREAD = 0.3
"""Coefficient of variation of a group's number of wins, beyond chance."""


def ended_periods(moment: Moment, freq: str, most: int = _MOST_PERIODS) -> list[pd.Period]:
    """List the last ended periods, at most `most`, from the first full one after the first win."""
    if not len(moment.wins):
        return []
    first = pd.Timestamp(int(moment.win_days.min()), unit="D")
    period = pd.Period(first, freq)
    period += int(first_day(period) < day_number(first))
    found = []
    while last_day(period) < moment.day:
        found.append(period)
        period += 1
    return found[-most:]


def wins_in(moment: Moment, period: pd.Period, after: int | None = None) -> Integers:
    """Find the wins of a period, or those after a day."""
    first = first_day(period) if after is None else max(first_day(period), after + 1)
    return moment.wins[(moment.win_days >= first) & (moment.win_days <= last_day(period))]


@dataclass(frozen=True)
class RootStudent:
    """Booked money plus the square of a Student variable, floored at 0."""

    booked: float
    center: float
    width: float
    freedom: float

    def quantile(self, q: float) -> float:
        """The amount that the total does not exceed with probability `q`."""
        return float(
            self.booked + max(self.center + stdtrit(self.freedom, q) * self.width, 0.0) ** 2
        )

    def at_least(self, amount: float) -> float:
        """P(total ≥ `amount`)."""
        if amount <= self.booked:
            return 1.0
        return float(
            1 - stdtr(self.freedom, ((amount - self.booked) ** 0.5 - self.center) / self.width)
        )


class Past(Protocol):
    """Past periods, as records show them."""

    @property
    def versions(self) -> Versions:
        """The records, and the deals at each."""

    def sum_wins(self, record: int, period: pd.Period) -> Floats:
        """Sum a past period's final wins, by group as of a record."""


@dataclass(frozen=True)
class RunRates:
    """The run rate of each period.

    It learns from the moment itself, and with records how wide its ranges must be.
    """

    past: Past | None = None
    _misses: dict[tuple[pd.Period, int], Floats] = field(default_factory=dict)

    def weigh(self, moment: Moment, period: pd.Period) -> Floats:
        """Add nothing for a deal: the run rate does not look at single deals."""
        return np.zeros(len(moment.value))

    def outlook(self, moment: Moment, period: pd.Period, new: Floats | None = None) -> Outlook:
        """Forecast a current or future period.

        `new` overrides new business with the sum of finer groups.
        """
        rate = measure_run_rate(moment, period)
        if rate is None:
            return nothing_known(len(moment.value), moment.size)
        booked = moment.booked_in(period)
        more, plain = rate.still_to_come(moment, booked, new)
        totals: list[Distribution | None] = [None] * moment.size
        if rate.ranged:
            factor = self.find_range_width(moment.day, period)
            totals = [
                Stretched(one, factor, own) for one, own in zip(plain, booked.tolist(), strict=True)
            ]
        return Outlook(self.weigh(moment, period), np.zeros(moment.size), more, totals)

    def find_range_width(self, day: int, period: pd.Period) -> float:
        """Find the factor on a range from the past ranges of the ended periods."""
        if self.past is None:
            return 1.0
        records, leads = self.past.versions.records, list_near_leads(period, last_day(period) - day)
        return follow_range_width(
            np.concatenate(
                [self._miss(self.past, ended, records.find_at_lead(ended, lead)) for lead in leads]
            )
            for ended in records.ended(day)
        )

    def _miss(
        self, past: Past, period: pd.Period, record: int, moment: Moment | None = None
    ) -> Floats:
        """Score an ended period's plain run rate at a record, by group.

        Empty without a record or a range.
        """
        if record < 0:
            return np.zeros(0)
        if (period, record) not in self._misses:
            self._misses[period, record] = _score(
                past, period, record, moment or past.versions.at(record)
            )
        return self._misses[period, record]

    def score(self, record: int, moment: Moment, ahead: Sequence[pd.Period]) -> None:
        """Score ended periods' plain run rate at a record, for later forecasts to use.

        `moment` holds the deals at the record.
        """
        if self.past is None:
            return
        for period in ahead:
            if self.past.versions.records.find_final(period) >= 0:
                self._miss(self.past, period, record, moment)


def _score(past: Past, period: pd.Period, record: int, moment: Moment) -> Floats:
    rate = measure_run_rate(moment, period, rough=True)
    if rate is None or not rate.ranged:
        return np.zeros(0)
    booked = moment.booked_in(period)
    more, totals = rate.still_to_come(moment, booked)
    there = np.flatnonzero((more > 0) | (booked > 0))
    levels = ((1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2)
    low, median, high = np.array([[totals[k].quantile(q) for k in there.tolist()] for q in levels])
    return measure_miss(past.sum_wins(record, period)[there], low, median, high)


@dataclass(frozen=True)
class RunRate:
    """Money that ended periods won after the same point of one period."""

    amounts: Floats
    """Money that each ended period won after the same point, at today's size of the pipeline."""
    wins: list[Places]
    """Their deals."""
    factors: Floats
    """Factor of each period for the size of its pipeline."""
    rough: bool
    """Whether of ranges only the width is needed."""

    @property
    def mean(self) -> float:
        """Money still to come."""
        return float(self.amounts.mean())

    @property
    def ranged(self) -> bool:
        """True where enough deals were won after the same point to give a range."""
        return sum(len(rows) for rows in self.wins) >= _FEWEST_RANGED

    def total(self, moment: Moment, booked: float) -> RootStudent:
        """Distribute the period's total."""
        roots, count = np.sqrt(np.maximum(self.amounts, 0)), len(self.amounts)
        scaled = self._scaled(moment)
        whole = scaled.sum()
        own = 1.2 * (scaled**2).sum() / (4 * whole) if whole > 0 else 0.0
        freedom = _PRIOR_PERIODS + count - 1
        spread = (_PRIOR_PERIODS * own + ((roots - roots.mean()) ** 2).sum()) / freedom
        width = max(np.sqrt(spread * (1 + 1 / count)), 1e-9)
        return RootStudent(booked, roots.mean(), width, freedom)

    def still_to_come(
        self, moment: Moment, booked: Floats, means: Floats | None = None
    ) -> tuple[Floats, Sequence[Distribution]]:
        """Money still to come in each group, and the distribution of its total.

        `means` is that money, where finer groups gave it.
        """
        if moment.index is None:
            return np.array([self.mean]), [self.total(moment, booked[0])]
        rows = np.concatenate(self.wins)
        counts = np.bincount(moment.group[rows], minlength=moment.size)
        values = np.nan_to_num(moment.value[rows])
        typical = values.mean() if len(rows) else 0.0
        if means is None:
            means = self._share(moment, counts, typical)
        asked = zip(booked.tolist(), means.tolist(), counts.tolist(), strict=True)
        return means, [
            _add_wins(own, values, mean, typical, n, rough=self.rough) for own, mean, n in asked
        ]

    def _share(self, moment: Moment, counts: Counts, typical: float) -> Floats:
        """Split the money still to come by groups' own wins plus two typical ones each."""
        size, rows = moment.size, np.concatenate(self.wins)
        weight = (
            np.bincount(moment.group[rows], weights=self._scaled(moment), minlength=size)
            + 2 * typical
        )
        alive = (counts > 0) | (np.bincount(moment.group[moment.open], minlength=size) > 0)
        weight = np.where(alive, weight, 0.0)
        return self.mean * weight / weight.sum() if weight.sum() > 0 else np.zeros(size)

    def _scaled(self, moment: Moment) -> Floats:
        """Scale each win like its period."""
        value = np.nan_to_num(moment.value)
        return np.concatenate(
            [value[rows] * k for rows, k in zip(self.wins, self.factors, strict=True)]
        )


def _add_wins(
    booked: float, values: Floats, mean: float, typical: float, wins: int, *, rough: bool
) -> Total:
    """Distribute a group's total: a negative binomial number of wins, each of a past value."""
    if mean <= 0 or typical <= 0:
        return Total(np.array([booked]), np.ones(1))
    shape = 1 / (_GROUP_SPREAD**2 + 1 / (wins + 2))
    more = compound(np.maximum(values, 0.0), mean / typical, shape, rough=rough)
    return Total(more.points + booked, more.cumulative)


def measure_run_rate(moment: Moment, period: pd.Period, *, rough: bool = False) -> RunRate | None:
    """Measure the run rate of one period that has not ended.

    None without enough ended periods and wins.
    """
    ended = ended_periods(moment, period.freqstr)
    if len(ended) < FEWEST_PERIODS or sum(len(wins_in(moment, k)) for k in ended) < FEWEST_WINS:
        return None
    lead = last_day(period) - moment.day
    cuts = np.array([last_day(k) - lead for k in ended])
    ended, cuts, sizes = _drop_young(moment, ended, cuts)
    wins = [wins_in(moment, k, after=int(cut)) for k, cut in zip(ended, cuts, strict=True)]
    amounts = np.array([np.nan_to_num(moment.value[rows]).sum() for rows in wins])
    factors = np.ones(len(ended))
    if sizes is not None and any(len(rows) for rows in wins) and (amounts >= 0).all():
        power = _power(amounts, np.array([len(rows) for rows in wins]), sizes[:-1])
        factors = np.clip(sizes[-1] / sizes[:-1], 0.5, 2.0) ** power
    return RunRate(amounts * factors, wins, factors, rough)


def _drop_young(
    moment: Moment, ended: list[pd.Period], cuts: Counts
) -> tuple[list[pd.Period], Counts, Floats | None]:
    """Keep the periods before which the pipeline is known, with its size at each and today.

    All, and None, if too few are.
    """
    took = moment.win_days - moment.created[moment.wins]
    took = took[took >= 0]
    if not len(took):
        return ended, cuts, None
    reach = max(np.quantile(took, _SLOWEST), _SHORTEST_DAYS)
    known = moment.open | (moment.outcome <= LOST)
    created = moment.created[known]
    old = cuts >= created.min() + reach
    if old.sum() < min(_FEWEST_OLD, len(ended)):
        return ended, cuts, None
    ended, cuts = [k for k, keep in zip(ended, old, strict=True) if keep], cuts[old]
    # A deal that is not closed has the closing day NEVER.
    closed = np.where(moment.outcome <= LOST, moment.due, NEVER)[known]
    sizes = []
    for day in (*cuts.tolist(), moment.day):
        young = (created > floor(day - reach)) & (created <= day)
        # Five more keep a small pipeline's ratio from jumping.
        sizes.append(5.0 + int((young & (closed > day)).sum()))
    return ended, cuts, np.array(sizes)


def _power(amounts: Floats, counts: Counts, sizes: Floats) -> float:
    """Measure how much money follows pipeline size: 0 is no effect, 1 is proportional."""
    logs = np.log(sizes)
    logs = logs - logs.mean()
    squares = (logs**2).sum()
    roots = np.sqrt(amounts)
    if len(amounts) < FEWEST_PERIODS or squares <= 0 or roots.mean() <= 0:
        return _PRIOR_POWER
    off = roots / roots.mean() - 1
    slope = 2 * (logs * off).sum() / squares
    variance = (((off - slope * logs / 2) ** 2).sum() + 2 / counts.mean()) / (len(amounts) + 2)
    own = 4 * variance / squares
    prior = _PRIOR_SPREAD**2
    return float(np.clip((_PRIOR_POWER / prior + slope / own) / (1 / prior + 1 / own), 0.0, 1.0))
