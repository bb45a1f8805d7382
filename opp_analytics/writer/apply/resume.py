"""Finish an interrupted run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from opp_analytics.arguments import one_of
from opp_analytics.writer.apply.engine import Todo
from opp_analytics.writer.apply.receipt import Receipt, receipt_table
from opp_analytics.writer.apply.run import run_steps
from opp_analytics.writer.journal import entries
from opp_analytics.writer.journal.journal import Journal, plan_lock

if TYPE_CHECKING:
    from opp_analytics.api import Client

__all__ = ["resume"]


def resume(
    client: Client,
    run_id: str | None = None,
    *,
    unknown: Literal["leave", "send"] = "leave",
    progress: bool | None = None,
) -> Receipt:
    """Finish an interrupted run: settle unknown changes and send the rest, each once.

    Parameters
    ----------
    client : Client
        A client of the same API and key; the token may be a new one.
    run_id : str, optional
        The run to finish; by default the newest one with work left.
    unknown : {"leave", "send"}
        What to do with a create without an answer that a fresh look at the server does not settle: leave it unknown,
        or send it. Look for it yourself before you have it sent, for it may be on the server under another name.
    progress : bool, optional
        If True, show a progress bar; by default on a terminal and in a notebook.

    Returns
    -------
    Receipt
        Rows for the changes that were left: pending, unknown, or failed for another reason than a refusal
        (4xx). With nothing left, an empty receipt with its columns.

    Raises
    ------
    ArgumentValueError
        If `unknown` is not an option.
    PlanError
        If the run does not exist, or another process is still working on it.
    JournalError
        If the journal cannot be used.
    """
    one_of(unknown, "unknown", ("leave", "send"))
    tenant = client.settings.tenant
    with Journal(tenant) as journal:
        run_id = run_id or entries.latest_run(journal, left=True)
        if run_id is None:
            return Receipt(receipt_table({}, {}, {}))
        with plan_lock(tenant, entries.read_run(journal, run_id)[0].plan_id):
            run, stored = entries.read_run(journal, run_id)
            todos = [Todo(s.number, s.step, s.name, s.progress) for s in stored if s.left]
            if not todos:
                return Receipt(receipt_table({}, {}, {}), run_id)
            return run_steps(todos, client, journal, run, progress=progress, send_unknown=unknown == "send")
