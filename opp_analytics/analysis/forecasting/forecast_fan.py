"""`forecast_fan`: the forecast of one period, record by record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from opp_analytics import arguments, periods, schema
from opp_analytics.analysis.forecasting.method import Method, read_method
from opp_analytics.analysis.forecasting.past_forecasts import (
    FORECAST,
    booked_by_period,
    past_forecast,
    replayed,
    weeks_before,
)
from opp_analytics.analysis.shared.annotate import annotate
from opp_analytics.analysis.shared.replay import last_record
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.periods import When

if TYPE_CHECKING:
    from opp_analytics.history import History


def forecast_fan(
    history: History,
    *,
    period: str,
    freq: str = "M",
    method: str | Method = "stated",
    as_of: When | None = None,
    confidence: float = 0.8,
    tz: str = "UTC",
) -> pd.DataFrame:
    """The forecast of one period at each record until its end.

    Parameters
    ----------
    history : History
        Past records; each forecast uses those up to its own.
    period : str
        Label of the period, such as "2026-03", "2026Q1" or the fiscal "2027Q1".
    freq, method, as_of, confidence, tz
        As for `backtest`.

    Returns
    -------
    DataFrame
        Index ``made_at`` (instant of the record). Columns: ``period`` (str); ``weeks_before`` (int64): full weeks to its
        last day; ``booked``, ``expected``, ``low``, ``median``, ``high`` (float64, money), as in `forecast`;
        ``actual``: money booked in the period, according to the last record; NaN until the period ends.
        Attrs: ``n`` records, ``as_of``, ``freq``, ``method``, ``confidence``.

    Raises
    ------
    NotEnoughHistory
        When no record before the period's end can forecast it.
    ArgumentTypeError, ArgumentValueError, DataError
        When `period` does not fit `freq`, another argument is invalid, or a record's probability is out of range.

    Notes
    -----
    Each row is the `forecast` of its record. A range that narrows around ``actual`` was right; one that keeps
    leaving its earlier ranges was too narrow, and `backtest` counts how often.

    References
    ----------
    E. Britton, P. Fisher, J. Whitley (1998), The Inflation Report projections: understanding the fan chart, Bank of
    England Quarterly Bulletin 38, 30–37, for the picture.

    Examples
    --------
    >>> from opp_analytics.history import History
    >>> log = pd.DataFrame({
    ...     "unique_id": "a", "seen_at": ["2026-01-12", "2026-01-26", "2026-02-02"], "value": 100.0,
    ...     "probability": [40, 70, 100], "stage": ["proposal", "negotiation", "closed_won"], "close_date": "2026-01-30"})
    >>> fan = forecast_fan(History.from_changes(log), period="2026-01")
    >>> fan.reset_index(drop=True)[["period", "weeks_before", "expected", "low", "high", "actual"]]
        period  weeks_before  expected  low   high  actual
    0  2026-01             2      40.0  0.0  100.0   100.0
    1  2026-01             0      70.0  0.0  100.0   100.0
    """
    wanted = periods.as_period(period, periods.check_freq(freq))
    arguments.between(confidence, "confidence", example=0.8)
    way = read_method(method)
    replay = replayed(history, "forecast_fan", [way], as_of, tz)
    label, end = str(wanted), wanted.end_time.normalize()
    days = periods.to_dates(replay.records["recorded_at"], tz=tz)
    moments = replay.records["recorded_at"][days <= end]
    made = {
        moment: past_forecast(replay, moment, [wanted], way, freq=freq, confidence=confidence, tz=tz)
        for moment in moments
    }
    known = [moment for moment, table in made.items() if label in table.index]
    if not known:
        raise NotEnoughHistory(
            f"forecast_fan needs a record before the end of {wanted}, and there is none with enough data; keep recording"
        )
    last = periods.as_date(last_record(replay), tz=tz)
    frame = pd.DataFrame(
        [made[moment].loc[label, FORECAST] for moment in known],
        index=pd.DatetimeIndex(known, name="made_at"),
    ).astype("float64")
    frame.insert(0, "period", pd.Series(label, index=frame.index, dtype=schema.TEXT))
    frame.insert(1, "weeks_before", [weeks_before(wanted, moment, tz) for moment in known])
    frame["actual"] = booked_by_period(replay, freq).get(label, 0.0) if last > end else float("nan")
    return annotate(
        frame,
        made_from=history,
        n=len(frame),
        as_of=last,
        freq=freq,
        method=way.name,
        confidence=float(confidence),
    )
