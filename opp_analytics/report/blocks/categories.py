"""How much rests on commit, as a block of the page."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from opp_analytics import svg, text
from opp_analytics.analysis import deal_categories
from opp_analytics.report.deal_lists import deal_list
from opp_analytics.report.finding import finding
from opp_analytics.report.model import Block, Deals, Note, Opening
from opp_analytics.report.tables import Tables

__all__ = ["categories"]

_NAV = "Categories"


def categories(tables: Tables) -> Block:
    """Closed money and the categories of the open deals due in the current period, each opening to its deals."""
    inputs, table = tables.inputs, tables.categories
    row: Any = table.loc[str(inputs.period)]
    if not row["closed"] and not row["open_count"]:
        note = Note(f"Nothing is closed or due in {inputs.name}.")
        return Block("categories", "Forecast categories", parts=(note,), nav=_NAV)
    target = float(tables.current["target"])
    rows = svg.forecast_categories(table, str(inputs.period), target=target)
    due = inputs.open_now
    due = due.assign(category=deal_categories(due))
    opened = tuple(_behind(tables, due, one.key, one.label) for one in rows.rows)
    title = _against(tables, row, target) if math.isfinite(target) else finding(table)
    sub = (
        f"{text.capital(inputs.name)} by category at full value: the deal’s own, its stage’s, or by stated chance. "
        "Running total beside each bar" + ("; line is the target" if math.isfinite(target) else "")
    )
    return Block("categories", title, sub, (Opening(rows, opened),), _NAV)


def _against(tables: Tables, row: Any, target: float) -> str:
    """How far closed money and commit reach."""
    money, total = tables.inputs.money, float(row["commit_total"])
    if not total:
        return f"Nothing is closed or committed: {money(target)} to go"
    parts = "Closed and commit alone" if row["commit"] else "Closed alone"
    reach = "reach" if row["commit"] else "reaches"
    if total == target:
        return f"{parts} {reach} the target of {money(target)}"
    off = money(abs(total - target))
    return f"{parts} {reach} {money(total)}, {off} {'past target' if total > target else 'short of target'}"


def _behind(tables: Tables, due: pd.DataFrame, category: str, label: str) -> Deals | None:
    inputs = tables.inputs
    rows = inputs.won_now if category == "closed" else due[due["category"] == category]
    return deal_list(inputs, rows, label) if len(rows) else None
