"""Which of a person's own deals would close the gap to the target, and how likely that is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics import schema, text
from opp_analytics.analysis import distribute
from opp_analytics.answers.context import Context
from opp_analytics.org import Money
from opp_analytics.schema import HALF_CENT

_NEAR, _LIKELY = pd.Timedelta(days=35), 0.5
"""A deal due after the period can be pulled in when due within five weeks, and as likely as not."""
_FEWEST, _MOST = 3, 8
"""Deals of a person: the largest three, and further ones while these do not cover the gap."""


def list_deals_to_win(context: Context, period: pd.Period) -> pd.DataFrame:
    """List the open deals with a value that could still close in a period, the largest first.

    They are rows of `Context.deals` that are due, overdue, or near and likely, with ``stated``
    (float64, fraction) and ``action``: "due", "overdue" (re-date or close it) or "pull_in".
    """
    deals, ends = context.deals, period.end_time.normalize()
    date = deals["close_date"]
    stated = deals["probability"] if "probability" in deals else pd.Series(np.nan, deals.index)
    stated = stated.astype("float64") / 100
    day = context.known_day
    late, due = date < day, (date >= day) & (date <= ends)
    near = (date > ends) & (date <= day + _NEAR) & (stated >= _LIKELY)
    kept = (deals["outcome"] == "open") & (deals["value"] > 0) & (late | due | near)
    action = np.select([late, due], ["overdue", "due"], "pull_in")
    return deals.assign(stated=stated, action=action)[kept.to_numpy(dtype=bool)]


def cover_gaps(deals: pd.DataFrame, people: pd.DataFrame, money: Money) -> pd.DataFrame:
    """Say what each person short of the target can do about it, the largest gap first.

    `deals` are those of `list_deals_to_win`, `people` the rows of `forecast` for one period by
    person. The table has ``booked``, ``target``, ``gap`` (float64, money), ``p_target``; ``deals``
    (int64): how many of the person's deals, the largest ones, can cover it; ``value`` (float64,
    money): theirs together; ``p_enough`` (float64, fraction): the chance that enough of them close,
    P(Σ value·Bernoulli(stated) ≥ gap), each on its own, NaN without a deal; ``advice`` (str): which
    cover it, in words.
    """
    short = people[people["gap"] > 0].sort_values("gap", ascending=False, kind="stable")
    owner = (
        deals[short.index.name]
        if short.index.name in deals
        else pd.Series(index=deals.index, dtype=object)
    )
    rows = [
        _cover_gap(deals[owner == name], float(gap), money) for name, gap in short["gap"].items()
    ]
    counts, value, enough, advice = zip(*rows, strict=True) if rows else ((), (), (), ())
    return short[["booked", "target", "gap", "p_target"]].assign(
        deals=np.array(counts, dtype=np.int64),
        value=np.array(value, dtype=np.float64),
        p_enough=np.array(enough, dtype=np.float64),
        advice=pd.Series(advice, index=short.index, dtype=schema.TEXT),
    )


def _cover_gap(mine: pd.DataFrame, gap: float, money: Money) -> tuple[int, float, float, str]:
    """Count and sum the largest deals that can cover a gap.

    Say the chance that enough of them close, and the advice.
    """
    if mine.empty:
        return 0, 0.0, np.nan, "no open deal of yours could close in time"
    values = mine["value"].to_numpy(dtype=float)
    count = min(
        max(_FEWEST, int(np.searchsorted(np.cumsum(values), gap - HALF_CENT) + 1)),
        _MOST,
        len(mine),
    )
    values, chances = values[:count], mine["stated"].to_numpy(dtype=float)[:count]
    enough = distribute(values, np.nan_to_num(chances)).at_least(gap)
    names = mine["name"].tolist()[:count]
    return count, float(values.sum()), float(enough), advise(names, values, gap, money)


def advise(
    names: Sequence[Any], values: NDArray[np.float64], gap: float, money: Money = text.money
) -> str:
    """Say how many of the deals, the largest first, cover a gap."""
    n, gap = len(values), gap - HALF_CENT
    if values.sum() < gap:
        few = "this deal brings" if n == 1 else "all below bring"
        return f"{few} only {money(float(values.sum()))}"
    fewest = int(np.searchsorted(np.cumsum(values), gap) + 1)
    if n == 1:
        return "this one deal covers it"
    if fewest == 1:
        return f"win {shorten_name(names)}"
    if fewest == n:
        return "win both" if n == 2 else f"win all {text.spelled(n)}"
    return f"win the first {text.spelled(fewest)}"


def shorten_name(names: Sequence[Any]) -> str:
    """Shorten the first deal's name to what is before its colon, if no other has the same."""
    heads = [str(name).partition(": ")[0] for name in names]
    return heads[0] if heads.count(heads[0]) == 1 else str(names[0])
