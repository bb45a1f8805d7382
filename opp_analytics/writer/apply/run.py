"""A run: the steps of a plan over several connections, each written to the journal around its call."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from opp_analytics import text
from opp_analytics.errors import ApiError, JournalError
from opp_analytics.progress import progress_bar
from opp_analytics.writer.apply.lost_creates import list_new_since, match_lost_creates
from opp_analytics.writer.apply.receipt import Receipt, receipt_table
from opp_analytics.writer.apply.send import ATTEMPTS, Sender, Stop
from opp_analytics.writer.journal import entries
from opp_analytics.writer.journal.journal import Journal
from opp_analytics.writer.journal.result import Progress, Result, result_of
from opp_analytics.writer.plan.steps import Step

if TYPE_CHECKING:
    from opp_analytics.api import Client

__all__ = ["Todo", "run_steps"]


_OUTAGES = 24
"""Steps in a row, over all connections, that failed because the server did not answer: it is down."""
_GRACE = 1.0
"""Seconds that a create without an answer is given to arrive before it is looked up and perhaps repeated."""
_SPARE = 4
"""Threads beyond the connections, so that no connection idles while a thread waits for the disk."""


@dataclass(frozen=True)
class Todo:
    """A step that is to be carried out."""

    number: int
    step: Step
    name: str | None = None
    progress: Progress = field(default_factory=Progress)


class _Engine:
    """Everything that the steps of one run share."""

    def __init__(self, client: Client, journal: Journal, run: entries.Run) -> None:
        self.client = client
        self.run = run
        self.stop = Stop()
        self._journal = journal
        self._outages = 0
        self._lock = threading.Lock()
        self._sender = Sender(
            client,
            partial(entries.intend, journal, run.run_id),
            self.stop,
            overwrite=run.on_conflict == "overwrite",
        )

    def work(self, todo: Todo) -> Result:
        """Carry out one step and note the result."""
        result = self._sender.carry_out(todo.number, todo.step, todo.progress)
        self.note(todo, result)
        return result

    def note(self, todo: Todo, result: Result) -> None:
        """Put a result into the journal, and stop the run when asked to or when the server is down."""
        entries.settle(self._journal, self.run.run_id, todo.number, todo.step, result)
        with self._lock:
            self._outages = self._outages + 1 if result.outage else 0
            down = self._outages >= _OUTAGES
        if down:
            self.stop.set(f"the server does not answer: {result.errors[0]}")
        if "conflict" in result.outcomes and self.run.on_conflict == "stop":
            self.stop.set(f"{todo.step.operation} of {todo.step.unique_id!r} is in conflict")

    def parallel(self, todos: list[Todo], tick: Callable[[Result], None]) -> dict[int, Result]:
        """The results of steps carried out over all connections, by step number."""
        with ThreadPoolExecutor(self.client.concurrency + _SPARE, thread_name_prefix="apply") as pool:
            futures = {pool.submit(self.work, todo): todo for todo in todos}
            try:
                for future in as_completed(futures):
                    tick(future.result())
            except BaseException:
                self.stop.set("an unexpected error")
                raise
        return {todo.number: future.result() for future, todo in futures.items()}

    def settle_creates(self, lost: list[Todo], results: dict[int, Result]) -> None:
        """Look up creates without an answer; those that are not there are sent again, until it is certain."""
        taken: set[str] = set()
        for _ in range(ATTEMPTS + 1):
            lost = [todo for todo in lost if "unknown" in results[todo.number].outcomes]
            if not lost or self.stop:
                return
            self.stop.wait(_GRACE)
            taken |= {r.unique_id for r in results.values() if r.unique_id is not None}
            try:
                taken |= entries.created_ids(self._journal)
                found = match_lost_creates(
                    {t.number: t.step for t in lost}, list_new_since(self.client, self.run.mark or {}), taken
                )
            except (ApiError, JournalError) as error:
                self.stop.set(f"cannot look up creates without an answer: {error}")
                return
            for todo in lost:
                results[todo.number] = self._looked_up(todo, results[todo.number], found.get(todo.number))
                self.note(todo, results[todo.number])
            again = [
                replace(t, progress=Progress(results[t.number].attempts))
                for t in lost
                if _absent(results[t.number])
            ]
            results |= self.parallel(again, lambda _: None)

    @staticmethod
    def _looked_up(todo: Todo, result: Result, record: dict[str, Any] | None) -> Result:
        if record is not None:
            known = {"unique_id": record["unique_id"], "record": record}
            return result_of(todo.step, "applied", attempts=max(result.attempts, 1), **known)
        if result.attempts - todo.progress.attempts >= ATTEMPTS:
            reason = (
                f"not created after {text.count(result.attempts, 'attempt')}; the last: {result.errors[0]}"
            )
            return result_of(todo.step, "failed", reason, attempts=result.attempts, sent=True)
        return result


def _absent(result: Result) -> bool:
    return "unknown" in result.outcomes


@contextmanager
def _clean_interrupt(stop: Stop) -> Iterator[None]:
    """Turn the first Ctrl-C into a stop after the calls in flight; a second one raises as ever."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread is interrupted
        return
    usual = signal.getsignal(signal.SIGINT)

    def interrupted(number: int, frame: Any) -> None:
        signal.signal(signal.SIGINT, usual)
        stop.set("interrupted after the calls in flight")

    signal.signal(signal.SIGINT, interrupted)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)


def run_steps(
    todos: list[Todo],
    client: Client,
    journal: Journal,
    run: entries.Run,
    *,
    progress: bool | None,
    done: dict[int, Result] | None = None,
) -> Receipt:
    """Carry out steps, write down the run's end, and give its receipt; a journal that fails midway stops the run.

    Parameters
    ----------
    todos : list of Todo
        All steps; recoveries are finished before the rest begins.
    client, journal, run
        The client that sends, and the journal and run that record it.
    progress : bool or None
        Whether a bar is shown; None: on a terminal or in a notebook.
    done : dict of int to Result, optional
        Results that are known beforehand; those steps are not carried out.
    """
    engine = _Engine(client, journal, run)
    results = dict(done or {})
    for todo in todos:
        if todo.number in results:
            engine.note(todo, results[todo.number])
        elif _creates(todo) and todo.progress.sent:
            # Left unknown by an earlier run: looked up below, not sent.
            results[todo.number] = result_of(todo.step, "unknown", attempts=todo.progress.attempts, sent=True)
    ready = [todo for todo in todos if todo.number not in results]
    phases = [
        [t for t in ready if (t.step.operation == "recover") == recovering] for recovering in (True, False)
    ]
    shown = progress_bar(progress, desc="applying", unit="opp", total=len(ready))
    with shown as bar, _clean_interrupt(engine.stop):
        tick = _ticker(bar)
        for phase in phases:
            results |= engine.parallel(phase, tick)
        lost = [t for t in todos if _creates(t) and "unknown" in results[t.number].outcomes]
        engine.settle_creates(lost, results)
    steps = {todo.number: todo.step for todo in todos}
    table = receipt_table(steps, results, {todo.number: todo.name for todo in todos})
    try:
        entries.end(journal, run.run_id)
    except JournalError as error:
        engine.stop.set(str(error))
    left = any(result.left for result in results.values())
    return Receipt(table, run.run_id, engine.stop.reason, resumable=left)


def _ticker(bar: Any) -> Callable[[Result], None]:
    """Counts results, and among them the failures, on a bar."""
    failures = 0

    def tick(result: Result) -> None:
        nonlocal failures
        if {"failed", "conflict"} & set(result.outcomes):
            failures += 1
            bar.set_postfix(failed=failures, refresh=False)
        bar.update()

    return tick


def _creates(todo: Todo) -> bool:
    return todo.step.operation == "create"
