"""A plan to the server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal
from uuid import uuid4

import pandas as pd

from opp_analytics.errors import ArgumentTypeError, DataError, PlanError
from opp_analytics.writer.apply.lost_creates import mark_newest
from opp_analytics.writer.apply.receipt import Receipt, receipt_table
from opp_analytics.writer.apply.run import Todo, run_steps
from opp_analytics.writer.journal import entries
from opp_analytics.writer.journal.journal import Journal, plan_lock
from opp_analytics.writer.journal.result import Result, result_of
from opp_analytics.writer.plan.cells import row_dicts
from opp_analytics.writer.plan.display import count
from opp_analytics.writer.plan.plans import Plan

if TYPE_CHECKING:
    from opp_analytics.api import Client


OnConflict = Literal["skip", "overwrite", "stop"]


def apply(
    plan: Plan,
    client: Client,
    *,
    on_conflict: OnConflict = "skip",
    dry_run: bool = False,
    clear_nulls: bool = False,
    allow_delete: bool = False,
    progress: bool | None = None,
    on_failure: Literal["continue", "stop"] = "continue",
    reread: Literal["auto", "each"] = "auto",
    max_age: str | timedelta | None = "7D",
) -> Receipt:
    """Carry out a plan: every change at most once, each with its row in the receipt.

    Opportunities are written over the client's connections, several at a time, changed fields only. Each is read
    again just before it is written: a cell that somebody changed meanwhile is not overwritten. What is about to be
    sent, and what came of it, stands in a journal on disk, so that `resume` can finish a run that was cut off, and
    `undo` can plan the way back. A write whose answer was lost is looked up before anything is sent again.

    Parameters
    ----------
    plan : Plan
        As `plan` made it.
    client : Client
        With whose credentials.
    on_conflict : {"skip", "overwrite", "stop"}
        What to do with an opportunity in which a planned cell was changed on the server meanwhile, or that was closed
        or reopened there: leave all of it alone and go on, write the plan's cells all the same, or begin nothing
        further.
    dry_run : bool
        Check everything and send nothing; a plan made with ``client=`` already knows its conflicts.
    clear_nulls : bool
        Leave to empty cells.
    allow_delete : bool
        Leave to delete opportunities.
    progress : bool, optional
        Whether a progress bar is shown; by default on a terminal and in a notebook.
    on_failure : {"continue", "stop"}
        Whether the first refusal ends the run; what was not sent is then pending.
    reread : {"auto", "each"}
        How opportunities are read again before they are written. "each": every one by itself, just before; one call
        more for each, and about 1.8 times the time. "auto": from 200 on in bulk where that costs less, by a reading at
        most a second old.
    max_age : str, timedelta or None
        A plan older than this is refused as stale; None takes any.

    Returns
    -------
    Receipt
        One row per change. Ctrl-C ends a run after the calls in flight, and the receipt says so; applying the same
        plan again creates nothing twice.

    Raises
    ------
    PlanError
        Before the first request: while the plan has problems, needs leave that was not given, was made for another
        API or tenant, is stale, or is being carried out by somebody else on this computer.
    ApiError
        When opportunities are to be created and the newest ones cannot be read first; nothing was sent.
    JournalError
        When the journal cannot be written; nothing was sent. One that fails midway ends the run, as Ctrl-C does.

    Notes
    -----
    Between a reading and its write lie some hundredths of a second ("each") or up to a second ("auto"). The API offers
    nothing that closes this gap: an edit of the very same cell within it is overwritten. Other cells never are, since
    only changed fields are sent.
    """
    _check_kind(plan)
    _check_option("on_conflict", on_conflict, "skip", "overwrite", "stop")
    _check_option("on_failure", on_failure, "continue", "stop")
    _check_option("reread", reread, "auto", "each")
    check(plan, client, clear_nulls=clear_nulls, allow_delete=allow_delete, max_age=max_age)
    names = [None if pd.isna(name) else name for name in plan.changes["name"]]
    todos = [Todo(number, step, names[step.cells[0].at]) for number, step in enumerate(plan.steps)]
    if dry_run or not todos:
        return _unsent(plan, todos)
    settings = client.settings
    with Journal(settings.tenant) as journal, plan_lock(settings.tenant, plan.plan_id):
        done = _done_before(plan, todos, journal)
        creating = any(t.step.operation == "create" and t.number not in done for t in todos)
        mark = mark_newest(client) if creating else None
        run = entries.Run(_new_id(), plan.plan_id, settings.url, settings.tenant, on_conflict, mark)
        entries.begin(journal, run, [t.step for t in todos], [t.name for t in todos])
        return run_steps(
            todos,
            client,
            journal,
            run,
            reread=reread,
            progress=progress,
            stop_on_failure=on_failure == "stop",
            done=done,
        )


def check(
    plan: Plan,
    client: Client,
    *,
    clear_nulls: bool,
    allow_delete: bool,
    max_age: str | timedelta | None = "7D",
) -> None:
    """Everything for which `apply` refuses a plan before it asks the server anything."""
    _check_origin(plan, client)
    _check_age(plan, max_age)
    plan.check(clear_nulls=clear_nulls, allow_delete=allow_delete)


def _check_kind(plan: Plan) -> None:
    if not isinstance(plan, Plan):
        raise ArgumentTypeError(
            f"apply takes a Plan, as plan(before, after) makes it, not {type(plan).__name__}"
        )


def _check_option(name: str, value: str, *known: str) -> None:
    if value not in known:
        raise DataError(f"{name}={value!r} is not one of {', '.join(map(repr, known))}")


def _check_origin(plan: Plan, client: Client) -> None:
    settings = client.settings
    if plan.url is not None and plan.url != settings.url:
        raise PlanError(
            f"the plan was made for {plan.url}, and the one asked now is {settings.url}; apply it with the settings "
            "it was made with, or plan again from a load here"
        )
    if plan.account is not None and plan.account != settings.tenant:
        raise PlanError(
            f"the plan was made for another tenant of {settings.url}; apply it with the key it was made with, or plan "
            "again from a load of this one"
        )


def _check_age(plan: Plan, max_age: str | timedelta | None) -> None:
    if max_age is None:
        return
    age = datetime.now(UTC) - plan.made_at
    if age > pd.Timedelta(max_age):
        raise PlanError(
            f"the plan is {count(age.days, 'day')} old; plan again from a fresh load "
            f"(max_age={max_age!r}, None takes any)"
        )


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


def _done_before(plan: Plan, todos: list[Todo], journal: Journal) -> dict[int, Result]:
    """The creates that an earlier run of this very plan carried out."""
    ids, doubtful = entries.earlier_creates(journal, plan.plan_id)
    if doubtful is not None:
        raise PlanError(
            f"run {doubtful!r} of this plan left creates in doubt; settle them first: resume(client, {doubtful!r})"
        )
    return {t.number: result_of(t.step, "already", unique_id=ids[t.number]) for t in todos if t.number in ids}
