"""`forecast_change`: why a period's forecast moved from one record to another."""

from __future__ import annotations

import math

import pandas as pd

from opp_analytics import text
from opp_analytics.org import money_of
from opp_analytics.periods import as_date
from opp_analytics.svg.rows import Rows
from opp_analytics.svg.steps import Step, steps

_ENDS = ("then", "now")


def forecast_change(table: pd.DataFrame, *, target: float = math.nan) -> Rows:
    """The forecast then, each movement in expected money with its deals, and the forecast now.

    Parameters
    ----------
    table : DataFrame
        From `oa.forecast_change`, without groups.
    target : float
        Money to reach; a line down the column.
    """
    ends = {end: f"Forecast {_day(table, end)}" for end in _ENDS}
    moves = [
        Step(text.title(name), float(row["expected"]), int(row["deals"]), str(name))
        for name, row in table.iterrows()
        if name not in _ENDS and abs(row["expected"]) >= 0.005
    ]
    then, now = ((ends[end], float(table["expected"][end])) for end in _ENDS)
    return steps(then, moves, now, money_of(table), target=target, keys=_ENDS)


def _day(table: pd.DataFrame, end: str) -> str:
    moment = table.attrs.get(f"{end}_at")
    return text.day(as_date(moment, tz=table.attrs.get("tz") or "UTC")) if moment else end
