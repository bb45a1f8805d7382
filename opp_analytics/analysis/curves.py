"""Win rates that follow deals from their creation: the curve, its quantiles, and cohorts at equal age."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics import periods
from opp_analytics.analysis._groups import By, Groups, by_columns, column_key, combine, period_key, read
from opp_analytics.analysis._notes import annotate
from opp_analytics.analysis.intervals import check_confidence, wilson
from opp_analytics.analysis.observed import observed_ends
from opp_analytics.analysis.outcomes import LOST, OPEN, WON
from opp_analytics.analysis.rates import ratio
from opp_analytics.analysis.survival import Incidence, ages, first_day, incidence, share_interval
from opp_analytics.errors import ArgumentError, DataError
from opp_analytics.periods import When

if TYPE_CHECKING:
    from opp_analytics.history import History


def win_rate_curve(
    opportunities: pd.DataFrame,
    *,
    as_of: When,
    by: By = None,
    history: History | None = None,
    confidence: float = 0.95,
    tz: str = "UTC",
) -> pd.DataFrame:
    """The share of created deals that were won, lost, disqualified and still open, by days since creation.

    Parameters
    ----------
    opportunities : DataFrame
        ``stage``, ``status`` where there is one, ``close_date`` (date), ``created_at`` (instant), columns of `by`.
    as_of : date-like
        The day T until which deals were followed.
    by : str or list of str, optional
        One curve for each value of these columns.
    history : History, optional
        Past records, which show when deals were disqualified, and when those were closed whose ``close_date`` nobody
        corrected; needs ``unique_id``. Without it disqualified deals are left out.
    confidence : float
        Of the interval.
    tz : str
        Business time zone, in which ``created_at`` becomes a date.

    Returns
    -------
    DataFrame
        Index ``days`` (int64; below the columns of `by`): each age at which a deal ended. Columns:
        ``at_risk``, ``won``, ``lost``, ``disqualified`` (int64): deals that old, and what ended at that age; ``win``,
        ``lose``, ``out`` (disqualified), ``open`` (float64, fractions that sum to 1); ``win_low``, ``win_high``: interval
        of ``win``. Attrs: ``n`` deals followed, ``as_of``, ``left_out``. No closed deal: no rows.

    Raises
    ------
    MissingColumnError, DataError, ArgumentError
        When a column is missing, or an argument makes no sense.

    Notes
    -----
    Aalen–Johansen: F_W(t) = Σ S(t_j−)·w/r, S(t) = Π (1 − (w + l + d)/r). A lost deal is a competing end, not one that
    might still be won: 1 − Kaplan–Meier, which pretends so, overstates. Open deals are censored at T − c; a close
    dated after T counts as open. Left out and counted: disqualified ones that no history dates, closed before created,
    contradictions, missing dates. Deals that old are few at the right end: mind ``at_risk``.

    References
    ----------
    Aalen and Johansen (1978). See `opp_analytics.analysis.survival`.

    Examples
    --------
    >>> frame = pd.DataFrame({
    ...     "stage": ["closed_won", "closed_lost", "proposal"], "created_at": ["2026-01-01T00:00:00Z"] * 3,
    ...     "close_date": ["2026-01-11", "2026-01-21", None]})
    >>> win_rate_curve(frame, as_of="2026-03-01")[["at_risk", "win", "lose", "open"]].round(3)
          at_risk    win   lose   open
    days
    10          3  0.333  0.000  0.667
    20          2  0.333  0.333  0.333
    """
    check_confidence(confidence)
    _, groups, days, outcome, left_out, today = _followed(opportunities, as_of, by, tz, history)
    curves = _per_group(groups, days, outcome)
    parts = [_columns(curve, confidence) for curve in curves]
    joined = (
        {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        if parts
        else _no_columns()
    )
    time = pd.Index(joined.pop("days"), name="days", dtype="int64")
    if groups.index is not None:
        lengths = [len(curve.time) for curve in curves]
        levels = [
            groups.index.get_level_values(k).repeat(np.array(lengths, dtype=int))
            for k in range(groups.index.nlevels)
        ]
        time = pd.MultiIndex.from_arrays([*levels, time], names=[*groups.index.names, "days"])
    table = pd.DataFrame(joined, index=time)
    return annotate(
        table,
        made_from=opportunities,
        n=int((days >= 0).sum()),
        as_of=today,
        left_out=left_out,
        confidence=float(confidence),
    )


def _followed(
    opportunities: pd.DataFrame, as_of: When, by: By, tz: str, history: History | None = None
) -> tuple[pd.DataFrame, Groups, NDArray[np.int64], NDArray[np.int8], dict[str, int], pd.Timestamp]:
    names = by_columns(by)
    today = periods.as_date(as_of, tz=tz)
    frame = read(opportunities, "stage", "close_date", "created_at", by=names, unique=history is not None)
    ends = None if history is None else observed_ends(history, frame, today, tz)
    days, outcome, left_out = ages(frame, today, tz, ends)
    groups = combine([column_key(frame[name]) for name in names], len(frame))
    return frame, groups, days, outcome, left_out, today


def _per_group(groups: Groups, days: NDArray[np.int64], outcome: NDArray[np.int8]) -> list[Incidence]:
    rows = np.flatnonzero(days >= 0)
    rows = rows[np.argsort(groups.codes[rows], kind="stable")]
    cuts = np.searchsorted(groups.codes[rows], np.arange(groups.size + 1))
    return [incidence(days[rows[first:last]], outcome[rows[first:last]]) for first, last in pairwise(cuts)]


def _columns(curve: Incidence, confidence: float) -> dict[str, NDArray[np.generic]]:
    low, high = share_interval(curve.win, curve.win_error, curve.at_risk, confidence)
    return {
        "days": curve.time,
        "at_risk": curve.at_risk,
        "won": curve.won,
        "lost": curve.lost,
        "disqualified": curve.disqualified,
        "win": curve.win,
        "lose": curve.lose,
        "out": curve.out,
        "open": curve.open,
        "win_low": low,
        "win_high": high,
    }


def _no_columns() -> dict[str, NDArray[np.generic]]:
    nobody = incidence(np.array([], dtype=np.int64), np.array([], dtype=np.int8))
    return _columns(nobody, 0.95)


def time_to_win(
    opportunities: pd.DataFrame,
    *,
    as_of: When,
    by: By = None,
    quantiles: Sequence[float] = (0.25, 0.5, 0.75),
    history: History | None = None,
    tz: str = "UTC",
) -> pd.DataFrame:
    """The days until a share of all deals, and of those ever won, has been won; open deals taken into account.

    Parameters
    ----------
    opportunities : DataFrame
        As for `win_rate_curve`.
    as_of : date-like
        The day until which deals were followed.
    by : str or list of str, optional
        One set of quantiles for each value of these columns.
    quantiles : sequence of float
        Shares between 0 and 1.
    history : History, optional
        As for `win_rate_curve`.
    tz : str
        Business time zone.

    Returns
    -------
    DataFrame
        Index ``quantile`` (float64; below the columns of `by`). Columns: ``days`` (float64): by then this share of
        all created deals was won, NaN if it never was; ``days_of_won`` (float64): by then this share of the wins seen
        so far had come. Empty input: the quantiles with NaN; with `by` no rows.

    Notes
    -----
    The first day on which the win-rate curve reaches the level; a mean over closed deals alone would be too short,
    because the slow ones are still open.

    Examples
    --------
    >>> frame = pd.DataFrame({
    ...     "stage": ["closed_won", "closed_won", "proposal"], "created_at": ["2026-01-01T00:00:00Z"] * 3,
    ...     "close_date": ["2026-01-11", "2026-01-21", None]})
    >>> time_to_win(frame, as_of="2026-03-01", quantiles=[0.5, 0.9])
              days  days_of_won
    quantile
    0.5       20.0         10.0
    0.9        NaN         20.0
    """
    bad = [q for q in quantiles if not 0 < q < 1]
    if bad:
        raise DataError(f"quantiles={list(quantiles)!r}: {bad[0]!r} is not between 0 and 1")
    _, groups, days, outcome, left_out, today = _followed(opportunities, as_of, by, tz, history)
    curves = _per_group(groups, days, outcome)
    rows = [
        (first_day(curve, q), first_day(curve, q * float(curve.win[-1])) if len(curve.win) else np.nan)
        for curve in curves
        for q in quantiles
    ]
    index: pd.Index = pd.Index(np.tile(np.asarray(quantiles, dtype=float), groups.size), name="quantile")
    if groups.index is not None:
        levels = [
            groups.index.get_level_values(k).repeat(len(quantiles)) for k in range(groups.index.nlevels)
        ]
        index = pd.MultiIndex.from_arrays([*levels, index], names=[*groups.index.names, "quantile"])
    table = pd.DataFrame(
        np.array(rows, dtype=float).reshape(-1, 2), index=index, columns=["days", "days_of_won"]
    )
    return annotate(table, made_from=opportunities, n=int((days >= 0).sum()), as_of=today, left_out=left_out)


def win_rate_cohorts(
    opportunities: pd.DataFrame,
    *,
    as_of: When,
    age_days: int,
    freq: str = "Q",
    by: By = None,
    confidence: float = 0.95,
    tz: str = "UTC",
) -> pd.DataFrame:
    """The share of the deals created in each period that were won by the same age.

    Parameters
    ----------
    opportunities : DataFrame
        As for `win_rate_curve`.
    as_of : date-like
        The day until which deals were followed.
    age_days : int
        The age at which cohorts are compared; deals younger than that on `as_of` are left out and counted.
    freq : str
        Period of creation.
    by : str or list of str, optional
        One row for each value of these columns and period.
    confidence : float
        Of Wilson's interval.
    tz : str
        Business time zone.

    Returns
    -------
    DataFrame
        Index ``period`` of creation (str; below the columns of `by`). Columns: ``created``, ``won``, ``lost``,
        ``open`` (int64) by that age, ``rate`` = won / created, ``rate_low``, ``rate_high``, ``open_share`` (float64).

    Notes
    -----
    Young cohorts have had less time: compared at unequal age they always look worse.

    Examples
    --------
    >>> frame = pd.DataFrame({
    ...     "stage": ["closed_won", "closed_won", "proposal"], "created_at": ["2026-01-01T00:00:00Z"] * 3,
    ...     "close_date": ["2026-01-11", "2026-02-21", None]})
    >>> win_rate_cohorts(frame, as_of="2026-03-01", age_days=30)[["created", "won", "rate", "open_share"]].round(3)
            created  won   rate  open_share
    period
    2026Q1        3    1  0.333       0.667
    """
    check_confidence(confidence)
    if isinstance(age_days, bool) or not isinstance(age_days, (int, np.integer)) or age_days < 0:
        raise ArgumentError(f"age_days={age_days!r} is not a number of days; use 90")
    frame, _, days, outcome, left_out, today = _followed(opportunities, as_of, by, tz)
    created = periods.to_dates(frame["created_at"], tz=tz)
    young = (created > today - pd.Timedelta(days=int(age_days))).to_numpy() & (days >= 0)
    kept = (days >= 0) & ~young
    keys = [*(column_key(frame[name]) for name in by_columns(by)), period_key(created.where(kept), freq)]
    groups = combine(keys, len(frame))
    closed = kept & (outcome != OPEN) & (days <= age_days)
    won, lost = (groups.count(closed & (outcome == code)) for code in (WON, LOST))
    total = groups.count(kept)
    low, high = wilson(won, total, confidence=confidence)
    table = groups.frame(
        {
            "created": total,
            "won": won,
            "lost": lost,
            "open": total - won - lost,
            "rate": ratio(won, total),
            "rate_low": low,
            "rate_high": high,
            "open_share": ratio(total - won - lost, total),
        }
    )
    return annotate(
        table,
        made_from=opportunities,
        n=int(kept.sum()),
        as_of=today,
        left_out={**left_out, "younger_than_age_days": int(young.sum())},
        confidence=float(confidence),
        age_days=int(age_days),
    )
