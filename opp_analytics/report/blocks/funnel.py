"""Funnel: where do deals end, as a block of the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opp_analytics import svg, text
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.report.deal_lists import deal_list, with_details
from opp_analytics.report.finding import finding
from opp_analytics.report.model import Block, Deals, Note, Opening
from opp_analytics.report.tables import Tables

__all__ = ["funnel"]

_ENDS = {"advanced": "moved on", "back": "moved back", "still": "open"}
"""What became of an entry, where its name does not say it."""


def funnel(tables: Tables) -> Block:
    """Deals that entered each stage and where they are now; without records, what is open in each stage."""
    try:
        flow = tables.flow
    except NotEnoughHistory:
        return _open_by_stage(tables)
    if not flow["entries"].sum():
        return _open_by_stage(tables)
    start = tables.inputs.day(tables.flow_since.tz_convert(tables.inputs.tz))
    rows = svg.stage_flow(flow)
    opened = tuple(_entered(tables, key, row.label) for key, row in zip(flow.index, rows.rows, strict=True))
    sub = f"Deals that entered each stage since {start}, and where they are now. Dark: moved back or removed"
    return Block("funnel", finding(flow), sub, (Opening(rows, opened),))


def _entered(tables: Tables, key: Any, label: str) -> Deals | None:
    """The deals that entered a stage, with what became of them there; a deal that came twice counts twice."""
    inputs, entries = tables.inputs, tables.flow_deals
    stages = entries.set_index("stage", append=isinstance(key, tuple)).index
    mine = entries[[one == key for one in stages]].reset_index(drop=True)
    if mine.empty:
        return None
    said = mine["outcome"].map(_ENDS).fillna(mine["outcome"])
    rows = with_details(inputs, mine, stage=said).drop(columns="outcome")
    rows = rows.sort_values(["value", "unique_id"], ascending=[False, True])
    return deal_list(inputs, rows, f"Entered {label}", sheet="Stage entries")


def _open_by_stage(tables: Tables) -> Block:
    inputs = tables.inputs
    table = tables.funnel.groupby(level="stage", sort=False)[["open_count", "open_value"]].sum()
    if not table["open_count"].sum():
        return Block("funnel", "Funnel", parts=(Note("No deal is open in any stage."),))
    amounts = [
        svg.Amount(
            text.title(stage),
            float(row["open_value"]),
            inputs.money(row["open_value"]),
            f"{text.label(stage)}: {inputs.money(row['open_value'])}, {text.count(int(row['open_count']))}",
            str(stage),
        )
        for stage, row in table.iterrows()
    ]
    is_open = inputs.deals["outcome"] == "open"
    opened = tuple(
        deal_list(
            inputs, inputs.deals[is_open & (inputs.deals["stage"] == amount.key)], f"Open in {amount.name}"
        )
        for amount in amounts
    )
    return Block("funnel", _most(amounts), "Open value by stage", (Opening(svg.bars(amounts), opened),))


def _most(amounts: Sequence[svg.Amount]) -> str:
    """The stage with the most open value."""
    most, whole = max(amounts, key=lambda amount: amount.value), sum(amount.value for amount in amounts)
    if not whole:
        return "No open deal has a value"
    if most.value == whole:
        return f"All open value is in {text.label(most.key)}"
    return (
        f"The largest share of open value, {text.percent(most.value / whole)}, is in {text.label(most.key)}"
    )
