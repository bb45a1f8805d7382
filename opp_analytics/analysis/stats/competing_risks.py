"""Competing risks: cumulative incidence of won, lost and disqualified deals.

Open deals are censored.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from opp_analytics.analysis.stats.intervals import wilson
from opp_analytics.arrays import Counts, Flags, Floats


@dataclass(frozen=True)
class Incidence:
    """The Aalen–Johansen curves, at each age at which a deal ended."""

    time: Counts
    at_risk: Counts
    won: Counts
    lost: Counts
    disqualified: Counts
    won_share: Floats
    """Share won by then."""
    lost_share: Floats
    """Share lost by then."""
    disqualified_share: Floats
    """Share disqualified by then."""
    open_share: Floats
    """Share still open then."""
    won_error: Floats
    """Standard error of `won_share`."""


def incidence(
    time: Counts,
    *,
    won: Flags,
    lost: Flags | None = None,
    disqualified: Flags | None = None,
    entry: Counts | None = None,
) -> Incidence:
    """Estimate the outcome curves of deals over time (Aalen–Johansen).

    Each deal ended at `time` (days), or was last seen open then.

    `entry` is the age from which each deal was watched (left truncation), at most its `time`; None
    watches all from 0 on. At each time t_j with w wins, e ends of any kind and r deals at risk
    (watched by then, and ended or last seen at t_j or later): F_W(t) = Σ S(t_j−)·w/r, S(t) = Π (1 −
    e/r). All ends of one day are one step, so ties are exact. The standard error is from the
    delta-method variance of a cumulative incidence.

    O. Aalen and S. Johansen (1978), Scand. J. Statist. 5, 141–150. E. Marubini and M. G. Valsecchi
    (1995), Analysing Survival Data from Clinical Trials and Observational Studies, ch. 10, for the
    variance.
    """
    length = int(time.max()) + 1 if len(time) else 0
    leaving = np.bincount(time, minlength=length)
    risk = leaving[::-1].cumsum()[::-1]
    if entry is not None and length:
        # A deal that is watched from a later age on is not at risk before it.
        risk = risk - (len(time) - np.bincount(entry, minlength=length).cumsum())
    days = (time[:0] if flags is None else time[flags] for flags in (won, lost, disqualified))
    ends = [np.bincount(each, minlength=length) for each in days]
    at = np.flatnonzero(sum(ends))
    wins, losses, leaves = (kind[at] for kind in ends)
    r, e = risk[at].astype(float), (wins + losses + leaves).astype(float)
    after = np.cumprod(1 - e / r)
    before = np.concatenate([[1.0], after[:-1]]) if len(at) else after
    won_share, lost_share, left_share = (
        np.cumsum(before * kind / r) for kind in (wins, losses, leaves)
    )
    error = _estimate_error(won_share, before, wins.astype(float), e, r)
    return Incidence(
        at, risk[at], wins, losses, leaves, won_share, lost_share, left_share, after, error
    )


def _estimate_error(win: Floats, before: Floats, w: Floats, e: Floats, r: Floats) -> Floats:
    # When the last deals at risk end together, this term is multiplied by zero; keep it finite.
    hazard = np.divide(e, r * (r - e), out=np.zeros(len(e)), where=r > e)
    first = (
        win**2 * np.cumsum(hazard) - 2 * win * np.cumsum(hazard * win) + np.cumsum(hazard * win**2)
    )
    second = np.cumsum(before**2 * w * (r - w) / r**3)
    step = before * w / r**2
    third = win * np.cumsum(step) - np.cumsum(step * win)
    error: Floats = np.sqrt(np.maximum(first + second - 2 * third, 0))
    return error


def share_interval(
    share: Floats, error: Floats, at_risk: NDArray[Any], confidence: float
) -> tuple[Floats, Floats]:
    """Compute the interval of a share, inside 0–1 (log–log transform).

    At 0 and 1 the standard error is 0, so Wilson's interval of the deals at risk is used instead.
    """
    z = ndtri(0.5 + confidence / 2)
    inside = (share > 1e-9) & (share < 1 - 1e-9)
    safe = np.where(inside, share, 0.5)
    reach = np.where(inside, z * error, 0.0) / (safe * np.abs(np.log(safe)))
    low, high = safe ** np.exp(np.minimum(reach, 50.0)), safe ** np.exp(-reach)
    sure_low, sure_high = wilson(np.rint(share) * at_risk, at_risk, confidence=confidence)
    return np.where(inside, low, sure_low), np.where(inside, high, sure_high)


def first_day(curve: Incidence, level: float) -> float:
    """Find the first day on which the share won reaches `level`; NaN if it never does."""
    reached = np.flatnonzero(curve.won_share >= level - 1e-12)
    return curve.time[reached[0]] if len(reached) and level > 0 else float("nan")


def at_days(curve: Incidence, column: str, days: Any) -> Floats:
    """Read a curve on given days: a step function that starts at 0 (the open share at 1)."""
    start = 1.0 if column == "open_share" else 0.0
    values = np.concatenate([[start], getattr(curve, column)])
    return np.asarray(values[np.searchsorted(curve.time, days, side="right")], dtype=np.float64)
