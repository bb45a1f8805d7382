"""Past forecasts made as long before their period's end as today, with their errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from opp_analytics import arguments, periods, schema
from opp_analytics.analysis.forecasting.method import Method, read_method
from opp_analytics.analysis.forecasting.past_forecasts import (
    booked_by_period,
    in_range,
    past_forecast,
    replayed,
    scores,
)
from opp_analytics.analysis.shared.annotate import annotate
from opp_analytics.analysis.shared.replay import Replay
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.periods import When

if TYPE_CHECKING:
    from opp_analytics.history import History


_NEAR = pd.Timedelta(days=3)
"""Largest difference in the distance to the period's end."""
_MONEY = ["expected", "low", "high", "actual", "error"]


def track_record(
    history: History | Replay,
    *,
    as_of: When,
    freq: str = "M",
    method: str | Method = "stated",
    confidence: float = 0.8,
    tz: str = "UTC",
) -> pd.DataFrame:
    """Past forecasts made as long before their period's end as today, with their errors.

    Parameters
    ----------
    history : History
        Past records; those after `as_of` are not read.
    as_of : date-like
        Day whose distance to its period's end is compared.
    freq, method, confidence, tz
        As for `backtest`.

    Returns
    -------
    DataFrame
        One row per earlier period with a record equally long before its end (within three days): index ``period``
        (str). ``made_at`` (instant of the record), ``days_before`` (int64): days from the record to the period's last day;
        ``expected``, ``low``, ``high``, ``actual``, ``error`` (float64, money) and ``held`` (bool): True if ``actual`` is in
        the range. Attrs: ``wape``, ``bias``, ``interval_coverage`` as in `backtest`, ``n`` periods, ``as_of``, ``freq``,
        ``method``, ``confidence``.

    Raises
    ------
    NotEnoughHistory
        When no period that had ended by the last record has such a record.
    ArgumentTypeError, ArgumentValueError, DataError
        When an argument is invalid, or a record's probability is out of range.

    Notes
    -----
    There is one forecast per period, because forecasts of the same period are not independent. `backtest` has all.

    Examples
    --------
    >>> from opp_analytics.history import History
    >>> log = pd.DataFrame({
    ...     "unique_id": "a", "seen_at": ["2026-01-16", "2026-02-02"], "value": 100.0, "probability": [50, 100],
    ...     "stage": ["proposal", "closed_won"], "close_date": "2026-01-20"})
    >>> track_record(History.from_changes(log), as_of="2026-02-13")[["days_before", "expected", "actual", "held"]]
             days_before  expected  actual  held
    period
    2026-01           15      50.0   100.0  True
    """
    way, day = read_method(method), periods.as_date(as_of, tz=tz)
    current = pd.Period(day, periods.check_freq(freq))
    arguments.between(confidence, "confidence", example=0.8)
    replay = replayed(history, "track_record", [way], day, tz)
    actual = booked_by_period(replay, freq)
    rows = {}
    for period, moment, made_on in _moments(replay, current, day, tz):
        made = past_forecast(replay, moment, [period], way, freq=freq, confidence=confidence, tz=tz)
        if str(period) in made.index:
            rows[str(period)] = {
                "made_at": moment,
                "days_before": int((period.end_time.normalize() - made_on).days),
                **made.loc[str(period), ["expected", "low", "high"]],
                "actual": actual.get(str(period), 0.0),
            }
    if not rows:
        raise NotEnoughHistory(
            f"no period before {current} has a record as long before its end as {current} is now; keep recording, and "
            f"{current + 1} can be compared with {current}"
        )
    frame = pd.DataFrame.from_dict(rows, orient="index")
    frame.index = frame.index.astype(schema.TEXT).rename("period")
    frame["error"] = frame["expected"] - frame["actual"]
    frame = frame.astype({"days_before": "int64", **dict.fromkeys(_MONEY, "float64")})
    notes: dict[str, Any] = dict(scores(frame))
    return annotate(
        frame.assign(held=in_range(frame)),
        made_from=history,
        n=len(frame),
        as_of=day,
        freq=freq,
        method=way.name,
        confidence=float(confidence),
        **notes,
    )


def _moments(
    known: Replay, current: pd.Period, day: pd.Timestamp, tz: str
) -> list[tuple[pd.Period, pd.Timestamp, pd.Timestamp]]:
    """Each earlier period with the record nearest to the same distance from its end as `day`, and the record's day."""
    moments = known.records["recorded_at"].drop_duplicates(ignore_index=True)
    days = periods.to_dates(moments, tz=tz)
    left = current.end_time.normalize() - day
    found = []
    period = pd.Period(days.min(), current.freqstr)
    while period < current and period.end_time < days.max():
        before = days[days <= period.end_time]
        off = (before + left - period.end_time.normalize()).abs()
        # Of several records of a day, use the last one.
        place = int(np.flatnonzero(off == off.min())[-1])
        if off[place] <= _NEAR:
            found.append((period, moments[place], days[place]))
        period += 1
    return found
