"""Conflicts of a plan's steps with later changes on the server."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from opp_analytics import schema
from opp_analytics.org import Org
from opp_analytics.schema import Json
from opp_analytics.writer.cells import agrees, normalize_or_keep, same
from opp_analytics.writer.journal import Forms
from opp_analytics.writer.steps import EditedCell, Step

CHANGED = "changed on the server since then"
DELETED = "deleted on the server since then"


def compare_three_ways(
    step: Step,
    remote: Json | None,
    client_org: Org | None = None,
    *,
    forms: Forms | None = None,
) -> Step:
    """Compare a step with the server's row: cells are clean, already there or in conflict.

    Returns a copy of the step.

    If someone closed or reopened the deal since the plan, every unapplied cell of an update is in
    conflict.

    A server may keep a form of its own of what it is sent. `forms` has those that it answered to
    earlier runs: they are our values, and nothing else near them is. Only where a write of an
    earlier run has no answer, any other value that agrees with ours may be its form.
    """
    meaning, forms = client_org or step.org, forms or {}
    if step.operation == "update":
        return _compare_update(step, remote, meaning, forms)
    if step.operation == "delete":
        return _compare_delete(step, remote, meaning, forms)
    return step.mark("clean" if remote is None else "already")


def _compare_update(step: Step, remote: Json | None, meaning: Org, forms: Forms) -> Step:
    turn = None if remote is None else _detect_turn(step, remote, meaning)
    cells = []
    for cell in step.cells:
        field, now, status, reason = str(cell.field), None, "clean", None
        if remote is None:
            status, reason = "conflict", DELETED
        else:
            now, after = normalize_or_keep(field, remote.get(field)), cell.after
            answered = _is_form(step, field, after, now, forms)
            # Of a write without an answer, a cell that has changed since may be the form.
            doubtful = _list_held(step, field, after, forms, answered=False)
            in_doubt = any(not same(field, held, now) for held in doubtful)
            if is_same(field, now, after, meaning) or (
                (answered or in_doubt) and agrees(field, after, now)
            ):
                status = "already"
            elif not (answered or _holds(step, field, cell.before, now, meaning, forms)):
                status, reason = "conflict", CHANGED
            elif turn:
                status, reason = "conflict", turn
        cells.append(replace(cell, status=status, remote=now, reason=reason))
    return replace(step, cells=tuple(cells))


def _compare_delete(step: Step, remote: Json | None, meaning: Org, forms: Forms) -> Step:
    if remote is None:
        return step.mark("already")
    base = dict(step.base)
    planned, now = (schema.read_stamp(row.get("updated_at")) for row in (base, remote))
    if None not in (planned, now) and planned != now:
        # Somebody has written since: what the plan knew nothing of may have appeared.
        base = dict.fromkeys(remote) | base
    drifted = tuple(
        EditedCell(field, was, None, "conflict", held, CHANGED)
        for field, was in base.items()
        if field not in schema.READ_ONLY
        and field not in meaning.ignore
        and not _holds(
            *(step, field, was, held := normalize_or_keep(field, remote.get(field))),
            meaning,
            forms,
        )
    )
    return replace(step.mark("conflict" if drifted else "clean"), drifted=drifted)


def _detect_turn(step: Step, remote: Json, meaning: Org) -> str | None:
    """Name the reason for a conflict if someone closed or reopened the deal since the plan."""
    now = {column: remote.get(column) for column in step.base}
    closed = meaning.stages.is_closed(now)
    if closed in (
        meaning.stages.is_closed(planned) for planned in (step.base, step.base | step.fields)
    ):
        return None
    outcome = meaning.stages.outcome(now) if closed else "reopened"
    what = outcome if outcome in ("won", "lost", "reopened") else "closed"
    return f"{what} on the server since then"


def is_same(field: str, one: Any, other: Any, meaning: Org) -> bool:
    """Compare two cells by meaning: an alias equals its stage."""
    if field == "stage":
        one, other = (
            meaning.stages.aliases.get(cell, cell) if isinstance(cell, str) else cell
            for cell in (one, other)
        )
    return same(field, one, other)


def _list_held(step: Step, field: str, ours: Any, forms: Forms, *, answered: bool) -> list[Any]:
    """List the forms of our value that the server holds.

    It answered that it holds them, or held them before a write that has no answer.
    """
    sent = (cell for cell in forms.get((step.unique_id, field), ()) if cell.answered == answered)
    return [cell.held for cell in sent if same(field, cell.value, ours)]


def _is_form(step: Step, field: str, ours: Any, now: Any, forms: Forms) -> bool:
    return any(
        same(field, held, now) for held in _list_held(step, field, ours, forms, answered=True)
    )


def _holds(step: Step, field: str, ours: Any, now: Any, meaning: Org, forms: Forms) -> bool:
    return is_same(field, now, ours, meaning) or _is_form(step, field, ours, now, forms)
