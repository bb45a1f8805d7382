"""Plans and receipts in notebooks and terminals: old → new, cell by cell."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

import pandas as pd
from rich.table import Table
from rich.text import Text

from opp_analytics import schema, text
from opp_analytics.writer.plan.cells import format_cell, row_dicts
from opp_analytics.writer.plan.summary import Deal

__all__ = ["plan_html", "plan_table", "receipt_html"]

_DATE = 10
"""Characters of a date, which no column cuts."""
_MOST = 50
"""Rows shown; the rest are counted."""
_RED, _GREY = "color:#c0392b", "color:#888"
_STYLES = {
    **dict.fromkeys(("conflict", "failed", "unknown", "delete"), _RED),
    **dict.fromkeys(("already", "skipped"), _GREY),
}
_URGENCY = ("failed", "unknown", "conflict", "skipped", "pending", "applied", "already")
"""Outcomes, most urgent first."""


def plan_html(overview: str, deals: list[Deal], statuses: list[str], problems: pd.DataFrame) -> str:
    """A plan as HTML, problems before changes, everything from the data escaped."""
    titles = {"operation": "left", "opportunity": "left", "old → new": "left"}
    rows = (
        (
            _marked(deal.step.operation),
            _escape(deal.name),
            "<br>".join(_html_cell(deal.step.operation, *cell) for cell in _cells(deal, statuses)),
            *_money(deal),
        )
        for deal in deals[:_MOST]
    )
    changes = _table(titles | {"value": "right", "change": "right"}, rows)
    rest = _rest(len(deals), "opportunity", ".changes")
    return f"<div>{_lines(overview)}{_problems(problems)}{changes}{rest}</div>"


def plan_table(deals: list[Deal], statuses: list[str]) -> Table:
    """A plan as a rich table; text from the data is never read as markup."""
    more = len(deals) - _MOST
    caption = f"… and {text.count(more, 'opportunity')} more" if more > 0 else None
    table = Table(box=None, header_style="bold", pad_edge=False, caption=caption)
    table.add_column("operation", no_wrap=True)
    table.add_column("opportunity")
    table.add_column("field", no_wrap=True)
    for title in ("old", "new"):
        table.add_column(title, min_width=_DATE)
    for title in ("value", "change"):
        table.add_column(title, justify="right", no_wrap=True)
    for deal in deals[:_MOST]:
        for number, (field, old, new, status) in enumerate(_cells(deal, statuses)):
            note = "" if status == "clean" else f" ({status})"
            cell = (
                field + note,
                "" if deal.step.operation == "create" or not field else old,
                new if field else "",
            )
            first, last = (
                ((deal.step.operation, deal.name), _money(deal)) if number == 0 else (("", ""), ("", ""))
            )
            table.add_row(*(Text(text.printable(part)) for part in (*first, *cell, *last)))
    return table


def receipt_html(overview: str, table: pd.DataFrame) -> str:
    """A receipt as HTML, what went wrong first, everything from the data escaped."""
    order = table["outcome"].map({outcome: rank for rank, outcome in enumerate(_URGENCY)})
    rows = (
        (
            _marked(row["outcome"]),
            row["operation"],
            _escape(_text(row["name"]) or _text(row["unique_id"])),
            _html_cell(
                row["operation"], *_old_new(_text(row["field"]), row["before"], row["after"]), "clean"
            ),
            _escape(_text(row["error"])),
        )
        for row in row_dicts(table.loc[order.sort_values(kind="stable").index].head(_MOST))
    )
    titles = dict.fromkeys(("outcome", "operation", "opportunity", "old → new", "why"), "left")
    return f"<div>{_lines(overview)}{_table(titles, rows)}{_rest(len(table), 'change', '.table')}</div>"


def _problems(problems: pd.DataFrame) -> str:
    if problems.empty:
        return ""
    columns = ("row", "unique_id", "field", "value", "problem", "suggestion")
    rows = (
        [_escape(format_cell(str(row["field"]) if c == "value" else c, row[c])) for c in columns]
        for row in row_dicts(problems.head(_MOST))
    )
    head = f"{text.count(len(problems), 'problem')}: nothing is sent until they are fixed"
    table = _table(dict.fromkeys(columns, "left"), rows)
    return f"<p style='{_RED}'><b>{head}</b></p>{table}{_rest(len(problems), 'problem', '.problems')}"


def _cells(deal: Deal, statuses: list[str]) -> list[tuple[str, str, str, str]]:
    """Field, old, new and status of each change of a deal."""
    return [
        (*_old_new(c.field or "", c.before, c.after, deal.org.currency), statuses[c.at])
        for c in deal.step.cells
    ]


def _old_new(field: str, before: Any, after: Any, currency: str | None = None) -> tuple[str, str, str]:
    return field, format_cell(field, before, currency), format_cell(field, after, currency)


def _money(deal: Deal) -> tuple[str, str]:
    """A deal's value and the change in it."""
    if deal.step.operation == "recover":
        return text.MISSING, ""
    value = deal.value_before if deal.step.operation == "delete" else deal.value_after
    change = text.money(deal.change, deal.org.currency, full=True, signed=True) if deal.change else ""
    return format_cell("value", value, deal.org.currency), change


def _table(titles: dict[str, str], rows: Iterable[Iterable[str]]) -> str:
    """An HTML table from cells that are HTML already; `titles` with their alignment."""
    aligned = [f"style='text-align:{side}'" for side in titles.values()]
    head = "".join(f"<th {style}>{title}</th>" for title, style in zip(titles, aligned, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td {s}>{cell}</td>" for cell, s in zip(row, aligned, strict=True)) + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" if body else ""


def _marked(word: str) -> str:
    style = _STYLES.get(word)
    return f"<span style='{style}'>{word}</span>" if style else word


def _html_cell(operation: str, field: str, old: str, new: str, status: str) -> str:
    note = "" if status == "clean" else f" <em>({_marked(status)})</em>"
    if not field:
        return note
    change = _escape(new) if operation == "create" else f"<del>{_escape(old)}</del> → <b>{_escape(new)}</b>"
    return f"{_escape(field)}: {change}{note}"


def _rest(rows: int, noun: str, where: str) -> str:
    return f"<p>… and {text.count(rows - _MOST, noun)} more, see {where}</p>" if rows > _MOST else ""


def _lines(words: str) -> str:
    return f"<p>{'<br>'.join(map(_escape, words.split(chr(10))))}</p>"


def _escape(cell: str) -> str:
    """Text from the data as HTML that shows all of it, marks that reorder what is read included."""
    return escape(text.printable(cell))


def _text(cell: Any) -> str:
    return "" if schema.is_blank(cell) else str(cell)
