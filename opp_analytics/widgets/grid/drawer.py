"""The review drawer as plain JSON: the plan under review, and the receipt."""

from __future__ import annotations

from typing import Any

from opp_analytics import text
from opp_analytics.org import money_of
from opp_analytics.widgets.grid.effect import ForecastEffect
from opp_analytics.widgets.grid.review import NOTHING, ReceiptLine, Review
from opp_analytics.widgets.grid.sheet import EditSheet

_LISTED = 200
"""Deals in the drawer, as many as somebody reads; a longer plan is listed in ``grid.changes``."""
_RANKED = 1000
"""Deals whose effect is forecast, to list the largest: the drawer opens within a second."""


def show_review(review: Review, effect: ForecastEffect) -> dict[str, Any]:
    """Show the plan: problems, deals with their changes, conflicts, and what comes next."""
    sheet = review.sheet
    rows, periods = sheet.changed_rows, effect.show_periods()
    fields = sheet.list_fields(rows)
    effects = effect.by_deal(rows[:_RANKED])
    in_conflict = {row for row, _ in review.conflicts}
    ordered = sorted(rows, key=lambda row: (row not in in_conflict, -abs(effects.get(row, 0.0)), row))
    dropped = {key for key, conflict in review.conflicts.items() if conflict.keep == "theirs"}
    written = sum(any((row, name) not in dropped for name in names) for row, names in fields.items())
    changes = sheet.counts["changes"]
    problems = [(key, cell.why) for key, cell in sheet.problems.items()]
    cleared = sum(
        bool(name) and sheet.value(row, name) is None for row, names in fields.items() for name in names
    )
    removed = sum(sheet.row_state(row) == "removed" for row in rows)
    return {
        "kind": "review",
        "changes": changes,
        "nothing": "" if changes or problems else NOTHING,
        "deals": len(rows),
        "periods": periods,
        "why": effect.why,
        "about": effect.about,
        "problems": [
            {
                "row": row,
                "field": name,
                "deal": sheet.deal_name(row),
                "title": sheet.column[name].title,
                "why": why,
            }
            for (row, name), why in problems[:_LISTED]
        ],
        "problem_count": len(problems),
        "items": [
            _show_deal(review, row, fields[row], effects.get(row, 0.0), effect.current)
            for row in ordered[:_LISTED]
        ],
        "more": max(0, len(rows) - _LISTED),
        "client": review.client is not None,
        "checked": review.checked,
        "conflicts": len(review.conflicts),
        "undecided": review.undecided,
        "theirs": review.theirs,
        "writes": changes - review.theirs,
        "written_deals": written,
        "warnings": _warn(cleared, removed),
        "code": _write_code(cleared, removed),
    }


def _show_deal(review: Review, row: int, names: list[str], moved: float, period: str) -> dict[str, Any]:
    sheet = review.sheet
    owner = sheet.base_value(row, "owner_name")
    notes = [str(owner)] if owner else []
    if round(moved, 2):
        notes.append(f"{period} {money_of(sheet.frame)(moved, signed=True)}")
    return {
        "row": row,
        "deal": sheet.deal_name(row),
        "note": " · ".join(notes),
        "lines": [_show_line(review, row, name) for name in names],
    }


def _show_line(review: Review, row: int, name: str) -> dict[str, Any]:
    sheet = review.sheet
    if name:
        column = sheet.column[name]
        title, old = column.title, column.show(sheet.base_value(row, name))
        new = column.show(sheet.value(row, name))
    else:
        value = sheet.value(row, "value")
        worth = "" if value is None else f", {sheet.column['value'].show(value)}"
        title, old, new = "Deal", "", ("Create" if sheet.is_new(row) else "Delete") + worth
    line: dict[str, Any] = {"field": name, "title": title, "old": old, "new": new, "conflict": None}
    conflict = review.conflicts.get((row, name))
    if conflict is not None:
        theirs = sheet.column[name].show(conflict.remote) if name else "keep the deal"
        deleted = conflict.deal is None
        why = conflict.reason.replace("changed on the server since then", "changed on the server too")
        line["conflict"] = {
            "why": text.capital(why) + (f": {conflict.author}" if conflict.author else ""),
            "mine": "" if deleted else new,
            "theirs": "drop my changes" if deleted else theirs,
            "keep": conflict.keep,
        }
    return line


def _warn(cleared: int, removed: int) -> str:
    """Say what a confirmation must name: cells that are cleared, deals that are deleted."""
    parts = [f"clears {text.count(cleared, 'cell')}"] if cleared else []
    return text.joined([*parts, *([f"deletes {text.count(removed)}"] if removed else [])])


def _write_code(cleared: int, removed: int) -> str:
    needs = {"clear_nulls": cleared, "allow_delete": removed}
    options = ["plan", "client", *(f"{option}=True" for option, changes in needs.items() if changes)]
    return f"plan = grid.plan(client)\nreceipt = oa.apply({', '.join(options)})"


def show_receipt(review: Review) -> dict[str, Any] | None:
    """Show the receipt of the last run."""
    run = review.run
    if run is None:
        return None
    by_row: dict[int, list[ReceiptLine]] = {}
    for line in run.lines:
        by_row.setdefault(line.row, []).append(line)
    troubled = sorted(by_row, key=lambda row: all(line.outcome == "written" for line in by_row[row]))
    stopped = run.stopped or ""
    return {
        "kind": "receipt",
        "run": run.run_id or "",
        "at": f"{run.at:%I:%M %p}".lstrip("0"),
        "written": run.written,
        "all": len(run.lines),
        "unsent": sum(line.outcome == "not sent" for line in run.lines),
        "theirs": run.theirs,
        "stopped": stopped,
        "undone": run.undone,
        "notes": run.notes,
        "items": [
            {
                "deal": review.sheet.deal_name(row),
                "lines": [_show_receipt_line(review.sheet, line, stopped) for line in by_row[row]],
            }
            for row in troubled[:_LISTED]
        ],
        "more": max(0, len(by_row) - _LISTED),
    }


def _show_receipt_line(sheet: EditSheet, line: ReceiptLine, stopped: str) -> dict[str, Any]:
    # The reason that stopped the run is said once, above the lines.
    result = {"outcome": line.outcome, "why": "" if line.why == stopped else line.why}
    if not line.field:
        done = "recovered" if line.operation == "recover" else f"{line.operation}d"
        return {"title": "Deal", "old": "", "new": done} | result
    column = sheet.column[line.field]
    return {"title": column.title, "old": column.show(line.before), "new": column.show(line.after)} | result
