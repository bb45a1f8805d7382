"""`calibration` and `recalibrated`: stated probabilities against outcomes, and corrected probabilities."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics import arguments, org, periods, schema
from opp_analytics.analysis.shared.annotate import annotate
from opp_analytics.analysis.shared.groups import By, Key, by_columns, column_key, combine, ratio
from opp_analytics.analysis.shared.history_query import check_history
from opp_analytics.analysis.shared.replay import DELETED, Replay, first_open, last_record, outcome_at
from opp_analytics.analysis.stats.intervals import wilson
from opp_analytics.errors import DataError, NotEnoughHistory
from opp_analytics.org import CONFLICT, DISQUALIFIED, LOST, OPEN, WON
from opp_analytics.periods import When

if TYPE_CHECKING:
    from opp_analytics.history import History


_STRENGTH = 10.0
"""Default weight of the stated probability in a recalibrated one, in deals."""


def calibration(
    history: History,
    *,
    horizon_days: int,
    bins: int = 10,
    by: By = None,
    as_of: When | None = None,
    confidence: float = 0.95,
    tz: str = "UTC",
) -> pd.DataFrame:
    """Stated probabilities against actual outcomes.

    Parameters
    ----------
    history : History
        Past records.
    horizon_days : int
        Days after its first open record when a deal is judged.
    bins : int
        Number of equal-width bins of the stated probability.
    by : str or list of str, optional
        Columns to group by, with their values in the deal's first open record.
    as_of : date-like, optional
        Only records up to the end of this day are used; None uses all.
    confidence : float
        Confidence level of Wilson's interval.
    tz : str
        Business time zone of the day `as_of`.

    Returns
    -------
    DataFrame
        Index ``bin`` (str: "0–10%", …; all of them; below the columns of `by`). Columns: ``n`` (int64): deals won or lost by the
        horizon; ``stated`` (float64, fraction): their mean stated probability; ``realized``: won / n; ``realized_low``,
        ``realized_high``: its interval; ``won``, ``lost``, ``open``, ``removed`` (deleted or disqualified) at the horizon
        (int64), of which the last two are not part of ``n``.
        Attrs: ``brier``, ``skill`` (against always saying the base rate), ``ece``, ``base_rate`` (None without deals),
        ``left_out`` (too young at the last record, no stated probability, contradictions).

    Raises
    ------
    ArgumentTypeError, ArgumentValueError, NotEnoughHistory
        When an argument is invalid, or `history` has no record by then.

    Notes
    -----
    Each deal counts once, with the probability of its first open record, which cannot depend on the outcome.
    Brier score = mean (p − won)²; skill = 1 − Brier / (base rate·(1 − base rate)); expected calibration error =
    Σ n_b·abs(stated_b − realized_b) / Σ n_b. The current probability of closed deals is never used, because it is 0 or 100.

    References
    ----------
    G. W. Brier (1950), Monthly Weather Review 78, 1–3.
    """
    arguments.whole(horizon_days, "horizon_days", example=90)
    arguments.whole(bins, "bins", example=10)
    names = by_columns(by, level="bin")
    check_history(history, "calibration", *names)
    replay = Replay.of(history, "calibration", *names)
    if as_of is not None:
        replay = replay.until(periods.as_instant(as_of, tz=tz, end=True, name="as_of"))
    if replay.records.empty:
        raise NotEnoughHistory(f"calibration needs records, but there are none up to as_of={as_of!r}")
    rows, last = replay.rows, last_record(replay)
    first = first_open(rows)
    due = first["seen_at"] + pd.Timedelta(days=int(horizon_days))
    stated = first["probability"].to_numpy(dtype=float, na_value=np.nan) / 100
    state = outcome_at(rows, first["unique_id"], due)
    known, told = (due <= last).to_numpy(), (stated >= 0) & (stated <= 1)
    used = known & told & (state != CONFLICT)
    binned = _bins(stated, bins)
    binned = Key(binned.name, np.where(used, binned.codes, -1), binned.labels)
    keys = [*(column_key(first[name]) for name in names), binned]
    groups = combine(keys, len(first), everything=True)
    won, lost = groups.count(state == WON), groups.count(state == LOST)
    low, high = wilson(won, won + lost, confidence=confidence)
    judged = used & (state <= LOST)
    table = groups.frame(
        {
            "n": won + lost,
            "stated": ratio(groups.sum(stated, judged), won + lost),
            "realized": ratio(won, won + lost),
            "realized_low": low,
            "realized_high": high,
            "won": won,
            "lost": lost,
            "open": groups.count(state == OPEN),
            "removed": groups.count((state == DELETED) | (state == DISQUALIFIED)),
        }
    )
    return annotate(
        table,
        made_from=history,
        n=int(judged.sum()),
        as_of=periods.as_date(last, tz=tz),
        left_out={
            "not_old_enough": int((~known).sum()),
            "without_probability": int((known & ~told).sum()),
            "conflict": int((known & told & (state == CONFLICT)).sum()),
        },
        horizon_days=int(horizon_days),
        **_scores(stated[judged], state[judged] == WON, table),
    )


def _bins(stated: NDArray[np.float64], bins: int) -> Key:
    # A percent such as 30 / 100 must not fall below its own bin's edge by rounding.
    codes = np.minimum(np.floor(np.nan_to_num(stated) * bins + 1e-9), bins - 1).astype(np.intp)
    edges = [f"{100 * k / bins:g}" for k in range(bins + 1)]
    labels = [f"{low}–{high}%" for low, high in pairwise(edges)]
    return Key("bin", codes, pd.Index(labels, dtype=schema.TEXT))


def _scores(
    stated: NDArray[np.float64], won: NDArray[np.bool_], table: pd.DataFrame
) -> dict[str, float | None]:
    if not len(stated):
        return {"brier": None, "skill": None, "ece": None, "base_rate": None}
    brier, base = float(np.mean((stated - won) ** 2)), float(won.mean())
    reference = base * (1 - base)
    gaps = (table["n"] * (table["stated"] - table["realized"]).abs()).sum() / table["n"].sum()
    return {
        "brier": brier,
        "skill": 1 - brier / reference if reference else None,
        "ece": float(gaps),
        "base_rate": base,
    }


def recalibrated(
    opportunities: pd.DataFrame, table: pd.DataFrame, *, strength: float = _STRENGTH
) -> pd.DataFrame:
    """Add a column ``recalibrated``: stated probabilities corrected by past outcomes.

    Parameters
    ----------
    opportunities : DataFrame
        ``probability`` (percent).
    table : DataFrame
        Result of `calibration`.
    strength : float
        Weight of the stated probability in each bin, in deals.

    Returns
    -------
    DataFrame
        A copy with ``recalibrated`` (float64, fraction 0–1; NaN where none is stated), for use in
        ``forecast(..., method=oa.Method("recalibrated"))``.

    Raises
    ------
    MissingColumnError, ArgumentTypeError, DataError
        When a column is missing, an argument is invalid, or the table has no judged deal.

    Notes
    -----
    Each bin's realized rate is shrunk toward its stated one, (n·realized + strength·stated) / (n + strength), made
    monotone by isotonic regression with weights n, and interpolated between the bins' stated means.

    Examples
    --------
    >>> table = pd.DataFrame({"n": [90, 90], "stated": [0.2, 0.8], "realized": [0.1, 0.5]})
    >>> recalibrated(pd.DataFrame({"probability": [20, 50, 80]}), table)["recalibrated"].round(2).tolist()
    [0.11, 0.32, 0.53]
    """
    arguments.frame(table, "table", "n", "stated", "realized", made_by="calibration")
    arguments.number(strength, "strength", low=0, example=_STRENGTH)
    frame = org.require(opportunities, "probability")
    held = table[table["n"] > 0].sort_values("stated")
    if not len(held):
        raise DataError("the calibration table has no judged deal; keep recording and try again")
    # Imported here, because it is slow to import.
    from scipy.optimize import isotonic_regression

    drawn = (held["n"] * held["realized"] + strength * held["stated"]) / (held["n"] + strength)
    rising = isotonic_regression(drawn.to_numpy(), weights=held["n"].to_numpy(dtype=float)).x
    stated = frame["probability"].to_numpy(dtype=float, na_value=np.nan) / 100
    return opportunities.assign(recalibrated=np.interp(stated, held["stated"], rising))
