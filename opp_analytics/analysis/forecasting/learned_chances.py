"""Chances learned from past periods: the share won by due bucket and stage, times factors of owner and kind of month."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from opp_analytics.analysis.forecasting.past_deals import BUCKET_NAMES, PastDeals

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]
_SHRINK = 8.0
"""Weight of the bucket's share in a stage's, and of the overall share in a bucket's, in deals."""
_OWNER = 10.0
"""Weight of 1 in an owner's factor, in wins."""
_MONTH = 50.0
"""Weight of 1 in the factor of months that end a quarter, or of the others, in wins."""
_LEAST, _MOST = 0.0005, 0.98


@dataclass(frozen=True)
class LearnedChances:
    """Chance that an open deal is won in a period, by what it is at the period's point."""

    share: Floats
    """By bucket (rows) and stage (columns; the last for stages never seen)."""
    owner: Floats
    """Factor by owner; the last, 1, for owners never seen."""
    month: tuple[float, float]
    """Factor of months that do not end a quarter, and of those that do."""

    def of(self, bucket: Codes, stage: Codes, owner: Codes, *, closing: bool) -> Floats:
        """The chance of each deal; a code of −1 is a stage or owner never seen, `closing` a month that ends a quarter."""
        return _clip(_clip(self.share[bucket, stage] * self.owner[owner]) * self.month[closing])


def learn_chances(past: PastDeals, points: Sequence[int], closing: Sequence[bool] | None) -> LearnedChances:
    """Chances from the points of ended periods.

    Parameters
    ----------
    past : PastDeals
        Deals open at the points, and those won.
    points : list of int
        The points to learn from.
    closing : list of bool, optional
        True for each point of a month that ends a quarter; None for periods that are not months.
    """
    rows, row_point = _rows(past.starts, points)
    wins, win_point = _rows(past.won_starts, points)
    count, won = past.count[rows], past.won_count[wins]
    bucket, stage, owner = past.bucket[rows], past.stage[rows], past.owner[rows]
    won_at = past.won_bucket[wins], past.won_stage[wins], past.won_owner[wins]

    shape = (len(BUCKET_NAMES), len(past.stages) + 1)
    deals = _count(bucket * shape[1] + stage, count, shape)
    wins_by = _count(won_at[0] * shape[1] + won_at[1], won, shape)
    overall = won.sum() / count.sum() if count.sum() else 0.0
    by_bucket = (wins_by.sum(axis=1) + _SHRINK * overall) / (deals.sum(axis=1) + _SHRINK)
    share = _clip((wins_by + _SHRINK * by_bucket[:, None]) / (deals + _SHRINK))

    owners = len(past.owners)
    expected = np.bincount(owner, weights=count * share[bucket, stage], minlength=owners)
    achieved = np.bincount(won_at[2], weights=won, minlength=owners)
    factor = np.append((achieved + _OWNER) / (expected + _OWNER), 1.0)

    if closing is None:
        return LearnedChances(share, factor, (1.0, 1.0))
    kind = np.array(closing, dtype=np.intp)
    chance = _clip(share[bucket, stage] * factor[owner])
    expected = np.bincount(kind[row_point], weights=count * chance, minlength=2)
    achieved = np.bincount(kind[win_point], weights=won, minlength=2)
    month = (achieved + _MONTH) / (expected + _MONTH)
    return LearnedChances(share, factor, (float(month[0]), float(month[1])))


def _clip(chances: Floats) -> Floats:
    return np.clip(chances, _LEAST, _MOST)


def _count(cells: Codes, counts: Floats, shape: tuple[int, int]) -> Floats:
    return np.bincount(cells, weights=counts, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)


def _rows(starts: Codes, points: Sequence[int]) -> tuple[Codes, Codes]:
    """The rows of some points, and the place of each row's point."""
    ranges = [np.arange(starts[point], starts[point + 1]) for point in points]
    places = np.repeat(np.arange(len(points)), [len(part) for part in ranges])
    return (np.concatenate(ranges) if ranges else np.zeros(0, dtype=np.intp)), places
