"""Scores of forecasts that state a range or a distribution: the smaller, the better, and honest ones are smallest."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def score_ranges(actual: Any, low: Any, high: Any, *, confidence: float) -> Floats:
    """Compute the Winkler score of each range: its width, and 2/(1 − confidence) times the distance of an actual outside it.

    References
    ----------
    R. L. Winkler (1972), A decision-theoretic approach to interval estimation, JASA 67, 187–191.
    """
    came, lower, upper = (np.asarray(part, dtype=np.float64) for part in (actual, low, high))
    outside = np.maximum(lower - came, 0) + np.maximum(came - upper, 0)
    return np.asarray(upper - lower + 2 / (1 - confidence) * outside)


def score_quantiles(actual: Any, quantiles: Any, levels: Any) -> Floats:
    """Compute the CRPS of each forecast (row) from its quantiles at evenly spaced levels: twice their mean pinball loss.

    References
    ----------
    T. Gneiting, A. E. Raftery (2007), Strictly proper scoring rules, prediction, and estimation, JASA 102, 359–378.
    """
    off = np.asarray(actual, dtype=np.float64)[:, None] - np.asarray(quantiles, dtype=np.float64)
    share = np.asarray(levels, dtype=np.float64)
    return np.asarray(2 * np.maximum(share * off, (share - 1) * off).mean(axis=1))
