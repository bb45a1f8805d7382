"""`forecast_deals`: the deals behind a forecast, and their effect on range and target."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics import arguments, org, periods
from opp_analytics.analysis.forecasting.deals_by_period import Deals, deals_by_period
from opp_analytics.analysis.forecasting.method import Method, read_method
from opp_analytics.analysis.forecasting.new_business import new_business
from opp_analytics.analysis.forecasting.targets import Target, Targets, read_targets
from opp_analytics.analysis.shared.annotate import annotate
from opp_analytics.analysis.stats.distribution import condition_on_each
from opp_analytics.periods import When

if TYPE_CHECKING:
    from opp_analytics.analysis.shared.replay import Replay
    from opp_analytics.history import History


_CARRIED = ("unique_id", "name")


def forecast_deals(
    opportunities: pd.DataFrame,
    *,
    as_of: When,
    freq: str = "M",
    method: str | Method = "stated",
    history: History | Replay | None = None,
    target: Target = None,
    seed: int = 0,
    tz: str = "UTC",
) -> pd.DataFrame:
    """Effect of each open deal on the forecast of its period: on the range, and on the probability of the target.

    Parameters
    ----------
    opportunities : DataFrame
        As for `forecast`; ``unique_id`` and ``name`` are kept if present.
    as_of, freq, method, history, target, seed, tz
        As for `forecast`.

    Returns
    -------
    DataFrame
        RangeIndex, by period, the deal with the largest share of the variance first. Overdue and unscheduled deals, and
        deals without value or probability, are in no range and left out. Columns:

        - ``period`` (str), then ``unique_id``, ``name``, ``stage``, ``close_date`` of the frame.
        - ``value`` (float64, money), ``chance`` (float64, fraction), ``weighted`` (float64, money): value · chance.
        - ``variance_share`` (float64, fraction): share of Σ v²·p·(1 − p) over the deals of the period, as if they were
          independent; the shares sum to 1, and are NaN where nothing is uncertain.
        - ``p_if_won``, ``p_if_lost`` (float64, fraction): P(total ≥ target of the period) in either case; ``swing``: their
          difference. NaN without a target.

        Attrs: ``n`` deals, ``as_of``, ``freq``, ``method``, ``left_out``. Without such deals, no rows.

    Raises
    ------
    MissingColumnError, DataError, ArgumentTypeError, ArgumentValueError, NotEnoughHistory
        As for `forecast`.

    See Also
    --------
    forecast

    Notes
    -----
    The outcomes or draws are those of the forecast, so chance·p_if_won + (1 − chance)·p_if_lost equals its ``p_target``:
    exactly for up to 15 uncertain deals, else within 0.01.

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
    how = read_method(method)
    arguments.whole(seed, "seed", low=0, example=0)
    today = periods.as_date(as_of, tz=tz)
    targets = read_targets(target, periods.check_freq(freq), [])
    frame, deals = deals_by_period(
        opportunities, how, today=today, freq=freq, by=[], wanted=_labels(targets), history=history, tz=tz
    )
    further: list[list[float] | None] = [[]] * len(deals.index)
    if how.new_business:
        further = new_business(deals, frame, history, today=today, freq=freq, tz=tz)
    codes = deals.groups.codes
    rows = np.flatnonzero(deals.priced & (codes >= 0))
    rows = rows[deals.in_period[codes[rows]]]
    variance = deals.value[rows] ** 2 * deals.chance[rows] * (1 - deals.chance[rows])
    order = np.lexsort((-deals.value[rows], -variance, codes[rows]))
    rows, variance = rows[order], variance[order]
    goals = _goals(targets, deals.index)
    won, lost = _p_targets(deals, rows, goals, further, how.correlation, seed)
    whole = np.bincount(codes[rows], weights=variance, minlength=len(deals.index))[codes[rows]]
    carried = org.conform(opportunities[[name for name in _CARRIED if name in opportunities]])
    table = pd.DataFrame(
        {
            "period": deals.index.take(codes[rows]),
            **{name: carried[name].array[rows] for name in carried},
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
    in_bucket = deals.open & (codes < int(np.argmax(deals.in_period)))
    left_out = {
        **deals.left_out,
        "overdue_or_unscheduled": int(in_bucket.sum()),
        "without_value_or_probability": int((deals.open & ~deals.priced).sum()),
    }
    return annotate(
        table,
        made_from=opportunities,
        n=len(table),
        as_of=today,
        left_out=left_out,
        freq=freq,
        method=how.name,
    )


def _labels(targets: Targets) -> list[str]:
    return list(targets) if isinstance(targets, dict) else []


def _goals(targets: Targets, labels: pd.Index[str]) -> NDArray[np.float64]:
    """The target of each row; NaN without a target."""
    if isinstance(targets, dict):
        return np.array([targets.get(label, np.nan) for label in labels])
    return np.full(len(labels), np.nan if targets is None else targets)


def _p_targets(
    deals: Deals,
    rows: NDArray[np.intp],
    goals: NDArray[np.float64],
    further: list[list[float] | None],
    correlation: float,
    seed: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """P(target) if each deal of `rows` is won, and if it is lost."""
    won, lost = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    booked = deals.groups.sum(deals.value, deals.booked)
    codes = deals.groups.codes[rows]
    for code in np.unique(codes):
        amounts = further[code]
        if np.isnan(goals[code]) or amounts is None:
            continue
        mine = codes == code
        won[mine], lost[mine] = condition_on_each(
            deals.value[rows[mine]],
            deals.chance[rows[mine]],
            float(goals[code]),
            sure=float(booked[code]),
            one_of=amounts,
            correlation=correlation,
            seed=seed,
        )
    return won, lost
