"""Trend: is the forecast on its way to the target, or there by luck, as a block of the page."""

from __future__ import annotations

import math

from opp_analytics import svg, text
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.report.finding import finding
from opp_analytics.report.model import Block, Chart, Note
from opp_analytics.report.tables import Tables, method_name

__all__ = ["trend"]

_TITLE = "Forecast trend"


def trend(tables: Tables) -> Block:
    """The forecast at each record, with its range, what had closed, and the target."""
    inputs = tables.inputs
    if inputs.records.empty:
        return Block("trend", _TITLE, parts=(_no_history(tables),))
    try:
        fan = tables.fan
    except NotEnoughHistory as reason:
        return Block("trend", _TITLE, parts=(Note(f"{text.capital(str(reason).rstrip('.'))}."),))
    if len(fan) < 2:
        known = (
            f"The first record is from {inputs.day(tables.first_record)}"
            if len(inputs.records) == 1
            else f"The {text.label(method_name(tables.forecast))} method can forecast only the last record"
        )
        words = f"{known}; the trend starts with the next one."
        return Block("trend", _TITLE, parts=(Note(words),))
    target = float(tables.current["target"])
    drawn = svg.forecast_fan(
        fan, closed=inputs.won_now[["close_date", "value"]], target=target if math.isfinite(target) else None
    )
    sub = f"{inputs.name} forecast at each record, with its {text.percent(fan.attrs['confidence'])} range, and what had closed"
    return Block("trend", finding(fan), sub[:1].upper() + sub[1:], (Chart(drawn),))


def _no_history(tables: Tables) -> Note:
    """One line for all that needs records."""
    inputs = tables.inputs
    if inputs.history is not None and len(inputs.history.records):
        first = text.day(tables.first_record, year=True)
        return Note(
            f"The history begins on {first}, after the day of this page, so it cannot show what moved before."
        )
    return Note(
        "No history yet. Run {} daily, and next week’s report shows how the forecast moved and why, what slipped and what was "
        "created.",
        "opp-analytics record",
    )
