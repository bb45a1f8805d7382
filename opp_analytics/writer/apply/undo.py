"""Undo a run."""

from __future__ import annotations

import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pandas as pd

from opp_analytics import org, schema, text
from opp_analytics.errors import DataWarning
from opp_analytics.writer.journal import entries
from opp_analytics.writer.journal.entries import StoredStep
from opp_analytics.writer.journal.journal import Journal
from opp_analytics.writer.plan.cells import normalize
from opp_analytics.writer.plan.difference import Difference, changes_frame, problems_frame
from opp_analytics.writer.plan.plan import Plan, compare, read_touched
from opp_analytics.writer.plan.remote import only_reading

if TYPE_CHECKING:
    from opp_analytics.api import Client

__all__ = ["undo"]


def undo(client: Client, run_id: str | None = None) -> Plan:
    """Make a plan that reverses a run; review and apply it like any other.

    Updated cells go back to what they held, created opportunities are deleted (``allow_delete``), deleted ones
    recovered; a cell that was empty is cleared again (``clear_nulls``). What somebody changed since then is a
    conflict, and stays as they left it. Undoing an undo does the run again.

    Parameters
    ----------
    client : Client
        A client of the same API and key.
    run_id : str, optional
        The run to undo; by default the newest one that applied anything.

    Returns
    -------
    Plan
        Empty if the run applied nothing. For an unfinished run, the plan reverses the changes made so far, with a
        `DataWarning`.

    Raises
    ------
    PlanError
        If the run does not exist.
    JournalError
        If the journal cannot be used.
    ApiError
        If the server cannot be read.
    """
    with Journal(client.settings.tenant) as journal:
        run_id = run_id or entries.latest_run(journal, left=False)
        stored = entries.read_run(journal, run_id)[1] if run_id is not None else []
    left = sum(step.left for step in stored)
    if left:
        warnings.warn(
            f"run {run_id!r} is unfinished: {text.count(left, 'opportunity')} may not be written yet. This plan undoes what "
            "was written; to finish the run instead, resume it",
            DataWarning,
            stacklevel=2,
        )
    back = Difference()
    rows: dict[str, dict[str, Any]] = {}
    for step in stored:
        _reverse(step, back, rows)
    changes = changes_frame(back.changes)
    with only_reading():
        now = read_touched(changes, client)
    # What the run did not touch is whatever it is by now.
    known = [_readable(now.get(unique_id)) | row for unique_id, row in rows.items()]
    before = org.conform(pd.DataFrame(known, dtype="object")) if known else org.empty()
    before = client.org.apply(before) if client.org else before
    return compare(changes, problems_frame([]), before, client, now)


def _readable(remote: dict[str, Any] | None) -> dict[str, Any]:
    """The API's standard columns of an opportunity, without invalid cells."""
    row = {}
    for column in schema.COLUMNS:
        with suppress(schema.BadCell):
            row[column] = normalize(column, (remote or {}).get(column))
    return row


def _reverse(stored: StoredStep, back: Difference, rows: dict[str, dict[str, Any]]) -> None:
    applied = [
        c for c, outcome in zip(stored.step.cells, stored.outcomes, strict=True) if outcome == "applied"
    ]
    unique_id = stored.unique_id
    if not applied or unique_id is None:
        return
    if stored.step.operation == "delete":
        back.change("recover", unique_id, before=None, after=None, name=stored.name)
        return
    row = rows.setdefault(unique_id, {"unique_id": unique_id, "name": stored.name})
    if stored.step.operation in ("create", "recover"):
        row |= stored.record or {}
        back.change("delete", unique_id, before=None, after=None, name=stored.name)
    else:
        row |= stored.step.base
        for cell in applied:
            field = str(cell.field)
            row[field] = cell.after
            was = stored.was[field]
            back.change("update", unique_id, field, before=cell.after, after=was, name=stored.name)
