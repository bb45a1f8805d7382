"""The learned method: chances, new business and range widths from recorded periods.

It learns only from periods that have ended.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import product
from math import inf, sqrt
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics.analysis.forecasting.method import FEWEST
from opp_analytics.analysis.forecasting.moment import (
    NEVER,
    Labels,
    Moment,
    Records,
    Versions,
    first_day,
    last_day,
    list_near_leads,
    read_versions,
)
from opp_analytics.analysis.forecasting.outlook import Mix, Outlook, nothing_known
from opp_analytics.analysis.forecasting.range_width import (
    LEVEL,
    Pool,
    decide_range_width,
    measure_miss,
)
from opp_analytics.analysis.forecasting.run_rate import RunRates
from opp_analytics.analysis.stats.distribution import measure_ranges
from opp_analytics.arrays import Floats, Integers
from opp_analytics.history import History
from opp_analytics.org import WON, Org

# Each number was chosen on simulated teams and tried on fresh seeds: docs/definitions.md,
# "learned".
STEPS = ("overall", "bucket", "stage", "pipeline", "owner", "size", "month", "days")
"""What adds up to a chance, in order."""
BUCKET_NAMES = ("overdue", "undated", "due before", "due", "due soon after", "due later")
_OVERDUE, _UNDATED, _BEFORE, _DUE, _SOON_AFTER, _LATER = range(6)
_WON, _NEITHER = 6, 7
"""Statuses at a point besides the buckets: already won, and neither open nor won."""
_BY_DAY = np.array([_OVERDUE, _BEFORE, _DUE, _SOON_AFTER, _LATER, _UNDATED])
_SOON_DAYS = 31
"""Deals due this many days after a period may be pulled in: a month."""
_AMOUNTS = 12
"""Past periods to draw new business from: a year of months."""
_LEADS = (14, 28, 45, 75)
"""Days before period end at which past forecasts are scored, besides today's lead: near ones and
far ones."""
_NEAR_HALF_LIFE, _OWN_HALF_LIFE = 3.0, 6.0
"""Ended periods after which a score counts half among those of a period's own leads, and of today's
lead: teams change."""
_CAP = 4.0
"""Largest score: one wild miss must not widen all ranges."""
_SHRINK = 8.0
"""Prior weight, in deals, of the next wider share won (all deals, bucket, stage of any
pipeline)."""
OWNER_WEIGHT, SIZE_WEIGHT = 10.0, 5.0
"""Weight of 1 in the factor of an owner, and of a size, in wins."""
_MONTH = 50.0
"""Weight of 1 in the factor of months that end a quarter, or of the others, in wins."""
_LEAST, MOST = 0.0005, 0.98
"""Bounds of a chance: nothing open is certain or impossible."""
_SIZES = (0.5, 0.8, 0.95, 1.0)
"""Quantiles of the values of past wins at which a class of sizes ends; larger deals are the last
class."""
_FEWEST_SIZED = 5
"""Wins below which sizes tell nothing."""
_YIELD, _LEAST_YIELD, _MOST_YIELD, _LARGEST = 10.0, 0.3, 3.0, 3.0
"""Weight of 1 in the yield, in wins of mean value; its bounds; and the multiple of a value, or of
a large win's, beyond which an amount counts no more: one contract must not set the yield of all."""
_INFLOW = 8.0
"""Deals added to both sides of a ratio of deals created, so that a few do not double it."""
_MOST_INFLOW = 4.0
"""Largest such ratio, and by its inverse the smallest."""


@dataclass(frozen=True)
class Chances:
    """Chance that an open deal is won in a period, by its kind and size; and what it then brings.

    A kind is a number for bucket, stage and owner. Stages are those of each pipeline, then stage
    names across pipelines, then an unknown one; the last owner is one never seen.
    """

    share: Floats
    """After each of the first four `STEPS`, by bucket (rows) and stage (columns)."""
    owner: Floats
    """Factor by owner; 1 for one never seen."""
    kinds: Floats
    """Chance by kind (columns) in months that do not end a quarter, and in those that do."""
    edges: Floats
    """Largest value of each class of sizes but the last."""
    size: Floats
    """Factor by class of sizes."""
    rate: float
    """Yield: what deals were won at, by their value while open."""
    seen: Sequence[Floats]
    """Past deals (first) and wins behind `share`, `owner`, `size` and the kind of month; 0 where a
    step does not apply."""

    def of(self, kind: Integers, value: Floats, *, closing: bool) -> Floats:
        """Find each deal's chance from its kind and value.

        `closing` is True if the month ends a quarter.
        """
        factor = self.size[sort_by_size(value, self.edges)]
        return np.asarray(np.minimum(self.kinds[int(closing), kind] * factor, MOST))

    def explain(self, kind: Integers, value: Floats, *, closing: bool) -> tuple[Floats, Floats]:
        """Find each deal's chance (columns) after each of `STEPS` but the last (rows).

        Also counts the past deals (first) and wins behind each.
        """
        bucket, stage, owner = np.unravel_index(kind, (*self.share.shape[1:], len(self.owner)))
        size, shares = sort_by_size(value, self.edges), self.share[:, bucket, stage]
        owned = clip(shares[-1] * self.owner[owner])
        sized = np.minimum(owned * self.size[size], MOST)
        chance = self.of(kind, value, closing=closing)
        behind, owners, sizes, months = self.seen
        month = np.broadcast_to(months[:, int(closing), None], (2, len(kind)))
        counts = [owners[:, owner], sizes[:, size], month]
        return (
            np.stack([*shares, owned, sized, chance]),
            np.concatenate([behind[:, :, bucket, stage], np.stack(counts, axis=1)], axis=1),
        )


@dataclass(frozen=True)
class Point:
    """A past period seen from an earlier record: open deals by kind, and wins.

    Wins are the final ones, by each deal's status at that record.

    Hundreds are kept: columns take as few bits as their numbers need.
    """

    record: int
    days_left: int
    place: Integers
    """Place of each open deal among all open versions by value, increasing."""
    kind: Integers
    """Kind of each open deal."""
    won: Integers
    """Those of them that were won in the period, by number."""
    came: Floats
    """What these were won at."""
    money: Floats
    """Final wins by group (rows) and status at the record: the buckets, already won, neither."""

    @property
    def actual(self) -> Floats:
        """Money by group."""
        return np.asarray(self.money.sum(axis=1))

    @property
    def new_business(self) -> Floats:
        """Money from deals that were neither won nor open at the record, by group."""
        return self.money[:, _NEITHER]

    def count(self, kinds: int) -> Integers:
        """Count the open deals (first) and those won, by kind."""
        each = (self.kind, self.kind[self.won])
        return np.stack([np.bincount(one, minlength=kinds) for one in each])


@dataclass(frozen=True)
class Lessons:
    """Parameters learned for one period."""

    chances: Chances
    late: float
    """Factor on chances where fewer days are left than at the past points."""
    new_business: Floats
    """New business of the last 12 periods (rows) by group (columns)."""
    score_past: Callable[[], Iterable[Pool]]
    """Scores the past forecasts that say how wide a range must be."""

    @cached_property
    def range_width(self) -> float:
        """Factor on the width of plain ranges, which past ones decide."""
        return decide_range_width(self.score_past())


@dataclass(frozen=True)
class Miss:
    """Scores of a past forecast: how far it missed, in half-widths of its range."""

    learned_from: int
    """Number of periods it learned from."""
    scores: Floats
    """By group."""


@dataclass(frozen=True)
class Learned:
    """The learned method on the records of a history.

    At each moment it uses only what was known by then.
    """

    versions: Versions
    whole: Learned | None = None
    """The same records without groups, from which chances are learned; None if these have none."""
    _chances: dict[tuple[int, int], Chances] = field(default_factory=dict)
    _points: dict[tuple[int, pd.Period, int], Point] = field(default_factory=dict)
    _misses: dict[tuple[pd.Period, int], Miss] = field(default_factory=dict)
    _lessons: dict[tuple[int, pd.Period], Lessons | None] = field(default_factory=dict)
    _at_lead: dict[int, dict[pd.Period, int]] = field(default_factory=dict)

    @property
    def records(self) -> Records:
        """The records learned from."""
        return self.versions.records

    @cached_property
    def run_rates(self) -> RunRates:
        """The run rate, whose ranges follow its past on the same records."""
        return RunRates(self)

    def chance(self, moment: Moment, period: pd.Period) -> Floats:
        """Find each deal's chance of a win in a period: 0 if not open, NaN if unknown."""
        lessons = self.learn(moment.day, period)
        if lessons is None:
            return np.where(moment.open, np.nan, 0.0)
        return self._price(lessons, moment, period)

    def weigh(self, moment: Moment, period: pd.Period) -> Floats:
        """Find what each deal adds to a period: 0 if not open, NaN if unknown."""
        lessons = self.learn(moment.day, period)
        rate = lessons.chances.rate if lessons else 1.0
        return moment.value * rate * self.chance(moment, period)

    def outlook(self, moment: Moment, period: pd.Period, new: Floats | None = None) -> Outlook:
        """Forecast a current or future period.

        `new` overrides new business with the sum of finer groups.
        """
        lessons = self.learn(moment.day, period)
        if lessons is None:
            return nothing_known(len(moment.value), moment.size)
        chance = self._price(lessons, moment, period)
        amounts = self._spread(lessons.new_business, moment)
        if new is not None:
            # Each group's amounts keep their spread, at the mean that is given.
            found = amounts.mean(axis=0)
            amounts = np.where(found > 0, amounts * new / np.where(found > 0, found, 1.0), new)
        booked, valued = moment.booked_in(period), moment.open & ~np.isnan(moment.value)
        counted = moment.value * lessons.chances.rate
        totals = []
        for group in range(moment.size):
            rows, sure = np.flatnonzero(valued & (moment.group == group)), booked[group]
            further = amounts[:, group].tolist()
            totals.append(
                Mix(rows, counted[rows], chance[rows], sure, further, lambda: lessons.range_width)
            )
        expected = moment.sum(counted * chance, moment.open)
        return Outlook(chance, expected, amounts.mean(axis=0), totals)

    def learn(self, day: int, period: pd.Period) -> Lessons | None:
        """Learn a period's parameters from the records up to a day.

        None with fewer than 3 past periods.
        """
        if (day, period) not in self._lessons:
            lead = last_day(period) - day
            known, lessons = self._past_points(day, lead), None
            count = self._count_own(known)
            if count >= FEWEST:
                record = self.records.find_newest(day)
                score_past = partial(self._score_past, day, period, count)
                late, further = self._scale_to_today(known, record, lead)
                lessons = Lessons(self._learn_chances(day, lead), late, further, score_past)
            self._lessons[day, period] = lessons
        return self._lessons[day, period]

    def point(self, record: int, period: pd.Period, known: int | None = None) -> Point:
        """Count a past period's deals at `record`, and its wins as of record `known`.

        By default `known` is the record with the period's final result.
        """
        known = self.records.find_final(period) if known is None else known
        key = (record, period, known)
        if key not in self._points:
            self._points[key] = self._count(record, period, known)
        return self._points[key]

    def sum_wins(self, record: int, period: pd.Period, known: int | None = None) -> Floats:
        """Sum a past period's wins as of record `known`, by group as of `record`.

        By default `known` is the record with the period's final result.
        """
        known = self.records.find_final(period) if known is None else known
        return np.asarray(self._sum_money(record, period, known)[0].sum(axis=1))

    def _sum_money(
        self, record: int, period: pd.Period, known: int
    ) -> tuple[Floats, Integers, Floats]:
        """Sum the wins of a period by group and status at a record.

        Also lists the deals that were open then, and what these were won at.
        """
        versions, every = self.versions, self.versions.every
        rows = versions.wins(known, period)
        then = versions.earlier(rows, record)
        there = then >= 0
        won = there & (every.outcome[then] == WON)
        due = put_in_buckets(every, period, rows=then, day=int(self.records.days[record]))
        status = np.where(won, _WON, np.where(there, due, _NEITHER))
        group = every.group[np.where(there, then, rows)]
        size = every.size * (_NEITHER + 1)
        found = np.bincount(
            group * (_NEITHER + 1) + status, weights=every.value[rows], minlength=size
        )
        open_ = status < _WON
        table = found.astype(np.float64).reshape(every.size, _NEITHER + 1)
        return table, then[open_], np.nan_to_num(every.value[rows[open_]])

    def _count(self, record: int, period: pd.Period, known: int) -> Point:
        money, rows, came = self._sum_money(record, period, known)
        if self.whole is not None:
            return replace(self.whole.point(record, period, known), money=money)
        place, day = self.versions.place_open(record), int(self.records.days[record])
        open_ = self.versions.by_value[place]
        kind = self._sort_in_kinds(self.versions.every, period, open_, day)
        won = np.searchsorted(place, self.versions.value_place[rows])
        kind, won = (
            one.astype(np.min_scalar_type(most))
            for one, most in ((kind, math.prod(self.kinds)), (won, len(open_)))
        )
        return Point(record, last_day(period) - day, place, kind, won, came, money)

    @property
    def kinds(self) -> tuple[int, int, int]:
        """Numbers of buckets, stages and owners, as `Chances` has them."""
        stages = self.versions.every.stages
        return (
            len(BUCKET_NAMES),
            len(stages) + len(number_names(stages)[0]) + 1,
            len(self.versions.every.owners) + 1,
        )

    def place(self, moment: Moment, rows: Integers) -> tuple[Integers, Integers]:
        """Find the stage and owner of deals of a moment, as `Chances` has them."""
        every, (_, stages, owners) = self.versions.every, self.kinds
        stage, owner = moment.stage[rows], moment.owner[rows]
        if moment is not every:
            places = {name: k for k, name in enumerate(every.owners)}
            own = [places.get(name, -1) for name in moment.owners]
            owner = np.append(np.array(own, dtype=np.intp), -1)[owner]
            stage = np.append(_place_stages(moment.stages, every.stages), -1)[stage]
        # −1, for none, is the last.
        return stage % stages, owner % owners

    def _sort_in_kinds(
        self, moment: Moment, period: pd.Period, rows: Integers, day: int
    ) -> Integers:
        """Number the kind of each deal of a moment in some rows, on a day."""
        bucket = put_in_buckets(moment, period, rows=rows, day=day)
        return np.ravel_multi_index((bucket, *self.place(moment, rows)), self.kinds)

    def _past_points(self, day: int, lead: int) -> dict[pd.Period, Point]:
        """Count each ended period that has a record at a lead, in order.

        Among quarters are those that end in other months: three times as many to learn from.
        """
        found = self._find_records(lead)
        ended = (one for records in self.records.rolling for one in records.ended(day))
        known = sorted((one for one in ended if found[one] >= 0), key=last_day)
        return {one: self.point(found[one], one) for one in known}

    def _count_own(self, known: Iterable[pd.Period]) -> int:
        """Count the periods of the question's own kind."""
        own = self.records.period(0).freq
        return sum(one.freq == own for one in known)

    def _find_records(self, lead: int) -> dict[pd.Period, int]:
        """Find each period's record at a lead; −1 where there is nothing to learn from."""
        if lead not in self._at_lead:
            every = (one for records in self.records.rolling for one in records.ended(NEVER))
            self._at_lead[lead] = {one: self.records.find_to_learn(one, lead) for one in every}
        return self._at_lead[lead]

    def _learn_chances(self, day: int, lead: int) -> Chances:
        if self.whole is not None:
            return self.whole._learn_chances(day, lead)
        if (day, lead) not in self._chances:
            known, stages = self._past_points(day, lead), self.versions.every.stages
            closing = (
                [self.records.closes_quarter(one) for one in known]
                if self.records.monthly
                else None
            )
            values = self.versions.values
            self._chances[day, lead] = learn_chances(
                list(known.values()), closing, values, stages=stages, kinds=self.kinds
            )
        return self._chances[day, lead]

    def _scale_to_today(
        self, known: Mapping[pd.Period, Point], record: int, days_left: int
    ) -> tuple[float, Floats]:
        """Find the factor of the last days, and the past new business at today's inflow.

        Money follows the number of deals created by its root.
        """
        points, now = list(known.values()), self.versions.count_created(record)
        usual = np.mean([point.days_left + 1 for point in points])
        late = min(1.0, (days_left + 1) / float(usual))
        last = points[-_AMOUNTS:]
        then = np.array([self.versions.count_created(point.record) for point in last])
        ratio = np.clip((now + _INFLOW) / (then + _INFLOW), 1 / _MOST_INFLOW, _MOST_INFLOW)
        inflow = np.where(np.isnan(ratio), 1.0, np.sqrt(ratio))
        amounts = np.array([point.new_business for point in last])
        return late, late * inflow[:, None] * amounts.reshape(len(last), self.versions.every.size)

    def explain(self, lessons: Lessons, moment: Moment, period: pd.Period) -> tuple[Floats, Floats]:
        """Give each deal's chance after each of `STEPS`, and the counts behind it.

        Rows are the steps, columns the deals. The counts are past deals and wins.
        """
        kind = self._sort_in_kinds(moment, period, np.arange(len(moment.value)), moment.day)
        closing = self.records.closes_quarter(period)
        steps, counts = lessons.chances.explain(kind, moment.value, closing=closing)
        # Few days left change the chance of every deal.
        late = counts[:, :1] * (lessons.late < 1)
        return np.append(steps, steps[-1:] * lessons.late, axis=0), np.append(counts, late, axis=1)

    def _price(self, lessons: Lessons, moment: Moment, period: pd.Period) -> Floats:
        """Find the chance of each open deal: few are open among those of years."""
        chance, rows = np.zeros(len(moment.value)), np.flatnonzero(moment.open)
        kind = self._sort_in_kinds(moment, period, rows, moment.day)
        closing = self.records.closes_quarter(period)
        chance[rows] = lessons.late * lessons.chances.of(kind, moment.value[rows], closing=closing)
        return chance

    def _spread(self, amounts: Floats, moment: Moment) -> Floats:
        """Move past new business (rows) to today's groups (columns).

        That of groups no longer there is spread over today's groups.
        """
        if moment.index is None:
            return amounts
        place = {labels: k for k, labels in enumerate(self.versions.every.labels)}
        today = [place.get(labels, -1) for labels in moment.labels]
        known = np.concatenate([amounts, np.zeros((len(amounts), 1))], axis=1)[:, today]
        whole, held = amounts.sum(), known.sum()
        if held > 0:
            return np.asarray(known * (whole / held), dtype=np.float64)
        return np.repeat(
            amounts.sum(axis=1, keepdims=True) / max(len(today), 1), len(today), axis=1
        )

    def _score_past(self, day: int, period: pd.Period, learned_from: int) -> Iterable[Pool]:
        """Score past forecasts: at all leads, at near leads, and at today's lead.

        Scores are scaled as if each forecast had learned from as many periods as today's.
        """
        lead, ended = last_day(period) - day, self.records.ended(day)[::-1]
        every, near = dict.fromkeys([*_LEADS, lead]), list_near_leads(period, lead)
        for leads, half_life in ((every, inf), (near, _NEAR_HALF_LIFE), ([lead], _OWN_HALF_LIFE)):
            pool = []
            for days, (age, one) in product(leads, enumerate(ended)):
                miss = self._miss(one, days)
                # A mean of k has variance σ²/k, so scale old errors to today's k.
                today = sqrt((1 + 1 / learned_from) / (1 + 1 / miss.learned_from))
                pool.append((miss.scores * today, 0.5 ** (age / half_life)))
            yield pool

    def _miss(self, period: pd.Period, lead: int) -> Miss:
        if (period, lead) not in self._misses:
            self._misses[period, lead] = self._score(period, lead)
        return self._misses[period, lead]

    def _score(self, period: pd.Period, lead: int) -> Miss:
        """Score the unstretched forecast of an ended period at a lead."""
        record = self._find_records(lead)[period]
        day = int(self.records.days[record])
        known = self._past_points(day, lead) if record >= 0 else {}
        count = self._count_own(known)
        if count < FEWEST:
            return _NO_MISS
        every, point = self.versions.every, self.point(record, period)
        place, closing = point.place, self.records.closes_quarter(period)
        learned, values = self._learn_chances(day, lead), self.versions.values[place]
        late, further = self._scale_to_today(known, record, last_day(period) - day)
        booked = self.versions.sum_wins(record, period)
        group = every.group[self.versions.by_value[place]]
        there = (
            (np.bincount(group, minlength=every.size) > 0)
            | (further.sum(axis=0) > 0)
            | (booked > 0)
        )
        number = np.cumsum(there) - 1
        (low, median, high), cell = measure_ranges(
            values * learned.rate,
            late * learned.of(point.kind, values, closing=closing),
            number[group],
            int(there.sum()),
            ((1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2),
            one_of=further[:, there],
        )
        came = (point.actual - booked)[there]
        came = np.where(np.abs(came - median) <= cell, median, came)
        return Miss(count, np.minimum(measure_miss(came, low, median, high), _CAP))


_NO_MISS = Miss(FEWEST, np.zeros(0))


def fit_learned(
    history: History,
    records: Records,
    *,
    tz: str,
    org: Org,
    by: Sequence[str] = (),
    columns: Sequence[str] = (),
) -> Learned:
    """Fit the learned method to a history; the same question reuses the fit.

    `records` are all or the first records of the history; later changes are ignored. A deal is in
    its group at the record, or at its win if it was not open at the record.
    """
    moments = records.moments.asi8.tobytes()
    read = (records.freq, records.year_start, records.gaps, moments)
    asked = (*read, org.stages, tz, tuple(by), tuple(columns))
    asked_of: dict[str, Any] = {"tz": tz, "org": org, "columns": columns}

    def fit() -> Learned:
        versions = read_versions(history, records, by=by, **asked_of)
        whole = fit_learned(history, records, **asked_of) if by else None
        return Learned(versions, whole)

    return history.remember(("learned", *asked), fit)


def put_in_buckets(
    moment: Moment, period: pd.Period, *, rows: Integers | None = None, day: int | None = None
) -> Integers:
    """Find each deal's bucket by due date, day and period."""
    due, last = moment.due if rows is None else moment.due[rows], last_day(period)
    edges = [
        moment.day if day is None else day,
        first_day(period),
        last + 1,
        last + _SOON_DAYS + 1,
        NEVER,
    ]
    place = np.zeros(len(due), dtype=np.int8)
    for edge in np.maximum.accumulate(edges).astype(due.dtype):
        place += due >= edge
    return _BY_DAY[place]


def learn_chances(
    points: Sequence[Point],
    closing: Sequence[bool] | None,
    values: Floats,
    *,
    stages: Sequence[Labels],
    kinds: tuple[int, int, int],
) -> Chances:
    """Learn chances from past points: share won by bucket and stage, times three factors.

    The factors are those of the owner, the kind of month and the size.

    `closing` is True for each point of a month that ends a quarter, None for periods that are not
    months. `values` are those of all open versions, increasing. With several pipelines, each of
    `stages` has its own; its share then shrinks toward that of its name in all.
    """
    month = np.array(closing or [False] * len(points), dtype=np.intp)
    seen = np.zeros((2, 2, math.prod(kinds)))
    for point, k in zip(points, month, strict=True):
        seen[:, k] += point.count(seen.shape[2])
    by_kind = seen.sum(axis=1).reshape(2, *kinds)
    own = by_kind.sum(axis=3)[:, :, : len(stages)]
    names, name = number_names(stages)
    named = np.stack([own[:, :, name == k].sum(axis=2) for k in range(len(names))], axis=2)
    every = (own.sum(axis=(1, 2)), own.sum(axis=2), named, own)
    shares, behind = share_won(every, stages)
    expected = (by_kind[0] * shares[-1, :, :, None]).sum(axis=(0, 1))
    owned = by_kind.sum(axis=(1, 2))
    # Without owners, every deal has the last factor.
    owner = np.append(compare_wins(owned[1], expected, OWNER_WEIGHT)[:-1], 1.0)
    owned[:, -1] = 0.0
    chance, months = clip(shares[-1, :, :, None] * owner).ravel(), seen.sum(axis=2)
    factor = compare_wins(months[1], seen[0] @ chance, _MONTH)
    if closing is None:
        months, factor = np.zeros((2, 2)), np.ones(2)
    by_month = clip(chance * factor[:, None])
    edges, size, rate, sized = _learn_sizes(points, [by_month[k] for k in month], values)
    return Chances(shares, owner, by_month, edges, size, rate, (behind, owned, sized, months))


def _learn_sizes(
    points: Sequence[Point], chances: Sequence[Floats], values: Floats
) -> tuple[Floats, Floats, float, Floats]:
    """Learn the classes of sizes, the factor of each, and the yield of value.

    `chances` are those of each point's kinds. Also counts the deals and wins of each class.
    """
    worth = np.concatenate([values[point.place[point.won]] for point in points])
    positive = worth > 0
    known = worth[positive]
    if len(known) < _FEWEST_SIZED:
        return np.zeros(0), np.ones(1), 1.0, np.zeros((2, 1))
    edges = np.quantile(known, _SIZES)
    # A missing value is the last of all, and of the first class.
    valued = np.searchsorted(values, np.nan)
    ends = np.append(np.searchsorted(values, edges, side="right"), [valued, len(values)])
    deals, expected = np.zeros((2, len(ends)))
    for point, chance in zip(points, chances, strict=True):
        cuts = np.searchsorted(point.place, ends)
        reached = np.append(0.0, np.cumsum(chance[point.kind]))[cuts]
        deals += np.diff(cuts, prepend=0)
        expected += np.diff(reached, prepend=0.0)
    counted = np.stack([deals, expected])
    counted[:, 0] += counted[:, -1]
    (deals, expected) = counted[:, :-1]
    wins = np.bincount(sort_by_size(worth, edges), minlength=len(deals)).astype(np.float64)
    large = edges[2]
    mean = np.minimum(known, large).mean()
    came = np.concatenate([point.came for point in points])[positive]
    most = _LARGEST * np.minimum(known, large)
    rate = (np.minimum(came, most).sum() + _YIELD * mean) / (
        np.minimum(known, _LARGEST * large).sum() + _YIELD * mean
    )
    return (
        edges,
        compare_wins(wins, expected, SIZE_WEIGHT),
        np.clip(rate, _LEAST_YIELD, _MOST_YIELD),
        np.stack([deals, wins]),
    )


def sort_by_size(value: Floats, edges: Floats) -> Integers:
    """Find the class of sizes of each value; a missing one is of the first."""
    return np.searchsorted(edges, np.where(np.isnan(value), -inf, value))


def compare_wins(won: Floats, expected: Floats, prior: float) -> Floats:
    """Compare wins with those expected; the ratio is pulled toward 1 by `prior`."""
    return (won + prior) / (expected + prior)


def share_won(counts: Sequence[Floats], stages: Sequence[Labels]) -> tuple[Floats, Floats]:
    """Compute the share won after each step of `Chances.share`.

    `counts` are deals (first) and wins of all, by bucket, by bucket and stage name, and by bucket
    and stage. Also returns those behind each share.
    """
    whole, bucket, named, own = counts
    names, name = number_names(stages)
    none, alone = np.zeros((*own.shape[:2], 1)), np.bincount(name)[name] == 1
    by_name = np.concatenate([named, none], axis=2)[:, :, [*name, *range(len(names)), -1]]
    # A stage of one pipeline has nothing to add to its name.
    own = np.concatenate(
        [np.where(alone, 0.0, own), np.repeat(none, len(names) + 1, axis=2)], axis=2
    )
    steps = [whole.reshape(2, 1, 1), bucket[:, :, None], by_name, own]
    behind = np.stack([np.broadcast_to(step, own.shape) for step in steps], axis=1)
    (deals, *further), (wins, *more) = behind
    shares = [wins / np.maximum(deals, 1.0)]
    for came, out_of in zip(more, further, strict=True):
        shares.append((came + _SHRINK * shares[-1]) / (out_of + _SHRINK))
    return clip(np.stack(shares)), behind


def number_names(stages: Sequence[Labels]) -> tuple[list[str], Integers]:
    """List the names of stages, each once, and number each stage's."""
    names = list(dict.fromkeys(labels[0] for labels in stages))
    return names, np.array([names.index(labels[0]) for labels in stages], dtype=np.intp)


def _place_stages(stages: Sequence[Labels], known: Sequence[Labels]) -> Integers:
    """Find each stage's column in `Chances.share`; −1 for a stage never seen.

    A stage not seen in its own pipeline takes the column of its name in all pipelines.
    """
    own = {labels: k for k, labels in enumerate(known)}
    names = {name: len(known) + k for k, name in enumerate(number_names(known)[0])}
    return np.array([own.get(labels, names.get(labels[0], -1)) for labels in stages], dtype=np.intp)


def clip(chances: Floats) -> Floats:
    """Keep chances away from impossible and certain."""
    return np.clip(chances, _LEAST, MOST)
