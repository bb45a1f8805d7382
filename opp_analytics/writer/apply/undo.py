"""Undo a run."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from typing import Any

import pandas as pd

from opp_analytics import org, schema, text
from opp_analytics.api import Client
from opp_analytics.errors import DataWarning
from opp_analytics.writer.apply.engine import Reader
from opp_analytics.writer.cells import read_cells, same
from opp_analytics.writer.journal import APPLIED, Journal
from opp_analytics.writer.plan.plan import Plan, compare_steps
from opp_analytics.writer.plan.three_way import promise_no_writes
from opp_analytics.writer.steps import EditedCell, RunStep, Step, add_base


def undo(client: Client, run_id: str | None = None) -> Plan:
    """Make a plan that reverses a run; review and apply it like any other.

    Updated cells go back to what they held, created opportunities are deleted (``allow_delete``), deleted ones
    recovered; a cell that was empty is cleared again (``clear_nulls``). The plan starts from what the server answered
    that it holds. What somebody changed since then is a conflict, and stays as they left it. Undoing an undo does the
    run again.

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
    steps: list[Step] = []
    rows: dict[str, dict[str, Any]] = {}
    with Journal(client.settings.tenant, client.server_time) as journal:
        run_id = run_id or journal.find_newest_run(APPLIED)
        entries = journal.read_run(run_id)[1] if run_id is not None else []
        for entry in entries:
            steps += _reverse(entry, rows)
        with promise_no_writes():
            reader = Reader(client, journal, time.sleep)
            now = reader.read_many({step.unique_id for step in steps if step.unique_id is not None})
    left = sum(entry.result.left for entry in entries)
    if left:
        warnings.warn(
            f"run {run_id!r} is unfinished: {text.count(left, 'opportunity')} may not be written yet. This plan undoes what "
            "was written; to finish the run instead, resume it",
            DataWarning,
            stacklevel=2,
        )
    # What the run did not touch is whatever it is by now.
    columns = [*schema.COLUMNS, *([org.CURRENCY] if client.org and client.org.converts else [])]
    known = [read_cells(now.get(unique_id) or {}, columns) | row for unique_id, row in rows.items()]
    before = org.conform(pd.DataFrame(known, dtype="object")) if known else org.empty()
    before = client.org.apply(before) if client.org else before
    steps = compare_steps(add_base(steps, before), client, now)
    return Plan(steps, [], before, url=client.settings.url, tenant=client.settings.tenant)


def _reverse(entry: RunStep, rows: dict[str, dict[str, Any]]) -> Iterator[Step]:
    """Reverse what was applied of a step, and add to `rows` what the run left in its deal."""
    _, step, result = entry
    applied = [c for c, outcome in zip(step.cells, result.outcomes, strict=True) if outcome == "applied"]
    unique_id = result.unique_id
    if not applied or unique_id is None:
        return
    if step.operation == "delete":
        yield Step("recover", unique_id, (EditedCell(),), step.name)
        return
    row = rows.setdefault(unique_id, {"unique_id": unique_id, "name": step.name})
    if step.operation in ("create", "recover"):
        record = result.record or {}
        row |= read_cells(record, record)
        yield Step("delete", unique_id, (EditedCell(),), step.name)
    else:
        held = {str(cell.field): result.answered.get(str(cell.field), cell.after) for cell in applied}
        row |= step.base | held
        was = {str(cell.field): cell.before for cell in applied} | result.overwritten
        pairs = ((field, now, was[field]) for field, now in held.items())
        cells = tuple(
            EditedCell(field, now, then) for field, now, then in pairs if not same(field, now, then)
        )
        if cells:
            yield Step("update", unique_id, cells, step.name)
