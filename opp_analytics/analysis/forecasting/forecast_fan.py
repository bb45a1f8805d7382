"""`forecast_fan`: the forecast of one period, record by record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from opp_analytics import periods, schema
from opp_analytics.analysis.forecasting.method import Method, read_method
from opp_analytics.analysis.forecasting.past_forecasts import FORECAST, PastForecasts
from opp_analytics.analysis.forecasting.past_points import last_day
from opp_analytics.analysis.shared.tables import annotate
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.periods import When

if TYPE_CHECKING:
    from opp_analytics.history import History


def forecast_fan(
    history: History,
    *,
    period: str,
    freq: str = "M",
    method: str | Method = "auto",
    as_of: When | None = None,
    confidence: float = 0.8,
    seed: int = 0,
    tz: str | None = None,
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
    seed : int
        Random seed of the draws.

    Returns
    -------
    DataFrame
        Index ``made_at`` (instant of the record). Columns: ``period`` (str); ``weeks_before`` (int64): full weeks to its
        last day; ``booked``, ``expected``, ``low``, ``median``, ``high`` (float64, money), as in `forecast`;
        ``method`` (str): the one used at the record; ``actual``: money booked in the period, according to the last record; NaN until the period ends.
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
    way = read_method(method)
    past = PastForecasts.of(
        history,
        "forecast_fan",
        freq=freq,
        as_of=as_of,
        confidence=confidence,
        seed=seed,
        tz=tz,
    )
    wanted = periods.as_period(period, past.freq)
    end, last = last_day(wanted), len(past.records.days) - 1
    before = {record: [wanted] for record, day in enumerate(past.records.days) if day <= end}
    made = past.made(way, before)
    if made.empty:
        raise NotEnoughHistory(
            f"forecast_fan needs a record before the end of {wanted}, and there is none with enough data; keep recording"
        )
    frame = made.set_index("made_at")[["period", "weeks_before", *FORECAST, "method"]]
    frame["period"] = frame["period"].astype(schema.TEXT)
    over = past.records.days[-1] > end
    frame["actual"] = past.actual({last: [wanted]})[last, (), str(wanted)] if over else float("nan")
    return annotate(
        frame,
        made_from=history,
        n=len(frame),
        as_of=past.last_day,
        freq=past.freq,
        method=way.name,
        confidence=past.confidence,
    )
