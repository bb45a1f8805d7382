"""Past ranges: should I believe the range, as a block of the page."""

from __future__ import annotations

from opp_analytics import svg, text
from opp_analytics.errors import DataError, NotEnoughHistory
from opp_analytics.report.finding import finding
from opp_analytics.report.model import Block, Chart, Note
from opp_analytics.report.tables import Tables

__all__ = ["past"]

_MOST = 6


def past(tables: Tables) -> Block:
    """Past forecasts made as long before their period's end as today, and what closed in the end."""
    noun = tables.inputs.noun
    try:
        table = tables.track_record
    except NotEnoughHistory:
        words = (
            f"No {noun} has ended since the records began. From the first one on, its range is judged here."
        )
        return Block("past", "Past ranges cannot be judged yet", parts=(Note(words),))
    except DataError as error:
        return Block("past", "Past ranges cannot be judged", parts=(Note(text.capital(f"{error}.")),))
    shown = table.tail(_MOST)
    shown.attrs = table.attrs
    sub = f"Forecast as long before each {noun}’s end as today (blue tick and band) and what closed in the end (dot)"
    return Block("past", finding(shown), sub, (Chart(svg.track_record(shown).html()),))
