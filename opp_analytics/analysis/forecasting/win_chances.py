"""Whether, and when, open deals are won: from past deals, as they were at the end of each week."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics.analysis.forecasting.learned import (
    MOST,
    OWNER_WEIGHT,
    SIZE_WEIGHT,
    Learned,
    clip,
    compare_wins,
    number_names,
    share_won,
    sort_by_size,
)
from opp_analytics.analysis.forecasting.moment import NEVER, Moment, Versions
from opp_analytics.analysis.stats.competing_risks import incidence
from opp_analytics.arrays import Flags, Floats, Integers
from opp_analytics.org import OPEN, WON

HORIZON_DAYS = 90
"""Days in which a past deal must be won to count, and age from which a record does: all its wins
are then known."""
_FEWEST = 8
"""Wins below which a wider class is taken: the outer tenths of fewer are their ends."""
_SHARES = (0.1, 0.5, 0.9)
_DUE_EDGES = (0, 15, 31, 61, NEVER)
"""First days to a due date of the classes within 14, 30 and 60 days, later and none; overdue comes
before them."""
_LOOK_BACK_DAYS = 730
"""Age of the oldest records from which chances to win are learned: two years, as teams change."""
_FEWEST_AT_RISK = 5
"""Deals below which a curve of wins ends: what fewer do is chance."""
_WON_EDGES = (0, 32, 93, NEVER)
"""First days to a due date of the classes within 31 and 92 days, later and none; overdue comes
before them."""


def find_win_chances(learned: Learned, moment: Moment, current: pd.Period) -> Floats:
    """Find the chance that each open deal is won at all; 0 for others.

    It is never below that of a win in the current period. Records after the moment's day are not
    read.
    """
    versions, shape = learned.versions, (len(_WON_EDGES) + 1, *learned.kinds[1:])
    every, records = versions.every, versions.records
    lessons = learned.learn(moment.day, current)
    edges = lessons.chances.edges if lessons else np.zeros(0)
    newest = records.find_newest(moment.day)
    since = moment.day - _LOOK_BACK_DAYS
    rows, at = _list_points(versions, np.flatnonzero(every.open), newest, (since, moment.day))
    ends, won = _find_ends(versions)
    over, known = ends <= newest, records.days.astype(np.int32)
    days = known[at]
    past = _Past(
        versions.find_deals(np.arange(len(over), dtype=np.int32)).astype(np.int32)[rows],
        known[np.minimum(ends, newest)][rows] - days,
        (over & won)[rows],
        (over & ~won)[rows],
    )
    stages, owners = every.stages, shape[2]
    names, name = number_names(stages)
    stage, owner = learned.place(every, rows)
    due = _class_due(every.due[rows], days, _WON_EDGES)
    size = sort_by_size(every.value, edges).astype(np.int8)[rows]
    whole, bucket = past.measure(0 * due, 1), past.measure(due, shape[0])
    named = past.measure(due * len(names) + name[stage], shape[0] * len(names))
    own = past.measure(due * len(stages) + stage, shape[0] * len(stages))
    by_stage = [one.reshape(2, shape[0], -1) for one in (named, own)]
    share = share_won((whole, bucket, *by_stage), stages)[0][-1]
    chance = share[due, stage]
    of_owner = np.append(past.compare(owner, owners, chance, OWNER_WEIGHT)[:-1], 1.0)
    chance = clip(chance * of_owner[owner])
    of_size = past.compare(size, len(edges) + 1, chance, SIZE_WEIGHT)
    found, open_ = np.zeros(len(moment.value)), np.flatnonzero(moment.open)
    stage, owner = learned.place(moment, open_)
    due = _class_due(moment.due[open_], moment.day, _WON_EDGES)
    plain = clip(share[due, stage] * of_owner[owner])
    likely = np.minimum(plain * of_size[sort_by_size(moment.value[open_], edges)], MOST)
    found[open_] = np.fmax(likely, learned.chance(moment, current)[open_])
    return found


@dataclass(frozen=True)
class _Past:
    """Past deals, open at a time: days until each was won, lost or last seen open."""

    deal: Integers
    days: Integers
    won: Flags
    lost: Flags

    def measure(self, place: Integers, size: int) -> Floats:
        """Count the deals (first) of each place and their wins: deals × share won in the end."""
        place = place.astype(np.min_scalar_type(size))  # few bits are sorted by radix
        found, order = np.zeros((2, size)), np.argsort(place, kind="stable").astype(np.int32)
        deals = np.zeros(self.deal.max(initial=-1) + 1, dtype=bool)
        ends = np.searchsorted(place[order], np.arange(size + 1))
        for k in np.flatnonzero(np.diff(ends)):
            mine = order[ends[k] : ends[k + 1]]
            curve = incidence(self.days[mine], won=self.won[mine], lost=self.lost[mine])
            known = np.flatnonzero(curve.at_risk >= min(_FEWEST_AT_RISK, len(mine)))[-1:]
            won, lost = curve.won_share[known].sum(), curve.lost_share[known].sum()
            # The fewer are open at the end of the curve, the more end as the others did.
            rest = max(0.0, 1 - won - lost)
            won += rest * max(0.0, 1 - 2 * rest) * won / max(won + lost, 1e-9)
            deals[:] = False
            deals[self.deal[mine]] = True
            count = np.count_nonzero(deals)
            found[:, k] = count, count * won
        return found

    def compare(self, place: Integers, size: int, chance: Floats, prior: float) -> Floats:
        """Compare the wins of each place with those expected."""
        deals, wins = self.measure(place, size)
        points, expected = (np.bincount(place, one, size) for one in (None, chance))
        return compare_wins(wins, deals * expected / np.maximum(points, 1), prior)


def _find_ends(versions: Versions) -> tuple[Integers, Flags]:
    """Find the record at which each open version's deal is open no more, and whether it was won.

    A deal that is deleted or disqualified is not won.
    """
    every, row = versions.every, np.arange(len(versions.seen))
    follows = np.append(versions.until[:-1] == versions.seen[1:], False)
    follows[versions.first[1:] - 1] = False
    stays = follows & every.open & np.append(every.open[1:], False)
    last = np.minimum.accumulate(np.where(stays, len(row), row)[::-1])[::-1]
    return versions.until[last], (follows & np.append(every.outcome[1:] == WON, False))[last]


def find_win_dates(versions: Versions, moment: Moment) -> NDArray[np.datetime64]:
    """Find the days by which 10%, 50% and 90% of past wins like each open deal had come.

    Rows are the three shares, columns the deals.

    Missing with fewer than 8 wins in all, and for deals that are not open. Records after the
    moment's day are not read.
    """
    dates = np.full((len(_SHARES), len(moment.value)), np.datetime64("NaT", "us"))
    deal, stage, due, days = _list_wins(versions, moment.day)
    names, name = number_names(versions.every.stages)
    stage, open_ = name[stage], np.flatnonzero(moment.open)
    found = pd.Index(names).get_indexer(pd.Index([labels[0] for labels in moment.stages]))
    now = found[moment.stage[open_]]
    like, place = np.unique(
        [now, _class_due(moment.due[open_], moment.day)], axis=1, return_inverse=True
    )
    for k, (one, soon) in enumerate(like.T):
        for taken in ((stage == one) & (due == soon), stage == one, np.ones(len(days), dtype=bool)):
            if len(np.unique(deal[taken])) >= _FEWEST:
                wait = np.rint(np.quantile(days[taken], _SHARES)).astype(np.int64) + moment.day
                dates[:, open_[place.ravel() == k]] = wait.astype("datetime64[D]")[:, None]
                break
    return dates


def _list_points(
    versions: Versions, rows: Integers, newest: int, days: tuple[int, int]
) -> tuple[Integers, Integers]:
    """List which of some open versions each week's last record between two days shows.

    Returns the version and the record of each. Records after the `newest` are not read.
    """
    records = versions.records
    # Day 0 was a Thursday; a week begins on Monday.
    week = (records.days[: newest + 1] + 3) // 7
    last = np.flatnonzero(np.append(week[1:] != week[:-1], [True] * (newest >= 0)).astype(bool))
    inside = last[(records.days[last] >= days[0]) & (records.days[last] <= days[1])]
    seen = np.array([r for r in inside if records.shows_deals(int(r))], dtype=np.intp)
    first, end = (np.searchsorted(seen, edge[rows]) for edge in (versions.seen, versions.until))
    count = end - first
    # Millions of points, each in several columns.
    place = np.arange(count.sum(), dtype=np.int32)
    place -= np.repeat((np.cumsum(count) - count - first).astype(np.int32), count)
    return np.repeat(rows.astype(np.int32), count), seen.astype(np.int32)[place]


def _list_wins(versions: Versions, day: int) -> tuple[Integers, Integers, Integers, Integers]:
    """List the deals open at a week's last record and won within 90 days.

    Returns the deal, stage, due class and days to the win of each.
    """
    records, every = versions.records, versions.every
    newest = records.find_newest(day)
    shown = (versions.seen <= newest) & (versions.until > newest)
    won = np.full(len(versions.first), NEVER)
    final = np.flatnonzero(shown & (every.outcome == WON))
    won[versions.find_deals(final)] = every.due[final]
    own = np.diff(np.append(versions.first, len(every.outcome)))
    rows = np.flatnonzero((every.outcome == OPEN) & np.repeat(won < NEVER, own))
    rows, seen = _list_points(versions, rows, newest, (0, day - HORIZON_DAYS))
    at = records.days[seen]
    days = won[versions.find_deals(rows)] - at
    kept = (days >= 0) & (days <= HORIZON_DAYS)
    rows, at = rows[kept], at[kept]
    return versions.find_deals(rows), every.stage[rows], _class_due(every.due[rows], at), days[kept]


def _class_due(due: Integers, day: Integers | int, edges: Sequence[int] = _DUE_EDGES) -> Integers:
    """Number each due date's class as of a day."""
    left = np.where(due == NEVER, NEVER, due - day)
    return np.searchsorted(edges, left, side="right").astype(np.int32)
