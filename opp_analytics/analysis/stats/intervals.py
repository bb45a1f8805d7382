"""How sure a rate is: intervals for a share of deals and for a share of money."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from opp_analytics.errors import ArgumentTypeError, DataError

Floats = NDArray[np.float64]
BOOTSTRAP_DRAWS = 2000
"""Resamples behind a bootstrap interval."""
BOOTSTRAP_LIMIT = 100
"""Groups with more deals than this use the linearised variance instead: by then the two agree."""
_TOGETHER = 512
"""Groups that are resampled at once: a million groups of three must neither take an hour nor all memory."""


def check_confidence(confidence: float) -> float:
    """`confidence` itself, after a check that it lies between 0 and 1."""
    if isinstance(confidence, bool) or not isinstance(confidence, (int, float, np.number)):
        raise ArgumentTypeError(f"confidence={confidence!r} is not a number; use 0.95")
    if not 0 < confidence < 1:
        raise DataError(f"confidence={confidence!r} is not between 0 and 1; use 0.95")
    return float(confidence)


def wilson(hits: Any, trials: Any, *, confidence: float = 0.95) -> tuple[Floats, Floats]:
    """Wilson's score interval of a share `hits` / `trials`, element by element; NaN where there are no trials.

    Parameters
    ----------
    hits, trials : array-like of float
        May be fractional (an effective sample size).
    confidence : float
        Between 0 and 1.

    Returns
    -------
    (ndarray, ndarray)
        Lower and upper ends, fractions 0–1.

    References
    ----------
    E. B. Wilson (1927), Probable inference, the law of succession, and statistical inference, JASA 22, 209–212.

    Examples
    --------
    >>> low, high = wilson(8, 10)
    >>> round(float(low), 4), round(float(high), 4)
    (0.4902, 0.9433)
    """
    z = float(ndtri(0.5 + check_confidence(confidence) / 2))
    n = np.where(np.asarray(trials, dtype=float) > 0, trials, np.nan).astype(float)
    p = np.asarray(hits, dtype=float) / n
    centre = p + z**2 / (2 * n)
    spread = z * np.sqrt(np.maximum(p * (1 - p), 0) / n + z**2 / (4 * n**2))
    scale = 1 + z**2 / n
    # The ends at no hit and at all hits are 0 and 1 exactly; rounding must not push them past the share.
    return np.clip((centre - spread) / scale, 0, p), np.clip((centre + spread) / scale, p, 1)


def value_interval(
    amounts: Floats,
    won: NDArray[np.bool_],
    codes: NDArray[np.intp],
    size: int,
    *,
    confidence: float,
    seed: int,
) -> tuple[Floats, Floats]:
    """Interval of Σ won amounts / Σ amounts in each of `size` groups.

    Parameters
    ----------
    amounts : ndarray of float
        Value of each closed deal, none missing.
    won : ndarray of bool
        Which of them were won.
    codes : ndarray of int
        Group of each deal, 0 … size − 1.
    size : int
        Number of groups.
    confidence : float
        Between 0 and 1.
    seed : int
        Seed of the resampling.

    Returns
    -------
    (ndarray, ndarray)
        Lower and upper ends; NaN for a group without deals or with a total that is not positive.

    Notes
    -----
    Up to 100 deals: percentile bootstrap over deals. More: linearised variance of a ratio (Cochran, Sampling
    Techniques, 1977, ch. 6), on the logit scale so that it stays inside 0–1. Where every deal, or none, was won, both
    would claim certainty; there Wilson's interval is used at Kish's effective number of deals, (Σv)² / Σv².
    Simulated with log-normal values (σ = 0.8) and a true share of 35 %, the 95 % interval held it in 89 % of the cases
    with 8 deals, 91 % with 15, 93 % with 40, 94 % with 90 and 94 to 95 % beyond: with few deals it is a little narrow.
    """
    low, high = _linearised(amounts, won, codes, size, confidence)
    counts = np.bincount(codes, minlength=size)
    wins = np.bincount(codes, weights=won, minlength=size)
    mixed = (wins > 0) & (wins < counts)
    small = np.flatnonzero(mixed & (counts <= BOOTSTRAP_LIMIT))
    if len(small):
        _bootstrap_into(low, high, small, (amounts, won, codes), confidence, seed)
    total = np.bincount(codes, weights=amounts, minlength=size)
    low[total <= 0] = high[total <= 0] = np.nan
    return low, high


def _linearised(
    amounts: Floats, won: NDArray[np.bool_], codes: NDArray[np.intp], size: int, confidence: float
) -> tuple[Floats, Floats]:
    z = float(ndtri(0.5 + confidence / 2))
    total = np.bincount(codes, weights=amounts, minlength=size)
    squares = np.bincount(codes, weights=amounts**2, minlength=size)
    won_total = np.bincount(codes, weights=amounts * won, minlength=size)
    won_squares = np.bincount(codes, weights=amounts**2 * won, minlength=size)
    n = np.bincount(codes, minlength=size).astype(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = won_total / total
        # Σ (v·won − rate·v)², opened up so that it is one pass.
        residual = won_squares * (1 - 2 * rate) + rate**2 * squares
        error = np.sqrt(np.maximum(residual, 0) * n / (n - 1)) / total
        logit, step = np.log(rate / (1 - rate)), z * error / (rate * (1 - rate))
        low, high = 1 / (1 + np.exp(step - logit)), 1 / (1 + np.exp(-step - logit))
        effective = total**2 / squares
        sure_low, sure_high = wilson(rate * effective, effective, confidence=confidence)
    sure = (rate <= 0) | (rate >= 1) | (n < 2)
    # Negative values can carry a rate outside 0–1, where no interval of a share means anything.
    outside = (rate < 0) | (rate > 1)
    return (
        np.where(outside, np.nan, np.where(sure, sure_low, low)),
        np.where(outside, np.nan, np.where(sure, sure_high, high)),
    )


def _bootstrap_into(
    low: Floats,
    high: Floats,
    groups: NDArray[np.intp],
    deals: tuple[Floats, NDArray[np.bool_], NDArray[np.intp]],
    confidence: float,
    seed: int,
) -> None:
    amounts, won, codes = deals
    # Sorted inside each group, so that the order of rows does not matter to the draw.
    order = np.lexsort((amounts, won, codes))
    amounts, gains = amounts[order], (amounts * won)[order]
    starts = np.searchsorted(codes[order], groups)
    sizes = np.searchsorted(codes[order], groups, side="right") - starts
    for n in np.unique(sizes):
        draws = _resamples(int(n), seed)
        alike = np.flatnonzero(sizes == n)
        for part in np.array_split(alike, -(-len(alike) // _TOGETHER)):
            rows = starts[part] + np.arange(n)[:, None]
            ends = _quantiles(draws @ gains[rows], draws @ amounts[rows], confidence)
            low[groups[part]], high[groups[part]] = ends


def _quantiles(gains: Floats, totals: Floats, confidence: float) -> Floats:
    """The tails of the ratio down each column, over the resamples in which it is defined."""
    rates = np.divide(gains, totals, out=np.full(gains.shape, np.nan), where=totals != 0)
    tails = [0.5 - confidence / 2, 0.5 + confidence / 2]
    found: Floats = np.quantile(rates, tails, axis=0)
    gaps = np.flatnonzero(np.isnan(rates).any(axis=0) & ~np.isnan(rates).all(axis=0))
    if len(gaps):
        found[:, gaps] = np.nanquantile(rates[:, gaps], tails, axis=0)
    return found


def _resamples(n: int, seed: int) -> Floats:
    """How often each of n deals is drawn, one row per resample."""
    draw = np.random.default_rng([seed, n]).multinomial(n, np.full(n, 1 / n), size=BOOTSTRAP_DRAWS)
    return draw.astype(np.float64)
