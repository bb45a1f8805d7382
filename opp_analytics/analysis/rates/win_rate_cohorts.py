"""`win_rate_cohorts`: win rates of creation cohorts at equal age."""

from __future__ import annotations

import pandas as pd

from opp_analytics import arguments, periods
from opp_analytics.analysis.shared.ages import follow_deals
from opp_analytics.analysis.shared.groups import (
    By,
    check_by,
    combine,
    divide,
    make_column_key,
    make_period_key,
)
from opp_analytics.analysis.shared.tables import annotate
from opp_analytics.analysis.stats.intervals import wilson
from opp_analytics.org import LOST, OPEN, WON, Org
from opp_analytics.periods import Freq, When


def win_rate_cohorts(
    opportunities: pd.DataFrame,
    *,
    as_of: When,
    age_days: int,
    freq: Freq = "Q",
    by: By = None,
    confidence: float = 0.95,
    tz: str | None = None,
) -> pd.DataFrame:
    """Compare the win rates of the deals created in each period, at the same age.

    Parameters
    ----------
    opportunities, as_of, by, confidence, tz
        As for `win_rate_curve`; one row for each value of `by` and period, with Wilson's interval.
    age_days : int
        Age at which cohorts are compared; younger deals are left out and counted.
    freq : str
        Period of creation: "M", "Q", a fiscal "Q-JAN", …

    Returns
    -------
    DataFrame
        Index ``period`` of creation (str; below the columns of `by`). Columns: ``created``,
        ``won``, ``lost``, ``open`` (int64) by that age, ``rate`` = won / created, ``rate_low``,
        ``rate_high``, ``open_share`` (float64).

    Notes
    -----
    Young cohorts have had less time, so at unequal age they always look worse.

    Examples
    --------
    >>> frame = pd.DataFrame(
    ...     {
    ...         "stage": ["closed_won", "closed_won", "proposal"],
    ...         "created_at": ["2026-01-01T00:00:00Z"] * 3,
    ...         "close_date": ["2026-01-11", "2026-02-21", None],
    ...     }
    ... )
    >>> win_rate_cohorts(frame, as_of="2026-03-01", age_days=30)[
    ...     ["created", "won", "rate", "open_share"]
    ... ].round(3)
            created  won   rate  open_share
    period
    2026Q1        3    1  0.333       0.667
    """
    confidence = arguments.share(confidence)
    age = arguments.whole(age_days, "age_days", low=0, high=36_500, example=90)
    org = Org.of(opportunities)
    tz, freq = org.zone(tz), org.freq(freq)
    frame, _, days, outcome, left_out, today = follow_deals(opportunities, as_of, by, tz)
    created = periods.to_dates(frame["created_at"], tz=tz)
    young = (created > today - pd.Timedelta(days=age)).to_numpy() & (days >= 0)
    kept = (days >= 0) & ~young
    keys = [make_column_key(frame[name]) for name in check_by(by)]
    keys.append(make_period_key(created, freq))
    groups = combine(keys, len(frame), within=kept)
    closed = kept & (outcome != OPEN) & (days <= age)
    won, lost = (groups.count(closed & (outcome == code)) for code in (WON, LOST))
    total = groups.count(kept)
    low, high = wilson(won, total, confidence=confidence)
    table = groups.frame(
        {
            "created": total,
            "won": won,
            "lost": lost,
            "open": total - won - lost,
            "rate": divide(won, total),
            "rate_low": low,
            "rate_high": high,
            "open_share": divide(total - won - lost, total),
        }
    )
    left_out = {**left_out, "younger_than_age_days": int(young.sum())}
    return annotate(
        table,
        "win_rate_cohorts",
        made_from=opportunities,
        n=int(kept.sum()),
        as_of=today,
        confidence=confidence,
        age_days=age,
        freq=freq,
        left_out=left_out,
    )
