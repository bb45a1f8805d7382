"""Current opportunities on the server: single reads for a few, all pages where that is cheaper."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from opp_analytics.api import Threads
from opp_analytics.errors import NotFoundError

if TYPE_CHECKING:
    from opp_analytics.api import Client

__all__ = ["PAGE", "ids_in_trash", "only_reading", "read_many", "read_one"]

_Asked = TypeVar("_Asked")
_Answer = TypeVar("_Answer")

PAGE = 1000
"""Rows asked for per page; the server may send fewer."""
READS_PER_PAGE = 10
"""A page of a sweep costs about as much as this many single reads, transfer and the server's work included."""


@contextmanager
def only_reading() -> Iterator[None]:
    """Say that nothing was sent where Ctrl-C ends the block."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt("stopped; nothing was sent") from None


def _ask_together(client: Client, ask: Callable[[_Asked], _Answer], about: Iterable[_Asked]) -> list[_Answer]:
    with Threads(client.concurrency) as threads:
        futures = [threads.submit(ask, each) for each in about]
        return [future.result() for future in futures]


def read_one(client: Client, unique_id: str) -> dict[str, Any] | None:
    """The opportunity on the server, or None if it does not exist or is in the trash."""
    try:
        return client.get(unique_id)
    except NotFoundError:
        return None


def read_many(client: Client, ids: Collection[str]) -> dict[str, dict[str, Any] | None]:
    """Read several opportunities; those missing from the pages are read one by one."""
    wanted = set(ids)
    found = _sweep(client, wanted) if len(wanted) > READS_PER_PAGE else {}
    rest = sorted(wanted - set(found))
    singles = _ask_together(client, lambda unique_id: read_one(client, unique_id), rest)
    return found | dict(zip(rest, singles, strict=True))


def _sweep(client: Client, wanted: set[str]) -> dict[str, dict[str, Any] | None]:
    """Wanted opportunities found on the pages; empty if single reads are cheaper."""
    first = client.list(page=1, page_size=PAGE)
    pages = first.total_pages or 1
    if pages > 1 and pages * READS_PER_PAGE > len(wanted):
        return {}
    others = _ask_together(
        client, lambda number: client.list(page=number, page_size=PAGE), range(2, pages + 1)
    )
    records = [record for page in (first, *others) for record in page.rows]
    return {record["unique_id"]: record for record in records if record["unique_id"] in wanted}


def ids_in_trash(client: Client, ids: Collection[str]) -> set[str]:
    """Ids among `ids` that are in the trash."""
    wanted, number = set(ids), 1
    found: set[str] = set()
    while wanted - found:
        page = client.list_deleted(page=number, page_size=PAGE)
        found |= {record["unique_id"] for record in page.rows} & wanted
        if not page.rows or number >= (page.total_pages or 1):
            break
        number += 1
    return found
