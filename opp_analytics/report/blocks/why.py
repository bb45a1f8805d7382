"""Why the forecast moved, and which deals did it, as a block of the page."""

from __future__ import annotations

import math

import pandas as pd

from opp_analytics import svg, text
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.report.deal_lists import deal_list, with_details
from opp_analytics.report.finding import finding
from opp_analytics.report.model import Block, Deals, Note, Opening
from opp_analytics.report.tables import Tables

__all__ = ["why"]

_STEPS = 2
_TITLE, _NAV = "Why the forecast moved", "Why it moved"


def why(tables: Tables) -> Block | None:
    """The steps from the forecast a week ago to that of now, each opening to its deals."""
    if tables.inputs.records.empty:
        return None
    try:
        table = tables.change
    except NotEnoughHistory as reason:
        return Block("why", _TITLE, parts=(_no_change(tables.no_changes or str(reason)),), nav=_NAV)
    target = float(tables.current["target"])
    rows = svg.forecast_change(table, target=target if math.isfinite(target) else math.nan)
    opened = tuple(_behind(tables, row.key, row.label) for row in rows.rows)
    return Block("why", finding(_largest(table)), _sub(tables, table), (Opening(rows, opened),), _NAV)


def _largest(table: pd.DataFrame) -> pd.DataFrame:
    """Both ends and the largest steps, for a title of two lines."""
    steps = table["expected"].drop(["then", "now"]).abs().sort_values(ascending=False, kind="stable")
    shown = table.loc[["then", *steps.index[:_STEPS], "now"]]
    shown.attrs = table.attrs
    return shown


def _no_change(reason: str) -> Note:
    return Note(f"{text.capital(reason.rstrip('.'))}.")


def _sub(tables: Tables, table: pd.DataFrame) -> str:
    inputs, attrs = tables.inputs, table.attrs
    said = [f"Forecast for {inputs.name} in expected money. Number of deals beside each bar"]
    if "method_then" in attrs:
        now, then = (text.label(name) for name in (str(tables.method), attrs["method_then"]))
        said.append(f"The method changed from {then} to {now}; both forecasts are by {now}")
    if abs(table["expected"]["now"] - float(tables.current["expected"])) >= 0.005:
        last = pd.Timestamp(inputs.records["recorded_at"].iloc[-1]).tz_convert(inputs.tz)
        said.append(f"Changes after the record of {inputs.day(last)} are not in it")
    return ". ".join(said)


def _behind(tables: Tables, step: str, label: str) -> Deals | None:
    """The deals of a step, with what each one added or took."""
    moved = tables.change_deals
    mine = moved[moved["movement"] == step]
    if mine.empty:
        return None
    inputs = tables.inputs
    return deal_list(inputs, with_details(inputs, mine), label, sheet="Change", amount="expected")
