"""`scorecard`: owners, teams or segments compared fairly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics import arguments
from opp_analytics.analysis.forecasting.backtest import judge_midway
from opp_analytics.analysis.movement.slippage import slippage
from opp_analytics.analysis.rates.win_rate import win_rate
from opp_analytics.analysis.shared.groups import check_by, read
from opp_analytics.analysis.shared.tables import annotate
from opp_analytics.analysis.stats.intervals import (
    bias_interval,
    mark_differences,
    median_interval,
    wilson,
)
from opp_analytics.arguments import MethodName
from opp_analytics.errors import ArgumentValueError, NotEnoughHistory
from opp_analytics.history import History
from opp_analytics.note import note_of
from opp_analytics.org import WON, Org, close_by, find_known_day
from opp_analytics.periods import Freq, When, as_date, check_freq, to_dates, window
from opp_analytics.schema import label_groups, mark_named
from opp_analytics.text import split_key

# Ended periods whose slippage is counted: a year of months, so that a slow season has no weight of
# its own.
_PERIODS = 12


def scorecard(
    opportunities: pd.DataFrame,
    history: History | None = None,
    *,
    as_of: When,
    by: str | Sequence[str] = "owner_name",
    start: When | None = None,
    freq: Freq = "M",
    method: MethodName = "auto",
    confidence: float = 0.95,
    tz: str | None = None,
) -> pd.DataFrame:
    """Compare owners, teams or segments by win rate, days to win, slip rate and bias.

    The bias is that of forecasts. Each figure has an interval.

    Parameters
    ----------
    opportunities : DataFrame
        ``stage``, ``status``, ``value``, ``close_date``, the columns of `by`, and ``created_at``
        for the days to win.
    history : History, optional
        Past records, for slip rate and forecast bias; those after `as_of` are not read.
    as_of : date or str
        A close dated after this day counts as open.
    by : str or list of str
        Columns to compare by; in the history with their values at the time.
    start : date or str, optional
        First ``close_date`` that counts in the win rate and the days to win.
    freq, method : str
        Periods whose slippage and forecasts are judged, the last 12 that have ended; `method` as
        for `forecast`.
    confidence, tz
        As for `win_rate`; also the level of `differs`.

    Returns
    -------
    DataFrame
        Index: the columns of `by` (str), one row per group with a deal. ``won``, ``lost`` (int64),
        ``rate``, ``rate_low``, ``rate_high`` (fractions); ``differs`` (bool): the rate differs from
        that of all others together by more than chance; ``days_to_win`` (median), ``slip_rate``
        (fraction of deals due), ``forecast_bias`` (fraction of what was won), each with ``_low``
        and ``_high`` (float64, NaN where too few or without a history); ``due``, ``n`` (int64):
        deals behind the slip rate, closed deals. Empty input: no rows. Note: ``n``, ``day``,
        ``confidence``, ``freq``.

    Raises
    ------
    MissingColumnError, DataError, ArgumentError
        When a column is missing, a value does not fit, or an argument cannot be used.

    Notes
    -----
    ``differs``: Fisher's exact test of each group against the rest, Holm's adjustment for the
    number of comparisons (two groups are one). Where all are equal, no group at all is marked with
    a probability of at least `confidence`, however many are compared. Intervals: Wilson's for
    rates, order statistics for the median, Student's over periods for the bias. forecast_bias = Σ(F
    − A) / Σ A over forecasts from the last record in the first half of each period. Only wins have
    days to win: slow deals still open are missing.

    Examples
    --------
    >>> frame = pd.DataFrame(
    ...     {
    ...         "owner_name": ["Ann"] * 20 + ["Bo"] * 20,
    ...         "value": 10.0,
    ...         "close_date": "2026-03-02",
    ...         "stage": ["closed_won"] * 15 + ["closed_lost"] * 20 + ["closed_won"] * 5,
    ...     }
    ... )
    >>> scorecard(frame, as_of="2026-03-31")[["won", "lost", "rate", "differs"]]
                won  lost  rate  differs
    owner_name
    Ann          15     5  0.75     True
    Bo            5    15  0.25     True
    """
    names = check_by(by)
    if not names:
        raise ArgumentValueError.of(
            "by",
            by,
            "names no column, and scorecard compares groups",
            "use for example 'owner_name'",
        )
    if {"stage", "status"} & {*names}:
        raise ArgumentValueError.of(
            "by", by, "tells how a deal ended, not whose it was", "use for example 'owner_name'"
        )
    level = arguments.share(confidence)
    org = Org.of(opportunities)
    zone = org.zone(tz)
    today = find_known_day(opportunities, as_date(as_of, tz=zone), zone)
    created = ["created_at"] if "created_at" in opportunities else []
    frame = read(opportunities, "stage", "value", "close_date", *created, by=names)
    # As the history's queries spell the groups.
    frame = frame.assign(**{name: label_groups(frame[name]) for name in names})
    rates = win_rate(frame, by=names, start=start, end=None, as_of=today, confidence=level, tz=zone)
    left_out = note_of(rates).figures["left_out"]
    rates = rates[["won", "lost", "rate", "rate_low", "rate_high"]]
    groups, closed = rates.index, (rates["won"] + rates["lost"]).to_numpy()
    days = _collect_days(frame, names, start, today, zone)
    due = _count_due(history, groups, names, freq, today, zone)
    forecasts = {}
    if history is not None:
        past = judge_midway(history, freq=freq, by=names, method=method, as_of=today, tz=zone)
        forecasts = {
            split_key(key): (group["expected"], group["actual"])
            for key, group in past.groupby(names)
        }
    slip_low, slip_high = wilson(due["slipped"], due["due"], confidence=level)
    slip_rate = due["slipped"] / due["due"].where(due["due"] > 0)
    keys = [split_key(key) for key in groups]
    times = [median_interval(days.get(key, []), confidence=level) for key in keys]
    biases = [bias_interval(*forecasts.get(key, ([], [])), confidence=level) for key in keys]
    # What is nobody's is compared with nobody.
    somebodys = mark_named(groups)
    table = rates.assign(
        differs=mark_differences(rates["won"] * somebodys, closed * somebodys, confidence=level),
        **_name_ends("days_to_win", times),
        **_name_ends("slip_rate", list(zip(slip_rate, slip_low, slip_high, strict=True))),
        due=due["due"].to_numpy(),
        **_name_ends("forecast_bias", biases),
        n=closed,
    )
    return annotate(
        table,
        "scorecard",
        made_from=opportunities,
        n=int(closed.sum()),
        as_of=today,
        left_out=left_out,
        confidence=level,
        freq=org.freq(check_freq(freq)),
    )


def _name_ends(name: str, intervals: list[tuple[float, float, float]]) -> dict[str, Any]:
    values = np.array(intervals, dtype=np.float64).reshape(-1, 3)
    return {name: values[:, 0], f"{name}_low": values[:, 1], f"{name}_high": values[:, 2]}


def _collect_days(
    frame: pd.DataFrame, names: list[str], start: When | None, today: pd.Timestamp, tz: str
) -> dict[tuple[str, ...], Any]:
    if "created_at" not in frame:
        return {}
    first, _ = window(start, None, tz=tz)
    outcome, closed_on = close_by(frame, today, tz)
    won = (outcome == WON) & closed_on.between(first, today).to_numpy()
    days = (closed_on - to_dates(frame["created_at"], tz=tz)).dt.days.where(won)
    by_group = days[days >= 0].groupby([frame[name] for name in names])
    return {split_key(key): group.to_numpy() for key, group in by_group}


def _count_due(
    history: History | None,
    groups: pd.Index[Any],
    names: list[str],
    freq: Freq,
    today: pd.Timestamp,
    tz: str,
) -> pd.DataFrame:
    """Count the deals due in the last ended periods, and those that slipped, by group."""
    counts: pd.DataFrame = pd.DataFrame(0, index=groups, columns=["slipped", "due"], dtype="int64")
    if history is None:
        return counts
    current = pd.Period(today, Org.of(history).freq(check_freq(freq)))
    for step in range(_PERIODS, 0, -1):
        period = current - step
        first, last = period.start_time.normalize(), period.end_time.normalize()
        try:
            found = slippage(history, start=first, end=last, by=names, tz=tz)["count"]
        except NotEnoughHistory:
            continue  # No record in this period; another one may have some.
        slipped = found[found.index.get_level_values("outcome") == "slipped"].droplevel("outcome")
        for name, part in (("slipped", slipped), ("due", found.groupby(names).sum())):
            counts[name] += part.reindex(groups).fillna(0).astype("int64")
    return counts
