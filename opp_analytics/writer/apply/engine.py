"""A run in progress: its client, journal and stop signal, the steps in flight, and threads that can be abandoned."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import timedelta
from typing import Any, TypeVar

from opp_analytics.api import STOP, Client, Stop
from opp_analytics.errors import ApiError, JournalError
from opp_analytics.schema import read_stamp
from opp_analytics.writer.journal import Journal, PlanRun, read_forms
from opp_analytics.writer.plan.three_way import find_in_trash, read_many, read_one
from opp_analytics.writer.steps import EqualCreate, Result, RunStep

_Item = TypeVar("_Item")
_Done = TypeVar("_Done")
_Found = dict[str, dict[str, Any] | None]
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


SHORTEST_WAIT = 15.0
"""Minimum seconds before what the server does not show counts as not carried out: longer than servers take to commit,
and than replicas lag."""
OVERLAP = timedelta(minutes=15)
"""Allowance for clock differences between a server's nodes and for late timestamps."""
FIRST_LOOK, LAST_LOOK = 0.25, 5.0
"""Shortest and longest pause between looks, in seconds."""


def choose_wait(client: Client) -> float:
    """Say after how many seconds a write without an answer, and without a trace, counts as not carried out."""
    return max(SHORTEST_WAIT, 2 * client.timeout)


class Reader:
    """Reads opportunities, again where an answer is older than the last write of this journal.

    A server may answer reads from replicas that lag behind its writes. So a 404 for an opportunity that was created a
    moment ago proves nothing, nor does an old value of one that was changed. Reading again ends some time after the
    reader was made: by then the writes of earlier runs are old enough.
    """

    def __init__(self, client: Client, journal: Journal, pause: Callable[[float], object]) -> None:
        self._client, self._journal, self._pause = client, journal, pause
        self._ends = time.monotonic() + choose_wait(client)
        self._written: dict[str, tuple[str, Any, float]] | None = None
        """The last write to each opportunity, the stamp that a newer answer has, and until when it is waited for."""
        self._lock = threading.Lock()

    def note_update(
        self, unique_id: str, before: dict[str, Any] | None, answer: dict[str, Any] | None
    ) -> None:
        """Note an update that was answered, and what was read before it."""
        stamp, was = (read_stamp((record or {}).get("updated_at")) for record in (answer, before))
        if stamp is None and was is not None:
            stamp = was + timedelta(seconds=1)  # where the answer does not say it: at least later than before
        self._list_written()[unique_id] = "update", stamp, time.monotonic() + choose_wait(self._client)

    def read(self, unique_id: str) -> dict[str, Any] | None:
        """Read an opportunity; None if it does not exist or is in the trash."""
        return self._read([unique_id], lambda _: {unique_id: read_one(self._client, unique_id)})[unique_id]

    def read_many(self, ids: Collection[str]) -> _Found:
        """Read several opportunities."""
        return self._read(ids, lambda wanted: read_many(self._client, wanted))

    def _read(self, ids: Collection[str], ask: Callable[[Collection[str]], _Found]) -> _Found:
        found, pause = ask(ids), FIRST_LOOK
        while outdated := [unique_id for unique_id in ids if self._is_outdated(unique_id, found[unique_id])]:
            self._pause(pause)
            pause = min(2 * pause, LAST_LOOK)
            found |= ask(outdated)
        return found

    def _is_outdated(self, unique_id: str, remote: dict[str, Any] | None) -> bool:
        """Tell whether an answer, None for a 404, may be from before this journal's last write."""
        operation, stamp, ends = self._list_written().get(unique_id, (None, None, 0.0))
        if operation is None or time.monotonic() >= ends:
            return False
        if operation == "delete":
            return remote is not None
        if remote is None:
            return operation == "recover" or not self._is_in_trash(unique_id)
        now = read_stamp(remote.get("updated_at"))
        # Databases cut the fraction of a stamp that the answer to the write still had.
        if now is None or stamp is None:
            return False
        return bool(now < stamp.floor("ms") and now != stamp.floor("s"))

    def _list_written(self) -> dict[str, tuple[str, Any, float]]:
        """List the writes that a replica may not have yet; unknown ages count as young."""
        with self._lock:
            if self._written is None:
                now = self._client.server_time()
                young = timedelta(seconds=choose_wait(self._client)) + OVERLAP
                written = self._journal.list_last_writes(None if now is None else now - young)
                self._written = {unique_id: (*write, self._ends) for unique_id, write in written.items()}
            return self._written

    def _is_in_trash(self, unique_id: str) -> bool:
        try:
            return bool(find_in_trash(self._client, [unique_id]))
        except ApiError:  # without permission to read it, for example
            return False


class LiveRun:
    """A run in progress, shared by its threads."""

    def __init__(
        self,
        client: Client,
        journal: Journal,
        run: PlanRun,
        entries: Iterable[RunStep],
        stop: StopSignal | None = None,
    ) -> None:
        self.client, self.journal, self.run = client, journal, run
        self.stop = StopSignal() if stop is None else stop
        self.forms = read_forms(client.settings.tenant, (entry.step for entry in entries))
        self.reader = Reader(client, journal, self.stop.wait)
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
