"""The limits of one load, and the probe: the state of the server's data by totals, newest change and trash."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from opp_analytics import schema
from opp_analytics.api import Client, Threads
from opp_analytics.errors import ForbiddenError, LoadError, NotFoundError

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
    """What one load has read so far, and the bounds on it."""

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
        """Keep the load's first announcement: one that grows with each page would never be reached."""
        return self._first.setdefault(what, announced)

    def _stop(self, bound: str) -> None:
        raise LoadError(
            f"{self.url} was still sending pages after {bound}, the most that one load reads; stopped. "
            "Load a part of it (search=, status=, owner_unique_id=), or ask who runs the API"
        )

    def check_end(self, number: int, announced: int, what: str) -> None:
        """Refuse a page `number` far beyond the `announced` ones: each page before it brought something new."""
        if number > 2 * announced + _SLACK:
            raise LoadError(
                f"{self.url} announced {announced:,} pages, but page {number:,} is still full of new {what}; stopped. "
                "Either something creates opportunities this fast, or the server is broken"
            )


def count_announced(total_records: int | None, total_pages: int | None, page_size: int) -> int:
    """Compute the announced number of pages: from the total if there is one, else from the count of pages."""
    if total_records is not None and page_size:
        return max(1, -(-total_records // page_size))
    return max(1, total_pages or 1)


_SHOWN = 100
"""Rows of the trash that tell whether it changed; one with fewer is compared whole."""
_PAGE = 1000
"""Page size for reading the whole trash."""


@dataclass(frozen=True)
class Query:
    """The opportunities that a load asks for."""

    deleted: bool = False
    """True for the trash instead of the list."""
    params: dict[str, Any] = field(default_factory=dict)
    """Search and filters, as `Client.list` takes them."""
    page_size: int = 1000
    """Page size asked for; the server may send fewer rows."""


@dataclass(frozen=True)
class Trash:
    """The trash at one moment: its state, and once it was read whole, when each row in it was created."""

    state: dict[str, Any]
    created: dict[str, datetime | None] | None = None


def probe(client: Client, query: Query) -> dict[str, Any]:
    """Read the state of list and trash; nothing changed between two equal probes."""
    with Threads(1) as threads:
        trash = threads.submit(read_trash_state, client)
        listed = read_list_state(client, query)
        return listed | trash.result().state


def read_list_state(client: Client, query: Query) -> dict[str, Any]:
    """Read the total and the newest change of the list."""
    page = client.list(1, 1, sort="-updated_at", **query.params)
    return make_state(page.rows, page.total_records)


def make_state(rows: Sequence[Mapping[str, Any]], total: int | None) -> dict[str, Any]:
    """Make the state from a page of the list, newest change first."""
    newest = rows[0] if rows else {}
    return {"total": total, "newest": newest.get("updated_at"), "newest_id": newest.get("unique_id")}


def read_trash_state(client: Client) -> Trash:
    """Read the total of the trash and a digest of its first rows; None without permission to read it."""
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


def _trash_state(rows: Sequence[Mapping[str, Any]], total: int | None) -> dict[str, Any]:
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
