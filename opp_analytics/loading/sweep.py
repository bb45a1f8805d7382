"""The sweep: one pass over all pages.

Offset paging shifts when rows come and go. A sweep therefore asks for creation order, so that new
rows only append, reads past the announced last page, and keys rows by id. Probes of the server
before and after it tell whether it missed something; what changed during it is read afterwards
(`refresh`).
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from opp_analytics import schema
from opp_analytics.api import Client, PageDecoder, TablePage, Threads
from opp_analytics.errors import ForbiddenError, LoadError, NotFoundError
from opp_analytics.progress import pause_collector
from opp_analytics.schema import Json
from opp_analytics.text import count

MOST_PAGES = 100_000
"""Pages of list and trash together, repeats included."""
MOST_BYTES = 16 * 2**30
"""Bytes of all pages: ten million opportunities have about 10 GB."""
MOST_SECONDS = 4 * 3600.0
"""A million opportunities take minutes even on a slow server."""
_SLACK = 10
"""Extra pages, beyond twice the announced number, before the pages are considered endless."""


@dataclass
class Limits:
    """The rows that one load has read so far, and its limits."""

    url: str
    pages: int = 0
    size: int = 0
    _first: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._ends = time.monotonic() + MOST_SECONDS

    def count_page(self, size: int = 0) -> None:
        """Count a page of `size` bytes; stop the load when a bound is passed."""
        self.pages += 1
        self.size += size
        if self.pages > MOST_PAGES:
            self._stop(f"{MOST_PAGES:,} pages")
        if self.size > MOST_BYTES:
            self._stop(f"{MOST_BYTES / 2**30:g} GB")
        if time.monotonic() > self._ends:
            self._stop(f"{MOST_SECONDS / 3600:g} hours")

    def first(self, what: str, announced: int) -> int:
        """Keep the load's first announcement.

        An announcement that grows with each page would never be reached.
        """
        return self._first.setdefault(what, announced)

    def _stop(self, bound: str) -> None:
        raise LoadError(
            f"{self.url} was still sending pages after {bound}, the most that one load reads; "
            "stopped. Load a part of it (search=, status=, owner_unique_id=), or ask who runs the "
            "API"
        )

    def check_end(self, number: int, announced: int, what: str) -> None:
        """Refuse a page `number` far beyond the `announced` ones.

        Each page before it brought something new.
        """
        if number > 2 * announced + _SLACK:
            raise LoadError(
                f"{self.url} announced {announced:,} pages, but page {number:,} is still full of "
                f"new {what}; stopped. Either something creates opportunities this fast, or the "
                "server is broken"
            )


def count_announced(total_records: int | None, total_pages: int | None, page_size: int) -> int:
    """Compute the announced number of pages, from the total or else the count of pages."""
    if total_records is not None and page_size:
        return max(1, -(-total_records // page_size))
    return max(1, total_pages or 1)


_SHOWN = 100
"""First rows of the trash, by which it is seen whether the trash changed."""
_PAGE = 1000
"""Page size for reading the whole trash."""


@dataclass(frozen=True)
class Query:
    """The opportunities that a load asks for."""

    deleted: bool = False
    """True for the trash instead of the list."""
    params: Json = field(default_factory=dict)
    """Search and filters, as `Client.list` takes them."""
    page_size: int = 1000
    """Page size asked for; the server may send fewer rows."""


@dataclass(frozen=True)
class Trash:
    """The trash at one moment: its state, and when each row in it was created.

    The rows' times are known once the trash was read whole.
    """

    state: Json
    created: dict[str, datetime | None] | None = None


def probe(client: Client, query: Query) -> Json:
    """Read the state of list and trash; nothing changed between two equal probes."""
    with Threads(1) as threads:
        trash = threads.submit(read_trash_state, client)
        listed = read_list_state(client, query)
        return listed | trash.result().state


def read_list_state(client: Client, query: Query) -> Json:
    """Read the total and the newest change of the list."""
    page = client.list(1, 1, sort="-updated_at", **query.params)
    return make_state(page.rows, page.total_records)


def make_state(rows: Sequence[Json], total: int | None) -> Json:
    """Make the state from a page of the list, newest change first."""
    newest = rows[0] if rows else {}
    return {
        "total": total,
        "newest": newest.get("updated_at"),
        "newest_id": newest.get("unique_id"),
    }


def read_trash_state(client: Client) -> Trash:
    """Read the total of the trash and a digest of its first rows.

    Both are None without permission to read it.
    """
    try:
        page = client.list_deleted(1, _SHOWN)
    except (ForbiddenError, NotFoundError):
        return Trash({"trash_total": None, "trash_newest": None})
    return Trash(_trash_state(page.rows, page.total_records))


def read_trash(client: Client, limits: Limits) -> Trash:
    """Read the whole trash."""
    first = page = client.list_deleted(1, _PAGE)
    announced = count_announced(first.total_records, first.total_pages, len(first.rows))
    announced = limits.first("trash", announced)
    created: dict[str, datetime | None] = {}
    number = 1
    while True:
        limits.count_page()
        limits.check_end(number, announced, "deleted opportunities")
        fresh = [row for row in page.rows if row["unique_id"] not in created]
        created |= {row["unique_id"]: read_instant(row.get("created_at")) for row in fresh}
        if not fresh or (first.total_records is not None and len(created) >= first.total_records):
            return Trash(_trash_state(first.rows, first.total_records), created)
        number += 1
        page = client.list_deleted(number, _PAGE)


def _trash_state(rows: Sequence[Json], total: int | None) -> Json:
    shown = repr([(row["unique_id"], row.get("updated_at")) for row in rows[:_SHOWN]])
    return {"trash_total": total, "trash_newest": hashlib.sha256(shown.encode()).hexdigest()[:16]}


def read_instant(cell: Any) -> datetime | None:
    """Read a timestamp of the server; None when it is missing or unreadable."""
    at = schema.read_stamp(cell)
    return None if at is None else at.floor("us").to_pydatetime()


def find_newest_change(tables: list[pa.Table]) -> datetime | None:
    """Find the latest ``updated_at`` in the tables."""
    newest = (pc.max(table["updated_at"]).as_py() for table in tables)
    return max((at for at in newest if at is not None), default=None)


class DistinctIds:
    """The ids of a sweep as 64-bit hashes.

    Equal hashes only raise a doubt, which `drop_repeated` settles; different ones are proof.
    """

    def __init__(self) -> None:
        self._pages: list[np.ndarray] = []
        self._first_ids: set[str] = set()
        self._all: set[int] | None = None

    def add(self, ids: Sequence[str], *, past_end: bool) -> bool:
        """Add a page's ids; False when it brings nothing new.

        A page is looked at closely when it begins as an earlier one did, or comes after the
        announced last one.
        """
        if not ids:
            return False
        hashes = np.fromiter(map(hash, ids), np.int64, len(ids))
        if self._all is None and (past_end or ids[0] in self._first_ids):
            self._all = set(self._hashes().tolist())
        if self._all is not None:
            known = len(self._all)
            self._all.update(hashes.tolist())
            if len(self._all) == known:
                return False
        self._first_ids.add(ids[0])
        self._pages.append(hashes)
        return True

    def proven(self) -> bool:
        """Prove that no two ids are equal."""
        hashes = np.sort(self._hashes())
        return not (hashes[1:] == hashes[:-1]).any()

    def _hashes(self) -> np.ndarray:
        return np.concatenate([np.empty(0, np.int64), *self._pages])


def drop_repeated(tables: Sequence[pa.Table]) -> list[pa.Table]:
    """Drop rows whose ``unique_id`` came before, and tables left without rows."""
    ids = [unique_id for table in tables for unique_id in table["unique_id"].to_pylist()]
    first, ends = ~pd.Index(ids, dtype=object).duplicated(), accumulate(map(len, tables))
    kept = (
        page.filter(first[end - len(page) : end]) for page, end in zip(tables, ends, strict=True)
    )
    return [page for page in kept if len(page)]


_WINDOW = 4
"""Pages in flight or waiting to be decoded, per connection."""


@dataclass
class Sweep:
    """The rows of one pass, and the facts that show if it is complete."""

    tables: list[pa.Table] = field(default_factory=list)
    """One Arrow table per page; once the pass has ended, without rows of earlier pages."""
    pages: int = 0
    rows: int = 0
    """Rows in the tables."""
    total: int | None = None
    """The total that the last page reported."""
    duplicates: int = 0
    """Rows that a later page repeated; known once the pass has ended, as are the next two."""
    sorted: bool = True
    """True when each page came in creation order, as asked."""
    ordered: bool = True
    """True when all pages together did. Rows that come and go can shift a later page before an
    earlier one."""
    page_size: int = 0
    _distinct: DistinctIds = field(default_factory=DistinctIds)

    def add(self, page: TablePage, *, past_end: bool) -> bool:
        """Add a page; False when none of its rows is new."""
        self.pages += 1
        self.page_size = self.page_size or len(page.ids)
        self.total = page.total_records if page.total_records is not None else self.total
        news = self._distinct.add(page.ids, past_end=past_end)
        if news:
            self.tables.append(page.table)
            self.rows += len(page.ids)
        else:
            self.duplicates += len(page.ids)
        return news

    def end(self) -> None:
        """Drop rows that came twice, and see whether the order was the one asked for."""
        self.sorted = _are_sorted(self.tables) or all(_are_sorted([table]) for table in self.tables)
        if not self._distinct.proven():
            self.tables = drop_repeated(self.tables)
            distinct = sum(map(len, self.tables))
            self.duplicates += self.rows - distinct
            self.rows = distinct
        self.ordered = self.sorted and _are_sorted(self.tables)


def _are_sorted(tables: Sequence[pa.Table]) -> bool:
    created = (table["created_at"].drop_null().cast(pa.int64()).to_numpy() for table in tables)
    instants = np.concatenate([np.empty(0, np.int64), *created])
    return bool((instants[1:] >= instants[:-1]).all())


def sweep(
    client: Client,
    query: Query,
    result: Sweep,
    *,
    expected: int | None,
    stored_pages: int,
    bar: Any,
    limits: Limits,
    on_page: Callable[[int], None],
) -> None:
    """Read every page once into `result`, which tells what was read if the sweep is stopped.

    If a number of opportunities is `expected`, further pages are asked for before the first one has
    come. The first `stored_pages`, which an interrupted sweep had read, come from the page cache
    without a request.
    """
    announced, decoder = 1, PageDecoder(client.names)
    with pause_collector(), Threads(client.concurrency) as threads:
        fetcher = _Fetcher(client, query, stored_pages, threads)
        fetcher.ahead_to = _page_that_ends(expected, query.page_size)
        for body in fetcher:
            page = client.decode_page(body, decoder)
            limits.count_page(len(body))
            news = result.add(page, past_end=result.pages >= announced)
            on_page(result.pages)
            bar.total = result.total
            bar.update(len(page.ids))
            if result.pages == 1:
                announced = count_announced(page.total_records, page.total_pages, result.page_size)
                fetcher.ahead_to = max(
                    announced, _page_that_ends(page.total_records, result.page_size)
                )
            if not news or (result.pages >= announced and len(page.ids) < result.page_size):
                break
            limits.check_end(result.pages, announced, "opportunities")
    result.end()


def _page_that_ends(total: int | None, page_size: int) -> int:
    """Compute the number of the first page that is not full; it ends a sweep."""
    return (total or 0) // page_size + 1 if page_size else 1


class _Fetcher:
    """The bodies of pages 1, 2, 3, … in order, up to page `ahead_to` fetched ahead."""

    def __init__(self, client: Client, query: Query, stored_pages: int, threads: Threads) -> None:
        self._client = client
        self._query = query
        self._stored_pages = stored_pages
        self._threads = threads
        self._waiting: deque[Future[bytes]] = deque()
        self._next = 1
        self.ahead_to = 1

    def __iter__(self) -> Iterator[bytes]:
        while True:
            window = _WINDOW * self._client.concurrency
            while not self._waiting or (
                len(self._waiting) < window and self._next <= self.ahead_to
            ):
                self._waiting.append(self._threads.submit(self._fetch, self._next))
                self._next += 1
            yield self._waiting.popleft().result()

    def _fetch(self, page: int) -> bytes:
        query = self._query
        sort = {} if query.deleted else {"sort": "created_at"}
        stored = page <= self._stored_pages
        return self._client.fetch_page(
            page, query.page_size, deleted=query.deleted, stored=stored, **sort, **query.params
        )


_NOTE_EVERY = 16
"""Pages between two progress notes of a sweep, so that an interrupted one resumes."""


@contextlib.contextmanager
def note_progress(
    client: Client, key: str, before: Json, query: Query, pass_: Sweep
) -> Iterator[Callable[[int], None]]:
    """Lend a function that notes the progress of a sweep every few pages.

    When Ctrl-C stops it, note that and say so.
    """

    def note(pages: int) -> None:
        client.pages.note_progress(
            key, {"probe": before, "page_size": query.page_size, "pages": pages}
        )

    try:
        yield lambda pages: None if pages % _NOTE_EVERY else note(pages)
    except KeyboardInterrupt:
        if not pass_.pages:
            raise
        note(pass_.pages)
        of = f" of {pass_.total:,}" if pass_.total else ""
        message = (
            f"load stopped after {count(pass_.pages, 'page')}, {pass_.rows:,}{of} opportunities; "
            "they are kept, and the next load goes on from there unless something has changed"
        )
        raise KeyboardInterrupt(message) from None


def count_resumable(note: Any, before: Json, query: Query) -> int:
    """Count the first pages of an interrupted sweep that are still current."""
    same = (
        isinstance(note, dict)
        and note.get("probe") == before
        and note.get("page_size") == query.page_size
    )
    return int(note["pages"]) if same else 0
