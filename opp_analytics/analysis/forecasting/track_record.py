"""Past forecasts made as long before their period's end as today, with their errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from opp_analytics import periods, schema
from opp_analytics.analysis.forecasting.method import read_method
from opp_analytics.analysis.forecasting.moment import Records, last_day
from opp_analytics.analysis.forecasting.past_forecasts import PastForecasts, judge_ranges, score
from opp_analytics.analysis.forecasting.question import Question
from opp_analytics.analysis.shared.tables import annotate
from opp_analytics.arguments import MethodName
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.org import Org
from opp_analytics.periods import Freq, When

if TYPE_CHECKING:
    from opp_analytics.history import History


_MONEY = ["expected", "low", "high", "actual", "error"]


def track_record(
    history: History,
    *,
    as_of: When,
    freq: Freq = "M",
    method: MethodName = "auto",
    confidence: float = 0.8,
    tz: str | None = None,
) -> pd.DataFrame:
    """List past forecasts made as long before their period's end as today, with their errors.

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
        ``expected``, ``low``, ``high``, ``actual``, ``error`` (float64, money) and ``held`` (boolean): True if ``actual`` is in
        the range, missing without one. Attrs: ``wape``, ``bias``, ``interval_coverage`` as in `backtest`, ``n`` periods, ``as_of``, ``freq``,
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
    day = periods.as_date(as_of, tz=Org.of(history).zone(tz))
    past = PastForecasts(
        Question.of_past(
            history,
            "track_record",
            freq=freq,
            method=read_method(method),
            as_of=day,
            confidence=confidence,
            tz=tz,
        )
    )
    records, current = past.records, pd.Period(day, past.question.freq)
    wanted = _find_equally_early(records, current, day)
    made = past.tabulate(wanted).drop_duplicates("period", keep="last")
    if made.empty:
        raise NotEnoughHistory(
            f"no period before {current} has a record as long before its end as {current} is now; keep recording, and "
            f"{current + 1} can be compared with {current}"
        )
    actual = past.sum_wins(wanted)
    frame = made.set_index(made["period"].astype(schema.TEXT))
    places = list(zip(frame["record"], frame.index, strict=True))
    frame["actual"] = [actual[record, (), period] for record, period in places]
    frame["error"] = frame["expected"] - frame["actual"]
    frame["days_before"] = [
        last_day(pd.Period(period, records.freq)) - int(records.days[record]) for record, period in places
    ]
    frame = frame[["made_at", "days_before", *_MONEY, "method"]]
    return annotate(
        frame.assign(held=judge_ranges(frame)),
        made_from=history,
        n=len(frame),
        **{**past.notes, "as_of": day},
        **score(frame),
    )


def _find_equally_early(
    records: Records, current: pd.Period, day: pd.Timestamp
) -> dict[int, list[pd.Period]]:
    """Find the record of each earlier period that is as long before its end as `day` is before the current one's."""
    lead = int((current.end_time.normalize() - day).days)
    period = records.period(int(records.days[0]))
    found: dict[int, list[pd.Period]] = {}
    while period < current and last_day(period) < records.days[-1]:
        record = records.find_at_lead(period, lead)
        if record >= 0:
            found.setdefault(record, []).append(period)
        period += 1
    return found
