"""The methods, each fitted to the deals of a forecast: learned, run rate, and given chances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics.analysis.forecasting.chances import Chances
from opp_analytics.analysis.forecasting.choose import book_of
from opp_analytics.analysis.forecasting.deals_by_period import Deals, as_labels
from opp_analytics.analysis.forecasting.learned import FEWEST, Lessons, Past, read_past
from opp_analytics.analysis.forecasting.method import Method
from opp_analytics.analysis.forecasting.outlook import Mix, Outlook, nothing_known
from opp_analytics.analysis.forecasting.past_deals import (
    BEFORE,
    DUE,
    LATER,
    OVERDUE,
    SOON_AFTER,
    SOON_DAYS,
    UNDATED,
)
from opp_analytics.analysis.forecasting.past_versions import OWNER
from opp_analytics.analysis.forecasting.run_rate import Book, run_rate
from opp_analytics.errors import ArgumentTypeError
from opp_analytics.history import History
from opp_analytics.org import PIPELINE
from opp_analytics.schema import NO_LABEL, TEXT

if TYPE_CHECKING:
    from opp_analytics.analysis.shared.replay import Replay

Floats = NDArray[np.float64]


class Forecaster(Protocol):
    """A method fitted to the deals of a forecast."""

    def outlook(self, period: pd.Period, new: Floats | None = None) -> Outlook:
        """What it says of a period that has not ended; `new` is the new business by group, where finer groups said it."""

    def chance(self, deals: Deals, period: pd.Period) -> Floats:
        """The chance that each deal is won in the period, also of deals that it was not fitted to."""


def fit(
    method: Method,
    deals: Deals,
    history: History | Replay | None,
    *,
    seed: int = 0,
    past: Past | None = None,
) -> Forecaster:
    """A method fitted to the deals of a forecast; `past` is what it learns from, if read already."""
    if method.probability == "run_rate":
        return RunRates(deals, book_of(deals))
    learned = method.probability == "learned"
    if past is None and (learned or method.new_business):
        by = [] if deals.groups is None or not learned else [str(name) for name in deals.groups.names]
        past = _read(history, deals, by)
    if learned:
        assert past is not None
        return Learned(deals, past, seed)
    chances = Chances.fit(
        deals.frame, method, today=deals.today, freq=deals.freq, history=history, tz=deals.tz
    )
    return Given(deals, chances, past, seed)


def _read(history: History | Replay | None, deals: Deals, by: Sequence[str]) -> Past:
    """What the records teach."""
    if not isinstance(history, History):
        raise ArgumentTypeError("this method learns from past records; pass history=")
    return read_past(history, deals.records_of(history), by=by, meaning=deals.org)


@dataclass(frozen=True)
class Learned:
    """Chances, new business and ranges learned from past records."""

    deals: Deals
    past: Past
    seed: int

    def outlook(self, period: pd.Period, new: Floats | None = None) -> Outlook:
        """What the ended periods teach about a period."""
        deals, lessons = self.deals, self._lessons(period)
        if lessons is None:
            return nothing_known(len(deals.frame), deals.size)
        chance, amounts = self.chance(deals, period), self._amounts(lessons)
        if new is not None:
            amounts = _with_means(amounts, new)
        totals = mixes(
            np.where(deals.open, deals.value, np.nan),
            chance,
            deals.group,
            deals.booked_in(period),
            amounts,
            lessons.stretch,
            self.seed,
        )
        return Outlook(chance, deals.expected(chance), amounts.mean(axis=0), totals)

    def chance(self, deals: Deals, period: pd.Period) -> Floats:
        """The chance of each deal, by what the method has learned."""
        lessons = self._lessons(period)
        if lessons is None:
            return np.where(deals.open, np.nan, 0.0)
        frame, known = deals.frame, self.past.deals.versions
        stage = _stages(frame, known.stages)
        owner = _places(_labels(frame[OWNER]), known.owners) if OWNER in frame else np.full(len(frame), -1)
        closing = self.past.records.closes_quarter(period)
        found = lessons.chances.of(bucket_of(deals, period), stage, owner, closing=closing)
        return np.where(deals.open, found, 0.0)

    def _lessons(self, period: pd.Period) -> Lessons | None:
        return self.past.lessons(self.past.records.now(self.deals.today), period)

    def _amounts(self, lessons: Lessons) -> Floats:
        """Past new business (rows) by group (columns); that of groups of old is spread over those of today."""
        if self.deals.groups is None:
            return lessons.further
        place = {labels: k for k, labels in enumerate(self.past.deals.versions.groups)}
        today = [place.get(as_labels(key), -1) for key in self.deals.groups]
        known = np.concatenate([lessons.further, np.zeros((len(lessons.further), 1))], axis=1)[:, today]
        whole, held = lessons.further.sum(), known.sum()
        if held > 0:
            return np.asarray(known * (whole / held), dtype=np.float64)
        return np.repeat(lessons.further.sum(axis=1, keepdims=True) / max(len(today), 1), len(today), axis=1)


def mixes(
    values: Floats,
    chance: Floats,
    group: NDArray[np.intp],
    booked: Floats,
    amounts: Floats,
    stretch: float,
    seed: int,
    counts: Floats | None = None,
) -> list[Mix]:
    """The distribution of each group's total, from open deals with a value, and past amounts (rows) by group (columns)."""
    valued = ~np.isnan(values)
    places = [np.flatnonzero(valued & (group == k)) for k in range(len(booked))]
    return [
        Mix(
            mine,
            values[mine],
            chance[mine],
            float(booked[k]),
            amounts[:, k].tolist(),
            stretch=stretch,
            seed=seed,
            counts=None if counts is None else counts[mine],
        )
        for k, mine in enumerate(places)
    ]


def past_outlook(past: Past, record: int, period: pd.Period, *, seed: int = 0) -> Outlook | None:
    """What the learned method said of a period at a record, by the groups of `past`; None where it could not."""
    lessons = past.lessons(past.records.at(record), period)
    if lessons is None:
        return None
    known, size = past.deals.open(record, period), past.deals.size
    closing = past.records.closes_quarter(period)
    chance = lessons.chances.of(known.bucket, known.stage, known.owner, closing=closing)
    booked = past.deals.booked(record, period)
    totals = mixes(
        known.value, chance, known.group, booked, lessons.further, lessons.stretch, seed, known.count
    )
    expected = known.value * chance * known.count
    came = np.bincount(known.group, weights=expected, minlength=size).astype(np.float64)
    return Outlook(chance, came, lessons.further.mean(axis=0), totals)


def bucket_of(deals: Deals, period: pd.Period) -> NDArray[np.intp]:
    """When each deal is due, seen from the day and a period."""
    date = deals.frame["close_date"]
    first, last = period.start_time.normalize(), period.end_time.normalize()
    soon = last + pd.Timedelta(days=SOON_DAYS)
    choices = [
        (date.isna(), UNDATED), (date < deals.today, OVERDUE), (date < first, BEFORE), (date <= last, DUE), (date <= soon, SOON_AFTER),
    ]  # fmt: skip
    return np.select([mask.to_numpy() for mask, _ in choices], [name for _, name in choices], LATER).astype(
        np.intp
    )


@dataclass(frozen=True)
class RunRates:
    """The run rate of each period."""

    deals: Deals
    book: Book

    def chance(self, deals: Deals, period: pd.Period) -> Floats:
        """0: the run rate does not look at single deals."""
        return np.zeros(len(deals.frame))

    def outlook(self, period: pd.Period, new: Floats | None = None) -> Outlook:
        """What ended periods won after the same point."""
        deals, rate = self.deals, run_rate(self.book, period)
        if rate is None:
            return nothing_known(len(deals.frame), deals.size)
        none = self.chance(deals, period)
        booked, grouped = deals.booked_in(period), deals.groups is not None
        means, totals = rate.outlook(self.book, booked, grouped=grouped, means=new)
        return Outlook(none, deals.expected(none), means, totals)


@dataclass(frozen=True)
class Given:
    """Chances that are stated, by stage, by age or from a column, of the deals due in a period."""

    deals: Deals
    chances: Chances
    past: Past | None
    seed: int

    def outlook(self, period: pd.Period, new: Floats | None = None) -> Outlook:
        """The deals due in a period, each at its chance; new business is not split by group."""
        deals = self.deals
        amounts = self._amounts(period)
        if amounts is None:
            return nothing_known(len(deals.frame), deals.size)
        booked, chance = deals.booked_in(period), self.chance(deals, period)
        uncertain = deals.due_in(period) & ~np.isnan(deals.value) & ~np.isnan(chance)
        totals = [
            Mix(
                mine,
                deals.value[mine],
                chance[mine],
                booked[group],
                amounts,
                self.chances.method.correlation,
                seed=self.seed,
            )
            for group in range(deals.size)
            for mine in [np.flatnonzero(uncertain & (deals.group == group))]
        ]
        more = float(np.mean(amounts)) if amounts else 0.0
        return Outlook(chance, deals.expected(chance), np.full(deals.size, more), totals)

    def chance(self, deals: Deals, period: pd.Period) -> Floats:
        """The chance of each deal due in the period; 0 for others."""
        return np.where(deals.due_in(period), self.chances.of(deals.frame, deals.open), 0.0)

    def _amounts(self, period: pd.Period) -> list[float] | None:
        """What past periods won from deals not due in them; None where too few are known."""
        if not self.chances.method.new_business:
            return []
        if self.past is None:
            return None
        amounts = self.past.not_due(self.past.records.now(self.deals.today), period)
        return amounts if len(amounts) >= FEWEST else None


def _with_means(amounts: Floats, means: Floats) -> Floats:
    """The amounts (rows) by group (columns), scaled to other means."""
    found = amounts.mean(axis=0)
    return np.where(found > 0, amounts * means / np.where(found > 0, found, 1.0), means)


def _stages(frame: pd.DataFrame, known: Sequence[tuple[str, ...]]) -> NDArray[np.intp]:
    """The column of each deal's stage in `LearnedChances.share`: in its pipeline, else in all pipelines."""
    stage, names = _labels(frame["stage"]), list(dict.fromkeys(place[0] for place in known))
    by_name = _places(stage, names)
    found = np.where(by_name >= 0, len(known) + by_name, -1)
    if PIPELINE not in frame or len(known) == len(names):
        return found
    mine = pd.MultiIndex.from_arrays([stage, _labels(frame[PIPELINE])])
    own = pd.MultiIndex.from_tuples(known).get_indexer(mine)
    return np.where(own >= 0, own, found)


def _labels(column: pd.Series[Any]) -> pd.Series[str]:
    return column.astype(TEXT).fillna(NO_LABEL)


def _places(names: pd.Series[str], known: Sequence[str]) -> NDArray[np.intp]:
    """The place of each name among the known ones; −1 for others."""
    return pd.Index(known).get_indexer(pd.Index(names)).astype(np.intp)
