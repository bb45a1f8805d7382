"""Send a plan to the server."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal
from uuid import uuid4

import pandas as pd

from opp_analytics.arguments import one_of
from opp_analytics.errors import ArgumentTypeError
from opp_analytics.progress import Progress
from opp_analytics.writer.apply.check_plan import check_plan
from opp_analytics.writer.apply.engine import Todo
from opp_analytics.writer.apply.lost_creates import mark_newest
from opp_analytics.writer.apply.receipt import Receipt, receipt_table
from opp_analytics.writer.apply.run import run_steps
from opp_analytics.writer.journal import entries
from opp_analytics.writer.journal.creates import accounted_for
from opp_analytics.writer.journal.journal import Journal, plan_lock
from opp_analytics.writer.journal.result import Result
from opp_analytics.writer.plan.cells import row_dicts
from opp_analytics.writer.plan.plan import Plan
from opp_analytics.writer.plan.remote import only_reading

if TYPE_CHECKING:
    from opp_analytics.api import Client

__all__ = ["apply"]


def apply(
    plan: Plan,
    client: Client,
    *,
    on_conflict: Literal["skip", "overwrite", "stop"] = "skip",
    dry_run: bool = False,
    clear_nulls: bool = False,
    allow_delete: bool = False,
    again: bool = False,
    progress: Progress = None,
) -> Receipt:
    """Send a plan: every change at most once, with one receipt row per change.

    Each opportunity is read again just before it is written, so that a newer change is not overwritten; only changed
    fields are sent. A journal on disk holds the intent before each call and its result after, so that `resume` can
    finish a run that was cut off, and `undo` can plan the way back. A write whose answer was lost is looked up before
    anything is sent again. A row to create that an earlier run created, equal in all its fields, is not created again
    while that opportunity exists: its outcome is ``already``, and the receipt has its id.

    Parameters
    ----------
    plan : Plan
        The plan to send.
    client : Client
        The client of the tenant that the plan was made for.
    on_conflict : {"skip", "overwrite", "stop"}
        What to do with an opportunity in which a planned cell was changed on the server since the plan, or that was
        closed or reopened there: skip it and go on, write the plan's cells all the same, or send nothing more.
    dry_run : bool
        If True, check everything and send nothing; a plan made with ``client=`` already knows its conflicts.
    clear_nulls : bool
        If True, cells may be cleared.
    allow_delete : bool
        If True, opportunities may be deleted.
    again : bool
        If True, create every row once more, whatever earlier runs created. One more of an opportunity that the plan
        started from needs no such permission.
    progress : bool or callable, optional
        If True, show a progress bar; by default on a terminal and in a notebook. A function is told (done, of all).

    Returns
    -------
    Receipt
        One row per change. Ctrl-C ends a run after the calls in flight, and the receipt says so.

    Raises
    ------
    ArgumentTypeError, ArgumentValueError
        If `plan` is not a plan, or `on_conflict` is not an option.
    PlanError
        Before the first request: if the plan has problems, needs a permission that was not given, was made for
        another API or tenant, or is being applied by another process on this computer.
    ApiError
        If the plan creates opportunities and the newest ones cannot be read first; nothing was sent.
    JournalError
        If the journal cannot be written; nothing was sent. If it fails midway, the run ends, as with Ctrl-C.

    See Also
    --------
    resume : finish a run. undo : plan the way back.

    Notes
    -----
    An edit of the same cell in the few hundredths of a second between the read and the write is overwritten; the API
    can't prevent this. Other cells are never overwritten.
    """
    if not isinstance(plan, Plan):
        raise ArgumentTypeError(
            f"plan is a {type(plan).__name__}, not a Plan; make one with plan(before, after)"
        )
    one_of(on_conflict, "on_conflict", ("skip", "overwrite", "stop"))
    check_plan(plan, client, clear_nulls=clear_nulls, allow_delete=allow_delete)
    names = [None if pd.isna(name) else name for name in plan.changes["name"]]
    todos = [Todo(number, step, names[step.cells[0].at]) for number, step in enumerate(plan.steps)]
    if dry_run or not todos:
        return _unsent(plan, todos)
    settings = client.settings
    with Journal(settings.tenant) as journal, plan_lock(settings.tenant, plan.plan_id):
        creates = [todo.step.identity for todo in todos if todo.creates]
        accounted = accounted_for(journal, creates, plan.before["unique_id"], again=again)
        with only_reading():
            mark = mark_newest(client).stored() if creates else None
        run = entries.Run(_new_id(), plan.plan_id, settings.url, on_conflict, mark, accounted)
        entries.begin(journal, run, [t.step for t in todos], [t.name for t in todos])
        return run_steps(todos, client, journal, run, progress=progress)


def _new_id() -> str:
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid4().hex[:6]}"


def _unsent(plan: Plan, todos: list[Todo]) -> Receipt:
    statuses = plan.changes["status"].replace("clean", "pending").tolist()
    reasons = {(c["unique_id"], c["operation"], c["field"]): c["reason"] for c in row_dicts(plan.conflicts)}
    results = {}
    for todo in todos:
        step = todo.step
        why = tuple(reasons.get((step.unique_id, step.operation, cell.field)) for cell in step.cells)
        results[todo.number] = Result(tuple(statuses[cell.at] for cell in step.cells), why)
    return Receipt(
        receipt_table({t.number: t.step for t in todos}, results, {t.number: t.name for t in todos})
    )
