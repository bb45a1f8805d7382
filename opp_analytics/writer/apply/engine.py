"""A run in progress: its client, journal and stop signal, the steps in flight, and threads that can be abandoned."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from opp_analytics.api import STOP, Stop
from opp_analytics.errors import JournalError
from opp_analytics.writer.journal import Journal, PlanRun, read_forms
from opp_analytics.writer.steps import EqualCreate, Result, RunStep

if TYPE_CHECKING:
    from opp_analytics.api import Client

_Item = TypeVar("_Item")
_Done = TypeVar("_Done")
_log = logging.getLogger(__name__)
_OUTAGES = 24
"""After this many steps in a row without an answer the server counts as down: 3 for each of 8 connections."""
_LOOK_EVERY = 0.1
"""Seconds until an interrupt is noticed."""


class StopSignal:
    """Signal to start no further calls, with the reason."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self.reason: str | None = None
        self.leave_at: float | None = None
        """Monotonic time at which to stop waiting for calls in flight."""
        self.requests = Stop()
        """Ends the requests of the run's threads."""

    def __bool__(self) -> bool:
        return self._event.is_set()

    def set(self, reason: str) -> None:
        """Start no further calls; keep the first reason."""
        self.reason = self.reason or reason
        self._event.set()
        self.requests.begin_nothing()

    def interrupt(self, reason: str, seconds: float) -> None:
        """Start no further calls, and wait at most `seconds` for those in flight."""
        self.leave_at = time.monotonic() + seconds
        self.set(reason)

    def wait(self, seconds: float) -> None:
        """Wait, or return early if stopped."""
        self._event.wait(seconds)


class LiveRun:
    """A run in progress, shared by its threads."""

    def __init__(
        self, client: Client, journal: Journal, run: PlanRun, stop: StopSignal | None = None
    ) -> None:
        self.client, self.journal, self.run = client, journal, run
        self.stop = StopSignal() if stop is None else stop
        self.forms = read_forms(client.settings.tenant)
        self._outages = 0
        self._lock = threading.Lock()
        self._in_flight: set[int] = set()
        self._left = False

    def _begin(self, number: int) -> None:
        with self._lock:
            if self._left:
                raise JournalError("the run has ended")
            self._in_flight.add(number)

    def intend(self, number: int, overwritten: dict[str, Any], outcome: dict[str, Any] | None = None) -> None:
        """Record on disk that a step's write is about to be sent: see `Journal.intend`."""
        self._begin(number)
        self.journal.intend(self.run.run_id, number, overwritten, outcome)

    def claim(self, entry: RunStep, gone: set[str]) -> EqualCreate | None:
        """Record on disk that a create is about to be sent, or return an equal one: see `Journal.claim`."""
        self._begin(entry.number)
        equal = self.journal.claim(self.run, entry.number, entry.step.identity, gone)
        if equal is not None:
            with self._lock:
                self._in_flight.discard(entry.number)
        return equal

    def settle(self, entry: RunStep, result: Result) -> None:
        """Record a result in the journal; stop the run on a conflict if asked to, or if the server is down."""
        with self._lock:
            if self._left:
                return
            self.journal.settle(self.run.run_id, entry.number, result)
            self._in_flight.discard(entry.number)
            self._outages = self._outages + 1 if result.outage else 0
            down = self._outages >= _OUTAGES
        step = entry.step
        which = step.unique_id or result.unique_id or f"of step {entry.number}"
        outcomes = ", ".join(sorted(set(result.outcomes)))
        _log.debug("run %s: %s %s: %s", self.run.run_id, step.operation, which, outcomes)
        if down:
            self.stop.set(f"the server does not answer: {result.errors[0]}")
        if "conflict" in result.outcomes and self.run.on_conflict == "stop":
            self.stop.set(f"{step.operation} of {step.unique_id!r} is in conflict")

    def leave(self) -> set[int]:
        """End the run for every thread and return the steps still in flight."""
        with self._lock:
            self._left = True
            return set(self._in_flight)


def work_through(
    work: Callable[[_Item], _Done], items: Iterable[_Item], threads: int, stop: StopSignal
) -> Iterator[tuple[_Item, _Done]]:
    """Yield each item with the result of `work`, as they finish; raise the first error after all the rest.

    After an interrupt (`StopSignal.leave_at`), unfinished work is abandoned: its requests are ended, and neither the
    caller nor the exit of Python waits for its threads.
    """
    waiting = deque(items)
    ended: queue.SimpleQueue[tuple[_Item, _Done | None, BaseException | None]] = queue.SimpleQueue()
    left = len(waiting)

    def take() -> None:
        STOP.by = stop.requests
        while True:
            try:
                item = waiting.popleft()
            except IndexError:
                return
            try:
                ended.put((item, work(item), None))
            except BaseException as error:
                ended.put((item, None, error))

    for _ in range(min(threads, left)):
        threading.Thread(target=take, name="apply", daemon=True).start()
    failure: BaseException | None = None
    try:
        while left and not (stop.leave_at is not None and time.monotonic() > stop.leave_at):
            try:
                item, done, error = ended.get(timeout=_LOOK_EVERY)
            except queue.Empty:
                continue
            left -= 1
            if error is not None:
                failure = failure or error
                stop.set("an unexpected error")
            else:
                yield item, done  # type: ignore[misc]
    finally:
        if left:
            stop.requests.set()
    if failure is not None:
        raise failure
