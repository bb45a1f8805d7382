"""Money from deals that are not due in a period yet: what past periods won beyond the deals then due in them."""

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
"""How many complete periods count at most."""
FEWEST = 3
"""How many must be known: the next of k alike amounts lies between the least and the most of them with probability
(k − 1) / (k + 1), which is 0 for one, a third for two, and only from three on as likely as not."""


def new_business(
    opportunities: pd.DataFrame,
    history: History | Replay | None,
    wanted: list[str],
    today: pd.Timestamp,
    freq: str,
    tz: str = "UTC",
) -> dict[str, list[float]]:
    """For each wanted period: what each of the last complete periods won from deals not due in it at the same point.

    Parameters
    ----------
    opportunities : DataFrame
        Conformed and as known today: ``unique_id``, ``stage``, ``value``, ``close_date``.
    history : History
        Records from before those points.
    wanted : list of str
        Period labels; one that is over gets no new business.
    today : Timestamp
        The day of the forecast.
    freq : str
        Period alias.
    tz : str
        Business time zone.

    Returns
    -------
    dict
        Money by past period, newest first, for each wanted period that is not over and of which at least `FEWEST` past
        ones were recorded at the same point; one that lies too far ahead for the records is not there.

    Raises
    ------
    ArgumentTypeError, NotEnoughHistory
        When `history` is none, or none of the wanted periods can be told.
    """
    if history is None:
        raise ArgumentTypeError(
            "new_business=True needs history=: past records show what came from deals not yet due"
        )
    running = pd.Period(today, freq)
    pasts = [running - k for k in range(1, LOOK_BACK + 1)]
    records = history.records["recorded_at"]
    first = periods.as_date(records.min(), tz=tz) if len(records) else today
    known = _Known(opportunities, change_rows(history, "new_business=True"), pasts, tz)
    ahead = [period for period in (pd.Period(name, freq) for name in wanted) if period >= running]
    found: dict[str, list[float]] = {}
    for period in ahead:
        lead = period.start_time.normalize() - today
        points = {past: past.start_time.normalize() - lead for past in pasts}
        amounts = [known.unforeseen(past, point) for past, point in points.items() if point >= first]
        if len(amounts) >= FEWEST:
            found[str(period)] = amounts
    if ahead and not found:
        raise NotEnoughHistory(_too_few(ahead[0], running, today, first, freq))
    return found


def further_amounts(
    deals: Deals,
    opportunities: pd.DataFrame,
    history: History | Replay | None,
    *,
    today: pd.Timestamp,
    freq: str,
    tz: str,
) -> list[list[float] | None]:
    """The amounts of `new_business` for each row of a forecast: empty for what is over, None where they are unknown."""
    labels = [str(label) for label in deals.index[deals.in_period]]
    found = new_business(opportunities, history, labels, today, freq, tz)
    now = pd.Period(today, freq)
    return [
        found.get(str(label), None if period and pd.Period(label, freq) >= now else [])
        for label, period in zip(deals.index, deals.in_period, strict=True)
    ]


def _too_few(
    period: pd.Period, running: pd.Period, today: pd.Timestamp, first: pd.Timestamp, freq: str
) -> str:
    """What is missing, and when it will be there."""
    lead = period.start_time.normalize() - today
    wait = next(m for m in count(1) if (running + m - FEWEST).start_time.normalize() - lead >= first)
    known = max(0, FEWEST - wait)
    return (
        f"new_business for {period} needs the same point recorded in {FEWEST} complete {freq} periods before {running}, "
        f"and the records, the first of {first.date()}, have {known}: fewer do not show how far the next may be from "
        f"them. Record on, and a forecast made in {running + wait} will know {FEWEST}; until then leave new_business out"
    )


class _Known:
    """What the records knew of the deals that past periods won."""

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
        # A last cell for deals that no record had seen: it is due never.
        self._state = np.append(rows["outcome"].to_numpy(), OPEN)
        self._due = np.append(rows["close_date"].to_numpy(), np.datetime64("NaT", "us"))

    def unforeseen(self, past: pd.Period, point: pd.Timestamp) -> float:
        """Value won in a past period from deals that on the day `point` were neither due in it nor won in it already."""
        start, end = self._spans[past]
        moment = periods.as_instant(point, tz=self._tz, end=True).tz_localize(None)
        seen = np.flatnonzero(self._seen_at <= moment.to_datetime64())
        # Rows are in order of time within each deal: the last one written stays.
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
