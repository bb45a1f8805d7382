"""`forecast_fan`: the forecast of one period, record by record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics import periods, schema
from opp_analytics.analysis.forecasting.method import read_method
from opp_analytics.analysis.forecasting.moment import day_number, last_day
from opp_analytics.analysis.forecasting.past_forecasts import FORECAST, PastForecasts
from opp_analytics.analysis.forecasting.question import ForecastQuestion
from opp_analytics.analysis.shared.tables import annotate
from opp_analytics.arguments import MethodName, StageRates
from opp_analytics.errors import ArgumentTypeError, NotEnoughHistory
from opp_analytics.history import History
from opp_analytics.periods import Freq, When


def forecast_fan(
    history: History,
    *,
    period: str,
    freq: Freq = "M",
    method: MethodName = "auto",
    as_of: When | None = None,
    at: Iterable[When] | None = None,
    confidence: float = 0.8,
    probability: str | None = None,
    stage_rates: StageRates = None,
    tz: str | None = None,
) -> pd.DataFrame:
    """Forecast one period week by week: at the last record of each week before its end.

    Parameters
    ----------
    history : History
        Past records; each forecast uses those up to its own.
    period : str
        Label of the period, such as "2026-03", "2026Q1" or the fiscal "2027Q1".
    freq, method, as_of, confidence, probability, stage_rates, tz
        As for `backtest`.
    at : iterable of date-like, optional
        Days to forecast on, in place of one a week: each at its last record, or at the last one
        before it. ``history.records["recorded_at"]`` asks for every day that has a record.

    Returns
    -------
    DataFrame
        Index ``made_at`` (instant of the record). Columns: ``period`` (str); ``weeks_before``
        (int64): full weeks to its last day, unique without `at`; ``booked``, ``expected``, ``low``,
        ``median``, ``high`` (float64, money), as in `forecast`; ``method`` (str): the one used at
        the record; ``actual``: money booked in the period, according to the last record; NaN until
        the period ends. Note: ``n`` records, ``day``, ``freq``, ``method``, ``confidence``.

    Raises
    ------
    NotEnoughHistory
        When none of the records before the period's end can forecast it, or a day of `at` is before
        the first record.
    ArgumentTypeError, ArgumentValueError, DataError
        When `period` does not fit `freq`, `at` is not a list of days, another argument is invalid,
        or a record's probability is out of range.

    Notes
    -----
    Each row is the `forecast` of its record. A range that narrows around ``actual`` was right; one
    that keeps leaving its earlier ranges was too narrow, and `backtest` counts how often.

    References
    ----------
    E. Britton, P. Fisher, J. Whitley (1998), The Inflation Report projections: understanding the
    fan chart, Bank of England Quarterly Bulletin 38, 30–37, for the picture.

    Examples
    --------
    >>> log = pd.DataFrame(
    ...     {
    ...         "unique_id": "a",
    ...         "seen_at": ["2026-01-12", "2026-01-26", "2026-02-02"],
    ...         "value": 100.0,
    ...         "probability": [40, 70, 100],
    ...         "stage": ["proposal", "negotiation", "closed_won"],
    ...         "close_date": "2026-01-30",
    ...     }
    ... )
    >>> fan = forecast_fan(History.from_changes(log), period="2026-01")
    >>> fan.reset_index(drop=True)[["period", "weeks_before", "expected", "low", "high", "actual"]]
        period  weeks_before  expected  low   high  actual
    0  2026-01             2      40.0  0.0  100.0   100.0
    1  2026-01             0      70.0  0.0  100.0   100.0
    """
    meant = read_method(method, probability=probability, stage_rates=stage_rates)
    past = PastForecasts(
        ForecastQuestion.of_past(
            history,
            "forecast_fan",
            method=meant,
            freq=freq,
            as_of=as_of,
            confidence=confidence,
            tz=tz,
        )
    )
    records = past.records
    wanted = periods.as_period(period, records.freq)
    end, last = last_day(wanted), len(records.days) - 1
    if at is None:
        weeks = (end - records.days) // 7
        chosen = np.flatnonzero(np.diff(weeks, append=weeks[-1] - 1)).tolist()
    else:
        days = {day_number(day) for day in _read_days(history, at, past.question.tz)}
        chosen = sorted({records.find_newest(day) for day in days})
    (made,) = past.tabulate(
        {record: [wanted] for record in chosen if records.days[record] <= end}, PastForecasts.ask
    )
    if made.empty:
        raise NotEnoughHistory(
            f"forecast_fan needs a record before the end of {wanted}, and there is none with "
            "enough data; keep recording"
        )
    made = made.assign(weeks_before=made["lead"] // 7).rename(columns={"used": "method"})
    frame = made.set_index("made_at")[["period", "weeks_before", *FORECAST, "method"]]
    frame["period"] = frame["period"].astype(schema.TEXT)
    over = records.days[-1] > end
    frame["actual"] = (
        past.sum_wins({last: [wanted]})[last, (), str(wanted)] if over else float("nan")
    )
    return annotate(frame, "forecast_fan", made_from=history, n=len(frame), **past.notes)


def _read_days(history: History, at: Any, tz: str) -> Iterator[pd.Timestamp]:
    if isinstance(at, (str, date)) or not isinstance(at, Iterable):
        raise ArgumentTypeError(
            f"at={at!r} is not a list of days; use for example ['2026-03-01', '2026-03-15']"
        )
    for one in at:
        day = periods.as_date(one, tz=tz, name="at")
        history.recorded_before(periods.as_instant(day, tz=tz, end=True))
        yield day
