"""`forecast_deals`: the deals behind a forecast, and their effect on range and target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from opp_analytics import org
from opp_analytics.analysis.forecasting.deals_by_period import as_labels
from opp_analytics.analysis.forecasting.look_ahead import Forecasted, look_ahead
from opp_analytics.analysis.forecasting.method import Method
from opp_analytics.analysis.forecasting.outlook import Mix, Outlook
from opp_analytics.analysis.forecasting.read_arguments import Asked, read_arguments
from opp_analytics.analysis.forecasting.targets import Target
from opp_analytics.analysis.shared.groups import By, check_by
from opp_analytics.analysis.shared.tables import annotate
from opp_analytics.periods import When
from opp_analytics.schema import TEXT

if TYPE_CHECKING:
    from opp_analytics.analysis.shared.replay import Replay
    from opp_analytics.history import History


_CARRIED = ("unique_id", "name")


def forecast_deals(
    opportunities: pd.DataFrame,
    *,
    as_of: When,
    freq: str = "M",
    method: str | Method = "auto",
    history: History | Replay | None = None,
    target: Target = None,
    by: By = None,
    periods: int | Sequence[str] | None = None,
    seed: int = 0,
    tz: str | None = None,
) -> pd.DataFrame:
    """Effect of each open deal on the forecast: on the range of a period, and on the probability of its target.

    Parameters
    ----------
    opportunities : DataFrame
        As for `forecast`; ``unique_id`` and ``name`` are kept if present.
    as_of, freq, method, history, target, by, periods, seed, tz
        As for `forecast`. Under "auto", learned where the history allows, else stated: the run rate does not look at single
        deals.

    Returns
    -------
    DataFrame
        RangeIndex, by period, the deal with the largest share of the variance first. One row for each period from the
        current one on and each deal that can be won in it: under learned every open deal with a value, else those due in
        it that have a chance. Columns:

        - ``period`` (str), then ``unique_id``, ``name``, the columns of `by`, ``stage``, ``close_date`` of the frame.
        - ``value`` (float64, money), ``chance`` (float64, fraction), ``weighted`` (float64, money): value · chance.
        - ``variance_share`` (float64, fraction): share of Σ v²·p·(1 − p) over the deals of the period and group, as if
          they were independent; the shares sum to 1, and are NaN where nothing is uncertain.
        - ``p_if_won``, ``p_if_lost`` (float64, fraction): P(total ≥ target of the period) in either case; ``swing``: their
          difference. NaN without a target.

        Attrs: ``n`` deals, ``as_of``, ``freq``, ``method`` (its name and why), ``left_out``. Without such deals, no rows.

    Raises
    ------
    MissingColumnError, DataError, ArgumentTypeError, ArgumentValueError, NotEnoughHistory
        As for `forecast`; also for ``method="run_rate"``.

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
    names = check_by(by, level="period")
    asked = read_arguments(
        opportunities,
        as_of,
        freq,
        method,
        history,
        target=target,
        periods=periods,
        seed=seed,
        tz=tz,
        by=names,
    )
    made = look_ahead(opportunities, asked, names, single_deals=True)
    deals = made.deals
    parts = [
        _of_period(made, asked, names, period, outlook)
        for period, outlook in made.outlooks.items()
        if period >= deals.current
    ]
    found = pd.concat([_no_deals(), *parts], ignore_index=True)
    rows = found["row"].to_numpy()
    carried = org.conform(opportunities[[name for name in _CARRIED if name in opportunities]])
    value, chance = deals.value[rows], found["chance"]
    table = pd.DataFrame(
        {
            "period": found["period"].astype(TEXT),
            **{str(name): carried[name].array[rows] for name in carried},
            **{str(name): deals.frame[name].array[rows] for name in [*names, "stage", "close_date"]},
            "value": value,
            "chance": chance,
            "weighted": value * chance,
            "variance_share": found["variance_share"],
            "p_if_won": found["p_if_won"],
            "p_if_lost": found["p_if_lost"],
            "swing": found["p_if_won"] - found["p_if_lost"],
        }
    )
    left = deals.open & ~np.isin(np.arange(len(deals.frame)), rows)
    valued = ~np.isnan(deals.value)
    return annotate(
        table,
        made_from=opportunities,
        n=int(found["row"].nunique()),
        as_of=deals.today,
        left_out={
            **deals.left_out,
            "without_value": int((left & ~valued).sum()),
            "overdue_or_unscheduled": int((left & valued & (deals.period < 0)).sum()),
            "without_chance": int((left & valued & (deals.period >= 0)).sum()),
        },
        freq=asked.freq,
        method=made.chosen.label,
    )


def _of_period(
    made: Forecasted, asked: Asked, by: Sequence[str], period: pd.Period, outlook: Outlook
) -> pd.DataFrame:
    """The deals that can be won in a period, the one with the largest share of the variance first."""
    deals = made.deals
    parts = []
    for group, total in enumerate(outlook.totals):
        if not isinstance(total, Mix):
            continue
        rows = total.rows
        booked = float(deals.booked_in(period)[group])
        target = asked.targets.of(
            by, () if deals.groups is None else as_labels(deals.groups[group]), str(period)
        )
        won, lost = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
        if not np.isnan(target):
            won, lost = outlook.conditions(total, booked, target)
        variance = deals.value[rows] ** 2 * outlook.chance[rows] * (1 - outlook.chance[rows])
        whole = variance.sum()
        share = variance / whole if whole > 0 else np.full(len(rows), np.nan)
        part = pd.DataFrame(
            {
                "row": rows,
                "chance": outlook.chance[rows],
                "variance_share": share,
                "p_if_won": won,
                "p_if_lost": lost,
            }
        )
        parts.append(part.iloc[np.lexsort((-deals.value[rows], -variance))])
    return pd.concat([_no_deals(), *parts]).assign(period=str(period))


def _no_deals() -> pd.DataFrame:
    columns = dict.fromkeys(["chance", "variance_share", "p_if_won", "p_if_lost"], np.zeros(0))
    return pd.DataFrame({"row": np.zeros(0, dtype=np.int64), **columns, "period": pd.Series([], dtype=TEXT)})
