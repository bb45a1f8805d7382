"""The age curve: the chance that an open deal is won, and is won within its period, from the ages of past wins."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics import periods
from opp_analytics.analysis.shared.ages import ages, curve_of
from opp_analytics.analysis.stats.competing_risks import Incidence, at_days
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.org import OPEN

Floats = NDArray[np.float64]
_PEERS = 10
"""Deals that an age needs; older deals are treated as having the oldest age with this many."""


class AgeCurve:
    """The win-rate curve of all deals, read at the age of each open one.

    Parameters
    ----------
    frame : DataFrame
        Conformed: ``stage``, ``status`` if present, ``close_date``, ``created_at``.
    today : Timestamp
        Date up to which deals were followed.
    tz : str
        Business time zone.
    ends : Series of date, optional
        As for `opp_analytics.analysis.shared.ages.ages`.

    Raises
    ------
    NotEnoughHistory
        When fewer than 10 won deals can be followed.
    """

    def __init__(
        self, frame: pd.DataFrame, today: pd.Timestamp, tz: str, ends: pd.Series[Any] | None = None
    ) -> None:
        days, outcome, _ = ages(frame, today, tz, ends)
        known = days >= 0
        self.curve: Incidence = curve_of(days[known], outcome[known])
        wins = int(self.curve.won.sum())
        if wins < _PEERS:
            raise NotEnoughHistory(
                f"the win-rate curve needs {_PEERS} won deals with created_at and close_date, but there are {wins}; use another method"
            )
        self.age = np.where(known & (outcome == OPEN), days, -1)

    def chance(self) -> Floats:
        """P(ever won | open at its age)for each row; NaN for a deal that is not open or has no age."""
        open_, won = (
            at_days(self.curve, "open_share", self._at(self.curve.at_risk)),
            self._won_by(self.curve.at_risk),
        )
        return self._known(
            np.divide(self.curve.won_share[-1] - won, open_, out=np.zeros(len(won)), where=open_ > 0)
        )

    def in_time(self, days_left: Floats) -> Floats:
        """P(won within `days_left` | ever won, open at its age); 1 where `days_left` is missing."""
        later = self.curve.won[::-1].cumsum()[::-1]
        age, won = self._at(later), self._won_by(later)
        reach = age + np.nan_to_num(days_left, nan=float(self.curve.time[-1]))
        by_then = at_days(self.curve, "won_share", reach)
        rest = self.curve.won_share[-1] - won
        return self._known(np.divide(by_then - won, rest, out=np.ones(len(won)), where=rest > 0))

    def _at(self, peers: NDArray[np.int64]) -> Floats:
        """The age of each row, at most the oldest age with enough deals."""
        oldest = int(self.curve.time[np.flatnonzero(peers >= _PEERS)[-1]]) - 1
        return np.clip(self.age, 0, max(oldest, 0)).astype(np.float64)

    def _won_by(self, peers: NDArray[np.int64]) -> Floats:
        return at_days(self.curve, "won_share", self._at(peers))

    def _known(self, values: Floats) -> Floats:
        return np.where(self.age >= 0, values, np.nan)


def days_left(close_date: pd.Series[Any], today: pd.Timestamp, freq: str) -> Floats:
    """Days from `today` to the end of each deal's period; NaN for a deal that is overdue or has no date."""
    days, codes = np.unique(close_date.to_numpy(), return_inverse=True)
    ends = pd.Series(days).dt.to_period(periods.check_freq(freq)).dt.end_time.dt.normalize()
    left = (ends - today).dt.days.to_numpy(dtype=np.float64)[codes]
    return np.where((close_date >= today).to_numpy(), left, np.nan)
