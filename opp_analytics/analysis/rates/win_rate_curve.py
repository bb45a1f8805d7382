"""`win_rate_curve`: the share of created deals won, lost, disqualified and open, by age."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics import arguments, periods
from opp_analytics.analysis.shared.ages import find_entry_ages, fit_curves, follow_deals
from opp_analytics.analysis.shared.groups import By
from opp_analytics.analysis.shared.tables import annotate
from opp_analytics.analysis.stats.competing_risks import Incidence, incidence, share_interval
from opp_analytics.history import History
from opp_analytics.org import Org
from opp_analytics.periods import When


def win_rate_curve(
    opportunities: pd.DataFrame,
    *,
    as_of: When,
    by: By = None,
    observed_from: When | None = None,
    history: History | None = None,
    confidence: float = 0.95,
    tz: str | None = None,
) -> pd.DataFrame:
    """Estimate the shares of deals won, lost, disqualified and open, by days since created.

    Parameters
    ----------
    opportunities : DataFrame
        ``stage``, ``status`` if present, ``close_date`` (date), ``created_at`` (instant), columns
        of `by`.
    as_of : date or str
        Date T up to which deals were followed.
    by : str or list of str, optional
        One curve for each value of these columns.
    observed_from : date or str, optional
        First day from which closed deals are in the data, such as that of a move from another CRM.
        A deal created earlier counts only from then on; deals that closed earlier are left out.
    history : History, optional
        Past records, which give the dates of disqualified deals and of late entries; needs
        ``unique_id``. Without it, disqualified deals are left out.
    confidence : float
        Confidence level of the interval.
    tz : str, optional
        Business time zone, in which ``created_at`` becomes a date; default: the org's, else UTC.

    Returns
    -------
    DataFrame
        Index ``days`` (int64; below the columns of `by`): each age at which a deal ended. Columns:
        ``at_risk``, ``won``, ``lost``, ``disqualified`` (int64): deals of that age, and deals that
        ended at that age; ``won_share``, ``lost_share``, ``disqualified_share``, ``open_share``
        (float64, fractions that sum to 1); ``won_low``, ``won_high``: interval of ``won_share``.
        Note: ``n`` deals followed, ``day``, ``left_out``. Without closed deals, no rows.

    Raises
    ------
    MissingColumnError, DataError, ArgumentTypeError, ArgumentValueError
        When a column is missing, or an argument cannot be used.

    Notes
    -----
    Aalen–Johansen: F_W(t) = Σ S(t_j−)·w/r, S(t) = Π (1 − (w + l + d)/r). A lost deal is a competing
    end: 1 − Kaplan–Meier, which treats it as if it may still be won, is too high. Open deals are
    censored at T − c; a close dated after T counts as open. `observed_from` truncates on the left:
    without it, deals that closed before the data begin are missing and the early ages look too
    slow. Left out and counted: disqualified deals without a date from history, deals closed before
    created, contradictions, missing dates. At the right end few deals remain; check ``at_risk``.

    References
    ----------
    O. Aalen and S. Johansen (1978), Scand. J. Statist. 5, 141–150.

    Examples
    --------
    >>> frame = pd.DataFrame(
    ...     {
    ...         "stage": ["closed_won", "closed_lost", "proposal"],
    ...         "created_at": ["2026-01-01T00:00:00Z"] * 3,
    ...         "close_date": ["2026-01-11", "2026-01-21", None],
    ...     }
    ... )
    >>> win_rate_curve(frame, as_of="2026-03-01")[
    ...     ["at_risk", "won_share", "lost_share", "open_share"]
    ... ].round(3)
          at_risk  won_share  lost_share  open_share
    days
    10          3      0.333       0.000       0.667
    20          2      0.333       0.333       0.333
    """
    confidence = arguments.share(confidence)
    frame, groups, days, outcome, left_out, today = follow_deals(
        opportunities, as_of, by, tz, history
    )
    entry = None
    if observed_from is not None:
        zone = Org.of(opportunities).zone(tz)
        begin = periods.as_date(observed_from, tz=zone, name="observed_from")
        entry, before = find_entry_ages(frame, days, begin, zone)
        left_out["closed_before_observed_from"] = int(before.sum())
        days = np.where(before, -1, days)
    curves = fit_curves(groups, days, outcome, entry)
    parts = [_list_columns(curve, confidence) for curve in curves]
    nobody = incidence(np.array([], dtype=np.int64), won=np.array([], dtype=bool))
    joined = {
        name: np.concatenate([empty, *(part[name] for part in parts)])
        for name, empty in _list_columns(nobody, confidence).items()
    }
    time = pd.Index(joined.pop("days"), name="days", dtype="int64")
    lengths = np.array([len(curve.time) for curve in curves], dtype=np.intp)
    table = pd.DataFrame(joined, index=groups.nest(time, lengths))
    n = int((days >= 0).sum())
    return annotate(
        table,
        "win_rate_curve",
        made_from=opportunities,
        n=n,
        as_of=today,
        left_out=left_out,
        confidence=confidence,
    )


def _list_columns(curve: Incidence, confidence: float) -> dict[str, NDArray[np.generic]]:
    low, high = share_interval(curve.won_share, curve.won_error, curve.at_risk, confidence)
    return {
        "days": curve.time,
        "at_risk": curve.at_risk,
        "won": curve.won,
        "lost": curve.lost,
        "disqualified": curve.disqualified,
        "won_share": curve.won_share,
        "won_low": low,
        "won_high": high,
        "lost_share": curve.lost_share,
        "disqualified_share": curve.disqualified_share,
        "open_share": curve.open_share,
    }
