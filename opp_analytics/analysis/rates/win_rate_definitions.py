"""`win_rate_definitions`: the common definitions of the win rate, side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics import arguments, periods
from opp_analytics.analysis.shared.ages import fit_curve, follow_deals
from opp_analytics.analysis.shared.tables import annotate
from opp_analytics.analysis.stats.competing_risks import at_days, share_interval
from opp_analytics.analysis.stats.intervals import value_interval, wilson
from opp_analytics.org import LOST, OPEN, WON, Org, mask_future_dated, outcome_codes
from opp_analytics.periods import When

_MISLEADS = {
    "closed, all time": "the past differs from today; in a young pipeline, fast losses come first",
    "closed, last horizon": (
        "volume grows or shrinks: fast and slow deals come from different cohorts"
    ),
    "closed by value, last horizon": "few large deals decide it",
    "won of all created": "young deals count as not won; it rises as they close",
    "created cohort at equal age": "outdated: it counts only deals at least as old as the horizon",
    "curve at horizon": "few deals have reached that age",
    "curve, eventual": "it ends at the oldest close, so later wins are missing",
    "one minus Kaplan-Meier": (
        "always too high: a lost deal is treated as one that may still be won"
    ),
}
"""The definitions, and when each one misleads."""


def win_rate_definitions(
    opportunities: pd.DataFrame,
    *,
    as_of: When,
    horizon_days: int = 365,
    confidence: float = 0.95,
    tz: str | None = None,
) -> pd.DataFrame:
    """Compare common definitions of the win rate on the same deals, and say when each one misleads.

    Parameters
    ----------
    opportunities : DataFrame
        ``stage``, ``status`` if present, ``value`` (money), ``close_date`` (date), ``created_at``
        (instant).
    as_of : date or str
        Date T; a close dated later counts as open.
    horizon_days : int
        Days before T in which closes count, and age at which cohorts are compared.
    confidence, tz
        As for `win_rate`.

    Returns
    -------
    DataFrame
        Index ``definition`` (str). Columns: ``rate``, ``rate_low``, ``rate_high`` (float64,
        fractions; NaN without deals), ``n`` (int64): deals in the denominator, ``open_share``
        (float64): share of its deals still open, ``misleads_when`` (str). Empty input gives the
        same rows with NaN and n = 0.

    Notes
    -----
    Closed ones: won / (won + lost), by ``close_date``. Won of created: won / all, still open
    included. Cohort: won within the horizon / created at least the horizon ago. Curve:
    Aalen–Johansen, see `win_rate_curve`.

    Examples
    --------
    >>> frame = pd.DataFrame(
    ...     {
    ...         "stage": ["closed_won", "closed_lost", "proposal"],
    ...         "created_at": ["2026-01-01T00:00:00Z"] * 3,
    ...         "close_date": ["2026-01-11", "2026-01-21", None],
    ...         "value": [5.0, 5.0, 5.0],
    ...     }
    ... )
    >>> win_rate_definitions(frame, as_of="2026-03-01", horizon_days=30)["rate"].round(3).head(4).tolist()
    [0.5, nan, nan, 0.333]
    """
    confidence = arguments.between(confidence, "confidence", example=0.95)
    horizon = arguments.whole(horizon_days, "horizon_days", example=365)
    frame, _, days, outcome, left_out, today = follow_deals(
        opportunities, as_of, None, tz, None, "value"
    )
    zone = Org.of(opportunities).zone(tz)
    rows = {
        **_count_closed(frame, today, horizon, confidence),
        **_count_followed(frame, days, outcome, today, horizon, confidence, zone),
    }
    table = pd.DataFrame.from_dict(
        rows, orient="index", columns=["rate", "rate_low", "rate_high", "n", "open_share"]
    )
    table = table.loc[list(_MISLEADS)].rename_axis(index="definition").astype({"n": "int64"})
    table["misleads_when"] = list(_MISLEADS.values())
    notes: dict[str, Any] = {
        "left_out": left_out,
        "confidence": confidence,
        "horizon_days": horizon,
    }
    return annotate(table, made_from=opportunities, n=len(frame), as_of=today, **notes)


Row = tuple[float, float, float, int, float]


def _make_row(hits: int, trials: int, open_share: float, confidence: float) -> Row:
    low, high = wilson(hits, trials, confidence=confidence)
    return _divide(hits, trials), float(low), float(high), trials, open_share


def _divide(part: float, whole: float) -> float:
    return part / whole if whole else np.nan


def _count_closed(
    frame: pd.DataFrame, today: pd.Timestamp, horizon: int, confidence: float
) -> dict[str, Row]:
    outcome = outcome_codes(frame)
    outcome = np.where(mask_future_dated(frame, outcome, today), OPEN, outcome)
    recent = (frame["close_date"] > today - pd.Timedelta(days=horizon)).to_numpy()
    won, closed, open_ = outcome == WON, outcome <= LOST, int((outcome == OPEN).sum())
    value = frame["value"].to_numpy(dtype=float)
    priced = recent & closed & ~np.isnan(value)
    nowhere = np.zeros(int(priced.sum()), dtype=np.intp)
    low, high = value_interval(value[priced], won[priced], nowhere, 1, confidence=confidence)
    n, n_recent = int(closed.sum()), int((recent & closed).sum())
    still, still_recent = _divide(open_, n + open_), _divide(open_, n_recent + open_)
    value_rate = _divide(float(value[priced & won].sum()), float(value[priced].sum()))
    return {
        "closed, all time": _make_row(int(won.sum()), n, still, confidence),
        "closed, last horizon": _make_row(
            int((recent & won).sum()), n_recent, still_recent, confidence
        ),
        "closed by value, last horizon": (
            value_rate,
            float(low[0]),
            float(high[0]),
            int(priced.sum()),
            still_recent,
        ),
    }


def _count_followed(
    frame: pd.DataFrame,
    days: NDArray[np.int64],
    outcome: NDArray[np.int8],
    today: pd.Timestamp,
    horizon: int,
    confidence: float,
    tz: str,
) -> dict[str, Row]:
    known = days >= 0
    created = periods.to_dates(frame["created_at"], tz=tz)
    old = known & (created <= today - pd.Timedelta(days=horizon)).to_numpy()
    in_time = old & (days <= horizon) & (outcome != OPEN)
    n, n_old = int(known.sum()), int(old.sum())
    won, won_in_time = (
        int((known & (outcome == WON)).sum()),
        int((in_time & (outcome == WON)).sum()),
    )
    still = _divide(int((known & (outcome == OPEN)).sum()), n)
    still_old = _divide(n_old - int(in_time.sum()), n_old)
    rows = {
        "won of all created": _make_row(won, n, still, confidence),
        "created cohort at equal age": _make_row(won_in_time, n_old, still_old, confidence),
    }
    return {**rows, **_read_curves(days[known], outcome[known], horizon, confidence)}


def _read_curves(
    days: NDArray[np.int64], outcome: NDArray[np.int8], horizon: int, confidence: float
) -> dict[str, Row]:
    curve = fit_curve(days, outcome)
    last = int(curve.time[-1]) if len(curve.time) else 0
    # Kaplan–Meier: a lost deal counts as censored.
    alone = fit_curve(days, np.where(outcome == LOST, np.int8(OPEN), outcome))
    rows: dict[str, Row] = {}
    for name, asked, day in (
        ("curve at horizon", curve, horizon),
        ("curve, eventual", curve, last),
        ("one minus Kaplan-Meier", alone, last),
    ):
        share, error, still = (
            at_days(found, column, [day])
            for found, column in ((asked, "won_share"), (asked, "won_error"), (curve, "open_share"))
        )
        low, high = share_interval(share, error, np.array([(days >= day).sum()]), confidence)
        known = (float(share[0]), float(low[0]), float(high[0]), len(days), float(still[0]))
        rows[name] = known if len(days) else (np.nan, np.nan, np.nan, 0, np.nan)
    return rows
