"""Plans and receipts for the eye: old → new, cell by cell, most money first, in a notebook and on a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import pandas as pd
from rich.table import Table
from rich.text import Text

from opp_analytics.writer.plan.cells import format_cell, row_dicts

if TYPE_CHECKING:
    from opp_analytics.writer.apply.receipt import Receipt
    from opp_analytics.writer.plan.plans import Plan


_MOST = 50
"""Rows shown; the rest are counted."""
_RED, _GREY = "color:#c0392b", "color:#888"
_STYLES = {
    "conflict": _RED,
    "failed": _RED,
    "unknown": _RED,
    "delete": _RED,
    "already": _GREY,
    "skipped": _GREY,
}
_URGENCY = ("failed", "unknown", "conflict", "skipped", "pending", "applied", "already")
"""Outcomes in the order in which somebody wants to see them."""


def count(number: int, noun: str) -> str:
    """A number with its noun.

    Examples
    --------
    >>> count(1, "cell"), count(2000, "opportunity"), count(8, "day")
    ('1 cell', '2,000 opportunities', '8 days')
    """
    plural = f"{noun[:-1]}ies" if noun.endswith("y") and noun[-2] not in "aeiou" else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"


@dataclass(frozen=True)
class _Deal:
    """One opportunity of a plan as it is shown."""

    operation: str
    name: str
    cells: list[tuple[str, str, str, str]]
    """Field, old, new, status."""
    value: str
    change: str


def _deals(plan: Plan) -> list[_Deal]:
    statuses = plan.changes["status"].tolist()
    shown_deals = []
    for deal in row_dicts(plan.deals().head(_MOST)):
        step = plan.steps[deal["step"]]
        cells = [
            (c.field or "", format_cell(c.before), format_cell(c.after), statuses[c.at]) for c in step.cells
        ]
        name = str(deal["name"] if pd.notna(deal["name"]) else step.unique_id)
        was, now = deal["value_before"], deal["value_after"]
        # What a recovered opportunity is worth stands in the trash, not in the plan.
        value = (
            "—" if step.operation == "recover" else format_cell(was if step.operation == "delete" else now)
        )
        change = f"{now - was:+,.2f}" if now != was else ""
        shown_deals.append(_Deal(step.operation, name, cells, value, change))
    return shown_deals


def _table(titles: dict[str, str], rows: Iterable[Iterable[str]]) -> str:
    """An HTML table from cells that are HTML already; `titles` with their alignment."""
    aligned = [f"style='text-align:{side}'" for side in titles.values()]
    head = "".join(f"<th {style}>{title}</th>" for title, style in zip(titles, aligned, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td {s}>{cell}</td>" for cell, s in zip(row, aligned, strict=True)) + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" if body else ""


def _marked(text: str) -> str:
    style = _STYLES.get(text)
    return f"<span style='{style}'>{text}</span>" if style else text


def _html_cell(operation: str, field: str, old: str, new: str, status: str) -> str:
    note = "" if status == "clean" else f" <em>({_marked(status)})</em>"
    if not field:
        return note
    change = escape(new) if operation == "create" else f"<del>{escape(old)}</del> → <b>{escape(new)}</b>"
    return f"{escape(field)}: {change}{note}"


def _rest(number: int, noun: str, where: str) -> str:
    return f"<p>… and {count(number, noun)} more, see {where}</p>" if number > 0 else ""


def _lines(text: str) -> str:
    return f"<p>{escape(text).replace(chr(10), '<br>')}</p>"


def plan_html(plan: Plan) -> str:
    """The plan as HTML, problems before changes, everything from the data escaped."""
    changes = _table(
        {
            "operation": "left",
            "opportunity": "left",
            "old → new": "left",
            "value": "right",
            "change": "right",
        },
        (
            (
                _marked(deal.operation),
                escape(deal.name),
                "<br>".join(_html_cell(deal.operation, *cell) for cell in deal.cells),
                deal.value,
                deal.change,
            )
            for deal in _deals(plan)
        ),
    )
    rest = _rest(len(plan.steps) - _MOST, "opportunity", ".changes")
    return f"<div>{_lines(plan.overview())}{_problems(plan)}{changes}{rest}</div>"


def _problems(plan: Plan) -> str:
    if plan.problems.empty:
        return ""
    columns = ("row", "unique_id", "field", "value", "problem", "suggestion")
    rows = row_dicts(plan.problems.head(_MOST))
    table = _table(
        dict.fromkeys(columns, "left"), ([escape(format_cell(row[c])) for c in columns] for row in rows)
    )
    head = f"{count(len(plan.problems), 'problem')}: nothing is sent until they are fixed"
    rest = _rest(len(plan.problems) - _MOST, "problem", ".problems")
    return f"<p style='{_RED}'><b>{head}</b></p>{table}{rest}"


def plan_table(plan: Plan) -> Table:
    """The plan as a rich table; text from the data is never read as markup."""
    more = len(plan.steps) - _MOST
    table = Table(caption=f"… and {count(more, 'opportunity')} more" if more > 0 else None)
    for title in ("operation", "opportunity", "field", "old", "new"):
        table.add_column(title)
    for title in ("value", "change"):
        table.add_column(title, justify="right")
    for deal in _deals(plan):
        for number, (field, old, new, status) in enumerate(deal.cells):
            note = "" if status == "clean" else f" ({status})"
            before = "" if deal.operation == "create" or not field else old
            cell = (field + note, before, new if field else "")
            first = number == 0
            texts = (
                *((deal.operation, deal.name) if first else ("", "")),
                *cell,
                *((deal.value, deal.change) if first else ("", "")),
            )
            table.add_row(*map(Text, texts))
    return table


def receipt_html(receipt: Receipt) -> str:
    """The receipt as HTML, what went wrong first, everything from the data escaped."""
    order = receipt.table["outcome"].map({outcome: rank for rank, outcome in enumerate(_URGENCY)})
    rows = row_dicts(receipt.table.loc[order.sort_values(kind="stable").index].head(_MOST))
    table = _table(
        dict.fromkeys(("outcome", "operation", "opportunity", "old → new", "why"), "left"),
        (
            (
                _marked(row["outcome"]),
                row["operation"],
                escape(_name(row)),
                _html_cell(
                    row["operation"],
                    _text(row["field"]),
                    format_cell(row["before"]),
                    format_cell(row["after"]),
                    "clean",
                ),
                escape(_text(row["error"])),
            )
            for row in rows
        ),
    )
    rest = _rest(len(receipt.table) - _MOST, "change", ".table")
    return f"<div>{_lines(receipt.overview())}{table}{rest}</div>"


def _name(row: dict[str, Any]) -> str:
    return _text(row["name"]) or _text(row["unique_id"])


def _text(cell: Any) -> str:
    return "" if pd.isna(cell) else str(cell)
