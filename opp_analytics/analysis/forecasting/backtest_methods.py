"""Forecast methods compared on the same past records."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any

import pandas as pd

from opp_analytics.analysis.forecasting.age_curve import TIMINGS
from opp_analytics.analysis.forecasting.backtest import backtest, is_run_rate, method_name, scored
from opp_analytics.analysis.forecasting.chances import Probability
from opp_analytics.analysis.shared.annotate import annotate
from opp_analytics.analysis.shared.replay import Replay
from opp_analytics.errors import NotEnoughHistory

if TYPE_CHECKING:
    from opp_analytics.history import History


def backtest_methods(
    history: History,
    *,
    freq: str = "Q",
    methods: Sequence[Probability] = ("stated", "stage", "run_rate"),
    new_business: bool = False,
    correlation: float = 0.0,
    tz: str = "UTC",
) -> pd.DataFrame:
    """Which way to forecast to trust: the errors of a backtest with each.

    Parameters
    ----------
    history : History
        Records of the past.
    freq : str
        Period alias.
    methods : sequence
        As `probability` of `backtest`.
    new_business : bool
        Whether to try each of them, the run rate excepted, twice more: with new business, and with that and
        ``timing="curve"``.
    correlation : float
        As for `backtest`.
    tz : str
        As for `backtest`.

    Returns
    -------
    DataFrame
        Index ``method`` (str). Columns: ``n`` (int64), ``wape``, ``bias``, ``interval_coverage`` (float64, fractions). All rows
        judge the same forecasts: those that every method could make; one that could make none has n = 0 and NaN.

    Raises
    ------
    NotEnoughHistory, ArgumentTypeError, DataError
        As `backtest`.

    Notes
    -----
    WAPE, bias and coverage as in `backtest`. Trust the method with the least ``wape``; a ``interval_coverage`` far below 0.8 says
    that its ranges are too narrow, and few ``n``, or many of one period, that chance may have chosen it. New business
    needs three earlier periods with a record of the same point, the win-rate curve ten won deals: a young history has
    n = 0 there.

    References
    ----------
    S. Kolassa, W. Schütz (2007), Advantages of the MAD/MEAN ratio over the MAPE, Foresight 6, 40–43, for WAPE.

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
    ways: list[tuple[Probability, bool, str]] = [(method, False, "due") for method in methods]
    if new_business:
        open_ones = [method for method in methods if not is_run_rate(method)]
        ways += [(method, True, timing) for timing in TIMINGS for method in open_ones]
    options = {"freq": freq, "correlation": correlation, "tz": tz}
    replay = Replay.of(history, "backtest", *(method for method in methods if isinstance(method, str)))
    tables = {method_name(*way): _tried(replay, way, options) for way in ways}
    able = [table for table in tables.values() if table is not None]
    if not able:
        raise NotEnoughHistory(
            f"none of the methods could forecast any {freq} period that is over; record on"
        )
    common = reduce(pd.Index.intersection, (table.index for table in able))
    nothing = able[0].head(0)
    summary = scored(
        {name: nothing if table is None else table.loc[common] for name, table in tables.items()}, "method"
    )
    return noted(summary, len(common), as_of=able[0].attrs["as_of"], freq=freq)


def _tried(
    history: Replay, way: tuple[Probability, bool, str], options: dict[str, Any]
) -> pd.DataFrame | None:
    """The backtest of one way to forecast; None where no record knows enough for it."""
    probability, new_business, timing = way
    try:
        return backtest(history, probability=probability, new_business=new_business, timing=timing, **options)
    except NotEnoughHistory:
        return None


def noted(table: pd.DataFrame, n: int, *, as_of: str | None, **further: Any) -> pd.DataFrame:
    """The table with its number of periods, its day and further scalars in attrs."""
    day = None if as_of is None else pd.Timestamp(as_of)
    return annotate(table, made_from=None, n=n, as_of=day, **further)
