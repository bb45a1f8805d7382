"""The sweep: one pass over all pages.

Offset paging shifts when rows come and go. A sweep therefore asks for creation order, so that new rows only append,
reads past the announced last page, and keys rows by id. Whether it missed something is told by what a probe of the
server says before and after; what changed during it is read afterwards (`refresh`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from opp_analytics.api import Client, WirePage, rows_to_table
from opp_analytics.loading.limits import Limits, announced_pages
from opp_analytics.loading.probe import Query
from opp_analytics.loading.threads import Threads

_WINDOW = 4
"""Pages in flight or waiting to be decoded, per connection."""


class Bar(Protocol):
    """A progress bar, such as that of tqdm."""

    total: float | None

    def update(self, n: float = 1) -> Any:
        """Advance by `n` opportunities."""


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
    sorted: bool = True
    """True when each page came in creation order, as asked."""
    ordered: bool = True
    """True when all pages together did: rows that come and go can shift a page before the one it follows."""
    page_size: int = 0


def sweep(
    client: Client,
    query: Query,
    result: Sweep,
    *,
    stored_pages: int,
    bar: Bar,
    limits: Limits,
    on_page: Callable[[int], None],
) -> None:
    """Read every page once.

    Parameters
    ----------
    client : Client
        Client to read with, through its page cache.
    query : Query
        Opportunities to ask for.
    result : Sweep
        What was read; it is filled page by page, so that it is known when the sweep is stopped.
    stored_pages : int
        Number of first pages to take from the page cache without a request, because an interrupted sweep had read
        them.
    bar : Bar
        Progress bar to advance.
    limits : Limits
        Bounds of the load.
    on_page : callable
        Function to call with the number of each page read.

    Raises
    ------
    LoadError
        When the pages do not end.
    """
    with Threads(client.concurrency) as threads:
        fetcher = _Fetcher(client, query, stored_pages, threads)
        for body in fetcher:
            page = client.decode_page(body)
            limits.count_page(len(body))
            news = _take(result, page)
            on_page(result.pages)
            bar.total = result.total
            bar.update(len(page.rows))
            if result.pages == 1:
                fetcher.announced = announced_pages(page.total_records, page.total_pages, result.page_size)
            past = result.pages >= fetcher.announced
            if not news or (past and len(page.rows) < result.page_size):
                break
            limits.check_end(result.pages, fetcher.announced, "opportunities")


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
        result.sorted = result.sorted and _is_sorted(result.tables[-1])
        result.ordered = result.ordered and result.sorted and _follows(result.tables)
    return bool(fresh)


def _is_sorted(table: pa.Table) -> bool:
    created = table["created_at"].drop_null().combine_chunks()
    return len(created) < 2 or not pc.any(pc.less(created[1:], created[:-1])).as_py()


def _follows(tables: list[pa.Table]) -> bool:
    """True when the last table does not begin before the end of the previous one."""
    created = tables[-1]["created_at"].drop_null()
    before = tables[-2]["created_at"].drop_null() if len(tables) > 1 else created[:0]
    return not (len(before) and len(created)) or before[-1].as_py() <= created[0].as_py()


class _Fetcher:
    """The bodies of pages 1, 2, 3, … in order, fetched ahead once the number of pages is known."""

    def __init__(self, client: Client, query: Query, stored_pages: int, threads: Threads) -> None:
        self._client = client
        self._query = query
        self._stored_pages = stored_pages
        self._threads = threads
        self._ahead: deque[Future[bytes]] = deque()
        self._next = 1
        self.announced = 1

    def __iter__(self) -> Iterator[bytes]:
        while True:
            self._submit()
            yield self._ahead.popleft().result()

    def _submit(self) -> None:
        window = _WINDOW * self._client.concurrency
        while not self._ahead or (len(self._ahead) < window and self._next <= self.announced):
            self._ahead.append(self._threads.submit(self._fetch, self._next))
            self._next += 1

    def _fetch(self, page: int) -> bytes:
        query = self._query
        sort = {} if query.deleted else {"sort": "created_at"}
        stored = page <= self._stored_pages
        return self._client.fetch_page(
            page, query.page_size, deleted=query.deleted, stored=stored, **sort, **query.params
        )
