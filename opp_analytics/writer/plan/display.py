"""Plans and receipts as people read them: a summary in text, and tables.

The tables are for notebooks and terminals.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from html import escape

import pandas as pd
from rich.table import Table
from rich.text import Text

from opp_analytics import schema, text
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
"""Rows of a table; the rest are counted."""
_RED, _GREY = "color:#c0392b", "color:#888"
_STYLES = {
    **dict.fromkeys(("conflict", "failed", "unknown", "delete"), _RED),
    **dict.fromkeys(("already", "skipped"), _GREY),
}
_URGENCY = ("failed", "unknown", "conflict", "skipped", "pending", "applied", "already")
"""Outcomes, most urgent first."""
_CHANCES = {"won": 100, "lost": 0}


class Words:
    """Words for what a reader of Python does next; the command line has its own."""

    more_conflicts = "see .conflicts"
    more_problems = "see .problems"
    more_outcomes = "see .table"
    granted: Collection[str] = ()
    """Options of `apply` that are given already."""

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


def summarize_plan(steps: Sequence[Step], opportunities: pd.DataFrame, words: Words) -> str:
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
    lines += _notes(steps, opportunities)
    for option, noun in PERMISSIONS.items():
        needing = len(list_needing(option, steps))
        done = "cleared" if option == "clear_nulls" else "deleted"
        if needing and option not in words.granted:
            lines.append(f"{text.count(needing, noun)} {done}: needs {words.option(option)}")
        elif needing and option == "clear_nulls":  # deletes are in the headline
            lines.append(f"{text.count(needing, noun)} {done}")
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


def _notes(steps: Sequence[Step], before: pd.DataFrame) -> list[str]:
    """Count the deals that deserve a second look, though they do not block a plan."""
    updates = [
        (step.org.stages, step.base, step.fields) for step in steps if step.operation == "update"
    ]
    disqualified = sum(
        stages.outcome(base) == stages.outcome(base | fields) == "disqualified"
        for stages, base, fields in updates
    )
    closed = sum(step.org.stages.is_closed(step.base) for step in steps)
    kept = _count_kept(steps, before)
    disagree = sum(map(_disagrees, steps))
    below = sum((step.fields.get("value") or 0) < 0 for step in steps)
    return [
        *([f"{text.count(closed)} already won or lost"] if closed else []),
        *(
            [f"{text.count(disqualified, 'disqualified deal')}, in no forecast"]
            if disqualified
            else []
        ),
        *([f"{text.count(disagree)} with a stage and a status that disagree"] if disagree else []),
        *([f"{text.count(below, 'value')} below zero"] if below else []),
        *([f"{text.count(kept)} won or lost with the stated chance from before"] if kept else []),
    ]


def _disagrees(step: Step) -> bool:
    """Tell whether an edit leaves a status of won or lost with a stage of another kind."""
    after = step.base | step.fields
    kind, status = step.org.stages.kind_of(str(after.get("stage"))), after.get("status")
    return (
        not step.fields.keys().isdisjoint(("stage", "status"))
        and status in _CHANCES
        and kind not in (None, status)
    )


def _count_kept(steps: Iterable[Step], before: pd.DataFrame) -> int:
    """Count the deals that a plan wins or loses and whose stated chance is not 100% or 0% then."""
    if "probability" not in before:
        return 0
    stated, kept = before.set_index("unique_id")["probability"], 0
    for step in steps:
        was, now = (
            step.org.stages.outcome(cells) for cells in (step.base, step.base | step.fields)
        )
        if step.operation == "update" and now in _CHANCES and now != was:
            chance = step.fields.get("probability", stated.get(step.unique_id))
            kept += not schema.is_blank(chance) and chance != _CHANCES[now]
    return kept


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


def write_plan_html(overview: str, steps: Sequence[Step], problems: Sequence[PlanProblem]) -> str:
    """Write a plan as HTML, problems before changes, everything from the data escaped."""
    titles = {"operation": "left", "opportunity": "left", "old → new": "left"}
    rows = (
        (
            _color(step.operation),
            _escape(step.title),
            "<br>".join(_html_cell(step.operation, *cell) for cell in _format_cells(step)),
            *_format_money(step),
        )
        for step in _order_by_money(steps)[:_MOST]
    )
    changes = _table(titles | {"value": "right", "change": "right"}, rows)
    rest = _rest(len(steps), "opportunity", ".changes")
    return f"<div>{_lines(overview)}{_problem_table(problems)}{changes}{rest}</div>"


def write_plan_table(steps: Sequence[Step]) -> Table:
    """Write a plan as a rich table; text from the data is never read as markup."""
    more = len(steps) - _MOST
    caption = f"… and {text.count(more, 'opportunity')} more" if more > 0 else None
    table = Table(box=None, header_style="bold", pad_edge=False, caption=caption)
    table.add_column("operation", no_wrap=True)
    table.add_column("opportunity")
    table.add_column("field", no_wrap=True)
    for title in ("old", "new"):
        table.add_column(title, min_width=_DATE)
    for title in ("value", "change"):
        table.add_column(title, justify="right", no_wrap=True)
    for step in _order_by_money(steps)[:_MOST]:
        first, last = (step.operation, step.title), _format_money(step)
        for field, old, new, status in _format_cells(step):
            note = "" if status == "clean" else f" ({status})"
            old = "" if step.operation == "create" or not field else old
            cells = (*first, field + note, old, new if field else "", *last)
            table.add_row(*(Text(text.printable(cell)) for cell in cells))
            first = last = ("", "")  # once per deal
    return table


def write_receipt_html(overview: str, entries: Sequence[RunStep]) -> str:
    """Write a receipt as HTML, what went wrong first, everything from the data escaped."""
    changes = [
        (outcome, error, step, cell)
        for _, step, result in entries
        for cell, outcome, error in zip(step.cells, result.outcomes, result.errors, strict=True)
    ]
    changes.sort(key=lambda change: _URGENCY.index(change[0]))
    rows = (
        (
            _color(outcome),
            step.operation,
            _escape(step.name or step.unique_id or ""),
            _html_cell(step.operation, *_format_change(cell), "clean"),
            _escape(error or ""),
        )
        for outcome, error, step, cell in changes[:_MOST]
    )
    titles = dict.fromkeys(("outcome", "operation", "opportunity", "old → new", "why"), "left")
    rest = _rest(len(changes), "change", ".table")
    return f"<div>{_lines(overview)}{_table(titles, rows)}{rest}</div>"


def _problem_table(problems: Sequence[PlanProblem]) -> str:
    if not problems:
        return ""
    rows = (
        [
            _escape(format_cell(problem.field if c == "value" else c, v))
            for c, v in problem._asdict().items()
        ]
        for problem in problems[:_MOST]
    )
    head = f"{text.count(len(problems), 'problem')}: nothing is sent until they are fixed"
    table = _table(dict.fromkeys(PlanProblem._fields, "left"), rows)
    return (
        f"<p style='{_RED}'><b>{head}</b></p>{table}{_rest(len(problems), 'problem', '.problems')}"
    )


def _format_cells(step: Step) -> list[tuple[str, str, str, str]]:
    currency = step.currency or step.org.currency
    return [(*_format_change(cell, currency), cell.status) for cell in step.cells]


def _format_change(cell: EditedCell, currency: str | None = None) -> tuple[str, str, str]:
    field = cell.field or ""
    return (
        field,
        format_cell(field, cell.before, currency),
        format_cell(field, cell.after, currency),
    )


def _format_money(step: Step) -> tuple[str, str]:
    if step.operation == "recover":
        return text.MISSING, ""
    value = step.value_before if step.operation == "delete" else step.value_after
    change = step.value_change
    signed = text.money(change, step.org.currency, full=True, signed=True) if change else ""
    return format_cell("value", value, step.org.currency), signed


def _table(titles: dict[str, str], rows: Iterable[Iterable[str]]) -> str:
    """Make an HTML table of cells that are HTML already; `titles` with their alignment."""
    aligned = [f"style='text-align:{side}'" for side in titles.values()]
    head = "".join(
        f"<th {style}>{title}</th>" for title, style in zip(titles, aligned, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(f"<td {s}>{cell}</td>" for cell, s in zip(row, aligned, strict=True))
        + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" if body else ""


def _color(word: str) -> str:
    style = _STYLES.get(word)
    return f"<span style='{style}'>{word}</span>" if style else word


def _html_cell(operation: str, field: str, old: str, new: str, status: str) -> str:
    note = "" if status == "clean" else f" <em>({_color(status)})</em>"
    if not field:
        return note
    change = (
        _escape(new)
        if operation == "create"
        else f"<del>{_escape(old)}</del> → <b>{_escape(new)}</b>"
    )
    return f"{_escape(field)}: {change}{note}"


def _rest(rows: int, noun: str, where: str) -> str:
    return (
        f"<p>… and {text.count(rows - _MOST, noun)} more, see {where}</p>" if rows > _MOST else ""
    )


def _lines(words: str) -> str:
    return f"<p>{'<br>'.join(map(_escape, words.split(chr(10))))}</p>"


def _escape(cell: str) -> str:
    """Escape text from the data, and show marks that reorder what is read."""
    return escape(text.printable(cell))
