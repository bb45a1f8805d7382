"""`backtest`, with `backtest_horizons`: past forecasts against the actual bookings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from opp_analytics import arguments
from opp_analytics.analysis.forecasting.method import Method, read_method
from opp_analytics.analysis.forecasting.moment import first_day, last_day
from opp_analytics.analysis.forecasting.past_forecasts import (
    PastForecasts,
    list_ended,
    score,
    score_groups,
)
from opp_analytics.analysis.forecasting.question import Question
from opp_analytics.analysis.shared.groups import By
from opp_analytics.analysis.shared.tables import annotate
from opp_analytics.arguments import MethodName
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.history import History
from opp_analytics.periods import Freq, When
from opp_analytics.text import noun

_MIDWAY_PERIODS = 12
"""Periods that `judge_midway` looks back at: a year of months."""


def backtest(
    history: History,
    *,
    freq: Freq = "Q",
    method: MethodName = "auto",
    by: By = None,
    as_of: When | None = None,
    confidence: float = 0.8,
    probability: str | None = None,
    stage_rates: Mapping[str, float] | pd.DataFrame | None = None,
    tz: str | None = None,
) -> pd.DataFrame:
    """Compare the forecast of each past day with the actual bookings: the last record of a day is asked.

    Parameters
    ----------
    history : History
        Past records; periods that had ended by the last record are judged.
    freq, method, confidence, probability, stage_rates, tz
        As for `forecast`. "stage" learns the rates anew at each record, from the records up to it.
    by : str or list of str, optional
        One forecast for each value of these columns, as they were at the record; a deal that was
        not open then has those at its win.
    as_of : date or str, optional
        Only records up to the end of this day are used; None uses all.

    Returns
    -------
    DataFrame
        Index ``made_at`` (instant of the record), the columns of `by`, ``period`` (str): the period
        then current, and the next one. Columns: ``weeks_before`` (int64): full weeks from the
        record's day to the period's last day; ``expected``, ``low``, ``median``, ``high`` (float64,
        money): the forecast; ``actual``: money won in the period, according to the last record;
        ``error`` = expected − actual; ``booked``: money won in it by that record; ``method`` (str):
        the one used. Attrs: ``wape``, ``bias``, ``interval_coverage``, ``skill`` (None where not
        defined), ``n`` forecasts, ``as_of``, ``freq``, ``method``, ``confidence``, ``left_out``:
        forecasts of records too early to learn what the method needs.

    Raises
    ------
    NotEnoughHistory
        When no period had ended by the last record.
    ArgumentTypeError, ArgumentValueError, DataError
        When an argument is invalid, or a record's probability is out of range.

    See Also
    --------
    backtest_horizons, backtest_methods, track_record

    Notes
    -----
    WAPE = Σ abs(F − A) / Σ A, bias = Σ(F − A) / Σ A, skill = 1 − WAPE / WAPE of the run rate. A
    forecast uses only the records up to its own. Ranges that hold less often than `confidence` are
    too narrow.

    References
    ----------
    S. Kolassa, W. Schütz (2007), Advantages of the MAD/MEAN ratio over the MAPE, Foresight 6,
    40–43, for WAPE.

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
    >>> table = backtest(History.from_changes(log), freq="M")
    >>> table.droplevel("made_at")[["weeks_before", "expected", "actual", "error"]]
             weeks_before  expected  actual  error
    period
    2026-01             2      40.0   100.0  -60.0
    2026-01             0      70.0   100.0  -30.0
    >>> table.attrs["wape"], table.attrs["bias"], table.attrs["interval_coverage"]
    (0.45, -0.45, 1.0)
    """
    meant = read_method(method, probability=probability, stage_rates=stage_rates)
    asked: dict[str, Any] = {
        "freq": freq,
        "as_of": as_of,
        "by": by,
        "confidence": confidence,
        "tz": tz,
    }
    past = PastForecasts(Question.of_past(history, "backtest", method=meant, **asked))
    wanted, label = list_ended(past.records), past.question.method.label
    table, plain = past.judge(wanted, None, Method("run_rate"))
    if table.empty:
        early = f", and records before it that {label} can learn from" if wanted else ""
        raise NotEnoughHistory(
            f"backtest needs a {noun(freq)} that had ended by the last record "
            f"({past.question.today.date()}){early}; keep recording"
        )
    # Whatever the number of groups.
    forecasts = table.index.droplevel([*range(1, table.index.nlevels - 1)]).nunique()
    return annotate(
        table,
        made_from=history,
        n=len(table),
        left_out={"too_early_to_learn": sum(map(len, wanted.values())) - int(forecasts)},
        skill=_compare_with_run_rate(table, plain),
        **past.notes,
        **score(table),
    )


def _compare_with_run_rate(table: pd.DataFrame, plain: pd.DataFrame) -> float | None:
    """1 − WAPE / WAPE of the run rate, over the forecasts that both could make.

    None without any.
    """
    common = table.index.intersection(plain.index)
    ours, theirs = (score(part.loc[common])["wape"] for part in (table, plain))
    return None if ours is None or not theirs else 1 - ours / theirs


def judge_midway(
    history: History, *, freq: str, by: By, method: MethodName, as_of: When, tz: str
) -> pd.DataFrame:
    """Compare the forecast of each of the last ended periods, from the last record of its first half, with its actual.

    The table is that of `backtest`, one row for each group and period.
    """
    asked: dict[str, Any] = {
        "freq": freq,
        "method": read_method(method),
        "as_of": as_of,
        "by": by,
        "tz": tz,
    }
    past = PastForecasts(Question.of_past(history, "scorecard", **asked))
    days = past.records.days
    over = int(days[-1])
    period = past.records.period(over) - _MIDWAY_PERIODS
    wanted: dict[int, list[pd.Period]] = {}
    while last_day(period) < over:
        begin, end = first_day(period), last_day(period)
        record = past.records.find_newest((begin + end) // 2)
        if record >= 0 and days[record] >= begin:
            wanted.setdefault(record, []).append(period)
        period += 1
    return past.judge(wanted, None)[0]


def backtest_horizons(table: pd.DataFrame) -> pd.DataFrame:
    """Score a backtest by weeks before the period's end.

    Parameters
    ----------
    table : DataFrame
        Result of `backtest`, or some of its rows.

    Returns
    -------
    DataFrame
        Index ``weeks_before`` (int64). Columns: ``n`` (int64), ``wape``, ``bias``,
        ``interval_coverage`` (float64, fractions), as in `backtest`; the first two are NaN where
        nothing was booked.

    Raises
    ------
    ArgumentTypeError, MissingColumnError
        When `table` is not a result of `backtest`.

    Notes
    -----
    A bias that grows with the distance is money from deals not created yet (below 0), or from deals
    that slip (above 0).

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
    >>> backtest_horizons(backtest(History.from_changes(log), freq="M"))
                  n  wape  bias  interval_coverage
    weeks_before
    0             1   0.3  -0.3                1.0
    2             1   0.6  -0.6                1.0
    """
    arguments.frame(
        table, "table", "weeks_before", "error", "actual", "low", "high", made_by="backtest"
    )
    summary = score_groups(dict(iter(table.groupby("weeks_before"))), "weeks_before")
    kept = {name: table.attrs.get(name) for name in ("freq", "method", "confidence")}
    day = table.attrs.get("as_of")
    return annotate(
        summary,
        made_from=None,
        n=len(table),
        as_of=None if day is None else pd.Timestamp(day),
        **kept,
    )
