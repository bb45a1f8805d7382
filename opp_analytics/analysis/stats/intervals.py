"""Confidence intervals for shares of deals and of money, medians, and the bias of forecasts.

And which groups differ beyond chance.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import bdtr, bdtrc, gammaln, ndtri, stdtrit

from opp_analytics import arguments
from opp_analytics.arrays import Flags, Floats, Places

# Periods from which a bias has an interval: with two, Student's 95% interval reaches 12.7 standard
# errors.
_FEWEST = 3


def wilson(hits: Any, trials: Any, *, confidence: float = 0.95) -> tuple[Floats, Floats]:
    """Compute Wilson's score interval of a share `hits` / `trials`, element by element.

    NaN without trials.

    Both may be fractions (an effective sample size). E. B. Wilson (1927), JASA 22, 209–212.
    """
    z = ndtri(0.5 + arguments.share(confidence) / 2)
    n = np.where(np.asarray(trials, dtype=float) > 0, trials, np.nan).astype(float)
    p = np.asarray(hits, dtype=float) / n
    center = p + z**2 / (2 * n)
    spread = z * np.sqrt(np.maximum(p * (1 - p), 0) / n + z**2 / (4 * n**2))
    scale = 1 + z**2 / n
    # With no hits or all hits, an end is exactly 0 or 1; rounding must not move it past the share.
    return np.clip((center - spread) / scale, 0, p), np.clip((center + spread) / scale, p, 1)


def value_interval(
    amounts: Floats,
    won: Flags,
    codes: Places,
    size: int,
    *,
    confidence: float = 0.95,
) -> tuple[Floats, Floats]:
    """Compute the interval of Σ won amounts / Σ amounts in each of `size` groups.

    NaN where a group has no deals, its total is not positive, or negative amounts put the rate
    outside 0–1. Wilson's interval at Kish's effective number of deals, (Σv)² / Σv² (L. Kish 1965,
    Survey Sampling, ch. 11). Simulated with log-normal values and a true rate of 35%, the 95%
    interval held it in 94.5 to 97.5% of samples of 20 to 400 deals at a log standard deviation of
    0.8 to 2.5 (tests/analysis/stats/test_intervals.py repeats a part of that).
    """
    total, won_total, squares = (
        np.bincount(codes, weights=weights, minlength=size)
        for weights in (amounts, amounts * won, amounts**2)
    )
    defined = (total > 0) & (won_total >= 0) & (won_total <= total)
    effective = np.divide(total**2, squares, out=np.zeros(size), where=defined)
    rate = np.divide(won_total, total, out=np.zeros(size), where=defined)
    return wilson(rate * effective, effective, confidence=confidence)


def median_interval(amounts: Any, *, confidence: float = 0.95) -> tuple[float, float, float]:
    """Compute the median with an interval that holds for any distribution; NaN for too few amounts.

    The ends are the amounts between which a binomial count of n trials at 50% lies with the
    confidence.
    """
    found = np.sort(np.asarray(list(amounts), dtype=float))
    n = len(found)
    if not n:
        return np.nan, np.nan, np.nan
    tail = (1 - arguments.share(confidence)) / 2
    below = np.count_nonzero(bdtr(np.arange(n), n, 0.5) <= tail) - 1
    if below < 0:
        return np.median(found), np.nan, np.nan
    return np.median(found), found[below], found[n - 1 - below]


def bias_interval(
    forecast: Any, actual: Any, *, confidence: float = 0.95
) -> tuple[float, float, float]:
    """Compute Σ(forecast − actual) / Σ actual over some periods, with Student's interval.

    NaN where it is not defined.

    The residuals of the ratio, (F − A) − bias · A, give its standard error; from three periods on.
    """
    stated, real = np.asarray(forecast, dtype=float), np.asarray(actual, dtype=float)
    total, n = real.sum(), len(real)
    if total <= 0:
        return np.nan, np.nan, np.nan
    bias = (stated - real).sum() / total
    if n < _FEWEST:
        return bias, np.nan, np.nan
    residual = (stated - real) - bias * real
    error = np.sqrt(n / (n - 1) * (residual**2).sum()) / total
    reach = error * stdtrit(n - 1, 0.5 + arguments.share(confidence) / 2)
    return bias, bias - reach, bias + reach


# Up to 12 pairs all 4,096 changes of sign are counted; beyond, this many are drawn with a fixed
# seed.
_EXACT_PAIRS, _DRAWS = 12, 10_000


def mark_differences(hits: Any, trials: Any, *, confidence: float = 0.95) -> Flags:
    """Mark groups whose share `hits` / `trials` differs from the rest by more than chance.

    Fisher's exact test of each group against the rest, with Holm's adjustment for the number of
    comparisons: equal groups give no difference at all with the `confidence` (S. Holm 1979,
    Scandinavian Journal of Statistics 6, 65–70).
    """
    seen = np.asarray(trials, dtype=np.int64)
    compared = (seen > 0) & (seen < seen.sum())
    p, differs = compare_with_rest(hits, seen), np.zeros(len(seen), dtype=bool)
    # Two groups are one comparison, made twice.
    differs[compared] = (
        p[compared] if compared.sum() == 2 else adjust_p_values(p[compared])
    ) < 1 - confidence
    return differs


def compare_with_rest(hits: Any, trials: Any) -> Floats:
    """Compute the p-value of Fisher's exact test of each group against all others.

    It is two-sided, and 1 where there is nothing to compare.
    """
    won, seen = np.asarray(hits, dtype=np.int64), np.asarray(trials, dtype=np.int64)
    p = np.ones(len(won))
    for k in np.flatnonzero((seen > 0) & (seen < seen.sum())):
        p[k] = _compare(int(won[k]), int(seen[k]), int(won.sum()), int(seen.sum()))
    return p


def _compare(hits: int, trials: int, all_hits: int, all_trials: int) -> float:
    # Not by scipy.stats, whose import takes half a second.
    possible = np.arange(max(0, trials + all_hits - all_trials), min(trials, all_hits) + 1)
    cells = (
        possible,
        trials - possible,
        all_hits - possible,
        all_trials - trials - all_hits + possible,
    )
    log = -sum(gammaln(cell + 1) for cell in cells)
    chance = np.exp(log - log.max())
    # Tables that are equally likely but for rounding count as equal.
    return float(chance[chance <= chance[hits - possible[0]] * (1 + 1e-7)].sum() / chance.sum())


def mark_missed_chances(won: Any, still_open: Any, deals: Any, stated: Any) -> Flags:
    """Mark groups of `deals` won more or less often than `stated`, beyond chance (5%).

    The exact binomial test of each group, two-sided, with Holm's adjustment for their number. Deals
    that are still open may be won or not, so they speak for neither side.
    """
    hits, pending, trials = (np.asarray(part, dtype=np.int64) for part in (won, still_open, deals))
    chance = np.asarray(stated, dtype=np.float64)
    few = bdtr(np.minimum(hits + pending, trials), trials, chance)
    many = np.where(hits > 0, bdtrc(np.maximum(hits - 1, 0), trials, chance), 1.0)
    return adjust_p_values(np.minimum(2 * np.minimum(few, many), 1.0)) < 0.05


def compare_pairs(differences: Any) -> float:
    """Compute the p-value of paired differences by the test that changes their signs.

    It is two-sided, and asks whether their mean is 0.

    Exact for at most 12 pairs (R. A. Fisher 1935, The Design of Experiments, ch. 3).
    """
    off = np.asarray(differences, dtype=np.float64)
    if len(off) <= _EXACT_PAIRS:
        signs = 1 - 2 * ((np.arange(2 ** len(off))[:, None] >> np.arange(len(off))) & 1)
    else:
        signs = np.random.default_rng(0).choice([-1, 1], (_DRAWS, len(off)))
    sums = np.abs(signs @ off)
    # Sums that are equal but for rounding count as equal.
    return float((sums >= abs(off.sum()) - 1e-9 * np.abs(off).sum()).mean())


def adjust_p_values(p: Floats) -> Floats:
    """Adjust the p-values of several tests (Holm): any error is as rare as in one test."""
    order = np.argsort(p, kind="stable")
    adjusted = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    found = np.empty(len(p))
    found[order] = np.minimum(adjusted, 1.0)
    return found
