"""The age curve: the chance that an open deal is won, and is won within its period, from the ages of past wins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics import periods
from opp_analytics.analysis.shared.ages import fit_curve, measure_ages
from opp_analytics.analysis.stats.competing_risks import Incidence, at_days
from opp_analytics.errors import NotEnoughHistory

Floats = NDArray[np.float64]
_PEERS = 10
"""Deals that an age needs; older deals are treated as having the oldest age with this many."""


@dataclass(frozen=True)
class AgeCurve:
    """The win-rate curve of all deals, to be read at the age of open ones."""

    curve: Incidence

    @classmethod
    def fit(
        cls, frame: pd.DataFrame, today: pd.Timestamp, tz: str, ends: pd.Series[Any] | None = None
    ) -> AgeCurve:
        """The curve of a frame.

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
        days, outcome, _ = measure_ages(frame, today, tz, ends)
        known = days >= 0
        curve = fit_curve(days[known], outcome[known])
        wins = int(curve.won.sum())
        if wins < _PEERS:
            raise NotEnoughHistory(
                f"the win-rate curve needs {_PEERS} won deals with created_at and close_date, but there are {wins}; use another method"
            )
        return cls(curve)

    def chance(self, age: NDArray[np.int64]) -> Floats:
        """P(ever won | open at an age); NaN where the age is −1."""
        at = self._at(age, self.curve.at_risk)
        open_, won = at_days(self.curve, "open_share", at), at_days(self.curve, "won_share", at)
        share = np.divide(self.curve.won_share[-1] - won, open_, out=np.zeros(len(won)), where=open_ > 0)
        return np.where(age >= 0, share, np.nan)

    def in_time(self, age: NDArray[np.int64], days_left: Floats) -> Floats:
        """P(won within `days_left` | ever won, open at an age); 1 where `days_left` is missing, NaN where the age is −1."""
        at = self._at(age, self.curve.won[::-1].cumsum()[::-1])
        won = at_days(self.curve, "won_share", at)
        reach = at + np.nan_to_num(days_left, nan=float(self.curve.time[-1]))
        by_then = at_days(self.curve, "won_share", reach)
        rest = self.curve.won_share[-1] - won
        share = np.divide(by_then - won, rest, out=np.ones(len(won)), where=rest > 0)
        return np.where(age >= 0, share, np.nan)

    def _at(self, age: NDArray[np.int64], peers: NDArray[np.int64]) -> Floats:
        """Each age, at most the oldest one with enough deals."""
        oldest = int(self.curve.time[np.flatnonzero(peers >= _PEERS)[-1]]) - 1
        return np.clip(age, 0, max(oldest, 0)).astype(np.float64)


def open_ages(
    frame: pd.DataFrame, open_: NDArray[np.bool_], today: pd.Timestamp, tz: str
) -> NDArray[np.int64]:
    """Days since the creation of each open deal; −1 for others, and where the creation is unknown or later."""
    age = (today - periods.to_dates(frame["created_at"], tz=tz)).dt.days.fillna(-1).to_numpy()
    return np.where(open_ & (age >= 0), age, -1).astype(np.int64)


def days_left(close_date: pd.Series[Any], today: pd.Timestamp, freq: str) -> Floats:
    """Days from `today` to the end of each deal's period; NaN for a deal that is overdue or has no date."""
    days, codes = np.unique(close_date.to_numpy(), return_inverse=True)
    ends = pd.Series(days).dt.to_period(periods.check_freq(freq)).dt.end_time.dt.normalize()
    left = (ends - today).dt.days.to_numpy(dtype=np.float64)[codes]
    return np.where((close_date >= today).to_numpy(), left, np.nan)
