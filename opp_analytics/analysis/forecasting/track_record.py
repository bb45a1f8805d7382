"""How forecasts made as long before the end of earlier periods turned out: what a range of today is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from opp_analytics import periods, schema
from opp_analytics.analysis.forecasting.backtest import booked_by_period, made, method_name, scores
from opp_analytics.analysis.forecasting.chances import Probability
from opp_analytics.analysis.shared.annotate import annotate
from opp_analytics.analysis.shared.replay import Replay, last_record
from opp_analytics.errors import NotEnoughHistory

if TYPE_CHECKING:
    from opp_analytics.history import History


_NEAR = pd.Timedelta(days=3)
"""By how much a past forecast may have been made nearer to its period's end, or farther from it."""
_MONEY = ["expected", "low", "high", "actual", "error"]
_COLUMNS = ["made_at", "days_before", *_MONEY, "held"]


def track_record(
    history: History | Replay,
    *,
    as_of: pd.Timestamp,
    freq: str = "M",
    probability: Probability = "stated",
    tz: str = "UTC",
) -> pd.DataFrame:
    """The forecast that each earlier period had as long before its end as the running one has left, and what came of it.

    Parameters
    ----------
    history : History
        Records of the past; those after `as_of` are not read.
    as_of : Timestamp
        The day whose distance to its period's end counts.
    freq : str
        Period alias.
    probability : str or mapping
        As for `forecast`; nothing later than each forecast's own record is read.
    tz : str
        Business time zone.

    Returns
    -------
    DataFrame
        One row per earlier period that has a record as long before its end, give or take three days: index ``period``
        (str). ``made_at`` (instant of the record), ``days_before`` (int64): from its day to the period's last one;
        ``expected``, ``low``, ``high``, ``actual``, ``error`` (float64, money) and ``held`` (bool): whether ``actual`` lies in
        the range. Attrs: ``wape``, ``bias``, ``interval_coverage`` as of `backtest`, ``n`` periods.

    Raises
    ------
    NotEnoughHistory
        When no period that was over by the last record has such a record.
    ArgumentTypeError, DataError
        When an argument, or what a record holds, cannot be used.

    Notes
    -----
    One forecast a period, since those of the same period share its luck. `backtest` has all of them.

    Examples
    --------
    >>> from opp_analytics.history import History
    >>> log = pd.DataFrame({
    ...     "unique_id": "a", "seen_at": ["2026-01-16", "2026-02-02"], "value": 100.0, "probability": [50, 100],
    ...     "stage": ["proposal", "closed_won"], "close_date": "2026-01-20"})
    >>> track_record(History.from_changes(log), as_of=pd.Timestamp("2026-02-13"))[["days_before", "expected", "actual", "held"]]
             days_before  expected  actual  held
    period
    2026-01           15      50.0   100.0  True
    """
    known = Replay.of(history, "track_record", *([probability] if isinstance(probability, str) else []))
    known = known.until(periods.as_instant(as_of, tz=tz, end=True))
    running = pd.Period(as_of, periods.check_freq(freq))
    if known.records.empty:
        raise NotEnoughHistory(f"there is no record up to {as_of.date()}")
    actual = booked_by_period(known.as_of(last_record(known)), freq)
    rows = {}
    for period, moment, today in _moments(known, running, freq, as_of, tz):
        table = made(
            known.until(moment),
            moment,
            today,
            freq,
            [period],
            probability=probability,
            correlation=0.0,
            new_business=False,
            timing="due",
        )
        if str(period) in table.index:
            rows[str(period)] = _row(table.loc[[str(period)]].iloc[0], moment, period, today, actual)
    if not rows:
        raise NotEnoughHistory(
            f"no period before {running} was recorded as long before its end as {running} is now; record on, and "
            f"{running + 1} can be held against {running}"
        )
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=_COLUMNS)
    frame.index = frame.index.astype(schema.TEXT).rename("period")
    frame = frame.astype({"days_before": "int64", **dict.fromkeys(_MONEY, "float64"), "held": "bool"})
    notes: dict[str, Any] = {"method": method_name(probability, False, "due"), **scores(frame)}
    return annotate(frame, made_from=None, n=len(frame), as_of=as_of, freq=freq, **notes)


def _moments(
    known: Replay, running: pd.Period, freq: str, as_of: pd.Timestamp, tz: str
) -> list[tuple[pd.Period, pd.Timestamp, pd.Timestamp]]:
    """Each earlier period with the record whose distance to its end is nearest to that of `as_of`, and its day."""
    moments = known.records["recorded_at"].drop_duplicates(ignore_index=True)
    days = periods.to_dates(moments, tz=tz)
    left = running.end_time.normalize() - as_of
    found = []
    period = pd.Period(days.min(), freq)
    while period < running and period.end_time < days.max():
        before = days[days <= period.end_time]
        off = (before + left - period.end_time.normalize()).abs()
        # Of a day's records the last one, which saw most of it.
        place = int(np.flatnonzero(off == off.min())[-1])
        if off[place] <= _NEAR:
            found.append((period, moments[place], days[place]))
        period += 1
    return found


def _row(
    forecasted: pd.Series[Any],
    moment: pd.Timestamp,
    period: pd.Period,
    today: pd.Timestamp,
    actual: dict[str, float],
) -> dict[str, object]:
    truth = actual.get(str(period), 0.0)
    low, high = forecasted["low"], forecasted["high"]
    return {
        "made_at": moment,
        "days_before": int((period.end_time.normalize() - today).days),
        "expected": forecasted["expected"],
        "low": low,
        "high": high,
        "actual": truth,
        "error": forecasted["expected"] - truth,
        "held": low - 0.005 <= truth <= high + 0.005,
    }
