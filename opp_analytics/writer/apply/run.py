"""A run: the steps of a plan over several connections, each written to the journal around its call."""

from __future__ import annotations

import logging
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from opp_analytics.errors import JournalError
from opp_analytics.progress import Progress, progress_bar
from opp_analytics.writer.apply.engine import Engine, Todo, chains_of
from opp_analytics.writer.apply.receipt import Receipt, receipt_table
from opp_analytics.writer.apply.send import StopSignal
from opp_analytics.writer.apply.settling import Settling
from opp_analytics.writer.apply.twins import settle_twins
from opp_analytics.writer.journal import entries
from opp_analytics.writer.journal.journal import Journal
from opp_analytics.writer.journal.result import Result, result_of

if TYPE_CHECKING:
    from opp_analytics.api import Client

__all__ = ["run_steps"]


_PATIENCE = 1.0
"""Seconds to wait for calls in flight after Ctrl-C."""
_log = logging.getLogger(__name__)


@contextmanager
def _clean_interrupt(stop: StopSignal) -> Iterator[None]:
    """Turn the first Ctrl-C into a stop that waits briefly for calls in flight; a second one raises as usual."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread is interrupted
        return
    usual = signal.getsignal(signal.SIGINT)

    def interrupted(number: int, frame: Any) -> None:
        signal.signal(signal.SIGINT, usual)
        stop.interrupt("interrupted", _PATIENCE)

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
    progress: Progress,
    send_unknown: bool = False,
) -> Receipt:
    """Carry out steps, record the end of the run, and return its receipt; a journal failure stops the run.

    Parameters
    ----------
    todos : list of Todo
        All steps; recoveries are finished before the rest begins.
    client, journal, run
        The client that sends, and the journal and run that record it.
    progress : bool, callable or None
        If True, show a progress bar; None shows it on a terminal or in a notebook; a function is told (done, of all).
    send_unknown : bool
        If True, send creates that a fresh look does not settle.
    """
    engine = Engine(client, journal, run)
    # What an earlier process left unknown is looked for below, not sent.
    results = {todo.number: todo.lost for todo in todos if todo.creates and todo.progress.sent}
    ready = [todo for todo in todos if todo.number not in results]
    _log.info("run %s: %s to write, %d to look for", run.run_id, _operations(ready), len(results))
    chains = chains_of(todos)
    phases = [
        [c for c in _left(chains, results) if (c[0].step.operation == "recover") == recovering]
        for recovering in (True, False)
    ]
    shown = progress_bar(progress, desc="applying", unit="opp", total=len(ready))
    with shown as bar, _clean_interrupt(engine.stop):
        tick = _ticker(bar)
        for phase in phases:
            engine.parallel(phase, results, tick)
        creating = [chain for chain in chains if chain[0].creates]
        settling = Settling(
            engine, results, lambda again: engine.parallel(again, results, tick), send_unknown
        )
        settling.settle(creating)
        settle_twins(settling, creating)
    _close(engine, todos, results)
    table = receipt_table({t.number: t.step for t in todos}, results, {t.number: t.name for t in todos})
    try:
        entries.end(journal, run.run_id)
    except JournalError as error:
        engine.stop.set(str(error))
    receipt = Receipt(
        table, run.run_id, engine.stop.reason, resumable=any(result.left for result in results.values())
    )
    ended = "stopped early" if engine.stop else "ended"
    _log.info("run %s %s: %s", run.run_id, ended, receipt.overview().splitlines()[0])
    return receipt


def _operations(todos: list[Todo]) -> str:
    """How many opportunities are created, updated, deleted and recovered."""
    counts = Counter(todo.step.operation for todo in todos)
    return ", ".join(f"{count} {operation}" for operation, count in sorted(counts.items())) or "nothing"


def _left(chains: list[list[Todo]], results: dict[int, Result]) -> list[list[Todo]]:
    """Steps of the chains that can be sent now: none after a create with an unknown outcome."""
    open_ = [
        c
        for c in chains
        if not any("unknown" in results[t.number].outcomes for t in c if t.number in results)
    ]
    left = ([todo for todo in chain if todo.number not in results] for chain in open_)
    return [chain for chain in left if chain]


def _close(engine: Engine, todos: list[Todo], results: dict[int, Result]) -> None:
    """End the run for its threads and give every unfinished step a result."""
    in_flight = engine.leave()
    for todo in todos:
        if todo.number in results:
            continue
        attempts = todo.progress.attempts
        if todo.number in in_flight:
            results[todo.number] = result_of(
                todo.step,
                "unknown",
                "no answer before the run ended; resume looks for it",
                attempts=attempts + 1,
                sent=True,
            )
        else:
            equal = "" if engine.stop else "waiting for an identical create with an unknown outcome"
            results[todo.number] = result_of(todo.step, "pending", equal or None, attempts=attempts)


def _ticker(bar: Any) -> Callable[[Result], None]:
    """Count results and failures on a progress bar."""
    failures = 0

    def tick(result: Result) -> None:
        nonlocal failures
        if {"failed", "conflict"} & set(result.outcomes):
            failures += 1
            bar.set_postfix(failed=failures, refresh=False)
        bar.update()

    return tick
