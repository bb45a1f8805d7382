"""Send one step: read, compare, record the intent, write, and look again if no answer came."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opp_analytics import text
from opp_analytics.api import Stop, Stopped
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
from opp_analytics.writer.journal.result import Result, StepProgress, Twin, result_of
from opp_analytics.writer.plan.cells import format_cell
from opp_analytics.writer.plan.remote import read_one
from opp_analytics.writer.plan.steps import Cell, Step
from opp_analytics.writer.plan.three_way import CHANGED, Drift, Verdict, compare_three_ways

if TYPE_CHECKING:
    from opp_analytics.api import Client

__all__ = ["Sender", "StopSignal"]

_ATTEMPTS = 5
"""Maximum number of times a run sends a write whose outcome stays uncertain."""
IN_DOUBT = (ConnectionFailed, ServerError, UnexpectedResponse, CacheError)
"""Errors that leave the outcome of a write uncertain."""
_PAUSE = 0.05
Row = dict[str, Any]


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
        """Start no further calls; the first reason stays."""
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


@dataclass(frozen=True)
class Sender:
    """Carries out steps, one at a time per calling thread."""

    client: Client
    intend: Callable[[int, dict[str, Any], dict[str, Any] | None], None]
    """Records on disk that a step's write is about to be sent, the unplanned values it overwrites, and stage and
    status where those differ from the plan's."""
    claim: Callable[[int, Step, set[str]], Twin | None]
    """Records on disk that a create is about to be sent, or returns an equal one of another run, other than those whose
    ids are gone."""
    stop: StopSignal
    overwrite: bool = False
    """If True, overwrite newer changes on the server."""

    def carry_out(self, number: int, step: Step, progress: StepProgress) -> Result:
        """Carry out a step; failures are returned as results, never raised.

        Parameters
        ----------
        number : int
            The step's number in its run.
        step : Step
            The step to carry out.
        progress : StepProgress
            Progress of an earlier attempt.
        """
        if self.stop:
            return result_of(step, "pending", attempts=progress.attempts, sent=progress.sent)
        try:
            if step.operation == "create":
                return self._create(number, step, progress)
            return self._change(number, step, progress)
        except JournalError as error:
            self.stop.set(str(error))
            return result_of(step, "pending", str(error), attempts=progress.attempts, sent=progress.sent)

    def _create(self, number: int, step: Step, progress: StepProgress) -> Result:
        """One POST, unless an equal create stands for it. Without an answer it is looked up before it is repeated."""
        attempts = progress.attempts
        if progress.looked_for:
            self.intend(number, {}, None)
        elif (made := self._made_before(number, step, attempts)) is not None:
            return made
        attempts += 1
        try:
            record = self.client.create(fields=step.fields)
        except IN_DOUBT as error:
            return result_of(step, "unknown", str(error), attempts=attempts, sent=True, outage=_outage(error))
        except (ApiError, DataError, Stopped) as error:
            return self._refusal(step, error, attempts, sent=False)
        return result_of(step, "applied", attempts=attempts, unique_id=record["unique_id"], record=record)

    def _made_before(self, number: int, step: Step, attempts: int) -> Result | None:
        """The result if another run made an equal create, or may have; None if the intent to send was recorded."""
        gone: set[str] = set()
        while twin := self.claim(number, step, gone):
            if twin.unique_id is None:
                reason = f"run {twin.run_id} sent an equal one and has no answer"
                return result_of(step, "unknown", reason, attempts=attempts, twin=twin)
            try:
                remote = read_one(self.client, twin.unique_id)
            except (ApiError, Stopped) as error:
                return self._unread(step, error, attempts, sent=False)
            if remote is not None:
                return result_of(step, "already", attempts=attempts, unique_id=twin.unique_id)
            gone.add(twin.unique_id)
        return None

    def _change(self, number: int, step: Step, progress: StepProgress) -> Result:
        """An update, delete or recovery: all of them may be repeated once the server was read again."""
        sent, attempts, doubt = progress.sent, progress.attempts, None
        first: Verdict | None = None
        for attempt in range(1, _ATTEMPTS + 2):
            try:
                remote = read_one(self.client, str(step.unique_id))
            except (ApiError, Stopped) as error:
                return self._unread(step, error, attempts, sent=sent)
            verdict = compare_three_ways(step, remote, self.client.org)
            first = first or verdict
            if verdict.already:
                return self._done(step, first, attempts, sent, remote)
            if verdict.conflict and not (self.overwrite and remote is not None):
                return self._conflict(step, verdict, attempts)
            if attempt > _ATTEMPTS:
                break
            self.intend(
                number,
                _spelled(step, remote) | {str(d.field): d.remote for d in verdict.drifts},
                _newer_outcome(step, verdict, remote),
            )
            attempts += 1
            try:
                answer = self._write(step, verdict)
            except NotFoundError as error:
                if step.operation == "recover":
                    return self._refusal(step, error, attempts, sent=sent)
                continue  # it went between the read and the write: the next read tells
            except IN_DOUBT as error:
                sent, doubt = True, error
                self.stop.wait(_PAUSE * 2 ** (attempt - 1))
            except (ApiError, DataError, Stopped) as error:
                return self._refusal(step, error, attempts, sent=sent)
            else:
                return self._applied(step, verdict, attempts, remote, answer)
        reason = f"not written after {text.count(_ATTEMPTS, 'attempt')}; the last: {doubt}"
        return result_of(step, "failed", reason, attempts=attempts, sent=True, outage=_outage(doubt))

    def _write(self, step: Step, verdict: Verdict) -> Row | None:
        unique_id = str(step.unique_id)
        if step.operation == "delete":
            self.client.delete(unique_id)
            return None
        if step.operation == "recover":
            return self.client.recover(unique_id)
        cells = zip(step.cells, verdict.statuses, strict=True)
        return self.client.update(
            unique_id, fields={str(c.field): c.after for c, status in cells if status != "already"}
        )

    def _applied(
        self, step: Step, verdict: Verdict, attempts: int, remote: Row | None, answer: Row | None
    ) -> Result:
        outcomes = tuple("already" if status == "already" else "applied" for status in verdict.statuses)
        return Result(
            outcomes,
            (None,) * len(outcomes),
            attempts=attempts,
            record=answer if step.operation == "recover" else None,
            updated_before=_updated_at(remote),
            updated_after=_updated_at(answer),
        )

    def _done(self, step: Step, first: Verdict, attempts: int, sent: bool, remote: Row | None) -> Result:
        """Every value is already on the server, by our own lost write or someone else's."""
        outcomes = tuple(
            "applied" if sent and status != "already" else "already" for status in first.statuses
        )
        if sent and first.already:
            outcomes = ("applied",) * len(outcomes)  # sent in an earlier run, which died before it heard
        return Result(
            outcomes,
            (None,) * len(outcomes),
            attempts=attempts,
            updated_after=_updated_at(remote) if sent else None,
        )

    def _conflict(self, step: Step, verdict: Verdict, attempts: int) -> Result:
        by_field = {drift.field: drift for drift in verdict.drifts}
        if step.operation == "update":
            errors = tuple(_drifted(by_field[c.field]) if c.field in by_field else None for c in step.cells)
        else:
            errors = ("; ".join(f"{d.field}: {_drifted(d)}" for d in verdict.drifts),) * len(step.cells)
        outcomes = tuple("skipped" if s == "clean" else s for s in verdict.statuses)
        return Result(outcomes, errors, attempts=attempts)

    def _refusal(self, step: Step, error: Exception, attempts: int, *, sent: bool) -> Result:
        """The server or our own check rejected it, or it was not sent; nothing was written this time."""
        if isinstance(error, (AuthError, Stopped)):
            return self._ended(step, error, attempts, sent=sent)
        errors = tuple(_pointed(cell, error) for cell in step.cells)
        again = isinstance(error, RateLimitError)
        return Result(("failed",) * len(step.cells), errors, attempts=attempts, refused=not again)

    def _unread(self, step: Step, error: ApiError | Stopped, attempts: int, *, sent: bool) -> Result:
        """The opportunity could not be read, so nothing (further) was sent."""
        if isinstance(error, (AuthError, Stopped)):
            return self._ended(step, error, attempts, sent=sent)
        refused = 400 <= (error.status or 0) < 500 and not isinstance(error, RateLimitError)
        return result_of(
            step,
            "unknown" if sent else "failed",
            str(error),
            attempts=attempts,
            sent=sent,
            refused=refused and not sent,
            outage=_outage(error),
        )

    def _ended(self, step: Step, error: AuthError | Stopped, attempts: int, *, sent: bool) -> Result:
        """The run ends here, by a refused token or because it was stopped; an earlier write may be uncertain."""
        reason = str(error) or None
        if reason is not None:
            self.stop.set(reason)
        return result_of(step, "unknown" if sent else "pending", reason, attempts=attempts, sent=sent)


def _spelled(step: Step, remote: Row | None) -> Row:
    """The stage as the server spells it, where the plan has the stage of that alias: undo sends it back."""
    cell = next((cell for cell in step.cells if cell.field == "stage"), None)
    spelled = (remote or {}).get("stage")
    return {} if cell is None or spelled is None or spelled == cell.before else {"stage": spelled}


def _newer_outcome(step: Step, verdict: Verdict, remote: Row | None) -> Row | None:
    """Stage and status of an opportunity updated despite a conflict."""
    overwrites = step.operation == "update" and verdict.conflict and remote is not None
    return {column: (remote or {}).get(column) for column in step.base} if overwrites else None


def _outage(error: Exception | None) -> bool:
    return isinstance(error, (ConnectionFailed, ServerError))


def _updated_at(record: Row | None) -> str | None:
    value = (record or {}).get("updated_at")
    return None if value is None else str(value)


def _drifted(drift: Drift) -> str:
    if drift.field is None or drift.remote is None or drift.reason != CHANGED:
        return drift.reason
    return f"{drift.reason}, now {format_cell(drift.field, drift.remote)}"


def _pointed(cell: Cell, error: Exception) -> str:
    """The server's message about this cell if there is one, otherwise the whole message."""
    if isinstance(error, ValidationError):
        mine = [p.detail for p in error.problems if p.pointer and p.pointer.rsplit("/", 1)[-1] == cell.field]
        if mine:
            return "; ".join(mine)
    return str(error)
