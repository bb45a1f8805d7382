"""The one order of what to act on: what winning a deal adds to the target, and how likely."""

from __future__ import annotations

import numpy as np
import pandas as pd

from opp_analytics import analysis
from opp_analytics.answers import forecasts
from opp_analytics.answers.context import Context, keep
from opp_analytics.schema import is_among

ADDS = 0.005
"""What a deal must add to the chance of a target to be listed for it: half a point."""


@keep
def rank_deals(context: Context) -> pd.DataFrame:
    """The order of deals to act on in the leading period; every list of deals has it.

    Open deals, and those won but dated after it, by id, with ``points``, ``win_chance`` and the
    ``value`` that these are of; first those that add half a point or more to the chance of the
    subject's target, by points × win_chance; then the others by value × win_chance.
    """
    return _rank(context, _list_points(context, forecasts.leading_levels(context)))


@keep
def rank_by_person(context: Context) -> pd.DataFrame:
    """As `rank_deals`, for each person's own target."""
    return _rank(context, _list_points(context, list(context.levels)))


def _rank(context: Context, points: pd.DataFrame) -> pd.DataFrame:
    """Rank the deals of the subject by what they add, else by what they would bring."""
    mine = points[is_among(points.index.to_series(), context.opportunities["unique_id"])]
    adds = mine["points"] >= ADDS
    likely = mine["points"].where(adds, mine["value"].clip(lower=0.0)) * mine["win_chance"]
    order = mine.assign(adds=adds, likely=likely.fillna(0.0), id=mine.index)
    ranked = order.sort_values(
        ["adds", "likely", "value", "id"], ascending=[False, False, False, True]
    )
    return mine.loc[ranked.index]


def _list_points(context: Context, by: list[str] | None) -> pd.DataFrame:
    """List what each deal adds, for all parts of a level."""
    period, asked = forecasts.lead(context), forecasts.forecast_by(context, by)
    used = analysis.read_method("run_rate") if forecasts.by_rate(context) else None

    def make() -> pd.DataFrame:
        found = analysis.list_win_points(asked, period, used)
        return found.assign(points=np.nan) if forecasts.stated(context) else found

    return context.keep(make, "points", tuple(by or ()), period)
