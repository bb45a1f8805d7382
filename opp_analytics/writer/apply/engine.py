"""A run in progress, and the sending of its steps.

A step is read and compared, its intent recorded, then it is written; without an answer it is looked
for again.

A run has its client, journal and stop signal, the steps in flight, and threads that can be
abandoned.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

from opp_analytics import text
from opp_analytics.api import STOP, Client, Stop, Stopped, start_thread
from opp_analytics.errors import (
    ApiError,
    AuthError,
    CacheError,
    ConnectionFailed,
    DataError,
    JournalError,
    NotFoundError,
    RateLimitError,
    ServerError,
    UnexpectedResponse,
    ValidationError,
)
from opp_analytics.schema import Json, read_stamp
from opp_analytics.writer.apply.judge import judge, may_be, see
from opp_analytics.writer.cells import format_cell
from opp_analytics.writer.journal import Journal, PlanRun
from opp_analytics.writer.plan.conflicts import CHANGED, compare_three_ways
from opp_analytics.writer.server_rows import Found, find_in_trash, read_many, read_one
from opp_analytics.writer.steps import EditedCell, EqualCreate, Result, RunStep, Step

_Item = TypeVar("_Item")
_Done = TypeVar("_Done")
_log = logging.getLogger(__name__)
_OUTAGES = 24
"""After this many steps in a row without an answer the server counts as down: 3 for each of 8
connections."""
_LOOK_EVERY = 0.1
"""Seconds until an interrupt is noticed."""
_SPARE = 4
"""Threads beyond the connections, so that no connection idles while a thread waits for the disk."""
_ATTEMPTS = 5
"""Maximum number of times a run sends a write whose outcome stays uncertain: with pauses, about two
seconds."""
_SOON = 1.0
"""What changed within so many seconds of our write without an answer, and beside a change of ours,
came with it."""
_UNREAD = "the server answered, but what it holds was not read yet; resume reads it"
_PAUSE = 0.05
"""Seconds before the second attempt; each further pause is twice as long."""
_IN_DOUBT = (ConnectionFailed, ServerError, UnexpectedResponse, CacheError)
"""Errors that leave the outcome of a write uncertain."""
Chains = list[list[RunStep]]
"""Steps by what must be sent one after another."""
Results = dict[int, Result]
"""The results of a run so far, by the number of the step."""


class StopSignal(Stop):
    """Signal to start no further calls, with the reason.

    It also ends the requests of the run's threads.
    """

    reason: str | None = None
    leave_at: float | None = None
    """Monotonic time at which to stop waiting for calls in flight."""

    def __bool__(self) -> bool:
        return self._over.is_set()

    def set(self, reason: str) -> None:
        """Start no further calls; keep the first reason."""
        self.reason = self.reason or reason
        self._over.set()

    def interrupt(self, reason: str, seconds: float) -> None:
        """Start no further calls, and wait at most `seconds` for those in flight."""
        self.leave_at = time.monotonic() + seconds
        self.set(reason)

    def wait(self, seconds: float) -> None:
        """Wait, or return early if stopped."""
        self._over.wait(seconds)


SHORTEST_WAIT = 15.0
"""Minimum seconds before what the server does not show counts as not carried out: longer than
servers take to commit, and than replicas lag."""
OVERLAP = timedelta(minutes=15)
"""Allowance for clock differences between a server's nodes and for late timestamps."""
FIRST_LOOK, LAST_LOOK = 0.25, 5.0
"""Shortest and longest pause between looks, in seconds."""


def choose_wait(client: Client) -> float:
    """Choose the seconds after which a write counts as not carried out.

    Such a write has no answer, and left no trace.
    """
    return max(SHORTEST_WAIT, 2 * client.timeout)


class Reader:
    """Reads opportunities, again where an answer is older than the last write of this journal.

    A server may answer reads from replicas that lag behind its writes. So a 404 for an opportunity
    that was created a moment ago proves nothing, nor does an old value of one that was changed.
    Reading again ends some time after the reader was made: by then the writes of earlier runs are
    old enough.
    """

    def __init__(self, client: Client, journal: Journal, pause: Callable[[float], object]) -> None:
        self._client, self._journal, self._pause = client, journal, pause
        self._ends = time.monotonic() + choose_wait(client)
        self._written: dict[str, tuple[str, Any, float]] | None = None
        """The last write to each opportunity, the stamp that a newer answer has, and until when it
        is waited for."""
        self._lock = threading.Lock()

    def read(self, unique_id: str) -> Json | None:
        """Read an opportunity; None if it does not exist or is in the trash."""
        return self._read([unique_id], lambda _: {unique_id: read_one(self._client, unique_id)})[
            unique_id
        ]

    def read_many(self, ids: Collection[str]) -> Found:
        """Read several opportunities."""
        return self._read(ids, lambda wanted: read_many(self._client, wanted))

    def _read(self, ids: Collection[str], ask: Callable[[Collection[str]], Found]) -> Found:
        found, pause = ask(ids), FIRST_LOOK
        while outdated := [
            unique_id for unique_id in ids if self._is_outdated(unique_id, found[unique_id])
        ]:
            self._pause(pause)
            pause = min(2 * pause, LAST_LOOK)
            found |= ask(outdated)
        return found

    def _is_outdated(self, unique_id: str, remote: Json | None) -> bool:
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
                self._written = {
                    unique_id: (*write, self._ends) for unique_id, write in written.items()
                }
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
        *,
        known: Collection[str] = (),
        sends_unknown: bool = False,
    ) -> None:
        self.client, self.journal, self.run = client, journal, run
        self.known, self.sends_unknown = frozenset(known), sends_unknown
        self._began = time.monotonic()
        self._taken: set[str] | None = None
        self.stop = StopSignal() if stop is None else stop
        self.forms = journal.read_forms(entry.step for entry in entries)
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

    def began_at(self) -> Any:
        """Tell when this process began the run by the server's clock, less what nodes may differ.

        None where the server does not tell the time.
        """
        now = self.client.server_time()
        ago = timedelta(seconds=time.monotonic() - self._began)
        return None if now is None else now - ago - OVERLAP

    def take(self, unique_id: str) -> bool:
        """Take the id of a create's answer; False where another create has it."""
        with self._lock:
            if self._taken is None:
                self._taken = self.journal.list_created_ids()
            free = unique_id not in self._taken
            self._taken.add(unique_id)
            return free

    def intend(self, number: int, held: Json, outcome: Json | None = None) -> None:
        """Record on disk that a step's write is about to be sent: see `Journal.intend`."""
        self._begin(number)
        self.journal.intend(self.run.run_id, number, held, outcome)

    def claim(self, entry: RunStep, gone: set[str]) -> EqualCreate | None:
        """Record on disk that a create is about to be sent, or return an equal one.

        See `Journal.claim`.
        """
        self._begin(entry.number)
        equal = self.journal.claim(self.run, entry.number, entry.step.identity, gone)
        if equal is not None:
            with self._lock:
                self._in_flight.discard(entry.number)
        return equal

    def settle(self, entry: RunStep, result: Result) -> None:
        """Record a result in the journal.

        Stop the run on a conflict if asked to, or if the server is down.
        """
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

    def list_in_flight(self) -> set[int]:
        """List the steps whose intent is recorded, and no result."""
        with self._lock:
            return set(self._in_flight)

    def leave(self) -> set[int]:
        """End the run for every thread and return the steps still in flight."""
        with self._lock:
            self._left = True
            return set(self._in_flight)


def work_through(
    work: Callable[[_Item], _Done], items: Iterable[_Item], threads: int, stop: StopSignal
) -> Iterator[tuple[_Item, _Done]]:
    """Yield each item with the result of `work`, as they finish.

    Raise the first error after all the rest.

    After an interrupt (`StopSignal.leave_at`), unfinished work is abandoned: its requests are
    ended, and neither the caller nor the exit of Python waits for its threads.
    """
    waiting = deque(items)
    ended: queue.SimpleQueue[tuple[_Item, _Done | None, BaseException | None]] = queue.SimpleQueue()
    left = len(waiting)

    def take() -> None:
        STOP.by = stop
        while True:
            try:
                item = waiting.popleft()
            except IndexError:
                return
            try:
                ended.put((item, work(item), None))
            except BaseException as error:
                ended.put((item, None, error))

    failure: BaseException | None = None
    try:
        for _ in range(min(threads, left)):
            start_thread(take, "apply")
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
            stop.cut()
    if failure is not None:
        raise failure


def group_equal_creates(entries: Iterable[RunStep]) -> Chains:
    """Group equal creates, to be sent one after another; every other step is its own chain."""
    chains: dict[Any, list[RunStep]] = {}
    for entry in entries:
        chains.setdefault(entry.step.identity if entry.creates else entry.number, []).append(entry)
    return list(chains.values())


def send_chains(
    live: LiveRun, chains: Chains, results: Results, tick: Callable[[], object]
) -> None:
    """Send chains of steps over all connections and store their results.

    A chain stops at an unknown outcome.
    """

    def work(chain: list[RunStep]) -> Results:
        done: Results = {}
        for entry in chain:
            done[entry.number] = result = _send(live, entry)
            live.settle(entry, result)
            if entry.creates and result.doubtful:
                break
            tick()
        return done

    for _, done in work_through(work, chains, live.client.concurrency + _SPARE, live.stop):
        results |= done


def look_apart(look: Callable[[], _Done], stop: StopSignal, what: str) -> _Done | None:
    """Look on a thread of its own, so that Ctrl-C does not wait for the answer.

    None where that fails, which stops the run and says `what` cannot be done.
    """
    try:
        for _, seen in work_through(lambda _: look(), [None], 1, stop):
            return seen
    except (ApiError, JournalError, Stopped) as error:
        stop.set(f"{what}: {error}")
    return None


def _send(live: LiveRun, entry: RunStep) -> Result:
    """Carry out a step; failures are returned as results, never raised."""
    _, step, earlier = entry
    error = None
    if not live.stop:
        try:
            sending = _Sending(live, entry)
            return sending.create() if entry.creates else sending.change()
        except JournalError as failure:
            error = str(failure)
            live.stop.set(error)
    outcome = "unknown" if earlier.sent else "pending"
    return Result.whole(
        step, outcome, error, attempts=earlier.attempts, sent=earlier.sent, was=earlier.was
    )


def _doubt(live: LiveRun, step: Step, record: Json) -> str | None:
    """Tell why the answer to a create may not be what it made: None where it is.

    A server with a rule against duplicates answers with what it had; a proxy may repeat an answer.
    """
    unique_id = record["unique_id"]
    shown = record
    if read_stamp(record.get("created_at")) is None:
        with suppress(ApiError, Stopped):
            # A replica may not have it yet: then it is new.
            shown = read_one(live.client, unique_id) or record
    if unique_id in live.known or not live.run.is_new(shown):
        why = "it had before"
    elif not may_be(step, live.run, shown, answered=True):
        why = "holds other values"
    elif not live.take(unique_id):
        why = "another new one has"
    else:
        return None
    return f"the server answered with {unique_id}, which {why}"


class _Sending:
    """A step that is sent, and what is known of the writes sent for it."""

    def __init__(self, live: LiveRun, entry: RunStep) -> None:
        self.live, self.entry = live, entry
        self.number, self.step, earlier = entry
        self.meaning = live.client.org or self.step.org
        self.attempts = earlier.attempts
        self.lost = earlier.sent
        """True if a write was sent, and nobody knows whether it was carried out."""
        self.was: Json = dict(earlier.was) if self.lost else {}
        sends = self.lost and live.sends_unknown
        self.overwrites = live.run.on_conflict == "overwrite" or sends
        self.doubt: Exception | None = None
        self.gone = False
        self.stamp: str | None = None
        self.sent_at = time.monotonic()

    def create(self) -> Result:
        """Send one POST, unless an equal create stands for it.

        Without an answer it is looked up before it is repeated.
        """
        live, step = self.live, self.step
        if self.entry.result.looked_for:
            live.intend(self.number, {})
        elif (found := self._find_equal()) is not None:
            return found
        self.attempts += 1
        try:
            record = live.client.create(fields=step.fields)
        except _IN_DOUBT as error:
            return self._make("unknown", str(error), sent=True, outage=_is_outage(error))
        except (ApiError, DataError, Stopped) as error:
            return self._refuse(error)
        doubt = _doubt(live, step, record)
        if doubt is not None:
            return self._make("unknown", doubt, sent=True, doubt=doubt)
        return self._tell(record, unique_id=record["unique_id"], record=record)

    def _find_equal(self) -> Result | None:
        """Find an equal create that another run made, or may have.

        None if the intent to send was recorded.
        """
        gone: set[str] = set()
        while equal := self.live.claim(self.entry, gone):
            if equal.unique_id is None:
                reason = f"run {equal.run_id} sent an equal one and has no answer"
                return self._make("unknown", reason, waits_for=equal)
            try:
                remote = self.live.reader.read(equal.unique_id)
            except (ApiError, Stopped) as error:
                return self._fail_to_read(error)
            if remote is not None:
                answered = self.step.read_forms(remote)
                return self._make("already", unique_id=equal.unique_id, answered=answered)
            gone.add(equal.unique_id)
        return None

    def change(self) -> Result:
        """Read, compare and write, until there is an answer or nothing more to try.

        An update, a delete or a recovery may be repeated once the server was read again.
        """
        live, step, tries = self.live, self.step, 0
        while True:
            try:
                remote = None if self.gone else live.reader.read(str(step.unique_id))
            except (ApiError, Stopped) as error:
                return self._fail_to_read(error)
            seen = compare_three_ways(step, remote, self.meaning, forms=live.forms)
            states = see(step, self.was, remote, self.meaning) if self.lost else {}
            if self.lost and (found := self._find_lost(states, remote)) is not None:
                return found
            # What a write without an answer has changed is there already.
            cells = (
                replace(c, status="already") if states.get(c.field) == "new" else c
                for c in seen.cells
            )
            seen = replace(seen, cells=tuple(cells))
            in_conflict = seen.in_conflict and not (self.overwrites and remote is not None)
            if self.lost and in_conflict:
                late = time.monotonic() - self.sent_at >= choose_wait(live.client)
                if "old" not in states.values() or live.stop or (late and "new" in states.values()):
                    sent = self._make("unknown", sent=True, was=self.was)
                    return judge(step, sent, remote, self.meaning, late=late)
                if late:
                    self.lost, self.was = False, {}
                else:
                    live.stop.wait(FIRST_LOOK)  # it may be carried out still
                continue
            if in_conflict:
                return _report_conflict(seen, self.attempts)
            if seen.already:
                return self._make("already")
            if tries == _ATTEMPTS:
                # A replica may show the old value for a while, so that it does not prove that
                # nothing was written.
                reason = (
                    f"no answer to {text.count(_ATTEMPTS, 'attempt')}, and the server shows no "
                    f"change yet; the last: {self.doubt}"
                )
                outage = _is_outage(self.doubt)
                return self._make("unknown", reason, sent=True, was=self.was, outage=outage)
            tries += 1
            if (result := self._write(seen, remote, tries)) is not None:
                return result

    def _find_lost(self, states: Mapping[str | None, str], remote: Json | None) -> Result | None:
        """Find the changes of a write without an answer on the server; None where they are not."""
        soon = self.doubt is not None and time.monotonic() - self.sent_at <= _SOON
        # What came with a change of ours, while its request was on its way, is the server's.
        ours = {"new", "other"} if soon and not self.overwrites else {"new"}
        if "new" not in states.values() or not ours.issuperset(states.values()):
            return None
        if self.gone:
            return self._make("applied")
        return self._tell(remote or {}, was=self.was, updated_before=self.stamp)

    def _write(self, seen: Step, remote: Json | None, tries: int) -> Result | None:
        """Send it; None where there is no answer, or it is gone.

        The journal learns before what each cell that is sent holds until then, and the stage and
        status of a deal that is updated despite a conflict.
        """
        live, step = self.live, self.step
        sent = [cell for cell in seen.cells if cell.status != "already"]
        before = {str(cell.field): cell.remote for cell in sent if cell.field}
        outcome = None
        if seen.operation == "update" and seen.in_conflict and remote is not None:
            outcome = {column: remote.get(column) for column in seen.base}
        live.intend(self.number, before, outcome)
        self.was |= before
        self.stamp, self.sent_at = read_updated_at(remote), time.monotonic()
        self.attempts += 1
        unique_id, answer = str(step.unique_id), None
        try:
            if step.operation == "delete":
                live.client.delete(unique_id)
            elif step.operation == "recover":
                answer = live.client.recover(unique_id)
            else:
                fields = {str(cell.field): cell.after for cell in sent}
                answer = live.client.update(unique_id, fields=fields)
        except NotFoundError as error:
            if step.operation == "recover":
                return self._refuse(error)
            self.gone = True  # it went between the read and the write, or a replica still shows it
        except _IN_DOUBT as error:
            self.lost, self.doubt = True, error
            live.stop.wait(_PAUSE * 2 ** (tries - 1))
        except (ApiError, DataError, Stopped) as error:
            return self._refuse(error)
        else:
            return self._tell(answer or {}, was=self.was, updated_before=self.stamp)
        return None

    def _make(self, outcome: str, error: str | None = None, **known: Any) -> Result:
        return Result.whole(self.step, outcome, error, attempts=self.attempts, **known)

    def _tell(self, answer: Json, **known: Any) -> Result:
        """Make the result of a write with an answer: what the server holds decides at the end."""
        known["updated_after"] = read_updated_at(answer)
        known["answered"] = self.step.read_forms(answer)
        return self._make("unknown", _UNREAD, sent=True, told=True, **known)

    def _refuse(self, error: Exception) -> Result:
        """Report that the server or our own check rejected a write, or that it was not sent."""
        if isinstance(error, (AuthError, Stopped)):
            return self._end(error)
        errors = tuple(_choose_message(cell, error) for cell in self.step.cells)
        refused = not isinstance(error, RateLimitError)
        return Result(("failed",) * len(errors), errors, attempts=self.attempts, refused=refused)

    def _fail_to_read(self, error: ApiError | Stopped) -> Result:
        """Report that the opportunity could not be read, so that nothing (further) was sent."""
        if isinstance(error, (AuthError, Stopped)):
            return self._end(error)
        refused = 400 <= (error.status or 0) < 500 and not isinstance(error, RateLimitError)
        return self._make(
            "unknown" if self.lost else "failed",
            str(error),
            sent=self.lost,
            was=self.was,
            refused=refused and not self.lost,
            outage=_is_outage(error),
        )

    def _end(self, error: AuthError | Stopped) -> Result:
        """End the run after a refused token or a stop; an earlier write may be uncertain."""
        reason = str(error) or None
        if reason is not None:
            self.live.stop.set(reason)
        outcome = "unknown" if self.lost else "pending"
        return self._make(outcome, reason, sent=self.lost, was=self.was)


def _report_conflict(step: Step, attempts: int) -> Result:
    """Report a conflict: nothing was sent, or it was not carried out."""
    if step.operation == "update":
        errors = tuple(_explain(cell) if cell.status == "conflict" else None for cell in step.cells)
    else:
        errors = ("; ".join(f"{cell.field}: {_explain(cell)}" for cell in step.drifted),)
    found = {"clean": "skipped", "conflict": "conflict"}
    outcomes = tuple(found.get(cell.status, "already") for cell in step.cells)
    there = {str(cell.field): cell.remote for cell in step.cells if cell.status == "already"}
    return Result(outcomes, errors, attempts=attempts, answered=step.read_forms(there))


def _is_outage(error: Exception | None) -> bool:
    return isinstance(error, (ConnectionFailed, ServerError))


def read_updated_at(record: Json | None) -> str | None:
    """Read when the server last changed a record, as text."""
    at = read_stamp((record or {}).get("updated_at"))
    return None if at is None else str(at)


def _explain(cell: EditedCell) -> str | None:
    """Explain a conflict: its reason, and the server's value if somebody changed it."""
    if cell.field is None or cell.remote is None or cell.reason != CHANGED:
        return cell.reason
    return f"{cell.reason}, now {format_cell(cell.field, cell.remote)}"


def _choose_message(cell: EditedCell, error: Exception) -> str:
    """Choose the server's message about this cell if there is one, otherwise the whole message."""
    if isinstance(error, ValidationError):
        mine = [
            p.detail
            for p in error.problems
            if p.pointer and p.pointer.rsplit("/", 1)[-1] == cell.field
        ]
        if mine:
            return "; ".join(mine)
    return str(error)
