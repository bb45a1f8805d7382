"""Plans and receipts as people read them: a summary in text, and tables.

The tables are for notebooks and terminals.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape

import pandas as pd
from rich.table import Table
from rich.text import Text

from opp_analytics import text
from opp_analytics.writer.cells import format_cell
from opp_analytics.writer.steps import EditedCell, PlanProblem, RunStep, Step

PERMISSIONS = {"clear_nulls": "cell", "allow_delete": "opportunity"}
"""Options that `apply` needs for some changes, and the noun each counts."""
_NOUNS = {"create": "create", "update": "update", "delete": "delete", "recover": "recovery"}
_LISTED = 10
"""Problems in a summary; the rest are counted."""
_DATE = 10
"""Characters of a date, which no column cuts."""
_MOST = 50
"""Deals or changes of a table; the rest are counted."""
_URGENCY = (
    *("failed", "unknown", "not_kept", "overwritten", "conflict", "skipped", "pending"),
    *("applied", "already"),
)
"""Outcomes, most urgent first."""


class Words:
    """Words for what a reader of Python does next; the command line has its own."""

    more_conflicts = "see .conflicts"
    more_problems = "see .problems"
    more_outcomes = "see .table"

    def option(self, name: str) -> str:
        """Say how to give an option of `apply`."""
        return f"{name}=True"

    def resume(self, run_id: str | None, *, send_unknown: bool = False) -> str:
        """Say how to finish a run."""
        sending = ", unknown='send'" if send_unknown else ""
        return f"resume(client, {run_id!r}{sending})"


PYTHON = Words()


def list_needing(option: str, steps: Iterable[Step]) -> list[tuple[Step, EditedCell]]:
    """List the changes that `apply` refuses without `option`."""
    if option == "allow_delete":
        return [(step, cell) for step in steps if step.operation == "delete" for cell in step.cells]
    updates = (step for step in steps if step.operation == "update")
    return [(step, cell) for step in updates for cell in step.cells if cell.after is None]


def summarize_plan(steps: Sequence[Step], words: Words) -> str:
    """Summarize a plan: its changes, the money they move, and what to know before sending.

    Its problems are left out.
    """
    lines = [_headline(steps)]
    # The value of a recovered opportunity is in the trash, not in the plan.
    valued = [step for step in steps if step.operation != "recover"]
    if valued:
        currency = valued[0].org.currency
        was, now = (
            sum(step.value_before for step in valued),
            sum(step.value_after for step in valued),
        )
        before, after = (text.money(value, currency, full=True) for value in (was, now))
        change = text.money(now - was, currency, full=True, signed=True)
        lines.append(
            f"value of these deals: {before}" + (f" → {after} ({change})" if now != was else "")
        )
    closed = sum(step.org.stages.is_closed(step.base) for step in steps)
    lines += [f"{text.count(closed)} already won or lost"] if closed else []
    for option, noun in PERMISSIONS.items():
        needing = len(list_needing(option, steps))
        done = "cleared" if option == "clear_nulls" else "deleted"
        if needing:
            lines.append(f"{text.count(needing, noun)} {done}: only with {words.option(option)}")
    already = sum(cell.status == "already" for step in steps for cell in step.cells)
    if already:
        lines.append(f"{text.count(already, 'change')} already on the server")
    reasons = [str(cell.reason) for step in steps for cell in step.conflicts]
    if reasons:
        lines.append(
            f"{text.count(len(reasons), 'cell')} in conflict "
            f"({', '.join(sorted(set(reasons)))}), {words.more_conflicts}"
        )
    return "\n".join(lines)


def _headline(steps: Iterable[Step]) -> str:
    parts = []
    for operation, noun in _NOUNS.items():
        sizes = [len(step.fields) for step in steps if step.operation == operation]
        if sizes:
            cells = f" ({text.count(sum(sizes), 'cell')})" if sum(sizes) else ""
            parts.append(text.count(len(sizes), noun) + cells)
    return ", ".join(parts) or "no changes"


def describe_problems(problems: Sequence[PlanProblem], before: pd.DataFrame, words: Words) -> str:
    """List the first problems, a line each."""
    names = dict(zip(before["unique_id"], before["name"], strict=True)) if "name" in before else {}
    lines = []
    for problem in problems[:_LISTED]:
        unique_id = problem.unique_id
        where = "every row" if problem.row is None else f"row {problem.row}"
        name = f" {names[unique_id]}" if pd.notna(names.get(unique_id)) else ""
        deal = f" ({unique_id}{name})" if pd.notna(unique_id) else ""
        lines.append(f"  {where}{deal}: {problem.said}")
    if len(problems) > _LISTED:
        lines.append(f"  … and {text.number(len(problems) - _LISTED)} more, {words.more_problems}")
    return "\n".join(lines)


def _order_by_money(steps: Iterable[Step]) -> list[Step]:
    """Put the steps that move most money first; a deal whose value stays counts with its value."""
    return sorted(steps, key=lambda step: -(abs(step.value_change) or abs(step.value_before)))


_TITLES = ("operation", "opportunity", "field", "old", "new", "value", "change")


def _list_cells(step: Step) -> Iterator[tuple[str, ...]]:
    """List the rows of a step in a table of a plan: a row a cell, the deal once."""
    value = step.value_before if step.operation == "delete" else step.value_after
    signed = text.money(step.value_change, step.org.currency, full=True, signed=True)
    money = format_cell("value", value, step.org.currency), signed if step.value_change else ""
    if step.operation == "recover":
        money = text.MISSING, ""
    first = (step.operation, step.title)
    for cell in step.cells:
        note = "" if cell.status == "clean" else f" ({cell.status})"
        change = _format_change(cell, step.currency or step.org.currency)
        field, *values = change if step.operation != "create" else (change[0], "", change[2])
        yield *first, field + note, *values, *money
        first = money = ("", "")


def _format_change(cell: EditedCell, currency: str | None = None) -> tuple[str, str, str]:
    """Format the field of a change with its old and new value; blank for a whole deal."""
    if cell.field is None:
        return "", "", ""
    old, new = (format_cell(cell.field, value, currency) for value in (cell.before, cell.after))
    return cell.field, old, new


def write_plan_html(overview: str, steps: Sequence[Step], problems: Sequence[PlanProblem]) -> str:
    """Write a plan as HTML, problems before changes, everything from the data escaped."""
    found = [
        [format_cell(each.field if name == "value" else name, cell) for name, cell in row.items()]
        for each, row in ((problem, problem._asdict()) for problem in problems[:_MOST])
    ]
    count = text.count(len(problems), "problem")
    head = f"\n{count}: nothing is sent until they are fixed" if problems else ""
    rows = [row for step in _order_by_money(steps)[:_MOST] for row in _list_cells(step)]
    return (
        f"<div>{_write_lines(overview + head)}"
        f"{_write_table(PlanProblem._fields, found, len(problems), 'problem', '.problems')}"
        f"{_write_table(_TITLES, rows, len(steps), 'opportunity', '.changes')}</div>"
    )


def write_plan_table(steps: Sequence[Step]) -> Table:
    """Write a plan as a rich table; text from the data is never read as markup."""
    more = len(steps) - _MOST
    caption = f"… and {text.count(more, 'opportunity')} more" if more > 0 else None
    table = Table(box=None, header_style="bold", pad_edge=False, caption=caption)
    for title in _TITLES:
        width = _DATE if title in ("old", "new") else None
        table.add_column(
            title,
            justify="right" if title in ("value", "change") else "left",
            min_width=width,
            no_wrap=width is None and title != "opportunity",
        )
    for step in _order_by_money(steps)[:_MOST]:
        for row in _list_cells(step):
            table.add_row(*(Text(text.printable(cell)) for cell in row))
    return table


def write_receipt_html(overview: str, entries: Sequence[RunStep]) -> str:
    """Write a receipt as HTML, what went wrong first, everything from the data escaped."""
    rows = [
        (outcome, step.operation, step.title, *_format_change(cell), error or "")
        for _, step, result in entries
        for cell, outcome, error in zip(step.cells, result.outcomes, result.errors, strict=True)
    ]
    rows.sort(key=lambda row: _URGENCY.index(row[0]))
    titles = ("outcome", "operation", "opportunity", "field", "old", "new", "why")
    table = _write_table(titles, rows[:_MOST], len(rows), "change", ".table")
    return f"<div>{_write_lines(overview)}{table}</div>"


def _write_table(
    titles: Sequence[str], rows: Sequence[Sequence[str]], all_rows: int, noun: str, where: str
) -> str:
    """Write rows as an HTML table, and where the rest is; nothing without rows."""
    if not rows:
        return ""
    cells = [[text.printable(cell) for cell in row] for row in rows]
    table = pd.DataFrame(cells, columns=list(titles)).to_html(index=False, border=0)
    more = f"… and {text.count(all_rows - _MOST, noun)} more, see {where}"
    return table + (_write_lines(more) if all_rows > _MOST else "")


def _write_lines(lines: str) -> str:
    return f"<p>{'<br>'.join(map(escape, text.printable(lines, lines=True).splitlines()))}</p>"
