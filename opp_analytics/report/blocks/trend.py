"""Trend: is the forecast on its way to the target, or there by luck, as a block of the page."""

from __future__ import annotations

import math

from opp_analytics import svg
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.report.finding import finding
from opp_analytics.report.model import Block, Chart, Note
from opp_analytics.report.tables import Tables

__all__ = ["trend"]


def trend(tables: Tables) -> Block:
    """The forecast at each record, with its range, what had closed, and the target."""
    inputs = tables.inputs
    try:
        fan = tables.fan
    except NotEnoughHistory:
        return Block("trend", "The way to the target", parts=(no_history("the way of the forecast"),))
    target = float(tables.current["target"])
    drawn = svg.forecast_fan(
        fan, closed=inputs.won_now[["close_date", "value"]], target=target if math.isfinite(target) else None
    )
    sub = f"{inputs.name} forecast at each record, with its {fan.attrs['confidence']:.0%} range, and what had closed"
    return Block("trend", finding(fan), sub[:1].upper() + sub[1:], (Chart(drawn),))


def no_history(what: str) -> Note:
    """What to do for a block that needs records."""
    return Note(
        f"No history yet. Run {{}} daily and next week’s report shows {what}.", "opp-analytics record"
    )
