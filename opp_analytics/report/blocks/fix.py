"""Data to fix: what costs most money, as a block of the page."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from opp_analytics import svg, text
from opp_analytics.report.deal_lists import deal_list
from opp_analytics.report.finding import finding
from opp_analytics.report.model import Block, Deals, Note, Opening
from opp_analytics.report.tables import Tables

__all__ = ["fix"]

_MOST = 8


def fix(tables: Tables) -> Block:
    """The findings of the audit, ranked by the money they touch; each opens to its deals and the fix."""
    inputs, table = tables.inputs, tables.finding_summary
    if table.empty:
        deals = len(inputs.deals)
        words = (
            f"The audit found nothing to fix in {text.count(deals)}."
            if deals
            else "There is no deal to audit."
        )
        return Block("fix", "Data to fix", parts=(Note(words),), nav="Data to fix")
    shown = table.head(_MOST)
    amounts = [_amount(tables, row) for row in shown.reset_index().to_dict("records")]
    opened = tuple(_behind(tables, amount) for amount in amounts)
    rest = f"; {len(table) - _MOST} more kinds in the workbook" if len(table) > _MOST else ""
    sub = f"Ranked by money. Open a line for the deals and the fix{rest}"
    rows = svg.bars(amounts, label_width=272, stacked=True)
    return Block("fix", finding(table), sub, (Opening(rows, opened),), "Data to fix")


def _amount(tables: Tables, row: dict[Any, Any]) -> svg.Amount:
    name, value = text.title(row["check"]), float(row["value"])
    deals = text.count(int(row["deals"]))
    figure = tables.inputs.money(value) if value > 0 else text.count(int(row["deals"]))
    return svg.Amount(
        name, value if math.isfinite(value) else 0.0, figure, f"{name}: {figure}, {deals}", row["check"]
    )


def _behind(tables: Tables, amount: svg.Amount) -> Deals:
    inputs = tables.inputs
    found = tables.findings[tables.findings["check"] == amount.key].drop_duplicates("unique_id")
    rows = inputs.deals[inputs.deals["unique_id"].isin(found["unique_id"])]
    return deal_list(inputs, rows, amount.name, sheet="Findings", note=_suggested(found))


def _suggested(found: pd.DataFrame) -> str:
    """The fix, where all deals have the same one; the workbook has each."""
    fixes = found["suggestion"].dropna().unique()
    deals = text.count(found["unique_id"].nunique())
    if len(fixes) == 1:
        return f"{deals}. Suggested fix: {found['field'].iloc[0]} {fixes[0]}."
    return (
        f"{deals}. The workbook’s sheet “Findings” has a suggested fix for each."
        if len(fixes)
        else f"{deals}."
    )
