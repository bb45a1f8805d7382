"""`backtest`: past forecasts against the actual bookings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np
import pandas as pd

from opp_analytics import arguments, schema, text
from opp_analytics.analysis.forecasting.method import METHODS, Method, read_method
from opp_analytics.analysis.forecasting.moment import day_number, first_day, last_day
from opp_analytics.analysis.forecasting.past_forecasts import (
    PastForecasts,
    Wanted,
    Way,
    find_equally_early,
    judge_ranges,
    list_ended,
)
from opp_analytics.analysis.forecasting.question import ForecastQuestion
from opp_analytics.analysis.forecasting.rivals import RIVALS, ask_function, follow_formula
from opp_analytics.analysis.shared.groups import By
from opp_analytics.analysis.shared.tables import annotate
from opp_analytics.arguments import MethodName, RivalName
from opp_analytics.arrays import Floats
from opp_analytics.errors import ArgumentTypeError, ArgumentValueError, NotEnoughHistory
from opp_analytics.history import History
from opp_analytics.org import Org
from opp_analytics.periods import Freq, When, as_date
from opp_analytics.text import noun

Forecaster = MethodName | RivalName | Callable[..., Any]
"""A method of `forecast`, a formula of others, or a function of one's own."""
EVERY = (*METHODS[1:], *RIVALS)
"""The methods that ``methods="all"`` means."""
_MIDWAY_PERIODS = 12
"""Periods that `judge_midway` looks back at: a year of months."""
_EVENLY = tuple(k / 100 for k in range(1, 100))
"""Levels of the quantiles that a whole distribution is judged by."""
_ENDS = {"low_50": 0.25, "high_50": 0.75, "low_95": 0.025, "high_95": 0.975}
LEVELS = (*_EVENLY, *_ENDS.values())
"""Levels of the quantiles that each forecast is asked for."""
_MONEY = ["booked", "expected", "median", "low", "high", *_ENDS, "crps", "actual", "error"]


def backtest(
    history: History,
    *,
    freq: Freq = "Q",
    methods: Forecaster | Sequence[Forecaster] | Literal["all"] = "auto",
    by: By = None,
    lead: Literal["now"] | None = None,
    as_of: When | None = None,
    tz: str | None = None,
) -> pd.DataFrame:
    """Compare the forecasts of each past day, by one or several methods, with the actual bookings.

    Parameters
    ----------
    history : History
        Past records, the last of each day; periods that had ended by the last record are judged.
    methods : str, function, or list of both
        Methods as for `forecast`; formulas of others to compare them with, which give no range:
        "weighted" (booked, and the deals due at their stated chances), "category_weights" (booked,
        and the deals due at 90% in commit, 70% in best case, 30% in pipeline), "three_periods"
        (mean of the last three ended periods), "stage_projection" (the deals due at what their
        stages won from the same point of the last ended period, and what that period won from other
        deals), "stage_projection_4" (the mean of that over the last four), "last_period",
        "year_ago"; "all" of these; or functions of your own, each ``f(opportunities, *, history,
        as_of, freq, period)``, that return a number, or a mapping of expected, median, low and high
        (an 80% range). Its history ends at `as_of`; it is named by its ``__name__``.
    by : str or list of str, optional
        One forecast for each value of these columns, as they were at the record; a deal that was
        not open then has those at its win.
    lead : {"now"}, optional
        "now" asks only forecasts made with as many days left in their period as `as_of` has in its
        own (within three days), one for each earlier period; "auto" is then the method that it
        takes today.
    as_of : date or str, optional
        Only records up to the end of this day are used; by default all.
    freq, tz
        As for `forecast`.

    Returns
    -------
    DataFrame
        Index: the columns of `by`, ``method`` (str), ``made_at`` (instant of the record),
        ``period`` (str): the period then current, and the next one. Columns: ``lead`` (int64): days
        from the record's day to the period's last; ``booked`` (float64, money): won in it by then;
        ``expected``, ``median``, ``low``, ``high`` (80%), ``low_50``, ``high_50``, ``low_95``,
        ``high_95``: the forecast; ``crps``: how far its distribution is from what came, the
        absolute error without one; ``actual``: won in the period, according to the last record;
        ``error`` = expected − actual; ``held`` (boolean): True if ``actual`` is in the 80% range,
        missing without one; ``used`` (str): the method that "auto" took. Note: ``n`` forecasts,
        ``day``, ``freq``, ``method`` (the first), ``lead``, ``left_out``: forecasts of records
        too early to learn what a method needs.

    Raises
    ------
    NotEnoughHistory
        When no period that had ended by the last record can be judged.
    ArgumentTypeError, ArgumentValueError, DataError
        When an argument is invalid, or a record's probability is out of range.

    See Also
    --------
    score, forecast_value_added

    Notes
    -----
    A forecast uses only the records up to its own. CRPS: twice the mean pinball loss at the
    quantiles 0.01 to 0.99. Forecasts of one period are not independent.

    References
    ----------
    T. Gneiting, A. E. Raftery (2007), Strictly proper scoring rules, prediction, and estimation,
    JASA 102, 359–378, for the CRPS.

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
    >>> table.droplevel(["method", "made_at"])[["lead", "expected", "actual", "error", "held"]]
             lead  expected  actual  error  held
    period
    2026-01    19      40.0   100.0  -60.0  True
    2026-01     5      70.0   100.0  -30.0  True
    """
    ways = read_ways(methods, freq)
    day = None if as_of is None else as_date(as_of, tz=Org.of(history).zone(tz))
    past = PastForecasts(
        ForecastQuestion.of_past(
            history,
            "backtest",
            freq=freq,
            as_of=as_of,
            by=by,
            tz=tz,
            method=Method("stated" if {"stated", "weighted"} & ways.keys() else "auto"),
        )
    )
    today, first = day or past.question.today, next(iter(ways))
    if lead is None:
        wanted = list_ended(past.records)
    else:
        arguments.one_of(lead, "lead", ("now",))
        current = pd.Period(today, past.question.freq)
        wanted = find_equally_early(past.records, current, last_day(current) - day_number(today))
        if "auto" in ways:
            chosen = past.choose_now(today)
            ways["auto"] = partial(PastForecasts.ask, method=chosen)
            first = chosen.label if first == "auto" else first
    table = judge_ways(past, wanted, ways)
    if table.empty:
        raise NotEnoughHistory(_say_what_lacks(past, wanted, today, first, now=bool(lead)))
    # Whatever the number of groups.
    made = table.index.droplevel([*range(len(past.question.by))]).nunique()
    asked_for = len(ways) * sum(map(len, wanted.values()))
    return annotate(
        table.drop(columns="quantiles"),
        "backtest",
        made_from=history,
        n=len(table),
        left_out={"too_early_to_learn": asked_for - made},
        **{**past.notes, "method": first, "as_of": today, "lead": lead},
    )


def read_ways(methods: Any, freq: str) -> dict[str, Way]:
    """Read the methods by name."""
    if isinstance(methods, str) or callable(methods):
        methods = EVERY if methods == "all" else [methods]
    if not isinstance(methods, (list, tuple)) or not methods:
        raise ArgumentTypeError(
            f"methods={methods!r} is not a list of methods; use for example {METHODS[1:]!r}"
        )
    ways: dict[str, Way] = {}
    for one in methods:
        own = callable(one)
        name = getattr(one, "__name__", type(one).__name__) if own else one
        if isinstance(one, str) and one not in (*METHODS, *RIVALS):
            known = ", ".join(map(repr, (*METHODS, *RIVALS)))
            raise ArgumentValueError(
                f"unknown methods={one!r}; use some of {known}, functions, or 'all'"
            )
        if name in ways or (own and name in (*METHODS, *RIVALS)):
            raise ArgumentValueError(f"methods: {name!r} occurs twice; name each method once")
        if own:
            ways[name] = ask_function(one, name, freq)
        elif name in RIVALS:
            ways[name] = follow_formula(name)
        else:
            meant = read_method(name, argument="methods")
            ways[name] = partial(PastForecasts.ask, method=meant)
    return ways


def judge_ways(past: PastForecasts, wanted: Wanted, ways: Mapping[str, Way]) -> pd.DataFrame:
    """Judge the wanted forecasts by each way.

    Returns the table of `backtest`, with ``quantiles`` at `LEVELS`.
    """
    made = past.judge(wanted, *ways.values(), levels=LEVELS)
    table = pd.concat(dict(zip(ways, made, strict=True)), names=["method"])
    table = table.reorder_levels([*past.question.by, "method", "made_at", "period"])
    index: Any = table.index
    table.index = index.set_levels(index.levels[-1].astype(schema.TEXT), level="period")
    quantiles = np.array(table["quantiles"].to_list(), dtype=np.float64).reshape(-1, len(LEVELS))
    ends = dict(zip(_ENDS, quantiles[:, len(_EVENLY) :].T, strict=True))
    crps = score_quantiles(table["actual"], quantiles[:, : len(_EVENLY)], _EVENLY)
    crps = np.where(np.isnan(crps), table["error"].abs(), crps)
    table = table.assign(**ends, crps=crps, held=judge_ranges(table))
    return table[["lead", *_MONEY, "held", "used", "quantiles"]].astype({"used": schema.TEXT})


def score_quantiles(actual: Any, quantiles: Any, levels: Any) -> Floats:
    """Compute the CRPS of each forecast (row) from its quantiles at evenly spaced levels."""
    off = np.asarray(actual, dtype=np.float64)[:, None] - np.asarray(quantiles, dtype=np.float64)
    share = np.asarray(levels, dtype=np.float64)
    return np.asarray(2 * np.maximum(share * off, (share - 1) * off).mean(axis=1))


def _say_what_lacks(
    past: PastForecasts, wanted: Wanted, today: pd.Timestamp, method: str, *, now: bool
) -> str:
    """Say why no forecast can be judged."""
    period, known = noun(past.question.freq), sum(map(len, wanted.values()))
    if now:
        current = pd.Period(today, past.question.freq)
        early = text.count(last_day(current) - day_number(today), "day")
        few = (
            f"{text.label(method)} had too little history {early} before the end of "
            f"{text.count(known, f'earlier {period}')}"
        )
        none = f"no earlier {period} has a record {early} before its end"
        return f"{few if known else none}; keep recording"
    early = f", and records before it that {method} can learn from" if known else ""
    return (
        f"backtest needs a {period} that had ended by the last record "
        f"({past.question.today.date()}){early}; keep recording"
    )


def judge_midway(
    history: History, *, freq: str, by: By, method: MethodName, as_of: When, tz: str
) -> pd.DataFrame:
    """Compare forecasts and actuals of the last ended periods, halfway through each.

    A forecast is made at the last record of its period's first half.

    One row for each group and period.
    """
    past = PastForecasts(
        ForecastQuestion.of_past(
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
    return past.judge(wanted, PastForecasts.ask)[0]
