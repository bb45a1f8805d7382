"""The learned method: chances, new business and range widths from recorded periods.

It learns only from periods that have ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import product
from math import inf, sqrt
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from opp_analytics.analysis.forecasting.method import FEWEST
from opp_analytics.analysis.forecasting.moment import (
    NEVER,
    Floats,
    Integers,
    Labels,
    Moment,
    Records,
    Versions,
    first_day,
    last_day,
    list_near_leads,
    read_versions,
)
from opp_analytics.analysis.forecasting.outlook import (
    LEVEL,
    Mix,
    Outlook,
    measure_miss,
    nothing_known,
)
from opp_analytics.analysis.forecasting.run_rate import RunRates
from opp_analytics.analysis.stats.distribution import measure_ranges
from opp_analytics.history import History
from opp_analytics.org import WON, Org

# Each number was chosen on simulated teams and tried on fresh seeds: docs/definitions.md,
# "learned".
STEPS = ("overall", "bucket", "stage", "pipeline", "owner", "month")
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
_PSEUDO = 12
"""Pseudo-scores of a well-calibrated forecast, so that a few past misses do not set the width."""
_CAP = 4.0
"""Largest score: one wild miss must not widen all ranges."""
_PSEUDO_SCORES = ndtri(0.5 + (np.arange(1, _PSEUDO + 1) - 0.5) / (2 * _PSEUDO)) / ndtri(
    (1 + LEVEL) / 2
)
_SHRINK = 8.0
"""Prior weight, in deals, of the next wider share won (all deals, bucket, stage of any
pipeline)."""
_OWNER = 10.0
"""Weight of 1 in an owner's factor, in wins."""
_MONTH = 50.0
"""Weight of 1 in the factor of months that end a quarter, or of the others, in wins."""
_LEAST, _MOST = 0.0005, 0.98
"""Bounds of a chance: nothing open is certain or impossible."""


Pool = Sequence[tuple[Floats, float]]
"""Scores of past forecasts, each array with the weight of each of its scores."""


@dataclass(frozen=True)
class Chances:
    """Chance that an open deal is won in a period, by its status at a point."""

    share: Floats
    """After each of the first four `STEPS`, by bucket (rows) and stage (columns): each pipeline's
    stages, stage names across pipelines, unknown stages."""
    owner: Floats
    """Factor by owner; the last, 1, for owners never seen."""
    month: Floats
    """Factor of months that do not end a quarter, and of those that do."""
    seen: tuple[Floats, Floats, Floats]
    """Past deals (first) and wins behind `share`, `owner` and `month`; 0 where a step does not
    apply."""

    def of(self, bucket: Integers, stage: Integers, owner: Integers, *, closing: bool) -> Floats:
        """Find each deal's chance from its bucket, stage and owner.

        −1 is a stage or owner never seen; `closing` is True if the month ends a quarter.
        """
        owned = _clip(self.share[-1, bucket, stage] * self.owner[owner])
        return _clip(owned * self.month[int(closing)])

    def steps(self, bucket: Integers, stage: Integers, owner: Integers, *, closing: bool) -> Floats:
        """Find each deal's chance (columns) after each of `STEPS` (rows).

        The last is that of `of`.
        """
        shares = self.share[:, bucket, stage]
        chance = self.of(bucket, stage, owner, closing=closing)
        return np.concatenate([shares, [_clip(shares[-1] * self.owner[owner]), chance]])

    def count(self, bucket: Integers, stage: Integers, owner: Integers, *, closing: bool) -> Floats:
        """Count the past deals (first) and wins behind each chance of `steps`."""
        shares, owners, months = self.seen
        month = np.broadcast_to(months[:, int(closing), None], (2, len(bucket)))
        return np.concatenate(
            [shares[:, :, bucket, stage], owners[:, None, owner], month[:, None]], axis=1
        )


@dataclass(frozen=True)
class Point:
    """A past period seen from an earlier record: open deals by kind, and wins.

    Wins are the final ones, by each deal's status at that record.

    Hundreds are kept: columns take as few bits as their numbers need.
    """

    bucket: Integers
    stage: Integers
    owner: Integers
    count: Integers
    """Open deals of each kind (bucket, stage, owner)."""
    won: Integers
    """Those of them that were won in the period."""
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


@dataclass(frozen=True)
class Lessons:
    """Parameters learned for one period."""

    chances: Chances
    new_business: Floats
    """New business of the last 12 periods (rows) by group (columns)."""
    score_past: Callable[[], Iterable[Pool]]
    """Scores the past forecasts that say how wide a range must be."""

    @cached_property
    def stretch(self) -> float:
        """Factor on the width of ranges."""
        return stretch(self.score_past())


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

    def outlook(self, moment: Moment, period: pd.Period, new: Floats | None = None) -> Outlook:
        """Forecast a current or future period.

        `new` overrides new business with the sum of finer groups.
        """
        lessons = self.learn(moment.day, period)
        if lessons is None:
            return nothing_known(len(moment.value), moment.size)
        chance = self._price(lessons, moment, period)
        amounts, find_stretch = self._spread(lessons.new_business, moment), lambda: lessons.stretch
        if new is not None:
            amounts = _scale_to_means(amounts, new)
        booked, valued = moment.booked_in(period), moment.open & ~np.isnan(moment.value)
        totals = []
        for group in range(moment.size):
            rows, sure = np.flatnonzero(valued & (moment.group == group)), float(booked[group])
            further = amounts[:, group].tolist()
            totals.append(Mix(rows, moment.value[rows], chance[rows], sure, further, find_stretch))
        expected = moment.sum(moment.value * chance, moment.open)
        return Outlook(chance, expected, amounts.mean(axis=0), totals)

    def learn(self, day: int, period: pd.Period) -> Lessons | None:
        """Learn a period's parameters from the records up to a day.

        None with fewer than 3 past periods.
        """
        if (day, period) not in self._lessons:
            lead = last_day(period) - day
            known, lessons = self._past_points(day, lead), None
            if len(known) >= FEWEST:
                score_past = partial(self._score_past, day, period, len(known))
                new_business = self._collect_new_business(known)
                lessons = Lessons(self._learn_chances(day, lead), new_business, score_past)
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

    def _sum_money(self, record: int, period: pd.Period, known: int) -> tuple[Floats, Integers]:
        """Sum the wins of a period by group and status at a record, and list those open then."""
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
        return found.astype(np.float64).reshape(every.size, _NEITHER + 1), then[status < _WON]

    def _count(self, record: int, period: pd.Period, known: int) -> Point:
        money, came = self._sum_money(record, period, known)
        if self.whole is not None:
            return replace(self.whole.point(record, period, known), money=money)
        count = np.bincount(self._sort_in_kinds(self.versions.open_at(record), record, period))
        won = np.bincount(self._sort_in_kinds(came, record, period), minlength=len(count))
        held = np.flatnonzero(count)
        bucket, stage, owner, counts, wins = (
            one.astype(np.min_scalar_type(one.max(initial=0)))
            for one in (*np.unravel_index(held, self._kinds), count[held], won[held])
        )
        return Point(bucket, stage, owner, counts, wins, money)

    @property
    def _kinds(self) -> tuple[int, int, int]:
        """Numbers of buckets, stages and owners; the last owner is none."""
        return (
            len(BUCKET_NAMES),
            len(self.versions.every.stages),
            len(self.versions.every.owners) + 1,
        )

    def _sort_in_kinds(self, rows: Integers, record: int, period: pd.Period) -> Integers:
        """Number each open deal's bucket, stage and owner at a record."""
        every, (_, stages, owners) = self.versions.every, self._kinds
        bucket = put_in_buckets(every, period, rows=rows, day=int(self.records.days[record]))
        owner = every.owner[rows].astype(np.intp)
        owner[owner < 0] = owners - 1
        return np.asarray((bucket * stages + every.stage[rows]) * owners + owner)

    def _past_points(self, day: int, lead: int) -> dict[pd.Period, Point]:
        """Count each ended period that has a record at a lead."""
        found = self._find_records(lead)
        ended = (period for period in self.records.ended(day) if found[period] >= 0)
        return {period: self.point(found[period], period) for period in ended}

    def _find_records(self, lead: int) -> dict[pd.Period, int]:
        """Find each period's record at a lead; −1 where there is nothing to learn from."""
        if lead not in self._at_lead:
            every = self.records.ended(NEVER)
            self._at_lead[lead] = {one: self.records.find_to_learn(one, lead) for one in every}
        return self._at_lead[lead]

    def _learn_chances(self, day: int, lead: int) -> Chances:
        if self.whole is not None:
            return self.whole._learn_chances(day, lead)
        if (day, lead) not in self._chances:
            known, every = self._past_points(day, lead), self.versions.every
            closing = (
                [self.records.closes_quarter(one) for one in known]
                if self.records.monthly
                else None
            )
            self._chances[day, lead] = learn_chances(
                list(known.values()), closing, stages=every.stages, owners=len(every.owners)
            )
        return self._chances[day, lead]

    def _collect_new_business(self, known: Mapping[pd.Period, Point]) -> Floats:
        amounts = [point.new_business for point in list(known.values())[-_AMOUNTS:]]
        return np.array(amounts).reshape(len(amounts), self.versions.every.size)

    def explain(self, moment: Moment, period: pd.Period) -> tuple[Floats, Floats] | None:
        """Give each deal's chance after each of `STEPS`, and the counts behind it.

        Rows are the steps, columns the deals. The counts are past deals and wins.
        """
        lessons = self.learn(moment.day, period)
        if lessons is None:
            return None
        find, every = lessons.chances, np.arange(len(moment.value))
        steps, counts = (
            self._look_up(one, moment, period, every) for one in (find.steps, find.count)
        )
        return steps, counts

    def _price(self, lessons: Lessons, moment: Moment, period: pd.Period) -> Floats:
        """Find the chance of each open deal: few are open among those of years."""
        chance, rows = np.zeros(len(moment.value)), np.flatnonzero(moment.open)
        chance[rows] = self._look_up(lessons.chances.of, moment, period, rows)
        return chance

    def _look_up(
        self, find: Callable[..., Floats], moment: Moment, period: pd.Period, rows: Integers
    ) -> Floats:
        every = self.versions.every
        stage = _place_stages(moment.stages, every.stages)
        place = {name: k for k, name in enumerate(every.owners)}
        owner = np.array([place.get(name, -1) for name in moment.owners], dtype=np.intp)
        return find(
            put_in_buckets(moment, period, rows=rows),
            np.append(stage, -1)[moment.stage[rows]],
            np.append(owner, -1)[moment.owner[rows]],
            closing=self.records.closes_quarter(period),
        )

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
        if len(known) < FEWEST:
            return _NO_MISS
        every, point, rows = (
            self.versions.every,
            self.point(record, period),
            self.versions.open_at(record),
        )
        kind = self._sort_in_kinds(rows, record, period)
        held = np.cumsum(np.bincount(kind) > 0) - 1  # as the point has them
        closing = self.records.closes_quarter(period)
        chances = self._learn_chances(day, lead).of(
            point.bucket, point.stage, point.owner, closing=closing
        )
        booked, further = self.versions.sum_wins(record, period), self._collect_new_business(known)
        group = every.group[rows]
        there = (
            (np.bincount(group, minlength=every.size) > 0)
            | (further.sum(axis=0) > 0)
            | (booked > 0)
        )
        place = np.cumsum(there) - 1
        (low, median, high), cell = measure_ranges(
            every.value[rows],
            chances[held[kind]],
            place[group],
            int(there.sum()),
            ((1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2),
            one_of=further[:, there],
        )
        came = (point.actual - booked)[there]
        came = np.where(np.abs(came - median) <= cell, median, came)
        return Miss(len(known), np.minimum(measure_miss(came, low, median, high), _CAP))


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

    found: Learned = history.remember(("learned", *asked), fit)
    return found


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
    return np.asarray(_BY_DAY[place])


def learn_chances(
    points: Sequence[Point],
    closing: Sequence[bool] | None,
    *,
    stages: Sequence[Labels],
    owners: int,
) -> Chances:
    """Learn chances from past points: share won by bucket and stage, times two factors.

    The factors are those of the owner and of the kind of month.

    `closing` is True for each point of a month that ends a quarter, None for periods that are not
    months. With several pipelines, each of `stages` has its own; its share then shrinks toward that
    of its name in all.
    """
    bucket, stage, owner, count, won = (
        np.concatenate([getattr(point, name) for point in points]).astype(np.intp)
        for name in ("bucket", "stage", "owner", "count", "won")
    )

    shape = (len(BUCKET_NAMES), len(stages))
    seen = np.stack([_count_pairs(bucket, stage, shape, one) for one in (count, won)])
    shares, behind = _share_won(seen, stages)
    shares = _clip(shares)

    chance = shares[-1, bucket, stage]
    # Without owners, every deal has the last factor.
    owned, factor = _compare(owner, won, count, chance, owners, _OWNER)
    owned[:, owners:], factor[owners:] = 0.0, 1.0
    if closing is None:
        return Chances(shares, factor, np.ones(2), (behind, owned, np.zeros((2, 2))))
    kind = np.array(closing, dtype=np.intp)
    here = np.repeat(kind, [len(point.bucket) for point in points])
    monthly, month = _compare(here, won, count, _clip(chance * factor[owner]), 1, _MONTH)
    return Chances(shares, factor, month, (behind, owned, monthly))


def _compare(
    of: Integers, won: Integers, count: Integers, chance: Floats, last: int, prior: float
) -> tuple[Floats, Floats]:
    """Count deals and wins by place up to `last`, and compare wins with those expected.

    The ratio is pulled toward 1 by `prior`.
    """
    deals, wins, expected = (
        np.bincount(of, weights=one, minlength=last + 1) for one in (count, won, count * chance)
    )
    return np.stack([deals, wins]).astype(np.float64), (wins + prior) / (expected + prior)


def _count_pairs(
    bucket: Integers, stage: Integers, shape: tuple[int, int], weights: Integers
) -> Floats:
    """Count deals by bucket (rows) and stage (columns)."""
    counted = np.bincount(bucket * shape[1] + stage, weights=weights, minlength=shape[0] * shape[1])
    return counted.astype(np.float64).reshape(shape)


def _share_won(seen: Floats, stages: Sequence[Labels]) -> tuple[Floats, Floats]:
    """Compute the share won after each step of `Chances.share`, from counts by stage.

    Also returns the deals and wins behind each share.
    """
    names = list(dict.fromkeys(stage[0] for stage in stages))
    name = np.array([names.index(stage[0]) for stage in stages], dtype=np.intp)
    named = (name[:, None] == np.arange(len(names))).astype(np.float64)
    none, alone = np.zeros((*seen.shape[:2], 1)), named.sum(axis=0)[name] == 1
    by_name = np.concatenate([seen @ named, none], axis=2)[:, :, [*name, *range(len(names)), -1]]
    # A stage of one pipeline has nothing to add to its name.
    own = np.concatenate(
        [np.where(alone, 0.0, seen), np.repeat(none, len(names) + 1, axis=2)], axis=2
    )
    steps = [seen.sum(axis=(1, 2), keepdims=True), seen.sum(axis=2, keepdims=True), by_name, own]
    behind = np.stack([np.broadcast_to(step, own.shape) for step in steps], axis=1)
    (deals, *further), (wins, *more) = behind
    shares = [wins / np.maximum(deals, 1.0)]
    for came, out_of in zip(more, further, strict=True):
        shares.append(_lean(came, out_of, shares[-1]))
    return np.stack(shares), behind


def _place_stages(stages: Sequence[Labels], known: Sequence[Labels]) -> Integers:
    """Find each stage's column in `Chances.share`; −1 for a stage never seen.

    A stage not seen in its own pipeline takes the column of its name in all pipelines.
    """
    own = {labels: k for k, labels in enumerate(known)}
    names = {
        name: len(known) + k for k, name in enumerate(dict.fromkeys(labels[0] for labels in known))
    }
    return np.array([own.get(labels, names.get(labels[0], -1)) for labels in stages], dtype=np.intp)


def _lean(wins: Floats, deals: Floats, on: Floats) -> Floats:
    """Shrink the share won toward `on`."""
    return np.asarray((wins + _SHRINK * on) / (deals + _SHRINK), dtype=np.float64)


def _clip(chances: Floats) -> Floats:
    return np.clip(chances, _LEAST, _MOST)


def _scale_to_means(amounts: Floats, means: Floats) -> Floats:
    """Scale the amounts (rows) by group (columns) to other means."""
    found = amounts.mean(axis=0)
    return np.where(found > 0, amounts * means / np.where(found > 0, found, 1.0), means)


def stretch(pools: Iterable[Pool]) -> float:
    """Find the factor, at least 1, at which 80% of each pool's past ranges would have held."""
    return max(1.0, *map(_find_quantile, pools))


def _find_quantile(pool: Pool) -> float:
    """Find the weighted 80% conformal quantile of a pool and the pseudo-scores."""
    scores = np.concatenate([_PSEUDO_SCORES, *(scores for scores, _ in pool)])
    weights = np.repeat(
        [1.0, *(weight for _, weight in pool)], [_PSEUDO, *(len(scores) for scores, _ in pool)]
    )
    order = np.argsort(scores, kind="stable")
    reached = np.cumsum(weights[order])
    place = int(np.searchsorted(reached, LEVEL * (reached[-1] + 1)))
    return float(scores[order[min(place, len(order) - 1)]])
