"""Formulas of others, for comparison: what customer systems and spreadsheets project, as point forecasts without a range.

They are asked in `backtest_methods` only: each is what its source describes, not a method to
forecast with.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
import pandas as pd

from opp_analytics.analysis.forecasting.learned import BUCKET_NAMES, Point
from opp_analytics.analysis.forecasting.method import Method
from opp_analytics.analysis.forecasting.moment import Floats, Moment, last_day
from opp_analytics.analysis.forecasting.past_forecasts import PastForecast, PastForecasts
from opp_analytics.analysis.forecasting.run_rate import ended_periods
from opp_analytics.arguments import RivalName

RIVALS: tuple[RivalName, ...] = get_args(RivalName)
_PER_YEAR = {"W": 52, "M": 12, "Q": 4, "Y": 1}
_PROJECTED_FROM = {"stage_projection": 1, "stage_projection_4": 4}
"""Ended periods that a stage projection is the mean over."""
_DUE, _WON = BUCKET_NAMES.index("due"), len(BUCKET_NAMES)
"""Statuses at a point: open and due in the period, and already won."""


@dataclass(frozen=True)
class Rival(PastForecasts):
    """The question of a backtest, answered by a formula of others from the records up to each forecast's own.

    weighted: the pipeline at its stated chances, as most customer systems show it. three_periods:
    the mean of the last three ended periods (HubSpot's projection, which looks at the wins of three
    months). stage_projection and stage_projection_4: the open pipeline at what its stages won from
    the same point of the last ended period, and what that period won from other deals (Gong's
    projection as documented), or the mean over the last four. last_period, year_ago: that period
    again. What rests on totals alone is raised to what is booked.
    """

    name: RivalName = "weighted"

    def ask(
        self, record: int, moment: Moment, ahead: Sequence[pd.Period], method: Method | None
    ) -> Iterator[PastForecast]:
        """Forecast periods from the deals at a record.

        Yield nothing where the past periods are lacking.
        """
        if self.name == "weighted":
            for made in super().ask(record, moment, ahead, Method("stated")):
                yield made._replace(total=None, method=self.name)
            return
        versions = self.learned.versions
        ended = ended_periods(moment, self.question.freq, most=_PER_YEAR["W"] + 1)
        for period in ahead:
            booked = float(moment.booked_in(period).sum())
            if self.name in _PROJECTED_FROM:
                expected = self._project(record, moment, period)
            else:
                past = self._pick_past(ended, period)
                # As they were known then.
                totals = [versions.every.value[versions.wins(record, one)].sum() for one in past]
                expected = max(booked, float(np.mean(totals))) if past else None
            if expected is not None:
                yield PastForecast(record, period, (), booked, expected, None, self.name)

    def _pick_past(self, ended: Sequence[pd.Period], period: pd.Period) -> Sequence[pd.Period]:
        """Pick the ended periods whose mean is the forecast; none where one is lacking."""
        if self.name == "year_ago":
            return [one for one in ended if one == period - _PER_YEAR.get(period.freqstr[0], 0)]
        need = 3 if self.name == "three_periods" else 1
        return ended[-need:] if len(ended) >= need else []

    def _project(self, record: int, moment: Moment, period: pd.Period) -> float | None:
        """Add to what is booked the open deals due, at shares won from the same point of past periods, and past money from elsewhere."""
        records, lead = self.records, last_day(period) - moment.day
        current = records.period(moment.day)
        past = [current - k for k in range(1, 1 + _PROJECTED_FROM[self.name])]
        points = [(records.find_to_learn(one, lead), one) for one in past]
        if not records.shows_deals(record) or any(place < 0 for place, _ in points):
            return None
        due = np.flatnonzero(moment.due_in(period))
        value, stage, more = np.nan_to_num(moment.value[due]), moment.stage[due], 0.0
        for place, one in points:
            point = self.learned.point(place, one, record)
            elsewhere = np.delete(point.money, [_DUE, _WON], axis=1).sum()
            more += float(value @ _share_won(point, len(moment.stages))[stage] + elsewhere)
        return float(moment.booked_in(period).sum()) + more / len(points)


def _share_won(point: Point, stages: int) -> Floats:
    """Compute the share of the deals due that was won in the period, by stage.

    A stage without one has that of all.
    """
    due = point.bucket == _DUE
    deals, wins = (
        np.bincount(point.stage[due], weights=one[due], minlength=stages)
        for one in (point.count, point.won)
    )
    whole = wins.sum() / deals.sum() if deals.any() else 0.0
    return np.asarray(np.divide(wins, deals, out=np.full(stages, whole), where=deals > 0))
