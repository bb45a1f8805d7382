"""The width of a forecast's range: the factor at which plain past ranges would have held.

The learned method takes a quantile of past scores, the run rate follows them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import exp

import numpy as np
from scipy.special import ndtri

from opp_analytics.arrays import Floats

LEVEL = 0.8
"""Level of the ranges whose past sets the width; every other level follows the same
distribution."""
_PSEUDO, _NEAR_PSEUDO = 12, 6
"""Pseudo-scores of a well-calibrated forecast, so that a few past misses do not set the width;
those of near leads follow a change sooner."""
_STEP = 0.1
"""How fast the width of ranges follows past misses, a period."""
Pool = Sequence[tuple[Floats, float]]
"""Scores of past forecasts, each array with the weight of each of its scores."""


def measure_miss(came: Floats, low: Floats, median: Floats, high: Floats) -> Floats:
    """Measure how far money missed the median, in half-widths of the range on that side.

    A half-width counts as at least 1 unit of currency.
    """
    width = np.where(came > median, high - median, median - low)
    return np.abs(came - median) / np.maximum(width, 1.0)


def decide_range_width(pools: Iterable[Pool]) -> float:
    """Decide the factor on ranges, at least 1, at which 80% of each pool's past ones had held.

    The pools are those of all, near and today's own leads.
    """
    pseudo = (_PSEUDO, _NEAR_PSEUDO, _PSEUDO)
    return max(1.0, *map(_find_quantile, pools, pseudo))


def _find_quantile(pool: Pool, pseudo: int) -> float:
    """Find the weighted 80% conformal quantile of a pool and some pseudo-scores."""
    usual = ndtri(0.5 + (np.arange(pseudo) + 0.5) / (2 * pseudo)) / ndtri((1 + LEVEL) / 2)
    scores = np.concatenate([usual, *(scores for scores, _ in pool)])
    weights = np.repeat(
        [1.0, *(weight for _, weight in pool)], [pseudo, *(len(scores) for scores, _ in pool)]
    )
    order = np.argsort(scores, kind="stable")
    reached = np.cumsum(weights[order])
    place = int(np.searchsorted(reached, LEVEL * (reached[-1] + 1)))
    return float(scores[order[min(place, len(order) - 1)]])


def follow_range_width(periods: Iterable[Floats]) -> float:
    """Follow the scores of past periods to the factor on ranges.

    It grows where more than 20% of them missed, and is never below 1.
    """
    factor = 1.0
    for scores in periods:
        if len(scores):
            missed = (scores > factor).mean()
            factor = max(1.0, factor * exp(_STEP * (missed - (1 - LEVEL))))
    return factor
