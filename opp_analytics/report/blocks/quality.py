"""Deals to question, and data to fix."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from opp_analytics import svg, text
from opp_analytics.analysis import compare_chances
from opp_analytics.report.cells import list_deals, name_deal, say_finding, show_stated
from opp_analytics.report.model import Block, Cell, Deals, Group, Line, Note, Opening, PageColumn, Table
from opp_analytics.report.tables import Tables

_MOST_RISKS, _MOST_FIXES = 9, 8
"""Rows of a block that fit on a sheet with its neighbors."""
_SPELLED = 10
"""Numbers below are words."""


def risk(tables: Tables) -> Block:
    """Show what to question first: the open deals with flags, the most value first, each with its reasons."""
    inputs, table, nav = tables.inputs, tables.flags, "At risk"
    flagged = table[table["risk"] > 0]
    if flagged.empty:
        words = (
            f"None of the {text.count(len(table), 'open deal')} shows a warning sign."
            if len(table) > 1
            else "The one open deal shows no warning sign."
            if len(table)
            else "No deal is open."
        )
        return Block("risk", "Deals at risk", parts=(Note(words),), nav=nav)
    details = ["unique_id", "stage", *(["probability"] if "probability" in inputs.deals else []), *inputs.by]
    rows = flagged.head(_MOST_RISKS).reset_index()[["unique_id", "name", "value", "close_date", "reasons"]]
    rows = rows.merge(inputs.deals[details], on="unique_id", how="left")
    columns = (
        PageColumn("Deal", right=False, phone="full", kind="deal"),
        *([PageColumn("Owner", right=False, kind="o")] if inputs.person else []),
        PageColumn("Stage", right=False, kind="stage"),
        PageColumn("Value"),
        PageColumn("Stated"),
        PageColumn("From history"),
        PageColumn("Close"),
        PageColumn("Why", right=False, phone="full", kind="why"),
    )
    lines = tuple(_describe_risk(tables, row) for row in rows.to_dict("records"))
    shown = Table(columns, (Group(lines),), "risk")
    sub = ". ".join(filter(None, (compare_chances(tables.forecast_deals), _say_flags(table, flagged))))
    return Block("risk", _say_doubt(tables, flagged), sub, (shown,), nav)


def _say_doubt(tables: Tables, flagged: pd.DataFrame) -> str:
    """Say which deals due are in doubt, and what is late; without either, how many deals have a flag."""
    words = [*_say_due(tables, flagged), *_say_late(tables)]
    if not words:
        verb = "shows" if len(flagged) == 1 else "show"
        return f"{text.capital(text.spelled(len(flagged), 'open deal'))} {verb} a warning sign"
    return text.capital("; ".join(words))


def _say_due(tables: Tables, flagged: pd.DataFrame) -> list[str]:
    inputs = tables.inputs
    due = inputs.open_now["unique_id"]
    mine = int(due.isin(flagged.index).sum())
    if len(due) == 1:
        return [f"the deal due in {inputs.name} shows {'a warning sign' if mine else 'no warning sign'}"]
    if not len(due):
        return []
    count = text.spelled if max(mine, len(due)) < _SPELLED else text.number
    none = "neither" if len(due) == 2 else "none"
    who = f"{count(mine) if mine else none} of the {count(len(due))} deals due in {inputs.name}"
    return [f"{who} {'shows a warning sign' if mine <= 1 else 'show warning signs'}"]


def _say_late(tables: Tables) -> list[str]:
    inputs, late = tables.inputs, tables.inputs.overdue
    if late.empty:
        return []
    more = " more" if len(inputs.open_now) else f" {text.plural('deal') if len(late) > 1 else 'deal'}"
    worth, verb = inputs.money(late["value"].sum()), "is" if len(late) == 1 else "are"
    return [f"{text.spelled(len(late))}{more}, worth {worth}, {verb} past the close date"]


def _say_flags(table: pd.DataFrame, flagged: pd.DataFrame) -> str:
    rest = len(flagged) - _MOST_RISKS
    more = f"; {text.count(rest, 'more deal')} in the workbook" if rest > 0 else ""
    if len(table) == 1:
        return ""
    # The sentence goes on to name kinds and the largest, which the table shows.
    return f"{say_finding(table).partition(':')[0]}. The largest first{more}"


def _describe_risk(tables: Tables, row: dict[Any, Any]) -> Line:
    inputs = tables.inputs
    first, *others = row["reasons"].split(" · ")
    return Line(
        (
            name_deal(inputs, row),
            *([Cell(str(row[inputs.person]), name=True)] if inputs.person else []),
            Cell(text.label(row["stage"])),
            Cell(text.number(row["value"])),
            Cell(show_stated(row.get("probability"))),
            Cell(tables.show_history(row["unique_id"])),
            Cell(inputs.day(row["close_date"])),
            Cell("; ".join(["", *others]) + ".", lead=text.capital(first)),
        )
    )


def fix(tables: Tables) -> Block:
    """Show what costs most money: the findings of the audit, each opening to its deals and the fix."""
    inputs, table, nav = tables.inputs, tables.finding_summary, "Data to fix"
    if table.empty:
        deals = len(inputs.deals)
        words = (
            f"The audit found nothing to fix in {text.count(deals)}."
            if deals
            else "There is no deal to audit."
        )
        return Block("fix", nav, parts=(Note(words),), nav=nav)
    amounts = [_measure(tables, row) for row in table.head(_MOST_FIXES).reset_index().to_dict("records")]
    opened = tuple(_list_findings(tables, amount) for amount in amounts)
    rest = len(table) - _MOST_FIXES
    more = f"; {rest} more kinds in the workbook" if rest > 0 else ""
    rows = svg.bars(amounts, label_width=272, stacked=True)
    sub = f"Ranked by money. Open a line for the deals and the fix{more}"
    return Block("fix", say_finding(table), sub, (Opening(rows, opened),), nav)


def _measure(tables: Tables, row: dict[Any, Any]) -> svg.Amount:
    name, value = text.title(row["check"]), float(row["value"])
    deals = text.count(int(row["deals"]))
    figure = tables.inputs.money(value) if value > 0 else deals
    return svg.Amount(
        name, value if math.isfinite(value) else 0.0, figure, f"{name}: {figure}, {deals}", row["check"]
    )


def _list_findings(tables: Tables, amount: svg.Amount) -> Deals | None:
    inputs = tables.inputs
    found = tables.findings[tables.findings["check"] == amount.key].drop_duplicates("unique_id")
    rows = inputs.deals[inputs.deals["unique_id"].isin(found["unique_id"])]
    return list_deals(tables, rows, amount.name, sheet="Findings", note=_say_suggestion(found))


def _say_suggestion(found: pd.DataFrame) -> str:
    """Say the fix, where all deals have the same one; the workbook has each."""
    fixes = found["suggestion"].dropna().unique()
    deals = f"{text.count(found['unique_id'].nunique())}."
    if not len(fixes):
        return deals
    if len(fixes) > 1:
        return f"{deals} The workbook’s sheet “Findings” has a suggested fix for each."
    return f"{deals} Suggested fix: {found['field'].iloc[0]} {fixes[0]}."
