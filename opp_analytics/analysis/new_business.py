"""Money from deals that do not exist yet: what past periods won beyond the deals then open."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from opp_analytics import periods
from opp_analytics.analysis.outcomes import OPEN, WON, outcome_codes
from opp_analytics.errors import ArgumentError, NotEnoughHistory

if TYPE_CHECKING:
    from opp_analytics.history import History

LOOK_BACK = 4
"""How many complete periods are looked at."""


def new_business(
    opportunities: pd.DataFrame, history: History, wanted: list[str], today: pd.Timestamp, freq: str
) -> dict[str, list[float]]:
    """For each wanted period: what each of the last complete periods won from deals not open in it at the same point.

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

    Returns
    -------
    dict
        Money by past period, newest first, for each wanted period that is not over.

    Raises
    ------
    ArgumentError, NotEnoughHistory
        When `history` is none, or no complete period has a record at the same point.
    """
    if not hasattr(history, "as_of"):
        raise ArgumentError(
            "new_business=True needs history=: past records show what came from deals not yet open"
        )
    won = opportunities[
        (outcome_codes(opportunities) == WON) & opportunities["close_date"].notna().to_numpy()
    ]
    label = periods.labels(won["close_date"], freq)
    running = pd.Period(today, freq)
    first = periods.as_date(history.records["recorded_at"].min()) if len(history.records) else today
    found: dict[str, list[float]] = {}
    for name in wanted:
        period = pd.Period(name, freq)
        if period < running:
            continue
        lead = period.start_time.normalize() - today
        amounts = []
        for past in (running - k for k in range(1, LOOK_BACK + 1)):
            point = past.start_time.normalize() - lead
            if point >= first:
                amounts.append(
                    _unforeseen(won[label == str(past)], history.as_of(_end_of(point)), point, past)
                )
        if not amounts:
            raise NotEnoughHistory(
                f"new_business for {name} needs a record {-lead.days} days into a complete {freq} period; "
                f"the first record is of {first.date()}"
            )
        found[name] = amounts
    return found


def _end_of(day: pd.Timestamp) -> pd.Timestamp:
    return periods.as_instant(day, end=True)


def _unforeseen(won: pd.DataFrame, then: pd.DataFrame, point: pd.Timestamp, past: pd.Period) -> float:
    """Value won in a past period from deals that at `point` were neither open in it nor won already."""
    outcome = outcome_codes(then)
    date = then["close_date"]
    inside = (date >= past.start_time.normalize()) & (date <= past.end_time.normalize())
    foreseen = ((outcome == OPEN) & inside & (date >= point)) | ((outcome == WON) & inside & (date <= point))
    return float(
        np.nansum(won["value"][~won["unique_id"].isin(then["unique_id"][foreseen])].to_numpy(dtype=float))
    )
