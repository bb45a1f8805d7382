"""`slippage`: the outcome of what was due, by value, one bar for each period."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from opp_analytics import text
from opp_analytics.org import Money, money_of
from opp_analytics.svg import marks
from opp_analytics.svg.rows import Row, Rows
from opp_analytics.svg.shares import Part, shares

_FILLS: dict[str, marks.Fill] = {
    "slipped": "hi",
    "lost": "mute",
    "won": "bar",
    "pulled_out": "pale",
    "removed": "pale",
    "still_due": "pale",
}


def slippage(tables: Mapping[str, pd.DataFrame]) -> Rows:
    """What was due in each period, and what became of it, by value; by count where no deal has a value.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Tables of `oa.slippage` without groups, by the name of their period, in the order of their rows.
    """
    return Rows(
        tuple(_row(name, table, money_of(table)) for name, table in tables.items()),
        label_width=max(104, 24 + 7 * max(map(len, tables), default=0)),
        stacked=True,
    )


def _row(name: str, table: pd.DataFrame, money: Money) -> Row:
    valued = bool(table["value"].sum() > 0)
    measure = table["value"] if valued else table["count"]
    whole = float(measure.sum())
    parts = []
    for outcome, fill in _FILLS.items():
        if outcome not in table.index:
            continue
        amount, deals = float(measure[outcome]), int(table["count"][outcome])
        share = text.percent(amount / whole) if whole else text.MISSING
        words = text.label(outcome)
        title = f"{name}: {words} {money(table['value'][outcome])}, {text.count(deals)}, {share}"
        parts.append(Part(amount, fill, (f"{words} {share}", share), title, outcome))
    figure = money(whole) if valued else text.count(int(whole))
    said = f"{name}: " + ", ".join(part.forms[0] for part in parts if part.amount)
    return Row(name, shares(parts, whole=whole, said=said), (figure,), key=name)
