"""Forecasts beside those of the methods: formulas of others and functions of one's own."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, get_args

import numpy as np
import pandas as pd

from opp_analytics import arguments
from opp_analytics.analysis.forecasting.forecast_categories import deal_categories
from opp_analytics.analysis.forecasting.learned import BUCKET_NAMES
from opp_analytics.analysis.forecasting.method import Method
from opp_analytics.analysis.forecasting.moment import Moment, last_day
from opp_analytics.analysis.forecasting.past_forecasts import PastForecast, PastForecasts, Way
from opp_analytics.analysis.forecasting.run_rate import ended_periods
from opp_analytics.arguments import RivalName
from opp_analytics.arrays import Floats, Integers
from opp_analytics.errors import ArgumentTypeError, ArgumentValueError, NotEnoughHistory
from opp_analytics.schema import label_groups

RIVALS: tuple[RivalName, ...] = get_args(RivalName)
_PER_YEAR = {"W": 52, "M": 12, "Q": 4, "Y": 1}
_CATEGORY_WEIGHTS = {"commit": 0.9, "best_case": 0.7, "pipeline": 0.3}
"""Weights of forecast categories that published skills for assistants state for every team."""
_PROJECTED_FROM = {"stage_projection": 1, "stage_projection_4": 4}
"""Ended periods that a stage projection is the mean over."""
_DUE, _WON = BUCKET_NAMES.index("due"), len(BUCKET_NAMES)
"""Statuses at a point: open and due in the period, and already won."""
_SAID = ("expected", "low", "median", "high")
"""What a function may say of a period."""


def follow_formula(name: RivalName) -> Way:
    """Forecast by a formula of CRM systems and spreadsheets, as its source describes it.

    There is no range.

    weighted: the pipeline at its stated chances, as most customer systems show it.
    category_weights: the pipeline at one weight for each forecast category, as skills for
    assistants have it. three_periods: the mean of the last three ended periods (HubSpot's
    projection, which looks at the wins of three months). stage_projection and stage_projection_4:
    the open pipeline at what its stages won from the same point of the last ended period, and what
    that period won from other deals (Gong's projection as documented), or the mean over the last
    four. last_period, year_ago: that period again. What rests on totals alone is raised to what is
    booked.
    """
    return partial(_weigh if name == "weighted" else _project, name=name)


def _weigh(
    past: PastForecasts,
    record: int,
    moment: Moment,
    ahead: Sequence[pd.Period],
    /,
    *,
    name: RivalName,
) -> Iterator[PastForecast]:
    for made in past.ask(record, moment, ahead, method=Method("stated")):
        yield made._replace(quantile=None, used=name)


def _project(
    past: PastForecasts,
    record: int,
    moment: Moment,
    ahead: Sequence[pd.Period],
    /,
    *,
    name: RivalName,
) -> Iterator[PastForecast]:
    versions, held = past.learned.versions, set(moment.keep_alive().labels)
    ended = ended_periods(moment, past.question.freq, most=_PER_YEAR["W"] + 1)
    weighted: Floats | None = None
    if name == "category_weights":
        if not past.records.shows_deals(record):
            return
        weighted = moment.value * _weigh_categories(past, record, moment)
    for period in ahead:
        booked = moment.booked_in(period)
        expected: Floats | None
        if weighted is not None:
            expected = booked + moment.sum(weighted, moment.due_in(period))
        elif name in _PROJECTED_FROM:
            expected = _project_stages(past, record, moment, period, _PROJECTED_FROM[name])
        else:
            earlier = _pick_past(ended, period, name)
            # As they were known then.
            totals = [versions.sum_wins(record, one) for one in earlier]
            expected = np.maximum(booked, np.mean(totals, axis=0)) if earlier else None
        if expected is not None:
            for group, known, money in zip(moment.labels, booked, expected, strict=True):
                if group in held:
                    yield PastForecast(record, period, group, known, money, None, name)


def _weigh_categories(past: PastForecasts, record: int, moment: Moment) -> Floats:
    """Find the weight of each deal's category, as it was at the record."""
    assert past.question.history is not None
    deals = past.question.history.as_of(past.records.moments[record]).set_index("unique_id")
    weights = deal_categories(deals).map(_CATEGORY_WEIGHTS).reindex(list(moment.list_ids()))
    return np.asarray(np.nan_to_num(weights.to_numpy(dtype=np.float64)))


def _pick_past(
    ended: Sequence[pd.Period], period: pd.Period, name: RivalName
) -> Sequence[pd.Period]:
    """Pick the ended periods whose mean is the forecast; none where one is lacking."""
    if name == "year_ago":
        return [one for one in ended if one == period - _PER_YEAR.get(period.freqstr[0], 0)]
    need = 3 if name == "three_periods" else 1
    return ended[-need:] if len(ended) >= need else []


def _project_stages(
    past: PastForecasts, record: int, moment: Moment, period: pd.Period, count: int
) -> Floats | None:
    """Add open deals at past shares won, and past money from elsewhere, to bookings.

    The open deals are those due. Shares and money are taken from the same point of past periods.
    """
    records, lead = past.records, last_day(period) - moment.day
    current = records.period(moment.day)
    earlier = [current - k for k in range(1, 1 + count)]
    points = [(records.find_to_learn(one, lead), one) for one in earlier]
    if not records.shows_deals(record) or any(place < 0 for place, _ in points):
        return None
    due = moment.due_in(period)
    value, more = np.nan_to_num(moment.value), np.zeros(moment.size)
    for place, one in points:
        point = past.learned.point(place, one, record)
        counted = point.count(math.prod(past.learned.kinds)).reshape(2, *past.learned.kinds)
        share = _share_won(counted[:, _DUE].sum(axis=-1))[moment.stage]
        elsewhere = np.delete(point.money, [_DUE, _WON], axis=1).sum(axis=1)
        more += moment.sum(value * share, due) + elsewhere
    return moment.booked_in(period) + more / count


def _share_won(counted: Integers) -> Floats:
    """Compute the share won by stage, from deals and wins; one without deals has that of all."""
    deals, wins = counted
    whole = wins.sum() / deals.sum() if deals.any() else 0.0
    return np.asarray(np.divide(wins, deals, out=np.full(len(deals), whole), where=deals > 0))


def ask_function(function: Callable[..., Any], name: str, freq: str) -> Way:
    """Forecast by a function of one's own.

    It sees the deals of the record and a history that ends there.
    """
    return partial(_ask, function=function, name=name, freq=freq)


def _ask(
    past: PastForecasts,
    record: int,
    moment: Moment,
    ahead: Sequence[pd.Period],
    /,
    *,
    function: Callable[..., Any],
    name: str,
    freq: str,
) -> Iterator[PastForecast]:
    question, made_at = past.question, past.records.moments[record]
    assert question.history is not None
    frame, until = question.history.as_of(made_at), question.history.until(made_at)
    alive = moment.keep_alive()
    for period in ahead:
        for group, booked in zip(alive.labels, alive.booked_in(period), strict=True):
            part, known = frame, until
            if group:
                labels = dict(zip(question.by, group, strict=True))
                part, known = frame.copy(deep=False), until.where(**labels)
                for column, label in labels.items():
                    part = part[label_groups(part[column]) == label]
            try:
                answer = function(
                    part, history=known, as_of=moment.today, freq=freq, period=str(period)
                )
            except NotEnoughHistory:
                continue
            said = _read_answer(answer, name)
            if "expected" in said:
                find = _Range(said).quantile
                yield PastForecast(record, period, group, booked, said["expected"], find, name)


@dataclass(frozen=True)
class _Range:
    """The quantiles that a function said."""

    said: Mapping[str, float]

    def quantile(self, level: float) -> float:
        """The amount said for a level; NaN for one that it did not name."""
        return self.said.get(
            {0.1: "low", 0.5: "median", 0.9: "high"}.get(round(level, 9), ""), np.nan
        )


def _read_answer(answer: Any, name: str) -> dict[str, float]:
    """Read a function's answer about a period: a number is what it expects, NaN is no answer."""
    if isinstance(answer, pd.Series):
        answer = answer.to_dict()
    if not isinstance(answer, Mapping):
        answer = {"expected": answer}
    if unknown := [key for key in answer if key not in _SAID]:
        raise ArgumentValueError(
            f"methods: {name} returned {unknown[0]!r}; a mapping has expected, and may have low, "
            "median and high"
        )
    known = {key: amount for key, amount in answer.items() if amount is not None}
    if any(isinstance(amount, str) for amount in known.values()):
        raise ArgumentTypeError(f"methods: {name} returned {answer!r}, which is not a number")
    return {
        key: arguments.number(amount, f"{name}() {key}", example=1000.0)
        for key, amount in known.items()
        if amount == amount
    }
