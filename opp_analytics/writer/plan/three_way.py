"""Three-way comparison: a plan's starting values, its new values, and the server's current values, read here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from types import MappingProxyType
from typing import Any, TypeVar

from opp_analytics.api import Client, Opportunity, Page, Threads
from opp_analytics.errors import NotFoundError
from opp_analytics.org import Org
from opp_analytics.writer.cells import agrees, normalize_or_keep, same
from opp_analytics.writer.journal import Forms
from opp_analytics.writer.steps import EditedCell, Step

CHANGED = "changed on the server since then"
_DELETED = "deleted on the server since then"
PAGE = 1000
"""Rows asked for per page; the server may send fewer."""
_READS_PER_PAGE = 10
"""A page of a sweep costs about as much as this many single reads: transfer and the server's work."""
_Asked = TypeVar("_Asked")
_Answer = TypeVar("_Answer")


def compare_three_ways(
    step: Step,
    remote: dict[str, Any] | None,
    client_org: Org | None = None,
    *,
    forms: Forms | None = None,
    overwritten: Mapping[str, Any] = MappingProxyType({}),
) -> Step:
    """Compare a step with the server's row: a copy whose cells are clean, already there, or in conflict.

    If someone closed or reopened the deal since the plan, every unapplied cell of an update is in conflict.

    A server may keep a form of its own of what it is sent. `forms` has those that it answered to earlier runs: they are our
    values, and nothing else near them is. Only where a write has no answer, an earlier run's or that of this step, which was
    to change the values in `overwritten`, the form is not known: any other value that agrees with ours may be it.
    """
    meaning, forms = client_org or step.org, forms or {}
    if step.operation == "update":
        return _compare_update(step, remote, meaning, forms, overwritten)
    if step.operation == "delete":
        return _compare_delete(step, remote, meaning, forms)
    return step.mark("clean" if remote is None else "already")


def _compare_update(
    step: Step, remote: dict[str, Any] | None, meaning: Org, forms: Forms, overwritten: Mapping[str, Any]
) -> Step:
    turn = None if remote is None else _detect_turn(step, remote, meaning)
    cells = []
    for cell in step.cells:
        field, now, status, reason = str(cell.field), None, "clean", None
        if remote is None:
            status, reason = "conflict", _DELETED
        else:
            now, after = normalize_or_keep(field, remote.get(field)), cell.after
            answered = _is_form(step, field, after, now, forms)
            # Of a write without an answer, a cell that has changed since may be the form.
            doubtful = _list_held(step, field, after, forms, answered=False)
            doubtful += [overwritten[field]] if field in overwritten else []
            in_doubt = any(not same(field, held, now) for held in doubtful)
            if _same(field, now, after, meaning) or ((answered or in_doubt) and agrees(field, after, now)):
                status = "already"
            elif not (answered or _holds(step, field, cell.before, now, meaning, forms)):
                status, reason = "conflict", CHANGED
            elif turn:
                status, reason = "conflict", turn
        cells.append(replace(cell, status=status, remote=now, reason=reason))
    return replace(step, cells=tuple(cells))


def _compare_delete(step: Step, remote: dict[str, Any] | None, meaning: Org, forms: Forms) -> Step:
    if remote is None:
        return step.mark("already")
    drifted = tuple(
        EditedCell(field, was, None, "conflict", now, CHANGED)
        for field, was in step.base.items()
        if not _holds(step, field, was, now := normalize_or_keep(field, remote.get(field)), meaning, forms)
    )
    return replace(step.mark("conflict" if drifted else "clean"), drifted=drifted)


def _detect_turn(step: Step, remote: dict[str, Any], meaning: Org) -> str | None:
    """Name the reason for a conflict if someone closed or reopened the deal since the plan."""
    now = {column: remote.get(column) for column in step.base}
    closed = meaning.stages.is_closed(now)
    if closed in (meaning.stages.is_closed(planned) for planned in (step.base, step.base | step.fields)):
        return None
    outcome = meaning.stages.outcome(now) if closed else "reopened"
    what = outcome if outcome in ("won", "lost", "reopened") else "closed"
    return f"{what} on the server since then"


def _same(field: str, one: Any, other: Any, meaning: Org) -> bool:
    """Compare two cells by meaning: an alias equals its stage."""
    if field == "stage":
        one, other = (
            meaning.stages.aliases.get(cell, cell) if isinstance(cell, str) else cell for cell in (one, other)
        )
    return same(field, one, other)


def _list_held(step: Step, field: str, ours: Any, forms: Forms, *, answered: bool) -> list[Any]:
    """List what the server answered that it holds of our value, or held before a write of it that has no answer."""
    sent = (cell for cell in forms.get((step.unique_id, field), ()) if cell.answered == answered)
    return [cell.held for cell in sent if same(field, cell.value, ours)]


def _is_form(step: Step, field: str, ours: Any, now: Any, forms: Forms) -> bool:
    return any(same(field, held, now) for held in _list_held(step, field, ours, forms, answered=True))


def _holds(step: Step, field: str, ours: Any, now: Any, meaning: Org, forms: Forms) -> bool:
    return _same(field, now, ours, meaning) or _is_form(step, field, ours, now, forms)


@contextmanager
def promise_no_writes() -> Iterator[None]:
    """Say that nothing was sent if Ctrl-C ends the block."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt("stopped; nothing was sent") from None


def _ask_together(client: Client, ask: Callable[[_Asked], _Answer], about: Iterable[_Asked]) -> list[_Answer]:
    with Threads(client.concurrency) as threads:
        futures = [threads.submit(ask, each) for each in about]
        return [future.result() for future in futures]


def read_one(client: Client, unique_id: str) -> dict[str, Any] | None:
    """Read an opportunity from the server; None if it does not exist or is in the trash."""
    try:
        return client.get(unique_id)
    except NotFoundError:
        return None


def read_many(client: Client, ids: Collection[str]) -> dict[str, dict[str, Any] | None]:
    """Read several opportunities: from all pages where that is cheaper, the others one by one."""
    wanted = set(ids)
    found = _sweep(client, wanted) if len(wanted) > _READS_PER_PAGE else {}
    rest = sorted(wanted - set(found))
    singles = _ask_together(client, lambda unique_id: read_one(client, unique_id), rest)
    return found | dict(zip(rest, singles, strict=True))


def _sweep(client: Client, wanted: set[str]) -> dict[str, dict[str, Any] | None]:
    """Find opportunities on the pages; none if single reads are cheaper."""
    first = client.list(page=1, page_size=PAGE)
    pages = first.total_pages or 1
    if pages > 1 and pages * _READS_PER_PAGE > len(wanted):
        return {}
    others = _ask_together(
        client, lambda number: client.list(page=number, page_size=PAGE), range(2, pages + 1)
    )
    records = [record for page in (first, *others) for record in page.rows]
    return {record["unique_id"]: record for record in records if record["unique_id"] in wanted}


def read_pages(ask: Callable[..., Page], **params: Any) -> Iterator[list[Opportunity]]:
    """Yield the rows of one page after the other, until one brings nothing new, whatever total was announced."""
    number, seen = 1, set[str]()
    while True:
        page = ask(page=number, page_size=PAGE, **params)
        ids = {record["unique_id"] for record in page.rows}
        if ids <= seen:
            return
        yield page.rows
        seen |= ids
        if number >= (page.total_pages or 1):
            return
        number += 1


def find_in_trash(client: Client, ids: Collection[str]) -> set[str]:
    """Find which of these ids, at least one, are in the trash."""
    wanted, found = set(ids), set[str]()
    for rows in read_pages(client.list_deleted):
        found |= {record["unique_id"] for record in rows} & wanted
        if found == wanted:
            break
    return found
