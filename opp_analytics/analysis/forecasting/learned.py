"""The learned method: chances, new business and the width of ranges, from the ended periods of the records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, sqrt
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from opp_analytics.analysis.forecasting.learned_chances import LearnedChances, learn_chances
from opp_analytics.analysis.forecasting.past_deals import PastDeals
from opp_analytics.analysis.forecasting.past_points import Now, Records, last_day
from opp_analytics.analysis.forecasting.read_versions import read_versions
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
    """Everything that forecasts learn from; what a forecast at a moment asks for was known by then."""

    records: Records
    deals: PastDeals
    _misses: dict[tuple[pd.Period, int], Miss] = field(default_factory=dict)
    _taught: dict[tuple[Now, pd.Period], Lessons | None] = field(default_factory=dict)

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
            self._further(known),
            stretch(self._past_scores(now, lead, len(known))),
        )

    def not_due(self, now: Now, period: pd.Period) -> list[float]:
        """Money that the last 12 ended periods won from deals not due in them at the same point."""
        known = self._teachers(now, last_day(period) - now.day)
        points = list(known.items())[-_AMOUNTS:]
        return [float(self.deals.wins(record, k).further(due=True).sum()) for k, record in points]

    def _teachers(self, now: Now, lead: int) -> dict[pd.Period, int]:
        """The record at a lead of each ended period that has one."""
        found = {period: self.records.at_lead(period, lead) for period in self.records.ended(now)}
        return {period: record for period, record in found.items() if record >= 0}

    def _learn(self, known: Mapping[pd.Period, int]) -> LearnedChances:
        deals, versions = self.deals, self.deals.versions
        closing = [self.records.closes_quarter(period) for period in known] if self.records.monthly else None
        points = [
            (deals.open(record, period), deals.wins(record, period)) for period, record in known.items()
        ]
        return learn_chances(points, closing, stages=versions.stages, owners=len(versions.owners))

    def _further(self, known: Mapping[pd.Period, int]) -> Floats:
        amounts = [self.deals.wins(record, k).further() for k, record in list(known.items())[-_AMOUNTS:]]
        return np.array(amounts).reshape(len(amounts), self.deals.size)

    def _past_scores(self, now: Now, lead: int, taught_by: int) -> Floats:
        """What past forecasts missed by, as if each had learned from as many periods as today's."""
        leads = dict.fromkeys([*_LEADS, lead])
        ended = self.records.ended(now)
        misses = [self._miss(period, days) for days in leads for period in ended]
        # The mean of k amounts errs like 1/k of one amount: a forecast from few periods missed by more.
        scaled = [one.scores * sqrt((1 + 1 / taught_by) / (1 + 1 / one.taught_by)) for one in misses]
        return np.concatenate(scaled) if scaled else np.zeros(0)

    def _miss(self, period: pd.Period, lead: int) -> Miss:
        if (period, lead) not in self._misses:
            self._misses[period, lead] = self._missed(period, lead)
        return self._misses[period, lead]

    def _missed(self, period: pd.Period, lead: int) -> Miss:
        record = self.records.at_lead(period, lead)
        known = self._teachers(self.records.at(record), lead) if record >= 0 else {}
        if len(known) < FEWEST:
            return _NO_MISS
        chances, further = self._learn(known), self._further(known)
        past, size = self.deals.open(record, period), self.deals.size
        closing = self.records.closes_quarter(period)
        chance = chances.of(past.bucket, past.stage, past.owner, closing=closing)
        booked = self.deals.booked(record, period)
        there = (np.bincount(past.group, minlength=size) > 0) | (further.sum(axis=0) > 0) | (booked > 0)
        place = np.cumsum(there) - 1
        totals = sample_totals(
            past.value,
            chance,
            place[past.group],
            int(there.sum()),
            counts=past.count,
            one_of=further[:, there],
        )
        low, median, high = np.quantile(totals, [(1 - _LEVEL) / 2, 0.5, (1 + _LEVEL) / 2], axis=1)
        came = (self.deals.wins(record, period).actual - booked)[there]
        width = np.where(came > median, high - median, median - low)
        return Miss(len(known), np.minimum(np.abs(came - median) / np.maximum(width, 1.0), _CAP))


_NO_MISS = Miss(FEWEST, np.zeros(0))


def read_past(history: History, records: Records, *, by: Sequence[str] = (), meaning: Org) -> Past:
    """Everything that forecasts learn from, in groups of `by`: one `Past` for the same records and question.

    Parameters
    ----------
    records : Records
        Those of the history, or the first of them: what came later is not looked at.
    by : list of str
        Further columns, with their values in the record; a deal not open then has those at its win.
    meaning : Org
        What the stages mean.
    """
    versions = read_versions(history, meaning, by)
    asked = (records.freq, records.year_start, records.days.tobytes(), meaning.stages, tuple(by))
    found: Past = history.remember(("past", *asked), lambda: Past(records, PastDeals(versions, records)))
    return found


def stretch(scores: Floats) -> float:
    """The factor by which ranges are widened so that 80% of past ones would have held: never below 1."""
    every = np.sort(np.concatenate([scores, _PSEUDO_SCORES]))
    place = min(ceil(_LEVEL * (len(every) + 1)), len(every))
    return max(1.0, float(every[place - 1]))
