"""The headline: the period in one sentence, its numbers, and the deals behind them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pandas as pd

from opp_analytics import text
from opp_analytics.errors import DataError, NotEnoughHistory
from opp_analytics.report.exhibits import Deals, Exhibit, Figure
from opp_analytics.report.tables import Tables

__all__ = ["behind_headline", "headline"]

_OUT_OF_REACH = 1e-9


def headline(tables: Tables) -> tuple[str, tuple[Figure, ...]]:
    """The headline sentence and numbers of the current period."""
    row, period, money = tables.current, tables.period, tables.money
    figures = [
        Figure("booked", money(row["booked"]), f"won in {period} so far"),
        Figure(
            "weighted open",
            money(row["weighted_open"]),
            f"{text.count(int(row['open_count']))} due, {money(row['open_value'])} before weighting",
        ),
        Figure("expected", money(row["expected"]), "booked + weighted open"),
    ]
    said = (
        f"{period} as of {text.day(tables.today, year=True)}: {money(row['booked'])} booked, "
        f"{money(row['expected'])} expected"
    )
    if math.isfinite(row["low"]):
        reach = f"{money(row['low'])} to {money(row['high'])}"
        figures.append(Figure("range", reach, _range_note(tables)))
        said += f" ({reach} in 8 of 10 cases, if the {_stated(tables)}probabilities are right)"
    if math.isfinite(row["target"]):
        figures += _target_figures(row, money)
        said += f"; the target of {money(row['target'])} {_target_words(row)}"
    else:
        figures.append(Figure("target", "not set", "no target was given for this period"))
    return f"{said}. {_judged(tables)}", tuple(figures)


def _stated(tables: Tables) -> str:
    return "stated " if tables.forecast.attrs["method"] == "stated" else ""


def _range_note(tables: Tables) -> str:
    """Meaning of the range, and how often past ranges held."""
    try:
        past = tables.track_record
    except (NotEnoughHistory, DataError):
        return "10% to 90% of outcomes; not judged yet"
    return f"10% to 90% of outcomes; past ones held in {int(past['held'].sum())} of {len(past)}"


def _judged(tables: Tables) -> str:
    """A sentence on past forecasts made equally far before the end: ranges that held, and total error."""
    try:
        past = tables.track_record
    except NotEnoughHistory as reason:
        return f"Past ranges cannot be judged yet: {reason}."
    except DataError as error:
        return f"Past ranges cannot be judged: {error}."
    held = f"{int(past['held'].sum())} of {text.count(len(past), 'period')}"
    said = f"Past ranges made equally long before the end held in {held}"
    bias = past.attrs["bias"]
    if bias is None:
        return f"{said}; no deal was booked in these periods."
    off = (
        f"{text.chance(abs(bias))} {'more' if bias > 0 else 'less'} than"
        if abs(bias) >= 0.005
        else "about what"
    )
    return f"{said} and together expected {off} was booked."


def _target_figures(row: pd.Series[Any], money: Callable[[float], str]) -> list[Figure]:
    met = row["booked"] >= row["target"]
    return [
        Figure("target", money(row["target"])),
        Figure(
            "probability of target", text.chance(row["p_target"]), "probability that booked + open reach it"
        ),
        Figure(
            "coverage",
            "met" if met else f"{text.number(row['pipeline_coverage'], 1)}×",
            "" if met else "open value due ÷ gap to target",
        ),
    ]


def _target_words(row: pd.Series[Any]) -> str:
    if row["booked"] >= row["target"]:
        return "is met"
    if not row["open_value"] > 0:
        return "is out of reach: no open deal is due"
    cover = f"open deals due are {text.number(row['pipeline_coverage'], 1)} times the gap"
    if row["p_target"] < _OUT_OF_REACH:
        return f"is out of reach: {cover}"
    return f"has a probability of {text.chance(row['p_target'])}: {cover}"


def behind_headline(tables: Tables) -> Exhibit:
    """The deals booked in the current period, and the open deals due in it."""
    now = tables.deals[tables.deals["period"] == str(tables.period)]
    parts = {"won": "booked", "open": "open and due"}
    deals = Deals(
        now.assign(part=now["outcome"].map(parts)),
        "part",
        tables.deal_columns("stage", "close_date", "value", "probability"),
        "deals",
    )
    return Exhibit(
        "headline", "the headline", pd.DataFrame({"part": list(parts.values())}), ("part",), deals=deals
    )
