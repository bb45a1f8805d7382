"""The outcome of a sent write: the row on the server decides, not its answer."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import pandas as pd

from opp_analytics import schema
from opp_analytics.org import Org
from opp_analytics.schema import Json, read_stamp
from opp_analytics.writer.cells import agrees, fold, format_cell, normalize_or_keep, same
from opp_analytics.writer.journal import PlanRun
from opp_analytics.writer.plan.conflicts import DELETED, is_same
from opp_analytics.writer.steps import Result, Step

_AT_ONCE = pd.Timedelta(seconds=1)
"""What changes within so long of its creation was changed by the server."""
_OF_THE_SERVER = ("stage", "status", "probability")
"""Fields that servers set by rules of their own: another value there proves nothing."""


def may_be(step: Step, run: PlanRun, record: Json, *, answered: bool = False) -> bool:
    """Tell whether an opportunity may be what a create made.

    A server may fill in what was blank. What was `answered` may also lack fields that the server
    ignores or sets by rules of its own.
    """
    return run.is_new(record) and all(
        schema.is_blank(fold(ours))
        or agrees(field, ours, record.get(field))
        or (answered and (field in _OF_THE_SERVER or schema.is_blank(record.get(field))))
        for field, ours in step.fields.items()
    )


def see(step: Step, was: Json, row: Json | None, meaning: Org) -> dict[str | None, str]:
    """Tell of each change that was sent what the server holds: the new value, the old or other."""
    if step.operation in ("delete", "recover"):
        return {None: "new" if (row is None) == (step.operation == "delete") else "old"}
    seen: dict[str | None, str] = {}
    for field, before in was.items():
        now, ours = normalize_or_keep(field, (row or {}).get(field)), step.fields[field]
        if row is None:
            seen[field] = "other"
        elif is_same(field, now, ours, meaning):
            seen[field] = "new"
        elif is_same(field, now, before, meaning):
            seen[field] = "old"
        else:
            seen[field] = "new" if agrees(field, ours, now) else "other"
    return seen


def judge(
    step: Step,
    result: Result,
    row: Json | None,
    meaning: Org,
    *,
    late: bool = False,
    trashed: bool = False,
) -> Result:
    """Judge a sent write by the row now on the server, None without one.

    Once it is `late`, an old value is not about to change any more.
    """
    creates = step.operation == "create"
    was = dict.fromkeys(step.fields) if creates else result.was
    told, held = (read_stamp(at) for at in (result.updated_after, (row or {}).get("updated_at")))
    stamped = told is not None and held is not None
    # Databases cut the fraction of a stamp that the answer to the write still had.
    ours = stamped and held in (told, told.floor("ms"), told.floor("s"))
    behind = stamped and not ours and held < told
    seen = see(step, was, row, meaning)
    # One request makes all of its changes, or none.
    settled = (result.told or "new" in seen.values()) and not behind and (ours or late)
    verdicts: dict[str | None, tuple[str, str | None]] = {}
    cells = {f: normalize_or_keep(f, row.get(f)) for f in was} if row is not None else {}
    for field, state in seen.items():
        now = cells.get(field or "")
        shown = format_cell(field or "", now)
        made = None if _is_close(field, step.fields, now) else f"the server made it {shown}"
        if state == "new":
            verdicts[field] = "applied", made
        elif state == "old":
            still = f"{field} is still {shown}" if field else "nothing has changed"
            why = f"{'the server answered' if result.told else 'no answer'}, but {still}"
            verdicts[field] = "not_kept" if settled else "unknown", why
        elif row is None and creates and not trashed:
            verdicts[field] = "not_kept" if late else "unknown", "the server answered, but has none"
        elif row is None:
            verdicts[field] = "overwritten", DELETED
        elif ours or (field in result.answered and same(field, now, result.answered[field])):
            verdicts[field] = "applied", made
        elif stamped and not behind:
            verdicts[field] = "overwritten", f"somebody made it {shown} since"
        else:
            why = f"it is {shown}, neither what was sent nor what was there; look who made it so"
            verdicts[field] = "unknown", why
    outcomes, errors = zip(
        *(verdicts.get(cell.field, ("already", None)) for cell in step.cells), strict=True
    )
    applied = {field for field, (outcome, _) in verdicts.items() if outcome == "applied"}
    forms = {
        f: now for f, now in cells.items() if f in applied and not same(f, now, step.fields[f])
    }
    doubt = "unknown" in outcomes
    known: Json = {"sent": doubt, "told": doubt and result.told, "outage": False}
    if row is not None and applied and (creates or step.operation == "recover"):
        known["record"] = _find_made(result, row, applied, untouched=ours)
    if ours or (told is None and applied):
        known["updated_after"] = None if held is None else str(held)
    answered = {f: now for f, now in result.answered.items() if doubt and f not in applied} | forms
    return replace(result, outcomes=outcomes, errors=errors, answered=answered, **known)


def _is_close(field: str | None, sent: Json, now: Any) -> bool:
    """Tell whether a form needs no word: a folded text, a rounded number."""
    if field is None:
        return True
    one, other = fold(sent[field]), fold(now)
    return same(field, one, other) or (
        not isinstance(now, (str, pd.Timestamp)) and agrees(field, one, other)
    )


def _find_made(
    result: Result, row: Json, applied: Collection[str | None], *, untouched: bool
) -> Json:
    """Find what a new opportunity was before anybody changed it."""
    made, changed = (read_stamp(row.get(name)) for name in ("created_at", "updated_at"))
    told = result.updated_after is not None
    if untouched or None in (made, changed) or (not told and changed - made <= _AT_ONCE):
        return row
    ours = {field: row[field] for field in (*applied, *schema.READ_ONLY) if field in row}
    return dict.fromkeys(row) | (result.record or {}) | ours | {"updated_at": result.updated_after}
