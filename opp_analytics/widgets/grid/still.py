"""The grid where no widget runs, as on a code host: changed deals, then the first others, as a plain table."""

from __future__ import annotations

from html import escape
from itertools import islice

from opp_analytics import schema, text
from opp_analytics.widgets.grid.columns import Column, shown
from opp_analytics.widgets.grid.sheet import Sheet

__all__ = ["still"]

_MOST = 10


def still(sheet: Sheet, summary: str) -> str:
    """The edits in words and the first rows as HTML; everything in it is text.

    Changed deals come first; a changed cell shows its old value struck through, a deal marked for removal its name.
    """
    seen = [column for column in sheet.columns if not column.hidden]
    changed = sheet.changed_rows
    others = set(range(sheet.end)).difference(changed)
    there = [row for row in (*changed, *sorted(others)) if sheet.row_state(row) != "gone"]
    heads = "".join(f"<th>{escape(text.printable(column.title))}</th>" for column in seen)
    lines = "".join(f"<tr>{_line(sheet, row, seen)}</tr>" for row in islice(there, _MOST))
    about = f"<p>{summary}</p>" if changed or sheet.problems else ""
    rest = len(there) - _MOST
    more = f"<p>… and {text.count(rest, 'more deal')}</p>" if rest > 0 else ""
    return f'<div class="oap-still">{about}<table><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table>{more}</div>'


def _line(sheet: Sheet, row: int, seen: list[Column]) -> str:
    new, removed = sheet.is_new(row), sheet.row_state(row) == "removed"
    cells = []
    for column in seen:
        value, base = sheet.value(row, column.field), sheet.base_value(row, column.field)
        cell = _cell(column, value)
        if removed:
            cell = f"<s>{cell}</s>" if cell else ""
        elif new or value != base:
            old = "" if new or schema.is_blank(base) else f"<s>{_cell(column, base)}</s> "
            cell = f"{old}<b>{cell or 'empty'}</b>" if cell or old else ""
        cells.append(f"<td>{cell}</td>")
    return "".join(cells)


def _cell(column: Column, value: object) -> str:
    return "" if schema.is_blank(value) else escape(text.printable(shown(column, value)))
