"""How long until won or lost, when some are still open: cumulative incidence with competing risks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from opp_analytics import periods
from opp_analytics.analysis.outcomes import (
    CONFLICT,
    DISQUALIFIED,
    LOST,
    OPEN,
    WON,
    future_dated,
    outcome_codes,
)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Incidence:
    """The Aalen–Johansen curves at each time at which a deal was won or lost."""

    time: NDArray[np.int64]
    at_risk: NDArray[np.int64]
    won: NDArray[np.int64]
    lost: NDArray[np.int64]
    win: Floats
    """Share won by then."""
    lose: Floats
    """Share lost by then."""
    open: Floats
    """Share still open then."""
    win_error: Floats
    """Standard error of `win`."""


def incidence(time: NDArray[np.int64], outcome: NDArray[np.int8]) -> Incidence:
    """The curves of deals that were won or lost at `time`, or last seen open at it.

    Parameters
    ----------
    time : ndarray of int
        Days, not negative.
    outcome : ndarray of int
        WON, LOST or OPEN of `opp_analytics.analysis.outcomes`.

    Notes
    -----
    At each time t_j with w wins, l losses and r deals at risk (those closed or last seen at t_j or later):
    F_W(t) = Σ S(t_j−)·w/r, S(t) = Π (1 − (w + l)/r). All that happens on one day is one step, so ties are exact.
    The error is the delta-method variance of a cumulative incidence.

    References
    ----------
    O. Aalen and S. Johansen (1978), Scand. J. Statist. 5, 141–150. E. Marubini and M. G. Valsecchi (1995),
    Analysing Survival Data from Clinical Trials and Observational Studies, ch. 10, for the variance.
    """
    length = int(time.max()) + 1 if len(time) else 0
    leaving = np.bincount(time, minlength=length)
    risk = leaving[::-1].cumsum()[::-1]
    won, lost = (np.bincount(time[outcome == code], minlength=length) for code in (WON, LOST))
    at = np.flatnonzero(won + lost)
    r, w, e = risk[at].astype(float), won[at].astype(float), (won + lost)[at].astype(float)
    after = np.cumprod(1 - e / r)
    before = np.concatenate([[1.0], after[:-1]]) if len(at) else after
    win, lose = np.cumsum(before * w / r), np.cumsum(before * (e - w) / r)
    return Incidence(at, risk[at], won[at], lost[at], win, lose, after, _error(win, before, w, e, r))


def _error(win: Floats, before: Floats, w: Floats, e: Floats, r: Floats) -> Floats:
    # Where the last deals at risk leave together, this term is multiplied by zero: keep it finite.
    hazard = np.divide(e, r * (r - e), out=np.zeros(len(e)), where=r > e)
    first = win**2 * np.cumsum(hazard) - 2 * win * np.cumsum(hazard * win) + np.cumsum(hazard * win**2)
    second = np.cumsum(before**2 * w * (r - w) / r**3)
    step = before * w / r**2
    third = win * np.cumsum(step) - np.cumsum(step * win)
    return np.sqrt(np.maximum(first + second - 2 * third, 0))


def share_interval(share: Floats, error: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Interval of a share that stays inside 0–1 (log–log transform); the share itself where its error is zero."""
    z = float(ndtri(0.5 + confidence / 2))
    inside = (share > 0) & (share < 1)
    safe = np.where(inside, share, 0.5)
    reach = z * error / (safe * np.abs(np.log(safe)))
    low, high = safe ** np.exp(reach), safe ** np.exp(-reach)
    return np.where(inside, low, share), np.where(inside, high, share)


def ages(
    frame: pd.DataFrame, today: pd.Timestamp, tz: str
) -> tuple[NDArray[np.int64], NDArray[np.int8], dict[str, int]]:
    """Days from creation to the close, or to `today` while open, of a conformed frame.

    Returns
    -------
    (days, outcome, left_out)
        ``days`` is −1 for a deal that cannot be followed; ``left_out`` counts why.
    """
    outcome = outcome_codes(frame)
    outcome = np.where(future_dated(frame, outcome, today), np.int8(OPEN), outcome)
    created = periods.to_dates(frame["created_at"], tz=tz)
    end = frame["close_date"].where(outcome <= LOST, today)
    days = (end - created).dt.days
    reasons = {
        "conflict": outcome == CONFLICT,
        "disqualified": outcome == DISQUALIFIED,
        "without_created_at": created.isna().to_numpy(),
        "created_after_as_of": (created > today).to_numpy(),
        "closed_without_date": (outcome <= LOST) & frame["close_date"].isna().to_numpy(),
        "closed_before_created": (outcome <= LOST) & (days < 0).to_numpy(),
    }
    left = np.zeros(len(frame), dtype=bool)
    counts: dict[str, int] = {}
    for reason, mask in reasons.items():
        counts[reason] = int((mask & ~left).sum())
        left |= mask
    return days.where(~left, -1).fillna(-1).to_numpy(dtype=np.int64), outcome.astype(np.int8), counts


def first_day(curve: Incidence, level: float) -> float:
    """The first day on which the share won reaches `level`; NaN if it never does."""
    reached = np.flatnonzero(curve.win >= level - 1e-12)
    return float(curve.time[reached[0]]) if len(reached) and level > 0 else float("nan")


def at_day(curve: Incidence, column: str, day: int) -> float:
    """A curve's value on `day`, as a step function that starts at 0 (share open: at 1)."""
    values: Any = getattr(curve, column)
    place = int(np.searchsorted(curve.time, day, side="right"))
    return float(values[place - 1]) if place else (1.0 if column == "open" else 0.0)
