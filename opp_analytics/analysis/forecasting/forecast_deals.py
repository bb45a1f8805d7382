"""The deals behind a forecast: which of them make its range, and on which the target hangs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics import periods
from opp_analytics.analysis.forecasting.chances import Probability
from opp_analytics.analysis.forecasting.forecast import Deals, seen
from opp_analytics.analysis.forecasting.targets import Target, read_targets
from opp_analytics.analysis.shared.annotate import annotate
from opp_analytics.analysis.stats.distribution import check_correlation
from opp_analytics.analysis.stats.leave_one_out import swings
from opp_analytics.periods import When

if TYPE_CHECKING:
    from opp_analytics.history import History


_CARRIED = ("unique_id", "name")


def forecast_deals(
    opportunities: pd.DataFrame,
    *,
    as_of: When,
    freq: str = "M",
    probability: Probability = "stated",
    target: Target = None,
    correlation: float = 0.0,
    history: History | None = None,
    seed: int = 0,
    stage_rates: Mapping[str, float] | pd.Series[Any] | None = None,
    timing: str = "due",
    tz: str = "UTC",
) -> pd.DataFrame:
    """Each open deal's part in the forecast of the period it is due in: in its range, and in the chance of its target.

    Parameters
    ----------
    opportunities : DataFrame
        As for `forecast`; ``unique_id`` and ``name`` are carried over where they are there.
    as_of, freq, probability, target, correlation, history, seed, stage_rates, timing, tz
        As for `forecast`, without groups.

    Returns
    -------
    DataFrame
        RangeIndex, by period, the deal with the largest share of the variance first; overdue and unscheduled deals, and
        those without value or probability, are not in any range and not here. Columns:

        - ``period`` (str), then ``unique_id``, ``name``, ``stage``, ``close_date`` of the frame.
        - ``value`` (float64, money), ``chance`` (float64, fraction), ``weighted`` (float64, money): value · chance.
        - ``variance_share`` (float64, fraction): of Σ v²·p·(1 − p) over the deals of the period; they sum to 1, NaN where
          nothing is uncertain.
        - ``p_if_won``, ``p_if_lost`` (float64, fraction): P(total ≥ target of the period) in either case; ``swing``: their
          difference. NaN without a target.

        Attrs: ``n`` deals, ``as_of``, ``freq``, ``left_out``. No such deal: no rows.

    Raises
    ------
    MissingColumnError, ArgumentTypeError, DataError, NotEnoughHistory
        As `forecast`.

    Notes
    -----
    The variance is that of independent deals; `correlation` changes the swings alone. For every deal,
    chance·p_if_won + (1 − chance)·p_if_lost is the forecast's ``p_target``.

    Examples
    --------
    >>> frame = pd.DataFrame({
    ...     "stage": "proposal", "value": [90.0, 10.0], "close_date": "2026-03-20", "probability": [50, 50]})
    >>> table = forecast_deals(frame, as_of="2026-03-10", target=90)
    >>> table[["value", "variance_share", "p_if_won", "p_if_lost"]].round(3)
       value  variance_share  p_if_won  p_if_lost
    0   90.0           0.988       1.0        0.0
    1   10.0           0.012       0.5        0.5
    """
    check_correlation(correlation)
    today = periods.as_date(as_of, tz=tz)
    targets = read_targets(target, freq, [])
    frame, deals = seen(
        opportunities,
        today,
        freq,
        probability,
        targets=targets,
        history=history,
        stage_rates=stage_rates,
        timing=timing,
        tz=tz,
    )
    assert deals.groups.index is not None
    codes = deals.groups.codes
    known = deals.open & (codes >= 0) & ~np.isnan(deals.value) & ~np.isnan(deals.chance)
    rows = np.flatnonzero(known)
    rows = rows[deals.in_period[codes[rows]]]
    variance = deals.value[rows] ** 2 * deals.chance[rows] * (1 - deals.chance[rows])
    order = np.lexsort((-deals.value[rows], -variance, codes[rows]))
    rows, variance = rows[order], variance[order]
    labels = deals.groups.index
    goals = pd.Series(
        targets if isinstance(targets, dict) else dict.fromkeys(labels, targets), dtype="float64"
    )
    won, lost = _swings(deals, rows, goals.reindex(labels).to_numpy(), correlation, seed)
    whole = np.bincount(codes[rows], weights=variance, minlength=len(labels))[codes[rows]]
    table = pd.DataFrame(
        {
            "period": labels.take(codes[rows]),
            **{name: opportunities[name].array[rows] for name in _CARRIED if name in opportunities},
            "stage": frame["stage"].array[rows],
            "close_date": frame["close_date"].array[rows],
            "value": deals.value[rows],
            "chance": deals.chance[rows],
            "weighted": deals.value[rows] * deals.chance[rows],
            "variance_share": np.divide(variance, whole, out=np.full(len(rows), np.nan), where=whole > 0),
            "p_if_won": won,
            "p_if_lost": lost,
            "swing": won - lost,
        }
    )
    return annotate(
        table,
        made_from=opportunities,
        n=len(table),
        as_of=today,
        left_out={
            **deals.left_out,
            "overdue_or_unscheduled": int((deals.open & (codes < int(np.argmax(deals.in_period)))).sum()),
            "without_value_or_probability": int((deals.open & ~known).sum()),
        },
        freq=freq,
    )


def _swings(
    deals: Deals, rows: NDArray[np.intp], goals: NDArray[np.float64], correlation: float, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """P(target) if each deal of `rows`, which are in order of their period, is won and if it is lost."""
    won, lost = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    booked = deals.groups.sum(deals.value, deals.booked)
    codes = deals.groups.codes[rows]
    for code in np.unique(codes):
        if np.isnan(goals[code]):
            continue
        mine = codes == code
        won[mine], lost[mine] = swings(
            deals.value[rows[mine]],
            deals.chance[rows[mine]],
            float(goals[code]),
            sure=float(booked[code]),
            correlation=correlation,
            seed=seed,
        )
    return won, lost
