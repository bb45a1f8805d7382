"""How past forecasts turned out that were made as long before their period's end as today is."""

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
"""By how much a past forecast may have been made nearer to its period's end, or farther from it."""
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
    """How past forecasts turned out that were made as long before their period's end as today is.

    Parameters
    ----------
    history : History
        Past records; those after `as_of` are not read.
    as_of : date-like
        The day whose distance to its period's end counts.
    freq, method, confidence, tz
        As for `backtest`.

    Returns
    -------
    DataFrame
        One row per earlier period that has a record as long before its end, give or take three days: index ``period``
        (str). ``made_at`` (instant of the record), ``days_before`` (int64): from its day to the period's last one;
        ``expected``, ``low``, ``high``, ``actual``, ``error`` (float64, money) and ``held`` (bool): whether ``actual`` lies in
        the range. Attrs: ``wape``, ``bias``, ``interval_coverage`` as of `backtest`, ``n`` periods, ``as_of``, ``freq``,
        ``method``, ``confidence``.

    Raises
    ------
    NotEnoughHistory
        When no period that was over by the last record has such a record.
    ArgumentTypeError, ArgumentValueError, DataError
        When an argument makes no sense, or a record's probability is out of range.

    Notes
    -----
    One forecast a period, since those of the same period share its luck. `backtest` has all of them.

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
            f"no period before {current} was recorded as long before its end as {current} is now; record on, and "
            f"{current + 1} can be compared with {current}"
        )
    frame = pd.DataFrame.from_dict(rows, orient="index")
    frame.index = frame.index.astype(schema.TEXT).rename("period")
    frame["error"] = frame["expected"] - frame["actual"]
    frame = frame.astype({"days_before": "int64", **dict.fromkeys(_MONEY, "float64")})
    notes: dict[str, Any] = dict(scores(frame))
    return annotate(
        frame.assign(held=in_range(frame)),
        made_from=None,
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
    """Each earlier period with the record whose distance to its end is nearest to that of `day`, and its day."""
    moments = known.records["recorded_at"].drop_duplicates(ignore_index=True)
    days = periods.to_dates(moments, tz=tz)
    left = current.end_time.normalize() - day
    found = []
    period = pd.Period(days.min(), current.freqstr)
    while period < current and period.end_time < days.max():
        before = days[days <= period.end_time]
        off = (before + left - period.end_time.normalize()).abs()
        # Of a day's records the last one, which saw most of it.
        place = int(np.flatnonzero(off == off.min())[-1])
        if off[place] <= _NEAR:
            found.append((period, moments[place], days[place]))
        period += 1
    return found
