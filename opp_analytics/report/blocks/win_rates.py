"""Win rates: who differs beyond chance, as a block of the page."""

from __future__ import annotations

from opp_analytics import svg, text
from opp_analytics.report.model import Block, Chart, Note
from opp_analytics.report.tables import Tables

__all__ = ["win_rates"]

_MOST = 12


def win_rates(tables: Tables) -> Block:
    """Won of won and lost, by person, with intervals, against the rate of all."""
    inputs, whole, table = tables.inputs, tables.win_rate, tables.win_rates
    since = inputs.day(tables.closed_since)
    closed = int(whole["won"] + whole["lost"])
    if not closed:
        return Block(
            "win_rates",
            "No deal closed",
            parts=(Note(f"No deal was won or lost since {since}."),),
            nav="Win rates",
        )
    rate = text.chance(whole["rate"])
    title = f"{rate} of the {text.count(closed)} closed since {since} were won"
    most = (table["won"] + table["lost"]).nlargest(_MOST).index
    shown = table[table.index.isin(most)]
    sub = f"Won ÷ (won + lost), 95% interval. Vertical line: all, {rate}"
    if len(shown) < len(table):
        sub += f". The {_MOST} with most closed deals of {len(table):,}"
    drawn = svg.win_rate(shown, overall=float(whole["rate"])).html()
    return Block("win_rates", title, sub, (Chart(drawn),), "Win rates")
