"""The week in one sentence, its numbers, and the deals behind them."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from opp_analytics.errors import DataError, NotEnoughHistory
from opp_analytics.report.exhibits import Deals, Exhibit, Figure
from opp_analytics.report.facts import Facts
from opp_analytics.report.formats import amount, counted, share, text

__all__ = ["behind_headline", "headline"]

_OUT_OF_REACH = 1e-9


def headline(facts: Facts, currency: str) -> tuple[str, tuple[Figure, ...]]:
    """The sentence and the numbers of the running period."""
    row, period = facts.current, facts.period
    figures = [
        Figure("booked", amount(row["booked"], currency), f"won in {period} so far"),
        Figure(
            "weighted open",
            amount(row["weighted_open"], currency),
            f"{counted(int(row['open_count']))} due, {amount(row['open_value'], currency)} before weighting",
        ),
        Figure("expected", amount(row["expected"], currency), "booked + weighted open"),
    ]
    said = (
        f"{period} as of {facts.today:%Y-%m-%d}: {amount(row['booked'], currency)} booked, "
        f"{amount(row['expected'], currency)} expected"
    )
    if math.isfinite(row["low"]):
        reach = f"{text(row['low'], 'money')} to {text(row['high'], 'money')}"
        figures.append(Figure("range", reach, _range_note(facts)))
        said += f" ({reach} in eight of ten cases, if the {_stated(facts)}probabilities are right)"
    if math.isfinite(row["target"]):
        figures += _target_figures(row, currency)
        said += f"; the target of {amount(row['target'], currency)} {_target_words(row)}"
    else:
        figures.append(Figure("target", "not set", "no target was given for this period"))
    return f"{said}. {_judged(facts)}", tuple(figures)


def _stated(facts: Facts) -> str:
    return "stated " if isinstance(facts.probability, str) and facts.probability == "stated" else ""


def _range_note(facts: Facts) -> str:
    """The range's promise, and how often such a promise was kept."""
    try:
        past = facts.track_record
    except (NotEnoughHistory, DataError):
        return "10 to 90 % of outcomes; not judged yet"
    return f"10 to 90 % of outcomes; past ones held in {int(past['held'].sum())} of {len(past)}"


def _judged(facts: Facts) -> str:
    """How often the ranges of earlier periods held as long before their end, and how far off they were together."""
    try:
        past = facts.track_record
    except NotEnoughHistory as reason:
        return f"How often such ranges hold cannot be said yet: {reason}."
    except DataError as error:
        return f"How often such ranges held cannot be said: {error}."
    held = f"{int(past['held'].sum())} of {counted(len(past), 'period')}"
    said = f"Past ranges made that far before the end held in {held}"
    bias = past.attrs["bias"]
    if bias is None:
        return f"{said}; nothing was booked in any of them."
    off = (
        f"{share(abs(bias))} {'more' if bias > 0 else 'less'} than"
        if abs(bias) >= 0.005
        else "just about what"
    )
    return f"{said} and together expected {off} was booked."


def _target_figures(row: pd.Series[Any], currency: str) -> list[Figure]:
    met = row["booked"] >= row["target"]
    return [
        Figure("target", amount(row["target"], currency)),
        Figure("probability of target", share(row["p_target"]), "that booked + open reach it"),
        Figure(
            "coverage",
            "met" if met else f"{row['pipeline_coverage']:.1f}×",
            "" if met else "open value due ÷ what the target still needs",
        ),
    ]


def _target_words(row: pd.Series[Any]) -> str:
    if row["booked"] >= row["target"]:
        return "is met"
    if not row["open_value"] > 0:
        return "is out of reach: nothing is open and due"
    cover = f"open deals due are {row['pipeline_coverage']:.1f} times what is missing"
    if row["p_target"] < _OUT_OF_REACH:
        return f"is out of reach: {cover}"
    return f"has a probability of {share(row['p_target'])}: {cover}"


def behind_headline(facts: Facts) -> Exhibit:
    """The deals that are booked in the running period, and those that are open and due in it."""
    now = facts.deals[facts.deals["period"] == str(facts.period)]
    parts = {"won": "booked", "open": "open and due"}
    deals = Deals(
        now.assign(part=now["outcome"].map(parts)),
        "part",
        facts.deal_columns("stage", "close_date", "value", "probability"),
        "deals",
    )
    return Exhibit(
        "headline", "the headline", pd.DataFrame({"part": list(parts.values())}), ("part",), deals=deals
    )
