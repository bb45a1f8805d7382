"""When open deals are won if they are: the time that past wins took from the same stage and distance to their date."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from opp_analytics.analysis.forecasting.moment import NEVER, Integers, Moment, Versions
from opp_analytics.org import OPEN, WON

HORIZON_DAYS = 90
"""Days in which a past deal must be won to count, and age from which a record does: all its wins are then known."""
_FEWEST = 8
"""Wins below which a wider class is taken: the outer tenths of fewer are their ends."""
_SHARES = (0.1, 0.5, 0.9)
_DUE_EDGES = (0, 15, 31, 61, NEVER)
"""First days to a due date of the classes within 14, 30 and 60 days, later and none; overdue comes before them."""


def find_win_dates(versions: Versions, moment: Moment) -> NDArray[np.datetime64]:
    """Find the days by which a tenth, half and nine tenths of past wins like each open deal (columns) had come.

    Missing with fewer than 8 wins in all, and for deals that are not open. Records after the moment's day are not read.
    """
    dates = np.full((len(_SHARES), len(moment.value)), np.datetime64("NaT", "us"))
    deal, stage, due, days = _list_wins(versions, moment.day)
    names = {name: k for k, name in enumerate(dict.fromkeys(labels[0] for labels in versions.every.stages))}
    stage = np.array([names[labels[0]] for labels in versions.every.stages], dtype=np.intp)[stage]
    open_ = np.flatnonzero(moment.open)
    now = np.array([names.get(labels[0], -1) for labels in moment.stages], dtype=np.intp)[moment.stage[open_]]
    like, place = np.unique([now, _class_due(moment.due[open_], moment.day)], axis=1, return_inverse=True)
    for k, (one, soon) in enumerate(like.T):
        for taken in ((stage == one) & (due == soon), stage == one, np.ones(len(days), dtype=bool)):
            if len(np.unique(deal[taken])) >= _FEWEST:
                wait = np.rint(np.quantile(days[taken], _SHARES)).astype(np.int64) + moment.day
                dates[:, open_[place.ravel() == k]] = wait.astype("datetime64[D]")[:, None]
                break
    return dates


def _list_wins(versions: Versions, day: int) -> tuple[Integers, Integers, Integers, Integers]:
    """List deal, stage, due class and days to the win of each deal open at a week's last record and won in 90 days."""
    records, every = versions.records, versions.every
    newest = records.find_newest(day)
    # Day 0 was a Thursday; a week begins on Monday.
    week = (records.days[: newest + 1] + 3) // 7
    last = np.flatnonzero(np.append(week[1:] != week[:-1], [True] * (newest >= 0)).astype(bool))
    seen = np.array(
        [r for r in last if records.days[r] <= day - HORIZON_DAYS and records.shows_deals(int(r))],
        dtype=np.intp,
    )
    shown = (versions.seen <= newest) & (versions.until > newest)
    won = np.full(int(versions.deal.max(initial=-1)) + 1, NEVER)
    final = np.flatnonzero(shown & (every.outcome == WON))
    won[versions.deal[final]] = every.due[final]
    rows = np.flatnonzero(every.outcome == OPEN)
    rows = rows[won[versions.deal[rows]] < NEVER]
    first, end = (np.searchsorted(seen, edge[rows]) for edge in (versions.seen, versions.until))
    count = end - first
    rows = np.repeat(rows, count)
    at = records.days[seen[np.arange(count.sum()) - np.repeat(np.cumsum(count) - count - first, count)]]
    days = won[versions.deal[rows]] - at
    kept = (days >= 0) & (days <= HORIZON_DAYS)
    rows, at = rows[kept], at[kept]
    return versions.deal[rows], every.stage[rows], _class_due(every.due[rows], at), days[kept]


def _class_due(due: Integers, day: Integers | int) -> Integers:
    """Number each due date's class as of a day."""
    return np.searchsorted(_DUE_EDGES, np.where(due == NEVER, NEVER, due - day), side="right")
