"""Shared state of one run: client, journal, stop signal, and steps in flight."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from opp_analytics.errors import JournalError
from opp_analytics.writer.apply.crew import work_through
from opp_analytics.writer.apply.send import Sender, Stop
from opp_analytics.writer.journal import entries
from opp_analytics.writer.journal.journal import Journal
from opp_analytics.writer.journal.result import Progress, Result
from opp_analytics.writer.plan.steps import Step

if TYPE_CHECKING:
    from opp_analytics.api import Client

__all__ = ["Engine", "Todo"]

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
    progress: Progress = field(default_factory=Progress)


class Engine:
    """Shared state of the steps of one run."""

    def __init__(self, client: Client, journal: Journal, run: entries.Run) -> None:
        self.client = client
        self.journal = journal
        self.run = run
        self.stop = Stop()
        self._outages = 0
        self._lock = threading.Lock()
        self._in_flight: set[int] = set()
        self._left = False
        overwrite = run.on_conflict == "overwrite"
        self._sender = Sender(client, self._intend, self.stop, overwrite=overwrite)

    def _intend(self, number: int, *noted: Any) -> None:
        with self._lock:
            if self._left:
                raise JournalError("the run has ended")
            self._in_flight.add(number)
        entries.intend(self.journal, self.run.run_id, number, *noted)

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
                tick(result)
                if "unknown" in result.outcomes:
                    break
            return done

        for _, done in work_through(work, chains, self.client.concurrency + _SPARE, self.stop):
            results |= done
