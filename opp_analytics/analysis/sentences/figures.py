"""A period's first figures, for page and explorer: closed, forecast, chance, coverage.

Without a target they show what is due.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import pandas as pd

from opp_analytics import text
from opp_analytics.analysis.sentences import evidence
from opp_analytics.org import money_of


class Figure(NamedTuple):
    """A figure, and what there is to know about it."""

    name: str
    figure: str
    note: str
    """Empty of a forecast within its range, and of a chance."""
    column: str
    """Its column of `oa.forecast`; empty where a word stands for it."""


def list_figures(
    now: Any, row: Any, table: pd.DataFrame, won: int, *, no_range: str = evidence.NO_RANGE
) -> list[Figure]:
    """List a period's figures: closed from `now`; forecast, chance, coverage from `row`.

    Both are rows of `oa.forecast`; `won` deals closed in `now`.

    Without a target what is due; no chance where only stated ones are used, which give none.
    """
    money = money_of(table)
    nothing = evidence.expects_nothing(row)
    single = "one deal: all or nothing" if evidence.is_one_deal(row, table) else ""
    outside = single or evidence.name_outside(row, money)
    found = [
        Figure("Closed won", money(now["booked"]), _say_progress(now, table, won), "booked"),
        Figure(
            "Forecast",
            money(row["expected"]),
            "no open deals due" if nothing else outside,
            "expected",
        ),
    ]
    if math.isnan(row["target"]):
        if not row["open_count"]:
            return [*found, Figure("Open and due", text.MISSING, "none due", "")]
        deals = text.count(int(row["open_count"]), "open deal")
        return [*found, Figure("Open and due", money(row["open_value"]), deals, "open_value")]
    due = f"{money(row['open_value'])} due" if row["open_count"] else "none due"
    if row["gap"] <= 0:
        chance, cover = ("met", f"{money(-row['gap'])} past target", ""), ("met", due, "")
    else:
        chance = (text.percent(row["p_target"]), "", "p_target")
        if math.isnan(row["p_target"]) or nothing:
            early = no_range if math.isfinite(row["expected"]) else "too early to say"
            chance = (text.MISSING, early if math.isnan(row["p_target"]) else "none due", "")
        to_go = f"{due}, {money(row['gap'])} to go"
        cover = (text.times(row["pipeline_coverage"]), to_go, "pipeline_coverage")
        cover = cover if row["open_count"] else (text.MISSING, to_go, "")
    found += [] if evidence.is_stated(table) else [Figure("Chance of target", *chance)]
    return [*found, Figure("Coverage", *cover)]


def _say_progress(now: Any, table: pd.DataFrame, won: int) -> str:
    """Say how many deals closed, and how far the period or its target is."""
    days = evidence.count_days(str(now.name), table) if now["to_date"] else None
    if days:
        return ", ".join([*([text.count(won)] if won else []), f"day {days[0]} of {days[1]}"])
    target = math.isfinite(now["attainment"])
    return (
        f"{text.count(won)}, {text.percent(now['attainment'])} of target"
        if target
        else text.count(won)
    )
