"""The probe: the state of the server's data, told by totals, the newest change and the trash."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from opp_analytics import schema
from opp_analytics.api import Client, Threads
from opp_analytics.errors import ForbiddenError, NotFoundError
from opp_analytics.loading.limits import Limits, announced_pages

_SHOWN = 100
"""Rows of the trash that tell whether it changed; one with fewer is compared whole."""
_PAGE = 1000


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
    """The state of list and trash; two probes that are equal had no change between them."""
    with Threads(1) as threads:
        trash = threads.submit(read_trash_state, client)
        listed = list_state(client, query)
        return listed | trash.result().state


def list_state(client: Client, query: Query) -> dict[str, Any]:
    """Total and newest change of the list."""
    page = client.list(1, 1, sort="-updated_at", **query.params)
    return state_of(page.rows, page.total_records)


def state_of(rows: Sequence[Mapping[str, Any]], total: int | None) -> dict[str, Any]:
    """The state that a page of the list, newest change first, shows."""
    newest = rows[0] if rows else {}
    return {"total": total, "newest": newest.get("updated_at"), "newest_id": newest.get("unique_id")}


def read_trash_state(client: Client) -> Trash:
    """How many opportunities the trash holds, and a digest of its first ones; unknown where it may not be read."""
    try:
        page = client.list_deleted(1, _SHOWN)
    except (ForbiddenError, NotFoundError):
        return Trash({"trash_total": None, "trash_newest": None})
    return Trash(_trash_state(page.rows, page.total_records))


def read_trash(client: Client, limits: Limits) -> Trash:
    """The whole trash.

    Raises
    ------
    LoadError
        When it does not end.
    """
    first = page = client.list_deleted(1, _PAGE)
    announced = announced_pages(first.total_records, first.total_pages, len(first.rows))
    announced = limits.first("trash", announced)
    created: dict[str, datetime | None] = {}
    number = 1
    while True:
        limits.count_page()
        limits.check_end(number, announced, "deleted opportunities")
        fresh = [row for row in page.rows if row["unique_id"] not in created]
        created |= {row["unique_id"]: instant(row.get("created_at")) for row in fresh}
        if not fresh or (first.total_records is not None and len(created) >= first.total_records):
            return Trash(_trash_state(first.rows, first.total_records), created)
        number += 1
        page = client.list_deleted(number, _PAGE)


def _trash_state(rows: Sequence[Mapping[str, Any]], total: int | None) -> dict[str, Any]:
    shown = repr([(row["unique_id"], row.get("updated_at")) for row in rows[:_SHOWN]])
    return {"trash_total": total, "trash_newest": hashlib.sha256(shown.encode()).hexdigest()[:16]}


def instant(cell: Any) -> datetime | None:
    """A stamp of the server; None when there is none that can be read."""
    try:
        at = schema.parse_cell("updated_at", cell)
    except schema.BadCell:
        return None
    return None if at is None else at.floor("us").to_pydatetime()


def newest_change(tables: list[pa.Table]) -> datetime | None:
    """The latest ``updated_at`` in the tables."""
    newest = (pc.max(table["updated_at"]).as_py() for table in tables)
    return max((at for at in newest if at is not None), default=None)
