"""`backtest_methods`: forecast methods compared on the same past records."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING

import pandas as pd

from opp_analytics import periods
from opp_analytics.analysis.forecasting.backtest import judge
from opp_analytics.analysis.forecasting.method import METHODS, Method, read_method
from opp_analytics.analysis.forecasting.past_forecasts import RUN_RATE, Way, replayed, score_groups
from opp_analytics.analysis.shared.annotate import annotate
from opp_analytics.analysis.shared.replay import Replay, last_record
from opp_analytics.errors import ArgumentTypeError, ArgumentValueError, NotEnoughHistory
from opp_analytics.periods import When

if TYPE_CHECKING:
    from opp_analytics.history import History


def backtest_methods(
    history: History,
    *,
    freq: str = "Q",
    methods: Sequence[str | Method] = ("stated", "stage", RUN_RATE),
    as_of: When | None = None,
    confidence: float = 0.8,
    tz: str = "UTC",
) -> pd.DataFrame:
    """Errors of several forecast methods on the same past records, to choose the best one.

    Parameters
    ----------
    history : History
        Past records.
    methods : sequence of str or Method
        Methods as for `forecast`, or "run_rate", which ignores open deals: the mean bookings of the last four
        complete periods.
    freq, as_of, confidence, tz
        As for `backtest`.

    Returns
    -------
    DataFrame
        Index ``method`` (str). Columns: ``n`` (int64), ``wape``, ``bias``, ``interval_coverage`` (float64, fractions), as
        in `backtest`. All rows judge the same forecasts: those that every method could make. A method that could make
        none has n = 0 and NaN.

    Raises
    ------
    NotEnoughHistory, ArgumentTypeError, ArgumentValueError, DataError
        As for `backtest`; also when two methods have the same name.

    Notes
    -----
    Use the method with the lowest ``wape``. If ``interval_coverage`` is far below `confidence`, its ranges are too
    narrow. With small ``n``, or many forecasts of one period, the order may be chance.

    Examples
    --------
    >>> from opp_analytics.history import History
    >>> log = pd.DataFrame({
    ...     "unique_id": "a", "seen_at": ["2026-01-12", "2026-01-26", "2026-02-02"], "value": 100.0,
    ...     "probability": [40, 70, 100], "stage": ["proposal", "negotiation", "closed_won"], "close_date": "2026-01-30"})
    >>> backtest_methods(History.from_changes(log), freq="M", methods=("stated", "run_rate"))
              n  wape  bias  interval_coverage
    method
    stated    2  0.45 -0.45                1.0
    run_rate  2  1.00 -1.00                0.0
    """
    ways = _ways(methods)
    replay = replayed(history, "backtest_methods", list(ways.values()), as_of, tz)
    tables = {name: _tried(replay, way, freq, confidence, tz) for name, way in ways.items()}
    able = [table for table in tables.values() if table is not None]
    if not able:
        raise NotEnoughHistory(f"no method could forecast any {freq} period that has ended; keep recording")
    common = reduce(pd.Index.intersection, (table.index for table in able))
    nothing = able[0].head(0)
    summary = score_groups(
        {name: nothing if table is None else table.loc[common] for name, table in tables.items()}, "method"
    )
    return annotate(
        summary,
        made_from=history,
        n=len(common),
        as_of=periods.as_date(last_record(replay), tz=tz),
        freq=freq,
        confidence=float(confidence),
    )


def _ways(methods: Sequence[str | Method]) -> dict[str, Way]:
    """The methods by name."""
    if not isinstance(methods, (list, tuple)) or not methods:
        raise ArgumentTypeError(f"methods={methods!r} is not a list of methods; use for example {METHODS!r}")
    ways: dict[str, Way] = {}
    for method in methods:
        run_rate = isinstance(method, str) and method == RUN_RATE
        way: Way = RUN_RATE if run_rate else read_method(method, "methods")
        name = way.name if isinstance(way, Method) else way
        if name in ways:
            raise ArgumentValueError(f"methods: {name!r} occurs twice; each method needs a different name")
        ways[name] = way
    return ways


def _tried(replay: Replay, way: Way, freq: str, confidence: float, tz: str) -> pd.DataFrame | None:
    """The backtest of one method; None if no record has enough data for it."""
    try:
        return judge(replay, way, freq=freq, confidence=confidence, tz=tz)
    except NotEnoughHistory:
        return None
