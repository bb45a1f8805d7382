"""`velocity`: pipeline velocity in money per day."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from opp_analytics.analysis.shared.ages import follow_deals
from opp_analytics.analysis.shared.groups import By, divide
from opp_analytics.analysis.shared.tables import annotate
from opp_analytics.org import LOST, OPEN, WON
from opp_analytics.periods import When


def velocity(
    opportunities: pd.DataFrame,
    *,
    as_of: When,
    by: By = None,
    tz: str | None = None,
) -> pd.DataFrame:
    """Estimate the money that the open pipeline turns into bookings per day, with its four factors.

    Parameters
    ----------
    opportunities : DataFrame
        ``stage``, ``status`` if present, ``value`` (money), ``close_date`` (date), ``created_at``
        (instant), and the columns of `by`.
    as_of : date or str
        Date T; a close dated later counts as open.
    by : str or list of str, optional
        One row for each value of these columns. Rates of groups do not add up to the rate of all.
    tz : str, optional
        Business time zone; default: the org's, else UTC.

    Returns
    -------
    DataFrame
        One row, or index `by`. Columns: ``velocity`` (float64, money per day), ``open_count``,
        ``won``, ``lost`` (int64), ``win_rate`` (float64, fraction), ``mean_won_value`` (float64,
        money), ``mean_days_to_win`` (float64, days). NaN where a factor has no deals. Empty input
        gives one row, or none with `by`.

    Notes
    -----
    velocity = open count × win rate × mean won value / mean days to win. It assumes that open deals
    will close like past deals, so read it as a trend. Deals won before they were created are left
    out of the days and counted.

    Examples
    --------
    >>> frame = pd.DataFrame(
    ...     {
    ...         "stage": ["closed_won", "closed_lost", "proposal"],
    ...         "created_at": ["2026-01-01T00:00:00Z"] * 3,
    ...         "close_date": ["2026-01-11", "2026-01-21", None],
    ...         "value": [500.0, 5.0, 5.0],
    ...     }
    ... )
    >>> velocity(frame, as_of="2026-03-01")["velocity"].tolist()
    [25.0]
    """
    frame, groups, days, outcome, left_out, today = follow_deals(
        opportunities, as_of, by, tz, None, "value"
    )
    won, lost = groups.count(outcome == WON), groups.count(outcome == LOST)
    value = frame["value"].to_numpy(dtype=float)
    dated = (outcome == WON) & (days >= 0)
    priced = (outcome == WON) & ~np.isnan(value)
    factors: dict[str, Any] = {
        "open_count": groups.count(outcome == OPEN),
        "won": won,
        "lost": lost,
        "win_rate": divide(won, won + lost),
        "mean_won_value": divide(groups.sum(value, priced), groups.count(priced)),
        "mean_days_to_win": divide(groups.sum(days.astype(float), dated), groups.count(dated)),
    }
    speed = divide(
        factors["open_count"] * factors["win_rate"] * factors["mean_won_value"],
        factors["mean_days_to_win"],
    )
    table = groups.frame({"velocity": speed, **factors})
    return annotate(
        table,
        "velocity",
        made_from=opportunities,
        n=int(((outcome == OPEN) | (outcome <= LOST)).sum()),
        as_of=today,
        left_out={
            **left_out,
            "won_without_value": int(((outcome == WON) & np.isnan(value)).sum()),
        },
    )
