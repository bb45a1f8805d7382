"""Plans for the eye: old → new, cell by cell, most money moved first, in a notebook and on a terminal."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import pandas as pd
from rich.table import Table
from rich.text import Text

from opp_analytics.writer.cells import records, shown

if TYPE_CHECKING:
    from opp_analytics.writer.plans import Plan

__all__ = ["count", "plan_html", "plan_table"]

_MOST = 50
"""Opportunities shown; the rest are counted."""


def count(number: int, noun: str) -> str:
    """A number with its noun.

    Examples
    --------
    >>> count(1, "cell"), count(2000, "opportunity")
    ('1 cell', '2,000 opportunities')
    """
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"


def _rows(plan: Plan) -> list[tuple[str, str, list[tuple[str, str, str, str]], str]]:
    """Operation, name, cells (field, old, new, status) and money of the first opportunities."""
    statuses = plan.changes["status"].tolist()
    rows = []
    for deal in records(plan.deals().head(_MOST)):
        step = plan.steps[deal["step"]]
        cells = [(c.field or "", shown(c.before), shown(c.after), statuses[c.at]) for c in step.cells]
        name = deal["name"] if pd.notna(deal["name"]) else step.unique_id
        # What a recovered opportunity is worth stands in the trash, not in the plan.
        money = "—" if step.operation == "recover" else f"{deal['value_after'] - deal['value_before']:+,.2f}"
        rows.append((step.operation, str(name), cells, money))
    return rows


def plan_html(plan: Plan) -> str:
    """The plan as an HTML table, everything from the data escaped."""
    body = []
    for operation, name, cells, money in _rows(plan):
        lines = [_html_cell(operation, *cell) for cell in cells]
        body.append(
            f"<tr><td>{operation}</td><td style='text-align:left'>{escape(name)}</td>"
            f"<td style='text-align:left'>{'<br>'.join(lines)}</td><td>{money}</td></tr>"
        )
    more = len(plan.steps) - _MOST
    rest = f"<p>… and {count(more, 'opportunity')} more, see .changes</p>" if more > 0 else ""
    summary = escape(plan.summary()).replace("\n", "<br>")
    head = "<tr><th>operation</th><th>opportunity</th><th>old → new</th><th>money</th></tr>"
    table = f"<table><thead>{head}</thead><tbody>{''.join(body)}</tbody></table>" if body else ""
    return f"<div><p>{summary}</p>{table}{rest}</div>"


def _html_cell(operation: str, field: str, old: str, new: str, status: str) -> str:
    note = "" if status == "clean" else f" <em>({status})</em>"
    if not field:
        return note
    change = escape(new) if operation == "create" else f"<del>{escape(old)}</del> → <b>{escape(new)}</b>"
    return f"{escape(field)}: {change}{note}"


def plan_table(plan: Plan) -> Table:
    """The plan as a rich table; text from the data is never read as markup."""
    more = len(plan.steps) - _MOST
    table = Table(caption=f"… and {count(more, 'opportunity')} more" if more > 0 else None)
    for title in ("operation", "opportunity", "field", "old", "new"):
        table.add_column(title)
    table.add_column("money", justify="right")
    for operation, name, cells, money in _rows(plan):
        for number, (field, old, new, status) in enumerate(cells):
            note = "" if status == "clean" else f" ({status})"
            first = (operation, name, money) if number == 0 else ("", "", "")
            texts = (
                *first[:2],
                field + note,
                "" if operation == "create" or not field else old,
                new if field else "",
            )
            table.add_row(*(Text(text) for text in (*texts, first[2])))
    return table
