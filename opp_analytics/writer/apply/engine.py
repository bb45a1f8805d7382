"""Shared state of one run: client, journal, stop signal, and steps in flight."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from opp_analytics.errors import JournalError
from opp_analytics.writer.apply.crew import work_through
from opp_analytics.writer.apply.send import Sender, StopSignal
from opp_analytics.writer.journal import entries
from opp_analytics.writer.journal.creates import claim
from opp_analytics.writer.journal.journal import Journal
from opp_analytics.writer.journal.result import Result, StepProgress, Twin, result_of
from opp_analytics.writer.plan.steps import Step

if TYPE_CHECKING:
    from opp_analytics.api import Client

__all__ = ["Engine", "Todo", "chains_of"]

_log = logging.getLogger(__name__)
_OUTAGES = 24
"""Consecutive steps without an answer from the server after which it counts as down."""
_SPARE = 4
"""Threads beyond the connections, so that no connection idles while a thread waits for the disk."""


@dataclass(frozen=True)
class Todo:
    """A step to carry out."""

    number: int
    step: Step
    name: str | None = None
    progress: StepProgress = field(default_factory=StepProgress)

    @property
    def creates(self) -> bool:
        """True if it makes a new opportunity."""
        return self.step.operation == "create"

    @property
    def lost(self) -> Result:
        """The result of a create that an earlier run left without an answer."""
        return result_of(self.step, "unknown", attempts=self.progress.attempts, sent=True)


def chains_of(todos: list[Todo]) -> list[list[Todo]]:
    """Group equal creates, to be sent one after another; every other step is its own chain."""
    chains: dict[Any, list[Todo]] = {}
    for todo in todos:
        chains.setdefault(todo.step.identity if todo.creates else todo.number, []).append(todo)
    return list(chains.values())


class Engine:
    """Shared state of the steps of one run."""

    def __init__(
        self, client: Client, journal: Journal, run: entries.Run, stop: StopSignal | None = None
    ) -> None:
        self.client = client
        self.journal = journal
        self.run = run
        self.stop = StopSignal() if stop is None else stop
        self._outages = 0
        self._lock = threading.Lock()
        self._in_flight: set[int] = set()
        self._left = False
        overwrite = run.on_conflict == "overwrite"
        self._sender = Sender(client, self._intend, self._claim, self.stop, overwrite=overwrite)

    def _begin(self, number: int) -> None:
        with self._lock:
            if self._left:
                raise JournalError("the run has ended")
            self._in_flight.add(number)

    def _intend(self, number: int, *noted: Any) -> None:
        self._begin(number)
        entries.intend(self.journal, self.run.run_id, number, *noted)

    def _claim(self, number: int, step: Step, gone: set[str]) -> Twin | None:
        self._begin(number)
        twin = claim(self.journal, self.run, number, step.identity, gone)
        if twin is not None:
            with self._lock:
                self._in_flight.discard(number)
        return twin

    def work(self, todo: Todo) -> Result:
        """Carry out one step and note the result."""
        result = self._sender.carry_out(todo.number, todo.step, todo.progress)
        self.note(todo, result)
        return result

    def note(self, todo: Todo, result: Result) -> None:
        """Record a result in the journal; stop the run on a conflict if asked to, or if the server is down."""
        with self._lock:
            if self._left:
                return
            entries.settle(self.journal, self.run.run_id, todo.number, todo.step, result)
            self._in_flight.discard(todo.number)
            self._outages = self._outages + 1 if result.outage else 0
            down = self._outages >= _OUTAGES
        which = todo.step.unique_id or result.unique_id or f"of step {todo.number}"
        outcomes = ", ".join(sorted(set(result.outcomes)))
        _log.debug("run %s: %s %s: %s", self.run.run_id, todo.step.operation, which, outcomes)
        if down:
            self.stop.set(f"the server does not answer: {result.errors[0]}")
        if "conflict" in result.outcomes and self.run.on_conflict == "stop":
            self.stop.set(f"{todo.step.operation} of {todo.step.unique_id!r} is in conflict")

    def leave(self) -> set[int]:
        """End the run for every thread and return the steps still in flight."""
        with self._lock:
            self._left = True
            return set(self._in_flight)

    def parallel(
        self, chains: list[list[Todo]], results: dict[int, Result], tick: Callable[[Result], None]
    ) -> None:
        """Carry out chains of steps over all connections; a chain stops at an unknown outcome."""

        def work(chain: list[Todo]) -> dict[int, Result]:
            done: dict[int, Result] = {}
            for todo in chain:
                done[todo.number] = result = self.work(todo)
                if "unknown" in result.outcomes:
                    break
                tick(result)
            return done

        for _, done in work_through(work, chains, self.client.concurrency + _SPARE, self.stop):
            results |= done
