"""Past ranges: should I believe the range, as a block of the page."""

from __future__ import annotations

from opp_analytics import svg, text
from opp_analytics.errors import DataError, NotEnoughHistory
from opp_analytics.report.deal_lists import deal_list
from opp_analytics.report.finding import finding
from opp_analytics.report.model import Block, Deals, Note, Opening
from opp_analytics.report.tables import Tables

__all__ = ["past"]

_MOST = 6


def past(tables: Tables) -> Block | None:
    """Past forecasts made as long before their period's end as today, and what closed in the end."""
    if tables.inputs.records.empty:
        return None
    noun = tables.inputs.noun
    try:
        table = tables.track_record
    except NotEnoughHistory:
        words = (
            f"No {noun} has ended since the records began. Once one has, this shows whether its range held."
        )
        return Block("past", "Past ranges", parts=(Note(words),))
    except DataError as error:
        return Block("past", "Past ranges cannot be judged", parts=(Note(text.capital(f"{error}.")),))
    shown = table.tail(_MOST)
    shown.attrs = table.attrs
    rows = svg.track_record(shown)
    opened = tuple(_closed(tables, row.key) for row in rows.rows)
    sub = f"Forecast as long before each {noun}’s end as today (blue tick and band) and what closed in the end (dot)"
    return Block("past", finding(shown), sub, (Opening(rows, opened),))


def _closed(tables: Tables, period: str) -> Deals | None:
    """The deals that closed in a past period, as they are known now."""
    inputs = tables.inputs
    rows = inputs.deals[(inputs.deals["outcome"] == "won") & (inputs.deals["period"] == period)]
    return deal_list(inputs, rows, f"Closed in {inputs.name_of(period)}") if len(rows) else None
