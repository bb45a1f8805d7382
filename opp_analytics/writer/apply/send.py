"""Send steps: read, compare, record the intent, write, and look again if no answer came."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from opp_analytics import text
from opp_analytics.api import Stopped
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
from opp_analytics.schema import read_stamp
from opp_analytics.writer.apply.engine import LiveRun, work_through
from opp_analytics.writer.cells import fold, format_cell, is_plain, same
from opp_analytics.writer.plan.three_way import CHANGED, compare_three_ways
from opp_analytics.writer.steps import EditedCell, Result, RunStep, Step

_SPARE = 4
"""Threads beyond the connections, so that no connection idles while a thread waits for the disk."""
_ATTEMPTS = 5
"""Maximum number of times a run sends a write whose outcome stays uncertain: with pauses, about two seconds."""
_PAUSE = 0.05
"""Seconds before the second attempt; each further pause is twice as long."""
_IN_DOUBT = (ConnectionFailed, ServerError, UnexpectedResponse, CacheError)
"""Errors that leave the outcome of a write uncertain."""
Row = dict[str, Any]
Chains = list[list[RunStep]]
"""Steps by what must be sent one after another."""


def group_equal_creates(entries: Iterable[RunStep]) -> Chains:
    """Group equal creates, to be sent one after another; every other step is its own chain."""
    chains: dict[Any, list[RunStep]] = {}
    for entry in entries:
        chains.setdefault(entry.step.identity if entry.creates else entry.number, []).append(entry)
    return list(chains.values())


def send_chains(
    live: LiveRun, chains: Chains, results: dict[int, Result], tick: Callable[[Result], None]
) -> None:
    """Send chains of steps over all connections and store their results; a chain stops at an unknown outcome."""

    def work(chain: list[RunStep]) -> dict[int, Result]:
        done: dict[int, Result] = {}
        for entry in chain:
            done[entry.number] = result = _send(live, entry)
            live.settle(entry, result)
            if entry.creates and "unknown" in result.outcomes:
                break
            tick(result)
        return done

    for _, done in work_through(work, chains, live.client.concurrency + _SPARE, live.stop):
        results |= done


def _send(live: LiveRun, entry: RunStep) -> Result:
    """Carry out a step; failures are returned as results, never raised."""
    _, step, earlier = entry
    error = None
    if not live.stop:
        try:
            return _create(live, entry) if entry.creates else _change(live, entry)
        except JournalError as failure:
            error = str(failure)
            live.stop.set(error)
    return Result.whole(step, "pending", error, attempts=earlier.attempts, sent=earlier.sent)


def _create(live: LiveRun, entry: RunStep) -> Result:
    """Send one POST, unless an equal create stands for it. Without an answer it is looked up before it is repeated."""
    number, step, earlier = entry
    attempts = earlier.attempts
    if earlier.looked_for:
        live.intend(number, {})
    elif (found := _find_equal(live, entry)) is not None:
        return found
    attempts += 1
    try:
        record = live.client.create(fields=step.fields)
    except _IN_DOUBT as error:
        outage = _is_outage(error)
        return Result.whole(step, "unknown", str(error), attempts=attempts, sent=True, outage=outage)
    except (ApiError, DataError, Stopped) as error:
        return _refuse(live, step, error, attempts, sent=False)
    if _may_echo(step, record):
        with suppress(ApiError, Stopped):
            record |= live.reader.read(record["unique_id"]) or {}
    # As an update of a deal that holds nothing yet; what the answer leaves out is as it was sent.
    made, update = Result.created(step, record, attempts), replace(step, operation="update")
    return _judge(live, update, made, dict.fromkeys(step.fields), step.fields | record)


def _may_echo(step: Step, answer: Row) -> bool:
    """Tell whether an answer may repeat what was sent, where the server holds another form of it."""
    return any(not is_plain(v) and f in answer and same(f, answer[f], v) for f, v in step.fields.items())


def _find_equal(live: LiveRun, entry: RunStep) -> Result | None:
    """Find an equal create that another run made, or may have; None if the intent to send was recorded."""
    step, attempts = entry.step, entry.result.attempts
    gone: set[str] = set()
    while equal := live.claim(entry, gone):
        if equal.unique_id is None:
            reason = f"run {equal.run_id} sent an equal one and has no answer"
            return Result.whole(step, "unknown", reason, attempts=attempts, waits_for=equal)
        try:
            remote = live.reader.read(equal.unique_id)
        except (ApiError, Stopped) as error:
            return _fail_to_read(live, step, error, attempts, sent=False)
        if remote is not None:
            known: dict[str, Any] = {"unique_id": equal.unique_id, "answered": step.read_forms(remote)}
            return Result.whole(step, "already", attempts=attempts, **known)
        gone.add(equal.unique_id)
    return None


def _change(live: LiveRun, entry: RunStep) -> Result:
    """Update, delete or recover a deal; each may be repeated once the server was read again."""
    number, step, earlier = entry
    sent, attempts, doubt = earlier.sent, earlier.attempts, None
    overwrite = live.run.on_conflict == "overwrite"
    was, stamp = dict(earlier.overwritten) if sent else {}, None
    answered, gone = False, False
    for attempt in range(1, _ATTEMPTS + 2):
        try:
            remote = None if gone else live.reader.read(str(step.unique_id))
        except (ApiError, Stopped) as error:
            return _fail_to_read(live, step, error, attempts, sent=sent)
        seen = compare_three_ways(step, remote, live.client.org, forms=live.forms, overwritten=was)
        if seen.in_conflict and not (overwrite and remote is not None):
            return _report_conflict(seen, attempts, was)
        if seen.already or answered:
            return _finish(live, seen, attempts, was, stamp, remote, sent=sent)
        if attempt > _ATTEMPTS:
            break
        was |= _intend(live, number, seen, remote)
        stamp = _updated_at(remote)
        attempts += 1
        try:
            answer = _write(live, seen)
        except NotFoundError as error:
            if step.operation == "recover":
                return _refuse(live, step, error, attempts, sent=sent)
            gone = True  # it went between the read and the write, or a replica still shows it
        except _IN_DOUBT as error:
            sent, doubt = True, error
            live.stop.wait(_PAUSE * 2 ** (attempt - 1))
        except (ApiError, DataError, Stopped) as error:
            return _refuse(live, step, error, attempts, sent=sent)
        else:
            told = {**(remote or {}), "updated_at": None, **(answer or {})}
            result = _finish(live, seen, attempts, was, stamp, told, sent=True)
            if "failed" not in result.outcomes and not _may_echo(step, told):
                return result
            # The answer leaves out a cell, has it as it was, or as it was sent: the next read tells what the server holds.
            live.reader.note_update(str(step.unique_id), remote, answer)
            sent = answered = True
    # A replica may show the old value for a while, so that it does not prove that nothing was written.
    reason = f"no answer to {text.count(_ATTEMPTS, 'attempt')}, and the server shows no change yet; the last: {doubt}"
    return Result.whole(step, "unknown", reason, attempts=attempts, sent=True, outage=_is_outage(doubt))


def _intend(live: LiveRun, number: int, seen: Step, remote: Row | None) -> Row:
    """Record that the cells of an update that are not there already are sent; return what each of them holds until then."""
    held = {str(cell.field): cell.remote for cell in seen.cells if cell.field and cell.status != "already"}
    live.intend(number, held, _read_outcome(seen, remote))
    return held


def _write(live: LiveRun, step: Step) -> Row | None:
    unique_id = str(step.unique_id)
    if step.operation == "delete":
        live.client.delete(unique_id)
        return None
    if step.operation == "recover":
        return live.client.recover(unique_id)
    fields = {str(cell.field): cell.after for cell in step.cells if cell.status != "already"}
    return live.client.update(unique_id, fields=fields)


def _finish(
    live: LiveRun, seen: Step, attempts: int, was: Row, stamp: str | None, told: Row | None, *, sent: bool
) -> Result:
    """Report what the server told that it holds: by our write, or there already without it."""
    stamps = {"updated_before": stamp, "updated_after": _updated_at(told) if sent else None}
    result = Result.whole(seen, "applied" if sent else "already", attempts=attempts, **stamps)
    if seen.operation == "update":
        return _judge(live, seen, result, was, told or {})
    return replace(result, record=told if seen.operation == "recover" and sent else None)


def _judge(live: LiveRun, step: Step, result: Result, was: Row, told: Row) -> Result:
    """Judge each cell by what the server told that it holds, and keep that; what `was` has no value of was not sent."""
    outcomes, errors = list(result.outcomes), list(result.errors)
    seen = compare_three_ways(step, told, live.client.org, forms=live.forms, overwritten=was)
    for place, cell in enumerate(seen.cells):
        field, now = str(cell.field), cell.remote
        if field not in was:
            outcomes[place] = "already"
        elif cell.status == "already" or same(field, fold(now), fold(cell.after)):
            continue
        elif same(field, now, was[field]):
            outcomes[place] = "failed"
            errors[place] = f"the server answered, but {field} is still {format_cell(field, now)}"
        else:
            errors[place] = f"the server made it {format_cell(field, now)}"
    result = replace(result, outcomes=tuple(outcomes), errors=tuple(errors), refused="failed" in outcomes)
    return replace(result, answered=step.read_forms(told))


def _report_conflict(step: Step, attempts: int, was: Row) -> Result:
    """Report a conflict; a cell of ours that is there all the same was written before somebody changed another."""
    if step.operation == "update":
        errors = tuple(_explain(cell) if cell.status == "conflict" else None for cell in step.cells)
    else:
        errors = ("; ".join(f"{cell.field}: {_explain(cell)}" for cell in step.drifted),)
    found = {"clean": "skipped", "conflict": "conflict"}
    outcomes = tuple(
        found.get(cell.status, "applied" if cell.field in was else "already") for cell in step.cells
    )
    there = {str(cell.field): cell.remote for cell in step.cells if cell.status == "already"}
    return Result(outcomes, errors, attempts=attempts, answered=step.read_forms(there))


def _refuse(live: LiveRun, step: Step, error: Exception, attempts: int, *, sent: bool) -> Result:
    """Report that the server or our own check rejected a write, or that it was not sent."""
    if isinstance(error, (AuthError, Stopped)):
        return _end(live, step, error, attempts, sent=sent)
    errors = tuple(_choose_message(cell, error) for cell in step.cells)
    again = isinstance(error, RateLimitError)
    return Result(("failed",) * len(step.cells), errors, attempts=attempts, refused=not again)


def _fail_to_read(
    live: LiveRun, step: Step, error: ApiError | Stopped, attempts: int, *, sent: bool
) -> Result:
    """Report that the opportunity could not be read, so that nothing (further) was sent."""
    if isinstance(error, (AuthError, Stopped)):
        return _end(live, step, error, attempts, sent=sent)
    refused = 400 <= (error.status or 0) < 500 and not isinstance(error, RateLimitError)
    more = {"sent": sent, "refused": refused and not sent, "outage": _is_outage(error)}
    return Result.whole(step, "unknown" if sent else "failed", str(error), attempts=attempts, **more)


def _end(live: LiveRun, step: Step, error: AuthError | Stopped, attempts: int, *, sent: bool) -> Result:
    """End the run after a refused token or a stop; an earlier write may be uncertain."""
    reason = str(error) or None
    if reason is not None:
        live.stop.set(reason)
    return Result.whole(step, "unknown" if sent else "pending", reason, attempts=attempts, sent=sent)


def _read_outcome(step: Step, remote: Row | None) -> Row | None:
    """Read stage and status of a deal that is updated despite a conflict; else None."""
    overwrites = step.operation == "update" and step.in_conflict and remote is not None
    return {column: (remote or {}).get(column) for column in step.base} if overwrites else None


def _is_outage(error: Exception | None) -> bool:
    return isinstance(error, (ConnectionFailed, ServerError))


def _updated_at(record: Row | None) -> str | None:
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
        mine = [p.detail for p in error.problems if p.pointer and p.pointer.rsplit("/", 1)[-1] == cell.field]
        if mine:
            return "; ".join(mine)
    return str(error)
