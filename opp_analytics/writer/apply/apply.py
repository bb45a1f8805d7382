"""Send a plan to the server, finish a run that was cut off, and plan the way back."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Literal
from uuid import uuid4

import pandas as pd

from opp_analytics import org, schema, text
from opp_analytics.api import Client
from opp_analytics.arguments import one_of
from opp_analytics.errors import ArgumentTypeError, DataWarning, JournalError, PlanError
from opp_analytics.progress import Progress, progress_bar
from opp_analytics.schema import Json
from opp_analytics.writer.apply import engine
from opp_analytics.writer.apply.judge import judge
from opp_analytics.writer.apply.lost_creates import LostCreates, mark_newest
from opp_analytics.writer.apply.read_back import read_back
from opp_analytics.writer.cells import list_rows, read_cells, same
from opp_analytics.writer.journal import APPLIED, LEFT, Journal, PlanRun, lock_plan
from opp_analytics.writer.plan.display import (
    PERMISSIONS,
    PYTHON,
    Words,
    describe_problems,
    list_needing,
    write_receipt_html,
)
from opp_analytics.writer.plan.plan import Plan, compare_steps
from opp_analytics.writer.server_rows import Found, promise_no_writes
from opp_analytics.writer.steps import (
    OUTCOMES,
    EditedCell,
    Result,
    RunStep,
    Step,
    add_base,
    list_outcomes,
)

_AMISS = ("conflict", "failed", "unknown", "not_kept", "overwritten")
"""Outcomes that a summary names."""


@dataclass(frozen=True, eq=False, repr=False)
class Receipt:
    """The outcome of every change of a plan."""

    entries: list[RunStep]
    """The plan's steps with their results; the table is made from them."""
    run_id: str | None = None
    """Names the run in the journal, for `resume` and `undo`; None after a dry run, or when nothing
    was to be done."""
    stopped: str | None = None
    """Reason the run stopped early; None if it did not."""

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row per change.

        ``unique_id`` (of a create that was carried out, the new id), ``operation``, ``field``,
        ``before``, ``after`` (objects; of a change that is on the server what it holds, such as
        1234.57 for a planned 1234.567, else what was planned), ``outcome`` (applied already
        not_kept overwritten conflict skipped failed unknown pending), ``error`` (why, in the
        server's words where it gave any, or the other value that it made of an applied one; missing
        when all is well), ``attempts`` int64 (how often a write was sent for it), ``name``.

        What was sent is read back, and what the server holds decides: ``applied`` in a form of its
        own (rounded, cut, lower case, shifted), ``not_kept`` where it answered and holds the old
        value, ``overwritten`` where somebody changed it after us, ``unknown`` where neither can be
        told yet.
        """
        return list_outcomes(self.entries)

    @property
    def resumable(self) -> bool:
        """True if `resume` has work to do; rejected changes (4xx) are not sent again."""
        return self.run_id is not None and any(entry.result.left for entry in self.entries)

    @property
    def complete(self) -> bool:
        """True if every change is on the server."""
        return bool(self.table["outcome"].isin(["applied", "already"]).all())

    def counts(self) -> pd.Series[int]:
        """Count the changes per outcome, without zeros."""
        counts = self.table["outcome"].value_counts()
        return counts.reindex([outcome for outcome in OUTCOMES if outcome in counts.index])

    def summary(self, *, words: Words = PYTHON) -> str:
        """Summarize it: counts per outcome, the first failures, and the next step.

        Options and lists in the `words` of Python by default.
        """
        counted, *after = self.overview(words=words).splitlines()
        lines = [counted]
        bad = self.table[self.table["outcome"].isin(_AMISS)]
        for row in list_rows(bad.head(5)):
            name = f"({row['name']})" if pd.notna(row["name"]) else None
            parts = (row["operation"], row["unique_id"], name, row["field"])
            what = " ".join(str(part) for part in parts if pd.notna(part))
            lines.append(f"  {row['outcome']}: {what}: {row['error']}")
        if len(bad) > 5:
            lines.append(f"  … and {text.number(len(bad) - 5)} more, {words.more_outcomes}")
        return "\n".join([*lines, *after])

    def overview(self, *, words: Words = PYTHON) -> str:
        """Summarize it without the failures, by default in the `words` of Python.

        It has counts per outcome, why the run stopped, and the next step.
        """
        counted = self.counts()
        counts = ", ".join(f"{text.number(n)} {outcome}" for outcome, n in counted.items())
        of = f" (changes of {text.count(len(self.entries), 'opportunity')})"
        lines = [counts + of if counts else "nothing to do"]
        if self.stopped:
            lines.append(f"stopped: {self.stopped}")
        if self.resumable:
            lines.append(f"to finish it: {words.resume(self.run_id)}")
        sending = words.resume(self.run_id, send_unknown=True)
        if "unknown" in counted:
            lines.append(
                f"to send once more what stays unknown, over what is there (look first): {sending}"
            )
        if any(entry.creates and entry.result.outcomes[0] == "already" for entry in self.entries):
            again = words.option("again")
            lines.append(
                f"an earlier run created new ones already; to create them once more: {again}"
            )
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return write_receipt_html(self.overview(), self.entries)

    def __repr__(self) -> str:
        return text.printable(f"<Receipt {self.run_id}: {self.summary()}>", lines=True)


_PATIENCE = 1.0
"""Seconds to wait for calls in flight after Ctrl-C: time for an answer, short enough for the person
who waits."""
_log = logging.getLogger(__name__)


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

    Each opportunity is read again just before it is written, so that a newer change is not
    overwritten; only changed fields are sent. A journal on disk holds the intent before each call
    and its result after, so that `resume` can finish a run that was cut off, and `undo` can plan
    the way back. A write whose answer was lost is looked up before anything is sent again. A row to
    create that an earlier run created, equal in all its fields, is not created again while that
    opportunity exists: its outcome is ``already``, and the receipt has its id.

    Parameters
    ----------
    plan : Plan
        The plan to send.
    client : Client
        The client of the tenant that the plan was made for.
    on_conflict : {"skip", "overwrite", "stop"}
        What to do with an opportunity in which a planned cell was changed on the server since the
        plan, or that was closed or reopened there: skip it and go on, write the plan's cells all
        the same, or send nothing more.
    dry_run : bool
        If True, check everything and send nothing; a plan made with ``client=`` already knows its
        conflicts.
    clear_nulls : bool
        If True, cells may be cleared.
    allow_delete : bool
        If True, opportunities may be deleted.
    again : bool
        If True, create every row once more, whatever earlier runs created. One more of an
        opportunity that the plan started from needs no such permission.
    progress : bool or callable, optional
        If True, show a progress bar; by default on a terminal and in a notebook. A function is told
        (done, of all).

    Returns
    -------
    Receipt
        One row per change. Ctrl-C ends a run after the calls in flight, and the receipt says so; a
        second one ends it at once, with a KeyboardInterrupt that names the run.

    Raises
    ------
    ArgumentTypeError, ArgumentValueError
        If `plan` is not a plan, or `on_conflict` is not an option.
    PlanError
        Before the first request: if the plan has problems, needs a permission that was not given,
        was made for another API or tenant, is being applied by another process on this computer,
        or was proposed by an assistant and approved by nobody.
    ApiError
        If the plan creates opportunities and the newest ones cannot be read first; nothing was
        sent.
    JournalError
        If the journal cannot be written; nothing was sent. If it fails midway, the run ends, as
        with Ctrl-C.

    See Also
    --------
    resume : finish a run. undo : plan the way back.

    Notes
    -----
    An edit of the same cell in the few hundredths of a second between the read and the write is
    overwritten; the API can't prevent this. Other cells are never overwritten.
    """
    if not isinstance(plan, Plan):
        raise ArgumentTypeError(
            f"plan is a {type(plan).__name__}, not a Plan; make one with plan(before, after)"
        )
    one_of(on_conflict, "on_conflict", ("skip", "overwrite", "stop"))
    check_plan(plan, client, clear_nulls=clear_nulls, allow_delete=allow_delete)
    if plan.proposed_by is not None and plan.approved_by is None and not dry_run:
        raise PlanError(
            f"{plan.proposed_by} proposed this plan; a person reads and applies it at a terminal, "
            "with opp-analytics apply"
        )
    if dry_run or not plan.steps:
        return Receipt(
            [RunStep(number, step, _foresee(step)) for number, step in enumerate(plan.steps)]
        )
    entries = [RunStep(n, step, Result.whole(step, "pending")) for n, step in enumerate(plan.steps)]
    settings = client.settings
    with (
        _name_run() as begun,
        Journal(settings.tenant, client.server_time) as journal,
        lock_plan(settings.tenant, plan.plan_id),
    ):
        creates = [entry.step.identity for entry in entries if entry.creates]
        accounted = journal.account_for(creates, plan.before["unique_id"], again=again)
        with promise_no_writes():
            since, known_ids = mark_newest(client) if creates else (None, frozenset())
        run_id = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid4().hex[:6]}"
        run = PlanRun(run_id, plan.plan_id, settings.url, on_conflict, since, known_ids, accounted)
        if plan.proposed_by is not None:
            run = replace(run, proposed_by=plan.proposed_by, approved_by=plan.approved_by)
        known = frozenset(plan.before["unique_id"])
        begun.append(engine.LiveRun(client, journal, run, entries, known=known))
        journal.begin(run, entries)
        return _carry_out(entries, begun[0], progress)


def _foresee(step: Step) -> Result:
    """Tell what a dry run knows: outcomes that the plan found, the rest pending.

    The plan found them on the server.
    """
    outcomes = tuple("pending" if cell.status == "clean" else cell.status for cell in step.cells)
    return Result(outcomes, tuple(cell.reason for cell in step.cells))


def check_plan(
    plan: Plan, client: Client, *, clear_nulls: bool, allow_delete: bool, words: Words = PYTHON
) -> None:
    """Refuse a plan that `apply` would not send."""
    _check_origin(plan, client)
    problems = plan.found_problems
    if problems:
        count = text.count(len(problems), "problem")
        listed = describe_problems(problems, plan.before, words)
        raise PlanError(f"the plan has {count} to fix first:\n{listed}")
    given = {"clear_nulls": clear_nulls, "allow_delete": allow_delete}
    for option in PERMISSIONS:
        needing = list_needing(option, plan.steps)
        if needing and not given[option]:
            raise PlanError(_ask_for(option, needing, words))
    deleted = {step.unique_id for step in plan.steps if step.operation == "delete"}
    torn = [s.unique_id for s in plan.steps if s.operation != "delete" and s.unique_id in deleted]
    if torn:
        raise PlanError(f"opportunity {torn[0]!r} is both deleted and changed; drop one of the two")


def _check_origin(plan: Plan, client: Client) -> None:
    settings = client.settings
    if plan.url not in (None, settings.url) or plan.tenant not in (None, settings.tenant):
        raise PlanError(
            f"this plan was made for another tenant ({plan.url}) than the client's "
            f"({settings.url}); apply it with the address and key it was made with, or plan again "
            "from a load of this tenant"
        )


def _ask_for(option: str, needing: list[tuple[Step, EditedCell]], words: Words) -> str:
    step, cell = needing[0]
    asks = text.count(len(needing), PERMISSIONS[option])
    deal = f"{step.unique_id!r}" + (f" ({step.name})" if step.name is not None else "")
    lost = f"cleared, such as {cell.field} of {deal}" if cell.field else f"deleted, such as {deal}"
    return (
        f"{asks} would be {lost}; pass {words.option(option)} to allow it. If they are only "
        "missing from what you edited, put them back and plan again"
    )


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
        What to do with a write without an answer that a fresh look at the server does not settle:
        leave it unknown, or send it. Look yourself before you have it sent: a create may be on the
        server under another name, and an update is written over what somebody may have changed.
    progress : bool, optional
        If True, show a progress bar; by default on a terminal and in a notebook.

    Returns
    -------
    Receipt
        Rows for the changes that were left: pending, unknown, or failed for another reason than a
        refusal (4xx). With nothing left, an empty receipt with its columns.

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
    with _name_run() as begun, Journal(tenant, client.server_time) as journal:
        run_id = run_id or journal.find_newest_run(LEFT)
        if run_id is None:
            return Receipt([])
        with lock_plan(tenant, journal.read_run(run_id)[0].plan_id):
            run, entries = journal.read_run(run_id)
            left = [entry for entry in entries if entry.result.left]
            if not left:
                return Receipt([], run_id)
            sends = unknown == "send"
            begun.append(engine.LiveRun(client, journal, run, left, sends_unknown=sends))
            return _carry_out(left, begun[0], progress)


def undo(client: Client, run_id: str | None = None) -> Plan:
    """Make a plan that reverses a run; review and apply it like any other.

    Updated cells go back to what they held, created opportunities are deleted (``allow_delete``),
    deleted ones recovered; a cell that was empty is cleared again (``clear_nulls``). The plan
    starts from the form that the server holds. What somebody changed since then is a conflict, and
    stays as they left it, and so does a created opportunity in which somebody changed or filled any
    field. What existed before the run is never deleted. Undoing an undo does the run again.

    Parameters
    ----------
    client : Client
        A client of the same API and key.
    run_id : str, optional
        The run to undo; by default the newest one that applied anything.

    Returns
    -------
    Plan
        Empty if the run applied nothing. For an unfinished run, the plan reverses the changes made
        so far, with a `DataWarning`.

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
    rows: dict[str, Json] = {}
    with Journal(client.settings.tenant, client.server_time) as journal:
        run_id = run_id or journal.find_newest_run(APPLIED)
        run, entries = journal.read_run(run_id) if run_id is not None else (None, [])
        ids = {str(entry.result.unique_id) for entry in entries if entry.result.reached}
        with promise_no_writes():
            now = engine.Reader(client, journal, time.sleep).read_many(ids)
        entries = [_read_told(entry, now, client) for entry in entries]
        for entry in entries:
            # Whatever the journal says: what existed before the run is not this run's to delete.
            row = now.get(entry.result.unique_id or "")
            if not entry.creates or row is None or (run and run.is_new(row)):
                steps += _reverse(entry, rows)
        forms = journal.read_forms(steps)
    for step in steps:
        if step.operation == "delete":
            # What the server had not then is empty, so that it counts if somebody fills it.
            unique_id = str(step.unique_id)
            rows[unique_id] = dict.fromkeys(now.get(unique_id) or ()) | rows[unique_id]
    left = sum(entry.result.left for entry in entries)
    if left:
        DataWarning.warn(
            f"run {run_id!r} is unfinished: {text.count(left, 'opportunity')} may not be written "
            "yet. This plan undoes what was written; to finish the run instead, resume it"
        )
    # What the run did not touch is whatever it is by now.
    columns = [*schema.COLUMNS, *([org.CURRENCY] if client.org and client.org.converts else [])]
    known = [read_cells(now.get(unique_id) or {}, columns) | row for unique_id, row in rows.items()]
    before = org.conform(pd.DataFrame(known, dtype="object")) if known else org.empty()
    before = client.org.apply(before) if client.org else before
    steps = compare_steps(add_base(steps, before), client, now, forms)
    return Plan(steps, [], before, url=client.settings.url, tenant=client.settings.tenant)


def _read_told(entry: RunStep, now: Found, client: Client) -> RunStep:
    """Judge the answers to a run that ended before it read back."""
    step, result = entry.step, entry.result
    if not result.told:
        return entry
    row = now.get(result.unique_id or "")
    return entry._replace(result=judge(step, result, row, client.org or step.org))


def _reverse(entry: RunStep, rows: dict[str, Json]) -> Iterator[Step]:
    """Reverse the applied cells of a step, and add to `rows` the deal as the run left it."""
    _, step, result = entry
    outcomes = list(zip(step.cells, result.outcomes, strict=True))
    applied, overwritten = (
        [cell for cell, outcome in outcomes if outcome == wanted]
        for wanted in ("applied", "overwritten")
    )
    unique_id = result.unique_id
    if unique_id is None or not (applied or overwritten):
        return
    if step.operation == "delete":
        yield Step("recover", unique_id, (EditedCell(),), step.name)
        return
    row = rows.setdefault(unique_id, {"unique_id": unique_id, "name": step.name})
    if step.operation in ("create", "recover"):
        record = result.record or {}
        row |= read_cells(record, record)
        yield Step("delete", unique_id, (EditedCell(),), step.name)
        return
    was = {str(cell.field): cell.before for cell in step.cells} | result.was
    row |= step.base
    # What somebody has overwritten is in conflict, and must not hold back the rest.
    for cells in (applied, overwritten):
        held = {str(c.field): result.answered.get(str(c.field), c.after) for c in cells}
        row |= held
        pairs = ((field, now, was[field]) for field, now in held.items())
        back = tuple(
            EditedCell(field, now, then) for field, now, then in pairs if not same(field, now, then)
        )
        if back:
            yield Step("update", unique_id, back, step.name)


class RunStopped(KeyboardInterrupt):
    """A second Ctrl-C: the run ended at once, without a receipt."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        super().__init__(self.summary())

    def summary(self, *, words: Words = PYTHON) -> str:
        """Name the run, and say how to finish it."""
        return (
            f"stopped at once; run {self.run_id} may be unfinished. To finish it: "
            f"{words.resume(self.run_id)}"
        )


@contextmanager
def _name_run() -> Iterator[list[engine.LiveRun]]:
    """Name the run that was begun, if Ctrl-C ends the block.

    Nothing more is sent or noted for it.
    """
    begun: list[engine.LiveRun] = []
    try:
        yield begun
    except KeyboardInterrupt:
        if not begun:
            raise
        begun[0].stop.set("interrupted")
        begun[0].leave()
        raise RunStopped(begun[0].run.run_id) from None


@contextmanager
def _stop_on_interrupt(stop: engine.StopSignal) -> Iterator[None]:
    """Turn the first Ctrl-C into a stop that waits briefly for calls in flight.

    A second one raises as usual.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread is interrupted
        return
    usual = signal.getsignal(signal.SIGINT)

    def interrupt(number: int, frame: Any) -> None:
        signal.signal(signal.SIGINT, usual)
        stop.interrupt("interrupted", _PATIENCE)

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)


def _carry_out(entries: list[RunStep], live: engine.LiveRun, progress: Progress) -> Receipt:
    """Carry out steps, record the end of the run, and return its receipt.

    A journal failure stops the run.

    Recoveries are finished before the rest begins.
    """
    # A create that an earlier process left without an answer is looked for, not sent; of what was
    # answered the server is read.
    results = {
        entry.number: entry.result
        for entry in entries
        if entry.lost or (entry.result.told and (entry.creates or not live.sends_unknown))
    }
    ready = [entry for entry in entries if entry.number not in results]
    run_id = live.run.run_id
    _log.info("run %s: %d to write, %d to look for", run_id, len(ready), len(results))
    chains = engine.group_equal_creates(entries)
    sendable = _list_sendable(chains, results)
    with (
        progress_bar(progress, desc="applying", unit="opp", total=len(ready)) as bar,
        _stop_on_interrupt(live.stop),
    ):
        for recovering in (True, False):
            phase = [c for c in sendable if (c[0].step.operation == "recover") == recovering]
            engine.send_chains(live, phase, results, bar.update)
        creates = [chain for chain in chains if chain[0].creates]
        lost = LostCreates(live, results, bar.update)
        lost.settle(creates)
        lost.settle_equal(creates)
        # What is cut off while the server is read ends with no one to hear of it.
        in_flight = live.list_in_flight()
        read_back(live, entries, results)
    _close(entries, results, in_flight | live.leave(), live.stop)
    try:
        live.journal.end(run_id)
    except JournalError as error:
        live.stop.set(str(error))
    done = [entry._replace(result=results[entry.number]) for entry in entries]
    receipt = Receipt(done, run_id, live.stop.reason)
    ended = "stopped early" if live.stop else "ended"
    _log.info("run %s %s: %s", run_id, ended, receipt.overview().splitlines()[0])
    return receipt


def _list_sendable(chains: engine.Chains, results: engine.Results) -> engine.Chains:
    """List the steps of the chains that can be sent now.

    None follows a create with an unknown outcome.
    """
    free = [
        chain
        for chain in chains
        if not any(results[e.number].doubtful for e in chain if e.number in results)
    ]
    left = ([entry for entry in chain if entry.number not in results] for chain in free)
    return [chain for chain in left if chain]


def _close(
    entries: list[RunStep], results: engine.Results, in_flight: set[int], stop: engine.StopSignal
) -> None:
    """Give every unfinished step a result."""
    for number, step, earlier in entries:
        if number in results:
            continue
        attempts = earlier.attempts
        if number in in_flight:
            lost = "no answer before the run ended; resume looks for it"
            results[number] = Result.whole(step, "unknown", lost, attempts=attempts + 1, sent=True)
        else:
            why = None if stop else "waiting for an identical create with an unknown outcome"
            results[number] = Result.whole(step, "pending", why, attempts=attempts)
