"""`backtest_horizons`: forecast error by weeks before the period's end."""

from __future__ import annotations

import pandas as pd

from opp_analytics import arguments
from opp_analytics.analysis.forecasting.past_forecasts import score_groups
from opp_analytics.analysis.shared.tables import annotate


def backtest_horizons(table: pd.DataFrame) -> pd.DataFrame:
    """Errors of a backtest by weeks before the period's end.

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
    >>> from opp_analytics.analysis.forecasting.backtest import backtest
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
