"""Changes of a forecast in words."""

from __future__ import annotations

from typing import Any

import pandas as pd

from opp_analytics.analysis.movement.group_changes import group_changes
from opp_analytics.analysis.shared.saying import Saying
from opp_analytics.org import money_of
from opp_analytics.periods import as_date
from opp_analytics.text import capital, count, day, joined, period_name

__all__ = ["SAYINGS"]

_MOST = 4
_ONE = {
    "removed": "{} removed",
    "won": "{} won",
    "lost": "{} lost",
    "reopened": "{} reopened",
    "new": "{} new",
    "pulled_in": "{} pulled in",
    "pushed_out": "{} pushed out",
    "value": "the value of {}",
    "owner": "the owner of {}",
    "chance": "the chance of {}",
    "new_business": "new business",
}
"""A step of one deal; of several, their number takes the place of the name."""
_SEVERAL = {"value": "values of {}", "owner": "owners of {}", "chance": "chances of {}"}


def _change(table: pd.DataFrame) -> str:
    if table.index.nlevels == 1:
        return _one_change(table)
    whole = table.groupby(level="movement", sort=False)[["expected", "deals"]].sum()
    whole["largest"] = table["largest"].groupby(level="movement", sort=False).first()
    whole.attrs = table.attrs
    groups = group_changes(table["expected"], table, first="then", last="now")
    return f"{_one_change(whole)} {groups}".strip()


def _one_change(table: pd.DataFrame) -> str:
    """What the forecast came to, and the largest steps."""
    expected, money = table["expected"], money_of(table)
    change = expected["now"] - expected["then"]
    attrs = table.attrs
    then, now = (as_date(attrs[name], tz=attrs.get("tz") or "UTC") for name in ("then_at", "now_at"))
    what = capital(period_name(str(attrs["period"]), attrs.get("freq"), today=now))
    since = f"since {day(then, year=then.year != now.year)}"
    steps = table.drop(index=["then", "now"])
    steps = steps[steps["expected"].abs() >= 0.005].sort_values(
        "expected", key=abs, ascending=False, kind="stable"
    )
    said = [
        f"{_step(str(name), row)} ({money(row['expected'], signed=True)})" for name, row in steps.iterrows()
    ]
    if abs(change) < 0.005:
        verdict = f"{what} is unchanged {since}, at {money(expected['now'])}"
    else:
        verdict = f"{what} is {'up' if change > 0 else 'down'} {money(abs(change))} {since}, to {money(expected['now'])}"
    return f"{verdict}: {joined(said, most=_MOST)}." if said else f"{verdict}."


def _step(name: str, row: pd.Series[Any]) -> str:
    """One step, by the deal's name where it is one deal's."""
    deals = int(row["deals"])
    if deals == 1 and not pd.isna(row["largest"]):
        return _ONE[name].format(row["largest"])
    if name in _SEVERAL:
        return _SEVERAL[name].format(count(deals))
    return _ONE[name].format(f"{deals:,}")


SAYINGS = (
    Saying(
        "forecast_change", frozenset({"expected", "deals", "largest"}), _change, frozenset({"then", "now"})
    ),
)
"""The sentence of a change of forecast."""
