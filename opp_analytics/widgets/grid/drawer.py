"""What the review drawer shows."""

from __future__ import annotations

from typing import Any

from opp_analytics import text
from opp_analytics.org import money_of
from opp_analytics.widgets.grid.columns import shown
from opp_analytics.widgets.grid.review import Conflict, Line, Review
from opp_analytics.widgets.grid.sheet import Sheet
from opp_analytics.widgets.grid.strip import Outlook, money_change

__all__ = ["receipt_model", "review_model"]

_LISTED = 200
"""Deals in the drawer; a longer plan is listed in ``grid.changes``."""


def review_model(review: Review, outlook: Outlook) -> dict[str, Any]:
    """The plan: problems, deals with their changes, conflicts, and what comes next."""
    sheet = review.sheet
    rows = sheet.changed_rows
    fields = sheet.fields_of(rows)
    effects = outlook.by_deal(rows[: _LISTED * 5])
    in_conflict = {row for row, _ in review.conflicts}
    ordered = sorted(rows, key=lambda row: (row not in in_conflict, -abs(effects.get(row, 0.0)), row))
    kept = {key for key, conflict in review.conflicts.items() if conflict.keep == "theirs"}
    left = sum(any((row, name) not in kept for name in names) for row, names in fields.items())
    return {
        "kind": "review",
        "changes": sheet.changes,
        "deals": len(rows),
        "periods": outlook.periods(),
        "why": outlook.why,
        "problems": [
            {
                "row": row,
                "field": name,
                "deal": sheet.name(row),
                "title": sheet.column[name].title,
                "why": slot.why,
            }
            for (row, name), slot in list(sheet.problems.items())[:_LISTED]
        ],
        "problem_count": len(sheet.problems),
        "items": [
            _deal(review, row, fields[row], effects.get(row, 0.0), outlook) for row in ordered[:_LISTED]
        ],
        "more": max(0, len(rows) - _LISTED),
        "client": review.client is not None,
        "checked": review.checked,
        "conflicts": len(review.conflicts),
        "undecided": review.undecided,
        "theirs": review.theirs,
        "writes": sheet.changes - review.theirs,
        "written_deals": left,
        "warnings": _warnings(sheet, fields),
        "code": _code(sheet, fields),
    }


def _deal(review: Review, row: int, names: list[str], effect: float, outlook: Outlook) -> dict[str, Any]:
    sheet = review.sheet
    owner = sheet.base_value(row, "owner_name")
    moved = money_change(0.0, effect, money_of(sheet.frame))["change"] if round(effect, 2) else ""
    notes = [str(owner) if owner else "", f"{outlook.current} {moved}" if moved else ""]
    return {
        "row": row,
        "deal": sheet.name(row),
        "note": " · ".join(note for note in notes if note),
        "lines": [_line(review, row, name) for name in names],
    }


def _line(review: Review, row: int, name: str) -> dict[str, Any]:
    sheet = review.sheet
    conflict = review.conflicts.get((row, name))
    line: dict[str, Any] = {"field": name, "conflict": None}
    if name:
        column = sheet.column[name]
        line |= {
            "title": column.title,
            "old": shown(column, sheet.base_value(row, name)),
            "new": shown(column, sheet.value(row, name)),
        }
    else:
        value = sheet.value(row, "value")
        worth = "" if value is None else f", {shown(sheet.column['value'], value)}"
        created = sheet.is_new(row)
        line |= {"title": "Deal", "old": "", "new": ("Create" if created else "Delete") + worth}
    if conflict is not None:
        theirs = shown(sheet.column[name], conflict.remote) if name else "keep the deal"
        gone = conflict.held is None
        line["conflict"] = {
            "why": _why(conflict),
            "mine": "" if gone else line["new"],
            "theirs": "drop my changes" if gone else theirs,
            "keep": conflict.keep,
        }
    return line


def _why(conflict: Conflict) -> str:
    """The reason of a conflict, with who and when where that is known."""
    reason = text.capital(
        conflict.reason.replace("changed on the server since then", "changed on the server too")
    )
    known = "" if conflict.held is None else conflict.held.changed
    return f"{reason}: {known}" if known else reason


def _cleared(sheet: Sheet, fields: dict[int, list[str]]) -> int:
    return sum(
        bool(name) and sheet.value(row, name) is None for row, names in fields.items() for name in names
    )


def _removed(sheet: Sheet, fields: dict[int, list[str]]) -> int:
    return sum(sheet.row_state(row) == "removed" for row in fields)


def _warnings(sheet: Sheet, fields: dict[int, list[str]]) -> str:
    """What a confirmation names: cells that are cleared, deals that are deleted."""
    cleared, removed = _cleared(sheet, fields), _removed(sheet, fields)
    parts = [f"clears {text.count(cleared, 'cell')}"] if cleared else []
    parts += [f"deletes {text.count(removed)}"] if removed else []
    return text.joined(parts)


def _code(sheet: Sheet, fields: dict[int, list[str]]) -> str:
    needs = [
        *(["clear_nulls=True"] if _cleared(sheet, fields) else []),
        *(["allow_delete=True"] if _removed(sheet, fields) else []),
    ]
    return "\n".join(
        ["plan = grid.plan(client)", f"receipt = oa.apply({', '.join(['plan', 'client', *needs])})"]
    )


def receipt_model(review: Review) -> dict[str, Any] | None:
    """The receipt of the last run."""
    run = review.run
    if run is None:
        return None
    by_row: dict[int, list[Line]] = {}
    for line in run.lines:
        by_row.setdefault(line.row, []).append(line)
    troubled = sorted(by_row, key=lambda row: all(line.outcome == "written" for line in by_row[row]))
    return {
        "kind": "receipt",
        "run": run.run_id or "",
        "at": f"{run.at:%I:%M %p}".lstrip("0"),
        "written": run.written,
        "all": len(run.lines),
        "unsent": sum(line.outcome == "not sent" for line in run.lines),
        "theirs": run.theirs,
        "stopped": run.stopped or "",
        "undone": run.undone,
        "notes": run.notes,
        "items": [
            {
                "deal": review.sheet.name(row),
                "lines": [_receipt_line(review.sheet, line, run.stopped or "") for line in by_row[row]],
            }
            for row in troubled[:_LISTED]
        ],
        "more": max(0, len(by_row) - _LISTED),
    }


def _receipt_line(sheet: Sheet, line: Line, stopped: str) -> dict[str, Any]:
    said = {"outcome": line.outcome, "why": "" if line.why == stopped else line.why}
    if not line.field:
        return {
            "title": "Deal",
            "old": "",
            "new": f"{line.operation}d".replace("recoverd", "recovered"),
        } | said
    column = sheet.column[line.field]
    return {"title": column.title, "old": shown(column, line.before), "new": shown(column, line.after)} | said
