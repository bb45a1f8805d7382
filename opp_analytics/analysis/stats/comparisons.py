"""Differences beyond chance: between groups, between stated chances and outcomes, and between paired errors."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, bdtrc, gammaln

# Up to 12 pairs all 4,096 changes of sign are counted; beyond, this many are drawn with a fixed seed.
_EXACT_PAIRS, _DRAWS = 12, 10_000


def mark_differences(hits: Any, trials: Any, *, confidence: float = 0.95) -> NDArray[np.bool_]:
    """Mark the groups whose share `hits` / `trials` differs from that of all others together by more than chance.

    Fisher's exact test of each group against the rest, with Holm's adjustment for the number of comparisons: equal groups
    give no difference at all with the `confidence` (S. Holm 1979, Scandinavian Journal of Statistics 6, 65–70).
    """
    won, seen = np.asarray(hits, dtype=np.int64), np.asarray(trials, dtype=np.int64)
    compared = (seen > 0) & (seen < seen.sum())
    p = np.ones(len(won))
    for k in np.flatnonzero(compared):
        p[k] = _compare_with_rest(int(won[k]), int(seen[k]), int(won.sum()), int(seen.sum()))
    differs = np.zeros(len(won), dtype=bool)
    # Two groups are one comparison, made twice.
    differs[compared] = (
        p[compared] if compared.sum() == 2 else adjust_p_values(p[compared])
    ) < 1 - confidence
    return differs


def _compare_with_rest(hits: int, trials: int, all_hits: int, all_trials: int) -> float:
    """Compute the two-sided p-value of Fisher's exact test of a group against all others."""
    # Not by scipy.stats, whose import takes half a second.
    possible = np.arange(max(0, trials + all_hits - all_trials), min(trials, all_hits) + 1)
    cells = (possible, trials - possible, all_hits - possible, all_trials - trials - all_hits + possible)
    log = -sum(gammaln(cell + 1) for cell in cells)
    chance = np.exp(log - log.max())
    # Tables that are equally likely but for rounding count as equal.
    return float(chance[chance <= chance[hits - possible[0]] * (1 + 1e-7)].sum() / chance.sum())


def mark_missed_chances(
    won: Any, still_open: Any, deals: Any, stated: Any, *, confidence: float = 0.95
) -> NDArray[np.bool_]:
    """Mark the groups of `deals` that were won more or less often than `stated`, by more than chance.

    The exact binomial test of each group, two-sided, with Holm's adjustment for their number. Deals that are still open may
    be won or not, so they speak for neither side.
    """
    hits, pending, trials = (np.asarray(part, dtype=np.int64) for part in (won, still_open, deals))
    chance = np.asarray(stated, dtype=np.float64)
    few = bdtr(np.minimum(hits + pending, trials), trials, chance)
    many = np.where(hits > 0, bdtrc(np.maximum(hits - 1, 0), trials, chance), 1.0)
    return adjust_p_values(np.minimum(2 * np.minimum(few, many), 1.0)) < 1 - confidence


def compare_pairs(differences: Any) -> float:
    """Compute the p-value of paired differences whose mean should be 0: the two-sided test that changes their signs.

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


def adjust_p_values(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Adjust the p-values of several tests (Holm), so that any error among them is as rare as one alone."""
    order = np.argsort(p, kind="stable")
    adjusted = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    found = np.empty(len(p))
    found[order] = np.minimum(adjusted, 1.0)
    return found
