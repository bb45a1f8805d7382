"""`win_rate`: win rates of closed deals, by count and by money, with intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics import arguments, periods
from opp_analytics.analysis.shared.groups import (
    By,
    Groups,
    check_by,
    combine,
    divide,
    make_column_key,
    make_period_key,
    read,
)
from opp_analytics.analysis.shared.tables import annotate
from opp_analytics.analysis.stats.intervals import value_interval, wilson
from opp_analytics.arrays import Flags
from opp_analytics.org import (
    CONFLICT,
    DISQUALIFIED,
    LOST,
    OPEN,
    UNKNOWN,
    WON,
    Org,
    close_by,
    find_known_day,
    outcome_codes,
)
from opp_analytics.periods import Freq, When


def win_rate(
    opportunities: pd.DataFrame,
    *,
    by: By = None,
    freq: Freq | None = None,
    start: When | None = None,
    end: When | None = None,
    as_of: When | None = None,
    confidence: float = 0.95,
    tz: str | None = None,
) -> pd.DataFrame:
    """Measure the share of closed deals that were won, by count and by money, with intervals.

    Parameters
    ----------
    opportunities : DataFrame
        ``stage``, ``value`` (money), ``status`` if present, ``close_date`` (date) with `freq`,
        `start`, `end` or `as_of`, and the columns of `by`.
    by : str or list of str, optional
        One row for each value, or combination of values, of these columns; a missing value is shown
        as "(none)".
    freq : str, optional
        One row for each period of ``close_date``: "M", "Q" and "Y" of the org's fiscal year,
        "Q-DEC" of the calendar's, …
    start, end : date or str, optional
        First and last ``close_date`` to count.
    as_of : date or str, optional
        The period with this day is marked. A deal that is closed with a later date closed on this
        day; in opportunities loaded after it, it is open.
    confidence : float
        Confidence level of the intervals.
    tz : str, optional
        Business time zone, in which instants become dates; default: the org's, else UTC.

    Returns
    -------
    DataFrame
        One row without `by` and `freq`; else the index is `by`, then ``period`` (str), for every
        group that holds a deal, without periods that begin after `as_of`. Columns:

        - ``won``, ``lost``, ``open`` (int64): deals; ``open`` counts those due in the window or
          period.
        - ``rate``, ``rate_low``, ``rate_high`` (float64, fractions): won / (won + lost); NaN when
          nothing closed.
        - ``won_value``, ``lost_value`` (float64, money).
        - ``value_rate``, ``value_rate_low``, ``value_rate_high`` (float64, fractions): by money.
        - ``to_date`` (bool, with `freq`): `as_of` lies in the period; False without `as_of`.

        Note: ``n`` closed deals, ``day``, ``confidence``, ``left_out``; with `freq` also
        ``window``: [start, end]. A deal closed without a value counts in ``rate`` but not in
        ``value_rate``. Empty input: no rows, or one row of zeros and NaN without `by` and `freq`.

    Raises
    ------
    MissingColumnError, DataError, ArgumentTypeError, ArgumentValueError
        When a column is missing, or an argument cannot be used.

    Notes
    -----
    ``rate`` = won / (won + lost), ``value_rate`` = Σv won / Σv (won + lost), over deals whose
    ``close_date`` lies in the period: rates of groups aggregate as ratios of sums. Intervals:
    Wilson's; for ``value_rate`` at Kish's effective number of deals, (Σv)² / Σv².

    Examples
    --------
    >>> frame = pd.DataFrame(
    ...     {"stage": ["closed_won", "closed_won", "closed_lost"], "value": [10.0, 30.0, 60.0]}
    ... )
    >>> win_rate(frame)[["won", "lost", "rate", "value_rate"]].round(3)
       won  lost   rate  value_rate
    0    2     1  0.667         0.4
    """
    names = check_by(by)
    confidence = arguments.share(confidence)
    org = Org.of(opportunities)
    tz, freq = org.zone(tz), None if freq is None else org.freq(freq)
    dated = freq is not None or start is not None or end is not None
    needs_date = dated or as_of is not None
    frame = read(opportunities, "stage", "value", *(["close_date"] if needs_date else []), by=names)
    today = None
    if as_of is not None:
        today = find_known_day(opportunities, periods.as_date(as_of, tz=tz), tz)
    if today is None:
        outcome = outcome_codes(frame)
    else:
        outcome, frame["close_date"] = close_by(frame, today, tz)
    keys = [make_column_key(frame[name]) for name in names]
    if freq is not None:
        keys.append(make_period_key(frame["close_date"], freq))
    inside = np.ones(len(frame), dtype=bool)
    if dated:
        inside = (
            frame["close_date"].between(*periods.window(start, end, tz=tz)).to_numpy(dtype=bool)
        )
    if freq is not None and today is not None:
        # In a period that has not begun nothing has closed.
        inside = inside & ~(frame["close_date"] > pd.Period(today, freq).end_time).to_numpy()
    # A deal outside the window does not make a group.
    groups = combine(keys, len(frame), within=inside)
    table = _make_rates(frame, outcome, inside, groups, confidence)
    notes: dict[str, Any] = {}
    if freq is not None:
        window = [
            None if day is None else str(periods.as_date(day, tz=tz).date()) for day in (start, end)
        ]
        notes = {"freq": freq, "window": window}
        running = None if today is None else str(pd.Period(today, freq))
        table["to_date"] = np.asarray(table.index.get_level_values("period") == running, dtype=bool)
    closed = inside & (outcome <= LOST)
    return annotate(
        table,
        "win_rate",
        made_from=opportunities,
        n=int(closed.sum()),
        as_of=today,
        left_out={
            "conflict": int((outcome == CONFLICT).sum()),
            "disqualified": int((outcome == DISQUALIFIED).sum()),
            "unknown": int((outcome == UNKNOWN).sum()),
            "closed_outside_window": int((~inside & (outcome <= LOST)).sum()),
            "closed_without_value": int((closed & frame["value"].isna().to_numpy()).sum()),
        },
        confidence=confidence,
        **notes,
    )


def _make_rates(
    frame: pd.DataFrame,
    outcome: NDArray[Any],
    inside: Flags,
    groups: Groups,
    confidence: float,
) -> pd.DataFrame:
    won_rows, lost_rows = inside & (outcome == WON), inside & (outcome == LOST)
    value = frame["value"].to_numpy(dtype=float)
    won, lost = groups.count(won_rows), groups.count(lost_rows)
    won_value, lost_value = groups.sum(value, won_rows), groups.sum(value, lost_rows)
    low, high = wilson(won, won + lost, confidence=confidence)
    priced = (won_rows | lost_rows) & ~np.isnan(value)
    value_low, value_high = value_interval(
        value[priced], won_rows[priced], groups.codes[priced], groups.size, confidence=confidence
    )
    return groups.frame(
        {
            "won": won,
            "lost": lost,
            "open": groups.count(inside & (outcome == OPEN)),
            "rate": divide(won, won + lost),
            "rate_low": low,
            "rate_high": high,
            "won_value": won_value,
            "lost_value": lost_value,
            "value_rate": divide(won_value, won_value + lost_value),
            "value_rate_low": value_low,
            "value_rate_high": value_high,
        }
    )
