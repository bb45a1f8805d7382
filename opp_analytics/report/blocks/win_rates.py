"""Win rates: who differs beyond chance, as a block of the page."""

from __future__ import annotations

import pandas as pd

from opp_analytics import svg, text
from opp_analytics.report.deal_lists import deal_list
from opp_analytics.report.finding import finding
from opp_analytics.report.model import Block, Deals, Note, Opening
from opp_analytics.report.tables import Tables

__all__ = ["win_rates"]

_MOST, _NAV = 12, "Win rates"


def win_rates(tables: Tables) -> Block:
    """Won of won and lost, by person, with intervals, against the rate of all; who differs is highlighted."""
    inputs, whole, table = tables.inputs, tables.win_rate, tables.win_rates
    since = inputs.day(tables.closed_since)
    closed = int(whole["won"] + whole["lost"])
    if not closed:
        note = Note(f"No deal was won or lost since {since}.")
        return Block("win_rates", "Win rates", parts=(note,), nav=_NAV)
    rate = text.percent(whole["rate"])
    title = (
        f"{rate} of the {text.spelled(closed, 'deal')} closed since {since} were won"
        if closed > 1
        else f"The one deal closed since {since} was {'won' if whole['won'] else 'lost'}"
    )
    known = table[table["rate"].notna()]
    if len(known) < 2:
        return Block("win_rates", title, "", _rows(tables, known), _NAV)
    most = (known["won"] + known["lost"]).nlargest(_MOST).index
    shown = known[known.index.isin(most)]
    sub = f"Won ÷ (won + lost) since {since}, 95% interval. Vertical line: all, {rate}. Blue: differs from the others beyond chance"
    if len(shown) < len(known):
        sub += f". The {_MOST} with most closed deals of {len(known):,}"
    return Block("win_rates", finding(tables.scores), sub, _rows(tables, shown), _NAV)


def _rows(tables: Tables, shown: pd.DataFrame) -> tuple[Opening, ...]:
    if shown.empty:
        return ()
    scores = tables.scores
    apart = set(scores.index[scores["differs"].to_numpy(dtype=bool)])
    rows = svg.win_rate(shown, overall=float(tables.win_rate["rate"]), differs=apart)
    return (Opening(rows, tuple(_closed(tables, row.key) for row in rows.rows)),)


def _closed(tables: Tables, name: str) -> Deals:
    """The deals that one person won or lost in the window."""
    inputs = tables.inputs
    deals = inputs.deals[inputs.deals["outcome"].isin(["won", "lost"])]
    inside = deals["close_date"].between(tables.closed_since, inputs.today)
    return deal_list(inputs, deals[inside & (deals[inputs.person] == name)], f"Won and lost by {name}")
