"""Forecast error by weeks before the period's end."""

from __future__ import annotations

import pandas as pd

from opp_analytics.analysis.forecasting.backtest import scored
from opp_analytics.analysis.forecasting.backtest_methods import noted
from opp_analytics.errors import MissingColumnError


def backtest_horizons(table: pd.DataFrame) -> pd.DataFrame:
    """The errors of a backtest by weeks before the period's end.

    Parameters
    ----------
    table : DataFrame
        What `backtest` returns.

    Returns
    -------
    DataFrame
        Index ``weeks_before`` (int64). Columns: ``n`` (int64), ``wape``, ``bias``, ``interval_coverage`` (float64, fractions).

    Raises
    ------
    MissingColumnError
        When `table` is something else.

    Notes
    -----
    WAPE, bias and coverage as in `backtest`, over the forecasts made as many full weeks before the end of their period.
    A bias that grows with the distance is money that deals not created yet bring (below 0), or that slips away (above
    0). ``wape`` and ``bias`` are NaN where nothing was booked.

    References
    ----------
    S. Kolassa, W. Schütz (2007), Advantages of the MAD/MEAN ratio over the MAPE, Foresight 6, 40–43, for WAPE.

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
    missing = [c for c in ("weeks_before", "error", "actual", "low", "high") if c not in table.columns]
    if missing:
        raise MissingColumnError(
            f"the table has no column {', '.join(missing)}; hand in what backtest returns"
        )
    summary = scored(dict(iter(table.groupby("weeks_before"))), "weeks_before")
    kept = {name: table.attrs.get(name) for name in ("as_of", "freq", "method")}
    return noted(summary, len(table), **kept)
