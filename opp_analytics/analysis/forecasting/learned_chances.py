"""Chances learned from past periods: the share won by due bucket and stage, times factors of owner and kind of month.

A stage is that of one pipeline, where the org has several: its share leans on that of all stages of its name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics.analysis.forecasting.past_deals import BUCKET_NAMES, OpenDeals, Wins

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]
_SHRINK = 8.0
"""Weight of the overall share in a bucket's, of that in a stage's, and of that in the stage's of one pipeline, in deals."""
_OWNER = 10.0
"""Weight of 1 in an owner's factor, in wins."""
_MONTH = 50.0
"""Weight of 1 in the factor of months that end a quarter, or of the others, in wins."""
_LEAST, _MOST = 0.0005, 0.98


@dataclass(frozen=True)
class LearnedChances:
    """Chance that an open deal is won in a period, by what it is at the period's point."""

    share: Floats
    """By bucket (rows) and stage (columns): those of single pipelines, then those of all pipelines by name, and the last for
    stages never seen."""
    owner: Floats
    """Factor by owner; the last, 1, for owners never seen."""
    month: tuple[float, float]
    """Factor of months that do not end a quarter, and of those that do."""

    def of(self, bucket: Codes, stage: Codes, owner: Codes, *, closing: bool) -> Floats:
        """The chance of each deal; a code of −1 is a stage or owner never seen, `closing` a month that ends a quarter."""
        return _clip(_clip(self.share[bucket, stage] * self.owner[owner]) * self.month[closing])


def learn_chances(
    points: Sequence[tuple[OpenDeals, Wins]],
    closing: Sequence[bool] | None,
    *,
    stages: Sequence[tuple[str, ...]],
    owners: int,
) -> LearnedChances:
    """Chances from the points of ended periods.

    Parameters
    ----------
    points : list of (OpenDeals, Wins)
        Deals open at each point, and those won.
    closing : list of bool, optional
        True for each point of a month that ends a quarter; None for periods that are not months.
    stages : list of tuple
        Name of each stage that is known, and its pipeline where there are several.
    owners : int
        Number of owners that are known.
    """
    past, won = [point[0] for point in points], [point[1] for point in points]
    count, bucket, stage, owner = (_joined(past, name) for name in ("count", "bucket", "stage", "owner"))
    won_bucket, won_stage, won_owner = (_joined(won, name) for name in ("bucket", "stage", "owner"))

    shape = (len(BUCKET_NAMES), len(stages))
    deals = _counted(bucket, stage, shape, count)
    wins = _counted(won_bucket, won_stage, shape)
    share = _clip(_shares(deals, wins, stages))

    chance = share[bucket, stage]
    expected = np.bincount(owner, weights=count * chance, minlength=owners)
    achieved = np.bincount(won_owner, minlength=owners)
    factor = np.append((achieved + _OWNER) / (expected + _OWNER), 1.0)

    if closing is None:
        return LearnedChances(share, factor, (1.0, 1.0))
    kind = np.array(closing, dtype=np.intp)
    here, there = (np.repeat(kind, [len(part.bucket) for part in parts]) for parts in (past, won))
    expected = np.bincount(here, weights=count * _clip(chance * factor[owner]), minlength=2)
    achieved = np.bincount(there, minlength=2)
    month = (achieved + _MONTH) / (expected + _MONTH)
    return LearnedChances(share, factor, (float(month[0]), float(month[1])))


def _counted(bucket: Codes, stage: Codes, shape: tuple[int, int], weights: Floats | None = None) -> Floats:
    """Number of deals by bucket (rows) and stage (columns)."""
    counted = np.bincount(bucket * shape[1] + stage, weights=weights, minlength=shape[0] * shape[1])
    return counted.astype(np.float64).reshape(shape)


def _shares(deals: Floats, wins: Floats, stages: Sequence[tuple[str, ...]]) -> Floats:
    """The share won, by bucket, of each stage, of all stages of each name, and of stages never seen."""
    overall = wins.sum() / deals.sum() if deals.any() else 0.0
    by_bucket = _lean(wins.sum(axis=1), deals.sum(axis=1), overall)[:, None]
    name, names = pd.factorize(pd.Index([stage[0] for stage in stages], dtype=object))
    named = (name[:, None] == np.arange(len(names))).astype(np.float64)
    by_name = _lean(wins @ named, deals @ named, by_bucket)
    alone = named.sum(axis=0)[name] == 1
    own = np.where(alone, by_name[:, name], _lean(wins, deals, by_name[:, name]))
    return np.concatenate([own, by_name, by_bucket], axis=1)


def _lean(wins: Floats, deals: Floats, on: Floats | float) -> Floats:
    """Shares won, shrunk toward another share."""
    return np.asarray((wins + _SHRINK * on) / (deals + _SHRINK), dtype=np.float64)


def _clip(chances: Floats) -> Floats:
    return np.clip(chances, _LEAST, _MOST)


def _joined(parts: Sequence[OpenDeals] | Sequence[Wins], name: str) -> NDArray[Any]:
    return np.concatenate([getattr(part, name) for part in parts])
