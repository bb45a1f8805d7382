"""`calibration`: stated probabilities against outcomes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics import arguments, periods, schema
from opp_analytics.analysis.shared.groups import (
    By,
    Groups,
    Key,
    check_by,
    combine,
    divide,
    make_column_key,
)
from opp_analytics.analysis.shared.history_query import (
    DELETED,
    check_history,
    number_deals,
    read_changes,
)
from opp_analytics.analysis.shared.tables import annotate
from opp_analytics.analysis.stats.competing_risks import at_days, incidence, share_interval
from opp_analytics.arrays import Codes, Counts, Flags, Floats, Places
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.history import History
from opp_analytics.org import CONFLICT, DISQUALIFIED, LOST, OPEN, UNKNOWN, WON, Org
from opp_analytics.periods import When

_SHARES = ("won_share", "lost_share", "disqualified_share", "open_share")


def calibration(
    history: History,
    *,
    horizon_days: int,
    bins: int = 10,
    by: By = None,
    as_of: When | None = None,
    confidence: float = 0.95,
    tz: str | None = None,
) -> pd.DataFrame:
    """Compare stated probabilities with the share of deals that were won by a horizon.

    Parameters
    ----------
    history : History
        Past records.
    horizon_days : int
        Days after its first open record by which a deal counts as won; long enough that few are
        still open.
    bins : int
        Number of equal-width bins of the stated probability.
    by : str or list of str, optional
        Columns to group by, with their values in the deal's first open record.
    as_of : date or str, optional
        Only records up to the end of this day are used; None uses all.
    confidence : float
        Confidence level of the interval.
    tz : str, optional
        Business time zone of the day `as_of`; default: the org's, else UTC.

    Returns
    -------
    DataFrame
        Index ``bin`` (str: "0–10%", …; all of them; below the columns of `by`). Columns: ``n``
        (int64): deals; ``stated`` (float64, fraction): their mean stated probability; ``realized``:
        share won by the horizon; ``realized_low``, ``realized_high``: its interval; ``lost_share``,
        ``removed_share`` (deleted or disqualified) and ``open_share`` at the horizon, which with
        ``realized`` sum to 1; ``won``, ``lost``, ``removed``, ``open`` (int64): deals by then, or
        by the last record where that came first. A bin without a deal that was followed so long has
        NaN. Note: ``brier``, ``skill`` (against always saying the base rate), ``ece``,
        ``base_rate`` (None without deals), ``left_out`` (no stated probability, contradictions).

    Raises
    ------
    ArgumentTypeError, ArgumentValueError, NotEnoughHistory
        When an argument is invalid, or `history` has no record by then.

    Notes
    -----
    Each deal counts once, with the probability of its first open record, which cannot depend on the
    outcome. ``realized`` is the cumulative incidence of winning (Aalen–Johansen): losses come
    faster than wins, so that among closed deals only an honest 20% looks like 9% after a month;
    deals too young for the horizon count as far as they were followed. Brier score = mean (p −
    won)² over the deals old enough; skill = 1 − Brier / (base rate·(1 − base rate)); expected
    calibration error = Σ n_b·abs(stated_b − realized_b) / Σ n_b. Today's probability of closed
    deals is never used.

    References
    ----------
    G. W. Brier (1950), Monthly Weather Review 78, 1–3.
    """
    arguments.whole(horizon_days, "horizon_days", high=36_500, example=90)
    arguments.whole(bins, "bins", high=1_000, example=10)
    arguments.share(confidence)
    names = check_by(by, level="bin")
    check_history(history, "calibration", *names)
    zone = Org.of(history).zone(tz)
    rows, moments = read_changes(history, "calibration", *names), history.records["recorded_at"]
    if as_of is not None:
        until = periods.as_instant(as_of, tz=zone, end=True, name="as_of")
        rows, moments = rows[rows["seen_at"] <= until], moments[moments <= until]
    if moments.empty:
        raise NotEnoughHistory(f"calibration needs records, but there are none up to {as_of}")
    last = moments.max()
    deal = number_deals(rows)
    opened = np.flatnonzero(rows["outcome"] == OPEN)
    # The first row in which a deal is open does not depend on its outcome.
    opened = opened[np.diff(deal[opened], prepend=-1) > 0]
    first, ends = rows.iloc[opened], _find_ends(rows, deal, opened, last, int(horizon_days))
    stated = first["probability"].to_numpy(dtype=float, na_value=np.nan) / 100
    inside = (stated >= 0) & (stated <= 1)
    used = inside & ~np.isin(ends.state, (CONFLICT, UNKNOWN))
    keys = [*(make_column_key(first[name]) for name in names), _bin(stated, bins)]
    groups = combine(keys, len(first), within=used, everything=True)
    judged = used & ends.old_enough
    table = groups.frame(_tabulate(groups, ends, stated, int(horizon_days), confidence))
    return annotate(
        table,
        "calibration",
        made_from=history,
        n=int(used.sum()),
        as_of=periods.as_date(last, tz=zone),
        left_out={
            "without_probability": int((~inside).sum()),
            "conflict": int((inside & (ends.state == CONFLICT)).sum()),
            "unknown": int((inside & (ends.state == UNKNOWN)).sum()),
        },
        horizon_days=int(horizon_days),
        **_score(stated[judged], ends.state[judged] == WON, table),
    )


@dataclass(frozen=True)
class _Ends:
    """The end of each deal by the horizon, or by the last record."""

    state: Codes
    days: Counts
    """Days from its first open record to its end, or until it was last seen open."""
    old_enough: Flags
    """True where the horizon is over."""


def _find_ends(
    rows: pd.DataFrame,
    deal: Counts,
    opened: Places,
    last: pd.Timestamp,
    horizon: int,
) -> _Ends:
    """Find how each deal ended, from deal rows in time order and each one's first open row."""
    seen = rows["seen_at"].dt.tz_localize(None).to_numpy()
    until, outcome = np.datetime64(last.tz_localize(None)), rows["outcome"].to_numpy()
    begin = np.full(len(rows), np.datetime64("NaT", "us"))
    begin[deal[opened]] = seen[opened]
    due = begin + np.timedelta64(horizon, "D")
    followed = np.flatnonzero((seen >= begin[deal]) & (seen <= due[deal]))
    of, state = deal[followed], outcome[followed]
    # The first row of the last run of one outcome: a deal that was lost and reopened is open.
    fresh = np.flatnonzero((np.diff(of, prepend=-1) > 0) | (np.diff(state, prepend=-1) != 0))
    end = fresh[np.diff(of[fresh], append=len(rows)) > 0]
    due, state = due[deal[opened]], state[end]
    spent = np.where(state != OPEN, seen[followed[end]], np.minimum(due, until)) - seen[opened]
    seconds = spent.astype("timedelta64[us]").astype(np.int64) / 1e6
    return _Ends(state, np.ceil(seconds / 86_400).astype(np.int64), due <= until)


def _tabulate(
    groups: Groups, ends: _Ends, stated: Floats, horizon: int, confidence: float
) -> dict[str, NDArray[np.generic]]:
    n = groups.count(np.ones(len(stated), dtype=bool))
    won, lost, open_ = (ends.state == kind for kind in (WON, LOST, OPEN))
    removed = (ends.state == DELETED) | (ends.state == DISQUALIFIED)
    shares = np.full((6, groups.size), np.nan)
    for group in np.flatnonzero(n):
        mine = groups.codes == group
        curve = incidence(
            ends.days[mine], won=won[mine], lost=lost[mine], disqualified=removed[mine]
        )
        at = [at_days(curve, name, horizon) for name in _SHARES]
        if at[-1] > 0 and ends.days[mine].max() < horizon:
            continue
        error = at_days(curve, "won_error", horizon)
        low, high = share_interval(
            np.array(at[:1]), np.array([error]), n[group : group + 1], confidence
        )
        shares[:, group] = [at[0], low[0], high[0], *at[1:]]
    names = (
        "realized",
        "realized_low",
        "realized_high",
        "lost_share",
        "removed_share",
        "open_share",
    )
    return {
        "n": n,
        "stated": divide(groups.sum(stated, np.ones(len(stated), dtype=bool)), n),
        **dict(zip(names, shares, strict=True)),
        "won": groups.count(won),
        "lost": groups.count(lost),
        "removed": groups.count(removed),
        "open": groups.count(open_),
    }


def _bin(stated: Floats, bins: int) -> Key:
    # A percent such as 30 / 100 must not fall below its own bin's edge by rounding.
    codes = np.minimum(np.floor(np.nan_to_num(stated) * bins + 1e-9), bins - 1).astype(np.intp)
    edges = [f"{100 * k / bins:g}" for k in range(bins + 1)]
    labels = [f"{low}–{high}%" for low, high in pairwise(edges)]
    return Key("bin", codes, pd.Index(labels, dtype=schema.TEXT))


def _score(stated: Floats, won: Flags, table: pd.DataFrame) -> dict[str, float | None]:
    if not len(stated):
        return {"brier": None, "skill": None, "ece": None, "base_rate": None}
    brier, base = np.mean((stated - won) ** 2), won.mean()
    reference = base * (1 - base)
    table = table[table["realized"].notna()]
    gaps = (table["n"] * (table["stated"] - table["realized"]).abs()).sum() / table["n"].sum()
    skill = 1 - brier / reference if reference else None
    return {"brier": brier, "skill": skill, "ece": gaps, "base_rate": base}
