"""The sweep: one pass over all pages, with a check that nothing is missing.

Offset paging shifts when rows come and go. A sweep therefore asks for creation order, so that new rows only append,
reads past the announced last page, keys rows by id, and compares what a *probe* of the server says before and after:
the totals of list and trash, the newest change, the newest deletion. Only when nothing moved and the distinct ids
equal the total is a sweep complete.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from opp_analytics.api import Client, WirePage, rows_to_table
from opp_analytics.errors import ForbiddenError, LoadError, NotFoundError

_WINDOW = 4
"""Pages in flight or waiting to be decoded, per connection."""
_SLACK = 10
"""Extra pages, beyond twice the announced number, before the pages are considered endless."""


class Bar(Protocol):
    """A progress bar, such as that of tqdm."""

    total: float | None

    def update(self, n: float = 1) -> Any:
        """Advance by `n` opportunities."""


@dataclass(frozen=True)
class Query:
    """The opportunities that a sweep asks for."""

    deleted: bool = False
    """True for the trash instead of the list."""
    params: dict[str, Any] = field(default_factory=dict)
    """Search and filters, as `Client.list` takes them."""
    page_size: int = 1000
    """Page size asked for; the server may send fewer rows."""


@dataclass
class Sweep:
    """The rows of one pass, and the facts that show if it is complete."""

    tables: list[pa.Table] = field(default_factory=list)
    """One Arrow table per page, without rows of earlier pages."""
    ids: set[str] = field(default_factory=set)
    pages: int = 0
    total: int | None = None
    """The total that the last page reported."""
    duplicates: int = 0
    ordered: bool = True
    """True when the pages came in creation order, as asked."""
    page_size: int = 0


def probe(client: Client, query: Query) -> dict[str, Any]:
    """The state of the server's data: totals, the newest change, the newest deletion."""
    with ThreadPoolExecutor(2) as pool:
        trash = pool.submit(_trash_state, client)
        listed = client.list(1, 1, sort="-updated_at", **query.params)
    newest = listed.rows[0] if listed.rows else {}
    state = {
        "total": listed.total_records,
        "newest": newest.get("updated_at"),
        "newest_id": newest.get("unique_id"),
    }
    return state | trash.result()


def _trash_state(client: Client) -> dict[str, Any]:
    try:
        page = client.list_deleted(1, 1)
    except (ForbiddenError, NotFoundError):
        return {"trash_total": None, "trash_newest": None}
    newest = page.rows[0]["unique_id"] if page.rows else None
    return {"trash_total": page.total_records, "trash_newest": newest}


def newest_change(tables: list[pa.Table]) -> datetime | None:
    """The latest ``updated_at`` in the tables."""
    newest = (pc.max(table["updated_at"]).as_py() for table in tables)
    return max((at for at in newest if at is not None), default=None)


def sweep(
    client: Client, query: Query, *, stored_pages: int, bar: Bar, on_page: Callable[[int], None]
) -> Sweep:
    """Read every page once.

    Parameters
    ----------
    client : Client
        Client to read with, through its page cache.
    query : Query
        Opportunities to ask for.
    stored_pages : int
        Number of first pages to take from the page cache without a request, because an interrupted sweep had read
        them.
    bar : Bar
        Progress bar to advance.
    on_page : callable
        Function to call with the number of each page read.

    Raises
    ------
    LoadError
        When the pages do not end.
    """
    result = Sweep()
    with _Fetcher(client, query, stored_pages) as fetcher:
        for body in fetcher:
            page = client.decode_page(body)
            news = _take(result, page)
            on_page(result.pages)
            bar.total = result.total
            bar.update(len(page.rows))
            if result.pages == 1:
                fetcher.announce(_announced(page, result.page_size))
            past = result.pages >= fetcher.announced
            if not news or (past and len(page.rows) < result.page_size):
                break
            if result.pages > 2 * fetcher.announced + _SLACK:
                raise LoadError(
                    f"{client.settings.url} announced {fetcher.announced} pages, but page {result.pages} is still "
                    "full of new opportunities; stopped. Either something creates opportunities this fast, or the server is broken"
                )
    return result


def _announced(first: WirePage, page_size: int) -> int:
    if first.total_records is not None and page_size:
        return max(1, math.ceil(first.total_records / page_size))
    return max(1, first.total_pages or 1)


def _take(result: Sweep, page: WirePage) -> bool:
    """Add a page's rows; False when none of them is new."""
    result.pages += 1
    result.page_size = result.page_size or len(page.rows)
    result.total = page.total_records if page.total_records is not None else result.total
    fresh = []
    for record in page.rows:
        if record["unique_id"] in result.ids:
            result.duplicates += 1
        else:
            result.ids.add(record["unique_id"])
            fresh.append(record)
    if fresh:
        result.tables.append(rows_to_table(fresh))
        result.ordered = result.ordered and _in_order(result.tables)
    return bool(fresh)


def _in_order(tables: list[pa.Table]) -> bool:
    """True when the last table is in creation order and does not begin before the end of the previous one."""
    created = tables[-1]["created_at"].drop_null().combine_chunks()
    if len(created) > 1 and pc.any(pc.less(created[1:], created[:-1])).as_py():
        return False
    before = tables[-2]["created_at"].drop_null() if len(tables) > 1 else created[:0]
    return not (len(before) and len(created)) or before[-1].as_py() <= created[0].as_py()


class _Fetcher:
    """The bodies of pages 1, 2, 3, … in order, fetched ahead once the number of pages is known."""

    def __init__(self, client: Client, query: Query, stored_pages: int) -> None:
        self._client = client
        self._query = query
        self._stored_pages = stored_pages
        self._pool = ThreadPoolExecutor(client.concurrency, thread_name_prefix="opp-analytics-load")
        self._ahead: deque[Future[bytes]] = deque()
        self._next = 1
        self.announced = 1

    def __enter__(self) -> _Fetcher:
        return self

    def __exit__(self, *_: object) -> None:
        # Not waiting lets Ctrl-C and an early stop return at once; calls under way end by themselves.
        self._pool.shutdown(wait=False, cancel_futures=True)

    def announce(self, pages: int) -> None:
        self.announced = pages

    def __iter__(self) -> Iterator[bytes]:
        while True:
            self._submit()
            yield self._ahead.popleft().result()

    def _submit(self) -> None:
        window = _WINDOW * self._client.concurrency
        while not self._ahead or (len(self._ahead) < window and self._next <= self.announced):
            self._ahead.append(self._pool.submit(self._fetch, self._next))
            self._next += 1

    def _fetch(self, page: int) -> bytes:
        query = self._query
        sort = {} if query.deleted else {"sort": "created_at"}
        stored = page <= self._stored_pages
        return self._client.fetch_page(
            page, query.page_size, deleted=query.deleted, stored=stored, **sort, **query.params
        )
