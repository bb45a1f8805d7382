"""New business: money that past periods won from deals not yet due in them."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics import periods
from opp_analytics.analysis.shared.replay import change_rows
from opp_analytics.errors import ArgumentTypeError, NotEnoughHistory
from opp_analytics.org import OPEN, WON, outcome_codes

if TYPE_CHECKING:
    from opp_analytics.analysis.forecasting.deals_by_period import Deals
    from opp_analytics.analysis.shared.replay import Replay
    from opp_analytics.history import History


LOOK_BACK = 8
"""Largest number of complete periods that count."""
FEWEST = 3
"""Smallest number of known periods: the next amount is between the least and the most of k past ones with probability
(k − 1) / (k + 1), a half for three."""


def new_business(
    deals: Deals,
    opportunities: pd.DataFrame,
    history: History | Replay | None,
    *,
    today: pd.Timestamp,
    freq: str,
    tz: str,
) -> list[list[float] | None]:
    """Money that the last complete periods won from deals not due in them at the same point, for each forecast row.

    Parameters
    ----------
    deals : Deals
        The rows of the forecast.
    opportunities : DataFrame
        Conformed, as known today: ``unique_id``, ``stage``, ``value``, ``close_date``.
    history : History
        Records from before these points.

    Returns
    -------
    list
        Money by past period, newest first; empty for a row that is not a period or has ended, None for a period for which
        fewer than `FEWEST` past periods have a record at the same point.

    Raises
    ------
    ArgumentTypeError, NotEnoughHistory
        When `history` is not given, or has too few records for every row.
    """
    if history is None:
        raise ArgumentTypeError("new_business=True learns from past records; pass history=")
    current = pd.Period(today, freq)
    pasts = [current - k for k in range(1, LOOK_BACK + 1)]
    records = history.records["recorded_at"]
    first = periods.as_date(records.min(), tz=tz) if len(records) else today
    known = _Known(opportunities, change_rows(history, "new_business=True"), pasts, tz)
    found: list[list[float] | None] = []
    ahead = []
    for label, in_period in zip(deals.index, deals.in_period, strict=True):
        period = pd.Period(label, freq) if in_period else None
        if period is None or period < current:
            found.append([])
            continue
        ahead.append(period)
        lead = period.start_time.normalize() - today
        points = {past: past.start_time.normalize() - lead for past in pasts}
        amounts = [known.unforeseen(past, point) for past, point in points.items() if point >= first]
        found.append(amounts if len(amounts) >= FEWEST else None)
    if ahead and not any(found):
        raise NotEnoughHistory(_too_few(ahead[0], current, today, first, freq))
    return found


def _too_few(
    period: pd.Period, current: pd.Period, today: pd.Timestamp, first: pd.Timestamp, freq: str
) -> str:
    """The error that says which records are missing, and when they can exist."""
    lead = period.start_time.normalize() - today
    wait = next(m for m in count(1) if (current + m - FEWEST).start_time.normalize() - lead >= first)
    return (
        f"new_business=True for {period} needs {FEWEST} complete {freq} periods recorded at the same point; the records, "
        f"which begin on {first.date()}, have {max(0, FEWEST - wait)}. Keep recording: a forecast made in "
        f"{current + wait} can use it"
    )


class _Known:
    """The recorded dates of the deals that past periods won."""

    def __init__(
        self, opportunities: pd.DataFrame, rows: pd.DataFrame, pasts: list[pd.Period], tz: str
    ) -> None:
        self._tz = tz
        date = opportunities["close_date"]
        self._spans = {past: (past.start_time.normalize(), past.end_time.normalize()) for past in pasts}
        earliest, latest = pasts[-1].start_time.normalize(), pasts[0].end_time.normalize()
        won = opportunities[(outcome_codes(opportunities) == WON) & date.between(earliest, latest).to_numpy()]
        self._won_on = won["close_date"].to_numpy()
        self._value = won["value"].to_numpy(dtype=float)
        deal = pd.Index(won["unique_id"]).get_indexer(rows["unique_id"])
        rows, self._deal = rows[deal >= 0], deal[deal >= 0]
        self._seen_at = rows["seen_at"].dt.tz_localize(None).to_numpy()
        # A last cell for deals in no record: they are never due.
        self._state = np.append(rows["outcome"].to_numpy(), OPEN)
        self._due = np.append(rows["close_date"].to_numpy(), np.datetime64("NaT", "us"))

    def unforeseen(self, past: pd.Period, point: pd.Timestamp) -> float:
        """Value won in a past period from deals that were neither due nor won in it on the day `point`."""
        start, end = self._spans[past]
        moment = periods.as_instant(point, tz=self._tz, end=True).tz_localize(None)
        seen = np.flatnonzero(self._seen_at <= moment.to_datetime64())
        # Rows are in order of time within each deal, so the last one wins.
        last = np.full(len(self._won_on), -1)
        last[self._deal[seen]] = seen
        due, state = self._due[last], self._state[last]
        inside = _between(due, start, end)
        foreseen = inside & (
            ((state == OPEN) & (due >= point.to_datetime64()))
            | ((state == WON) & (due <= point.to_datetime64()))
        )
        mine = _between(self._won_on, start, end) & ~foreseen
        return float(np.nansum(self._value[mine]))


def _between(dates: NDArray[np.datetime64], first: pd.Timestamp, last: pd.Timestamp) -> NDArray[np.bool_]:
    return np.asarray((dates >= first.to_datetime64()) & (dates <= last.to_datetime64()), dtype=bool)
