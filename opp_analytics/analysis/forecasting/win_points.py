"""The points that winning one deal today would add to the chance of a period's target."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from opp_analytics.analysis.forecasting.forecast_deals import DealForecast
from opp_analytics.analysis.forecasting.method import Method
from opp_analytics.analysis.forecasting.moment import Moment, last_day
from opp_analytics.analysis.forecasting.outlook import Distribution, Mix
from opp_analytics.analysis.forecasting.question import answer
from opp_analytics.analysis.forecasting.targets import find_gap
from opp_analytics.arrays import Floats, Integers
from opp_analytics.org import WON

_COMPUTED = 8
"""Deals of a group whose points are computed, those that seem to add most."""


def list_win_points(
    asked: DealForecast, period: pd.Period, method: Method | None = None
) -> pd.DataFrame:
    """List what each deal adds to the chance of a period's target if it is won today.

    Open deals, and those won by the day but dated after the period, which add if they are dated in
    it. `method` is that of the forecast, if it is not the one of `asked`, which looks at single
    deals.

    Returns
    -------
    DataFrame
        By the ``unique_id``: ``value`` (float64, money), the median of its pipeline's wins where it
        has none, then ``is_estimated`` (bool); ``win_chance`` (float64, fraction), 1 for a won
        deal; ``points`` (float64, fraction): P(total ≥ target) if it is won, less that of now; NaN
        without a target, and for deals that add less than the first 8 of their group.
    """
    made = asked.made
    if method is not None:
        question = replace(asked.question, method=method)
        made = answer(question, question.read(asked.opportunities))
    deals, outlook = made.moment, made.outlooks[period]
    later = deals.booked & deals.dated_later & (deals.due > last_day(period))
    rows = np.flatnonzero(deals.open | later)
    value, chance = _fill_values(deals, rows), np.where(later, 1.0, asked.win_chances)[rows]
    points, booked = np.full(len(rows), np.nan), deals.booked_in(period)
    for group, labels in enumerate(deals.labels):
        target = asked.question.targets.of(asked.question.by, labels, str(period))
        total, mine = outlook.totals[group], np.flatnonzero(deals.group[rows] == group)
        if total is None or np.isnan(target) or find_gap(target, booked[group]) <= 0:
            continue
        now = outlook.p_target(group, booked[group], target)
        gained = value[mine] - np.nan_to_num(outlook.chance * deals.value)[rows[mine]]
        about = (_reach(total, target - gained) - now) * chance[mine]
        first = mine[np.argsort(-np.nan_to_num(about), kind="stable")[:_COMPUTED]]
        for place in first[~np.isnan(value[first])]:
            # What is won counts for certain, so the others must bring so much less.
            others = _leave_out(total, rows[place])
            then = outlook.find_chance(others, booked[group], target - value[place])
            points[place] = then - now
    ids = asked.opportunities["unique_id"].array[rows]
    columns = {"value": value, "win_chance": chance, "points": points}
    return pd.DataFrame(columns, index=pd.Index(ids, name="unique_id")).assign(
        is_estimated=np.isnan(deals.value[rows])
    )


def _fill_values(deals: Moment, rows: Integers) -> Floats:
    """Fill missing values with the median of the wins of the deal's pipeline, or of all."""
    wins = pd.Series(deals.value).where(deals.outcome == WON)
    pipelines = pd.Series([labels[1:] for labels in deals.stages], dtype="object")
    each = pipelines.reindex(deals.stage).astype("str").to_numpy()
    usual = wins.groupby(each).transform("median").fillna(wins.dropna().median())
    return np.where(np.isnan(deals.value), usual, deals.value)[rows]


def _reach(total: Distribution, amounts: Floats) -> Floats:
    """Compute P(total ≥ amount) for each amount."""
    if isinstance(total, Mix):
        return total.plain.reach(total.total.find_plain(amounts))
    return np.array([total.at_least(amount) for amount in amounts.tolist()])


def _leave_out(total: Distribution, row: int) -> Distribution:
    """Leave one deal out of a total; a run rate looks at none."""
    if not isinstance(total, Mix):
        return total
    others = total.rows != row
    amounts, chances = total.amounts[others], total.chances[others]
    return replace(total, rows=total.rows[others], amounts=amounts, chances=chances)
