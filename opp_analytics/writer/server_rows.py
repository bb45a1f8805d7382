"""Opportunities read from the server: one, several, the latest, those in the trash."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from opp_analytics import schema
from opp_analytics.api import Client, Opportunity, Page, Threads
from opp_analytics.errors import NotFoundError
from opp_analytics.schema import Json

PAGE = 1000
"""Rows asked for per page; the server may send fewer."""
READS_PER_PAGE = 10
"""A page of a sweep costs about as much as this many single reads: transfer and the server's
work."""
Found = dict[str, Json | None]
"""Opportunities by id; None for one that does not exist or is in the trash."""
_Asked = TypeVar("_Asked")
_Answer = TypeVar("_Answer")


@contextmanager
def promise_no_writes() -> Iterator[None]:
    """Say that nothing was sent if Ctrl-C ends the block."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt("stopped; nothing was sent") from None


def _ask_together(
    client: Client, ask: Callable[[_Asked], _Answer], about: Iterable[_Asked]
) -> list[_Answer]:
    with Threads(client.concurrency) as threads:
        futures = [threads.submit(ask, each) for each in about]
        return [future.result() for future in futures]


def read_one(client: Client, unique_id: str) -> Json | None:
    """Read an opportunity from the server; None if it does not exist or is in the trash."""
    try:
        return client.get(unique_id)
    except NotFoundError:
        return None


def read_many(client: Client, ids: Collection[str]) -> Found:
    """Read several opportunities: from all pages where that is cheaper, the others one by one."""
    wanted = set(ids)
    found = _sweep(client, wanted) if len(wanted) > READS_PER_PAGE else {}
    rest = sorted(wanted - set(found))
    singles = _ask_together(client, lambda unique_id: read_one(client, unique_id), rest)
    return found | dict(zip(rest, singles, strict=True))


def _sweep(client: Client, wanted: set[str]) -> Found:
    """Find opportunities on the pages; none if single reads are cheaper."""
    first = client.list(page=1, page_size=PAGE)
    pages = first.total_pages or 1
    if pages > 1 and pages * READS_PER_PAGE > len(wanted):
        return {}
    others = _ask_together(
        client, lambda number: client.list(page=number, page_size=PAGE), range(2, pages + 1)
    )
    records = [record for page in (first, *others) for record in page.rows]
    return {record["unique_id"]: record for record in records if record["unique_id"] in wanted}


def read_pages(ask: Callable[..., Page], **params: Any) -> Iterator[list[Opportunity]]:
    """Yield the rows of page after page, until one brings nothing new.

    It stops there whatever total was announced.
    """
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


def list_since(client: Client, column: str, since: Any) -> list[Opportunity]:
    """List the opportunities whose ``created_at`` or ``updated_at`` is not before `since`."""
    found: dict[str, Opportunity] = {}
    for page in read_pages(client.list, sort=f"-{column}"):
        stamps = (schema.read_stamp(record.get(column)) for record in page)
        recent = [r for r, at in zip(page, stamps, strict=True) if at is None or at >= since]
        found |= {record["unique_id"]: record for record in recent}
        if len(recent) < len(page):
            break
    return list(found.values())


def find_in_trash(client: Client, ids: Collection[str]) -> set[str]:
    """Find which of these ids, at least one, are in the trash."""
    wanted, found = set(ids), set[str]()
    for rows in read_pages(client.list_deleted):
        found |= {record["unique_id"] for record in rows} & wanted
        if found == wanted:
            break
    return found
