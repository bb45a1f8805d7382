"""The learned method: chances, new business and the width of ranges, from the ended periods of the records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import ceil, sqrt
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from opp_analytics.analysis.forecasting.learned_chances import LearnedChances, learn_chances
from opp_analytics.analysis.forecasting.past_deals import PastDeals, past_deals
from opp_analytics.analysis.forecasting.past_points import Now, Point, Records, last_day
from opp_analytics.analysis.stats.distribution import sample_totals
from opp_analytics.org import Org

if TYPE_CHECKING:
    from opp_analytics.history import History

Floats = NDArray[np.float64]
FEWEST = 3
"""Smallest number of ended periods to learn from."""
_AMOUNTS = 12
"""Number of past amounts of new business that may come again."""
_LEADS = (14, 28, 45, 75)
"""Days before the end of the past forecasts that are scored, besides today's."""
_PSEUDO = 12
_LEVEL = 0.8
_CAP = 4.0
_PSEUDO_SCORES = ndtri(0.5 + (np.arange(1, _PSEUDO + 1) - 0.5) / (2 * _PSEUDO)) / ndtri((1 + _LEVEL) / 2)


@dataclass(frozen=True)
class Lessons:
    """What ended periods teach about one period."""

    periods: tuple[pd.Period, ...]
    """The periods learned from, oldest first."""
    chances: LearnedChances
    further: Floats
    """New business of the last 12 of them (rows), by group (columns)."""
    stretch: float


@dataclass(frozen=True)
class Miss:
    """By how much a past forecast missed."""

    taught_by: int
    """Ended periods that it learned from."""
    scores: Floats
    """The miss in half-widths of its range, for each group."""


@dataclass(frozen=True)
class Past:
    """Everything that forecasts at some moments learn from."""

    records: Records
    deals: PastDeals
    places: dict[tuple[int, pd.Period], int]
    _misses: dict[tuple[pd.Period, int], Miss] = field(default_factory=dict)
    _taught: dict[tuple[Now, pd.Period], Lessons | None] = field(default_factory=dict)

    def point(self, period: pd.Period, lead: int) -> int | None:
        """The point of a period at a lead."""
        return self.places.get((self.records.at_lead(period, lead), period))

    def lessons(self, now: Now, period: pd.Period) -> Lessons | None:
        """What is known at a moment about the chances in a period; None where fewer than 3 periods teach it."""
        if (now, period) not in self._taught:
            self._taught[now, period] = self._teach(now, period)
        return self._taught[now, period]

    def _teach(self, now: Now, period: pd.Period) -> Lessons | None:
        lead = last_day(period) - now.day
        known = self._teachers(now, lead)
        if len(known) < FEWEST:
            return None
        return Lessons(
            tuple(known),
            self._learn(known),
            self._further(known.values()),
            stretch(self._past_scores(now, lead, len(known))),
        )

    def not_due(self, now: Now, period: pd.Period) -> list[float]:
        """Money that the last 12 ended periods won from deals not due in them at the same point."""
        points = list(self._teachers(now, last_day(period) - now.day).values())[-_AMOUNTS:]
        return [float(self.deals.further(point, due=True).sum()) for point in points]

    def _teachers(self, now: Now, lead: int) -> dict[pd.Period, int]:
        found = {period: self.point(period, lead) for period in self.records.ended(now)}
        return {period: point for period, point in found.items() if point is not None}

    def _learn(self, known: dict[pd.Period, int]) -> LearnedChances:
        closing = [self.records.closes_quarter(period) for period in known] if self.records.monthly else None
        return learn_chances(self.deals, list(known.values()), closing)

    def _further(self, points: Iterable[int]) -> Floats:
        amounts = [self.deals.further(point) for point in list(points)[-_AMOUNTS:]]
        return np.array(amounts).reshape(len(amounts), len(self.deals.groups))

    def _past_scores(self, now: Now, lead: int, taught_by: int) -> Floats:
        """What past forecasts missed by, as if each had learned from as many periods as today's."""
        leads = dict.fromkeys([*_LEADS, lead])
        misses = [self._miss(period, days) for period in self.records.ended(now) for days in leads]
        # The mean of k amounts errs like 1/k of one amount: a forecast from few periods missed by more.
        scaled = [one.scores * sqrt((1 + 1 / taught_by) / (1 + 1 / one.taught_by)) for one in misses]
        return np.concatenate([np.zeros(0), *scaled])

    def _miss(self, period: pd.Period, lead: int) -> Miss:
        if (period, lead) not in self._misses:
            self._misses[period, lead] = self._missed(period, lead)
        return self._misses[period, lead]

    def _missed(self, period: pd.Period, lead: int) -> Miss:
        point = self.point(period, lead)
        if point is None:
            return _NO_MISS
        record = self.records.at_lead(period, lead)
        known = self._teachers(self.records.at(record), lead)
        if len(known) < FEWEST:
            return _NO_MISS
        chances = self._learn(known)
        further = self._further(known.values())
        deals, size = self.deals, len(self.deals.groups)
        rows = np.arange(deals.starts[point], deals.starts[point + 1])
        closing = self.records.closes_quarter(period)
        chance = chances.of(deals.bucket[rows], deals.stage[rows], deals.owner[rows], closing=closing)
        group, count = deals.group[rows], deals.count[rows]
        totals = sample_totals(deals.value[rows], chance, group, size, counts=count, one_of=further)
        low, median, high = np.quantile(totals, [(1 - _LEVEL) / 2, 0.5, (1 + _LEVEL) / 2], axis=1)
        came = deals.actual(point) - deals.booked[point]
        width = np.where(came > median, high - median, median - low)
        there = (
            (np.bincount(group, minlength=size) > 0) | (further.sum(axis=0) > 0) | (deals.booked[point] > 0)
        )
        return Miss(len(known), np.minimum(np.abs(came - median) / np.maximum(width, 1.0), _CAP)[there])


_NO_MISS = Miss(FEWEST, np.zeros(0))


def read_past(
    history: History,
    records: Records,
    asked: Iterable[tuple[Now, Sequence[pd.Period]]],
    *,
    by: Sequence[str] = (),
    further: Iterable[Point] = (),
    meaning: Org | None = None,
) -> Past | None:
    """Everything that forecasts of some periods at some moments learn from; None without a period that is over.

    Parameters
    ----------
    asked : iterable of (Now, list of Period)
        The moments and the periods forecast there.
    further : iterable of Point
        Points to read besides.
    by, meaning
        As for `past_deals`.
    """
    points: dict[tuple[int, pd.Period], Point] = {}
    for now, wanted in asked:
        leads = {*_LEADS, *(last_day(period) - now.day for period in wanted)}
        for period in records.ended(now):
            for lead in leads:
                record = records.at_lead(period, lead)
                if record >= 0:
                    key = (record, period)
                    points.setdefault(key, Point(record, period, records.settles(period)))
    for point in further:
        points.setdefault((point.record, point.period), point)
    if not points:
        return None
    ordered = sorted(points.values(), key=lambda point: (point.period, point.record))
    places = {(point.record, point.period): place for place, point in enumerate(ordered)}
    return Past(records, past_deals(history, ordered, records, by=by, meaning=meaning), places)


def stretch(scores: Floats) -> float:
    """The factor by which ranges are widened so that 80% of past ones would have held: never below 1."""
    every = np.sort(np.concatenate([scores, _PSEUDO_SCORES]))
    place = min(ceil(_LEVEL * (len(every) + 1)), len(every))
    return max(1.0, float(every[place - 1]))
