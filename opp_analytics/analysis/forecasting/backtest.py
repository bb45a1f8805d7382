"""`backtest`, with `backtest_horizons` and `backtest_methods`: past forecasts against the actual bookings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from opp_analytics import arguments
from opp_analytics.analysis.forecasting.method import METHODS, Method, noun, read_method
from opp_analytics.analysis.forecasting.moment import first_day, last_day
from opp_analytics.analysis.forecasting.past_forecasts import (
    PastForecasts,
    Wanted,
    list_ended,
    score,
    score_groups,
)
from opp_analytics.analysis.forecasting.question import Question
from opp_analytics.analysis.shared.groups import By
from opp_analytics.analysis.shared.tables import annotate
from opp_analytics.analysis.stats.comparisons import adjust_p_values, compare_pairs
from opp_analytics.arguments import MethodName
from opp_analytics.errors import ArgumentTypeError, ArgumentValueError, NotEnoughHistory
from opp_analytics.periods import Freq, When

if TYPE_CHECKING:
    from opp_analytics.history import History

_LEVEL = 0.05
"""Chance of a difference where methods are equal."""
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
        One forecast for each value of these columns, as they were at the record; a deal that was not open then has those
        at its win.
    as_of : date-like, optional
        Only records up to the end of this day are used; None uses all.

    Returns
    -------
    DataFrame
        Index ``made_at`` (instant of the record), the columns of `by`, ``period`` (str): the period then current, and the
        next one. Columns:
        ``weeks_before`` (int64): full weeks from the record's day to the period's last day; ``expected``, ``low``,
        ``median``, ``high`` (float64, money): the forecast; ``actual``: money won in the period, according to the last record;
        ``error`` = expected − actual; ``booked``: money won in it by that record; ``method`` (str): the one used.
        Attrs: ``wape``, ``bias``, ``interval_coverage``, ``skill`` (None where not defined), ``n`` forecasts, ``as_of``,
        ``freq``, ``method``, ``confidence``, ``left_out``: forecasts of records too early to learn what the method needs.

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
    WAPE = Σ abs(F − A) / Σ A, bias = Σ(F − A) / Σ A, skill = 1 − WAPE / WAPE of the run rate. A forecast uses only the records up to its own. Ranges
    that hold less often than `confidence` are too narrow.

    References
    ----------
    S. Kolassa, W. Schütz (2007), Advantages of the MAD/MEAN ratio over the MAPE, Foresight 6, 40–43, for WAPE.

    Examples
    --------
    >>> from opp_analytics.history import History
    >>> log = pd.DataFrame({
    ...     "unique_id": "a", "seen_at": ["2026-01-12", "2026-01-26", "2026-02-02"], "value": 100.0,
    ...     "probability": [40, 70, 100], "stage": ["proposal", "negotiation", "closed_won"], "close_date": "2026-01-30"})
    >>> table = backtest(History.from_changes(log), freq="M")
    >>> table.droplevel("made_at")[["weeks_before", "expected", "actual", "error"]]
             weeks_before  expected  actual  error
    period
    2026-01             2      40.0   100.0  -60.0
    2026-01             0      70.0   100.0  -30.0
    >>> table.attrs["wape"], table.attrs["bias"], table.attrs["interval_coverage"]
    (0.45, -0.45, 1.0)
    """
    past = PastForecasts(
        Question.of_past(
            history,
            "backtest",
            freq=freq,
            method=read_method(method, probability=probability, stage_rates=stage_rates),
            as_of=as_of,
            by=by,
            confidence=confidence,
            tz=tz,
        )
    )
    wanted, label = list_ended(past.records), past.question.method.label
    table = past.judge(wanted)
    if table.empty:
        early = f", and records before it that {label} can learn from" if wanted else ""
        raise NotEnoughHistory(
            f"backtest needs a {noun(freq)} that had ended by the last record ({past.question.today.date()}){early}; keep recording"
        )
    # Whatever the number of groups.
    forecasts = table.index.droplevel([*range(1, table.index.nlevels - 1)]).nunique()
    return annotate(
        table,
        made_from=history,
        n=len(table),
        left_out={"too_early_to_learn": sum(map(len, wanted.values())) - int(forecasts)},
        skill=_compare_with_run_rate(past, table, wanted),
        **past.notes,
        **score(table),
    )


def _compare_with_run_rate(past: PastForecasts, table: pd.DataFrame, wanted: Wanted) -> float | None:
    """1 − WAPE / WAPE of the run rate, over the forecasts that both could make; None without any."""
    plain = past.judge(wanted, Method("run_rate"))
    common = table.index.intersection(plain.index)
    ours, theirs = (score(part.loc[common])["wape"] for part in (table, plain))
    return None if ours is None or not theirs else 1 - ours / theirs


def judge_midway(
    history: History, *, freq: str, by: By, method: MethodName, as_of: When, tz: str
) -> pd.DataFrame:
    """Compare the forecast of each of the last ended periods, from the last record of its first half, with its actual.

    The table is that of `backtest`, one row for each group and period.
    """
    past = PastForecasts(
        Question.of_past(
            history, "scorecard", freq=freq, method=read_method(method), as_of=as_of, by=by, tz=tz
        )
    )
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
    return past.judge(wanted)


def backtest_horizons(table: pd.DataFrame) -> pd.DataFrame:
    """Score a backtest by weeks before the period's end.

    Parameters
    ----------
    table : DataFrame
        Result of `backtest`, or some of its rows.

    Returns
    -------
    DataFrame
        Index ``weeks_before`` (int64). Columns: ``n`` (int64), ``wape``, ``bias``, ``interval_coverage`` (float64,
        fractions), as in `backtest`; the first two are NaN where nothing was booked.

    Raises
    ------
    ArgumentTypeError, MissingColumnError
        When `table` is not a result of `backtest`.

    Notes
    -----
    A bias that grows with the distance is money from deals not created yet (below 0), or from deals that slip (above 0).

    Examples
    --------
    >>> from opp_analytics.history import History
    >>> log = pd.DataFrame({
    ...     "unique_id": "a", "seen_at": ["2026-01-12", "2026-01-26", "2026-02-02"], "value": 100.0,
    ...     "probability": [40, 70, 100], "stage": ["proposal", "negotiation", "closed_won"], "close_date": "2026-01-30"})
    >>> backtest_horizons(backtest(History.from_changes(log), freq="M"))
                  n  wape  bias  interval_coverage
    weeks_before
    0             1   0.3  -0.3                1.0
    2             1   0.6  -0.6                1.0
    """
    arguments.frame(table, "table", "weeks_before", "error", "actual", "low", "high", made_by="backtest")
    summary = score_groups(dict(iter(table.groupby("weeks_before"))), "weeks_before")
    kept = {name: table.attrs.get(name) for name in ("freq", "method", "confidence")}
    day = table.attrs.get("as_of")
    return annotate(
        summary, made_from=None, n=len(table), as_of=None if day is None else pd.Timestamp(day), **kept
    )


def backtest_methods(
    history: History,
    *,
    freq: Freq = "Q",
    methods: Sequence[MethodName] = ("learned", "run_rate", "stated"),
    as_of: When | None = None,
    confidence: float = 0.8,
    stage_rates: Mapping[str, float] | pd.DataFrame | None = None,
    tz: str | None = None,
) -> pd.DataFrame:
    """Score several forecast methods on the same past forecasts, to choose the best one.

    Parameters
    ----------
    history : History
        Past records.
    methods : sequence of str
        Methods as for `forecast`.
    stage_rates : mapping or DataFrame, optional
        Rates for "stage", as for `forecast`.
    freq, as_of, confidence, tz
        As for `backtest`.

    Returns
    -------
    DataFrame
        Index ``method`` (str). Columns: ``n`` (int64), ``wape``, ``bias``, ``interval_coverage`` (float64, fractions), as
        in `backtest`; ``behind``: its WAPE minus the lowest one; ``behind_low``, ``behind_high``: the 95% interval of that
        difference (NaN for one period alone); ``differs`` (bool): its errors differ from the best method's beyond chance. All rows judge the same forecasts:
        those that every method could make. A method that could make none has n = 0 and NaN.
        Attrs: ``best``: the method with the lowest WAPE, None where its lead over the second may be chance or there is no second.

    Raises
    ------
    NotEnoughHistory, ArgumentTypeError, ArgumentValueError, DataError
        As for `backtest`; also when two methods have the same name.

    Notes
    -----
    Forecasts of one period err together, so periods are what is compared: with d_p = Σ abs(error) − Σ abs(error of the
    best) over the forecasts of period p, the interval is that of Student's t for the mean of d_p, over mean actual; ``differs`` is the two-sided test that changes the
    signs of d_p (exact to 12 periods), with Holm's adjustment for the methods compared. If
    ``interval_coverage`` is far below `confidence`, the ranges are too narrow. `sentence` says which method to use.

    Examples
    --------
    >>> from opp_analytics.history import History
    >>> log = pd.DataFrame({
    ...     "unique_id": "a", "seen_at": ["2026-01-12", "2026-01-26", "2026-02-02"], "value": 100.0,
    ...     "probability": [40, 70, 100], "stage": ["proposal", "negotiation", "closed_won"], "close_date": "2026-01-30"})
    >>> asked = {"freq": "M", "methods": ["stated", "stage"], "stage_rates": {"proposal": 0.1, "negotiation": 0.3}}
    >>> columns = ["n", "wape", "bias", "interval_coverage"]
    >>> backtest_methods(History.from_changes(log), **asked)[columns]
            n  wape  bias  interval_coverage
    method
    stated  2  0.45 -0.45                1.0
    stage   2  0.80 -0.80                0.5
    """
    ways = _read_methods(methods, stage_rates)
    past = PastForecasts(
        Question.of_past(
            history,
            "backtest_methods",
            freq=freq,
            method=ways.get("stated", Method("auto")),
            as_of=as_of,
            confidence=confidence,
            tz=tz,
        )
    )
    wanted = list_ended(past.records)
    tables = {name: past.judge(wanted, way) for name, way in ways.items()}
    able = [table for table in tables.values() if len(table)]
    if not able:
        raise NotEnoughHistory(f"no method could forecast any {freq} period that has ended; keep recording")
    common = reduce(pd.Index.intersection, (table.index for table in able))
    tables = {name: table.loc[common] if len(table) else table for name, table in tables.items()}
    summary = _compare_with_best(score_groups(tables, "method"), tables)
    return annotate(
        summary,
        made_from=history,
        n=len(common),
        best=_pick_best(summary),
        **{name: note for name, note in past.notes.items() if name != "method"},
    )


def _compare_with_best(summary: pd.DataFrame, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Add how far each method is behind the best one, and the interval of that."""
    if not summary["wape"].notna().any():
        return summary.assign(behind=np.nan, behind_low=np.nan, behind_high=np.nan, differs=False)
    best = tables[str(summary["wape"].idxmin())]
    pairs = [_pair_errors(table, best) for table in tables.values()]
    whole = float(best["actual"].sum())
    ends = np.array([_measure_difference(off, whole) for off in pairs])
    others = [place for place, table in enumerate(tables.values()) if table is not best and len(table)]
    differs = np.zeros(len(tables), dtype=bool)
    p = np.array([compare_pairs(pairs[place]) for place in others], dtype=np.float64)
    differs[others] = adjust_p_values(p) < _LEVEL
    return summary.assign(
        behind=summary["wape"] - summary["wape"].min(),
        behind_low=ends[:, 0],
        behind_high=ends[:, 1],
        differs=differs,
    )


def _pair_errors(table: pd.DataFrame, best: pd.DataFrame) -> pd.Series[Any]:
    """Subtract the best method's absolute errors, period by period."""
    return (table["error"].abs() - best["error"].abs()).dropna().groupby(level="period").sum()


def _measure_difference(off: pd.Series[Any], whole: float) -> tuple[float, float]:
    """Measure the 95% interval of the difference of two methods' WAPE on the same forecasts."""
    if len(off) < 2:
        return np.nan, np.nan
    mean, spread = float(off.mean()), float(off.std()) / len(off) ** 0.5
    reach = float(stdtrit(len(off) - 1, 1 - _LEVEL / 2)) * spread
    return (mean - reach) * len(off) / whole, (mean + reach) * len(off) / whole


def _pick_best(summary: pd.DataFrame) -> str | None:
    """Pick the method with the lowest error, where its lead is beyond chance."""
    known = summary[summary["wape"].notna()].sort_values("wape", kind="stable")
    return str(known.index[0]) if len(known) > 1 and known["differs"].iloc[1] else None


def _read_methods(
    methods: Sequence[MethodName], stage_rates: Mapping[str, float] | pd.DataFrame | None
) -> dict[str, Method]:
    """Read the methods by name."""
    if not isinstance(methods, (list, tuple)) or not methods:
        raise ArgumentTypeError(
            f"methods={methods!r} is not a list of methods; use for example {METHODS[1:]!r}"
        )
    ways: dict[str, Method] = {}
    for name in methods:
        rates = stage_rates if name == "stage" else None
        way = read_method(name, stage_rates=rates, argument="methods")
        if way.name in ways:
            raise ArgumentValueError(f"methods: {way.name!r} occurs twice; name each method once")
        ways[way.name] = way
    return ways
