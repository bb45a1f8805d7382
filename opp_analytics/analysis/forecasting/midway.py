"""What was forecast half-way through each of the last periods, by group, and what came."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from opp_analytics.analysis.forecasting.backtest import judge
from opp_analytics.analysis.forecasting.method import Method, read_method
from opp_analytics.analysis.forecasting.past_forecasts import PastForecasts
from opp_analytics.analysis.forecasting.past_points import first_day, last_day
from opp_analytics.periods import When

if TYPE_CHECKING:
    from opp_analytics.history import History

_MOST = 12
"""Periods that are looked back at."""


def midway_forecasts(
    history: History, *, freq: str, by: list[str], method: str | Method, as_of: When, tz: str
) -> pd.DataFrame:
    """One forecast for each of the last ended periods, from the last record of its first half.

    Returns
    -------
    DataFrame
        Index ``made_at``, the columns of `by`, ``period``; among the columns ``expected`` and ``actual``, as in `backtest`.
        No period: no rows.

    Raises
    ------
    NotEnoughHistory, ArgumentError, MissingColumnError
        As for `backtest`.
    """
    past = PastForecasts.of(history, "scorecard", freq=freq, as_of=as_of, by=by, tz=tz)
    over = int(past.records.days[-1])
    period = pd.Period(pd.Timestamp(over, unit="D"), past.freq) - _MOST
    wanted: dict[int, list[pd.Period]] = {}
    while last_day(period) < over:
        begin, end = first_day(period), last_day(period)
        record = int(np.searchsorted(past.records.days, (begin + end) // 2, side="right")) - 1
        if record >= 0 and past.records.days[record] >= begin:
            wanted.setdefault(record, []).append(period)
        period += 1
    return judge(past, read_method(method), wanted)
