"""`time_to_win`: days until a quarter, a half and three quarters of the deals are won."""

from __future__ import annotations

import numpy as np
import pandas as pd

from opp_analytics.analysis.shared.ages import fit_curves, follow_deals
from opp_analytics.analysis.shared.groups import By
from opp_analytics.analysis.shared.tables import annotate
from opp_analytics.analysis.stats.competing_risks import first_day
from opp_analytics.history import History
from opp_analytics.periods import When

_QUANTILES = (0.25, 0.5, 0.75)


def time_to_win(
    opportunities: pd.DataFrame,
    *,
    as_of: When,
    by: By = None,
    history: History | None = None,
    tz: str | None = None,
) -> pd.DataFrame:
    """Count the days until a quarter, a half and three quarters of all deals and wins are won.

    Parameters
    ----------
    opportunities, as_of, by, history, tz
        As for `win_rate_curve`; three rows for each value of `by`.

    Returns
    -------
    DataFrame
        Index ``quantile`` (float64: 0.25, 0.5, 0.75; below the columns of `by`). Columns: ``days``
        (float64): days until this share of all created deals is won, NaN if it never is;
        ``days_of_won`` (float64): days until this share of the wins so far. Empty input gives NaN
        for each quantile, or no rows with `by`. Note: ``won``: wins that were timed.

    Notes
    -----
    ``days`` is the first day on which the win-rate curve reaches the share. A mean over closed
    deals alone would be too short, because slow deals are still open.

    Examples
    --------
    >>> frame = pd.DataFrame(
    ...     {
    ...         "stage": ["closed_won", "closed_won", "proposal"],
    ...         "created_at": ["2026-01-01T00:00:00Z"] * 3,
    ...         "close_date": ["2026-01-11", "2026-01-21", None],
    ...     }
    ... )
    >>> time_to_win(frame, as_of="2026-03-01")
              days  days_of_won
    quantile
    0.25      10.0         10.0
    0.50      20.0         10.0
    0.75       NaN         20.0
    """
    _, groups, days, outcome, left_out, today = follow_deals(opportunities, as_of, by, tz, history)
    curves = fit_curves(groups, days, outcome)
    ends = [curve.won_share[-1] if len(curve.won_share) else np.nan for curve in curves]
    rows = [
        (first_day(curve, q), first_day(curve, q * end))
        for curve, end in zip(curves, ends, strict=True)
        for q in _QUANTILES
    ]
    labels = pd.Index(np.tile(_QUANTILES, groups.size), name="quantile")
    table = pd.DataFrame(
        np.array(rows, dtype=float).reshape(-1, 2),
        index=groups.nest(labels, len(_QUANTILES)),
        columns=["days", "days_of_won"],
    )
    n = int((days >= 0).sum())
    won = sum(int(curve.won.sum()) for curve in curves)
    return annotate(
        table, "time_to_win", made_from=opportunities, n=n, as_of=today, left_out=left_out, won=won
    )
