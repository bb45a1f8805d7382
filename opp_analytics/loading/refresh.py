"""The refresh: rows read earlier brought up to date by reading only what changed.

The newest changes are read first, until they are older than what is known; deletions are settled by
reading the trash where it changed. The page with the newest changes is one moment of the server: it
shows every row changed up to then, and how many opportunities there were. The trash is read before
and after it. Where that agrees, and the distinct ids equal the total, the rows are exactly those of
that moment, however busy the tenant is. Where a change came in between, the short read is made
again. Where the numbers do not add up there is no result, and the caller sweeps.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from opp_analytics import schema
from opp_analytics.api import Client, concat_tables, rows_to_table
from opp_analytics.loading.sweep import (
    Limits,
    Query,
    Trash,
    make_state,
    read_instant,
    read_list_state,
    read_trash,
    read_trash_state,
)
from opp_analytics.schema import Json
from opp_analytics.text import count

_STAMPS_WITHIN = 5
"""Minutes before the newest known change that are read again: a slow transaction commits with an
earlier stamp."""
_TRIES = 20
"""Short reads while something changes during each of them."""
_LARGE_PAGE = 1000
"""Page size of a repeated short read: one large page shows one moment, several may not."""
_RECOUNTS = 2
"""Short reads that nothing disturbed and that still do not add up."""
_log = logging.getLogger("opp_analytics")


class Clocks(NamedTuple):
    """An instant, UTC."""

    here: datetime
    """By this computer's clock."""
    there: datetime
    """By the server's, where it said its time already and the two differ."""

    @classmethod
    def of(cls, client: Client) -> Clocks:
        """Read both clocks now."""
        now = datetime.now(UTC)
        there = None if client.clock_agrees(now, within=1) else client.server_time()
        return cls(now, there or now)


@dataclass(frozen=True)
class Current:
    """All opportunities of one moment."""

    table: pa.Table
    state: Json
    """The state of the server's data at that moment."""
    pages: int
    """Pages read, including pages of the trash."""
    moment: Clocks
    """The instant before that moment was asked for."""
    stamps_within: int
    """Whole minutes before the newest known change that were read again."""


class Unexplained(Exception):
    """Fewer rows are in list and trash together than the known state allows.

    The rows of the list are as many as they should be.

    The trash was emptied, or list and trash were not of one moment when that state was read.
    `state` is.
    """

    def __init__(self, state: Json) -> None:
        self.state = state


@dataclass
class _Changes:
    """The rows that changed, newest change first, and what the first page said of the list."""

    tables: list[pa.Table] = field(default_factory=list)
    state: Json = field(default_factory=dict)
    ordered: bool = True
    """Whether each page begins no later than the one before it ends: what comes in between shifts
    them."""


def catch_up(
    client: Client,
    query: Query,
    rows: pa.Table,
    known: Json,
    *,
    most: float,
    limits: Limits,
) -> Current | None:
    """Add all changes since `known` to `rows`, in creation order; None when only a sweep can tell.

    `known` is the server's state before the first row of `query` (not the trash) was read, `most`
    the share of all rows that may have changed. Raises `Unexplained` when rows may have vanished
    from list and trash alike.
    """
    newest = read_instant(known.get("newest"))
    if newest is None or not all(
        isinstance(known.get(name), int) for name in ("total", "trash_total")
    ):
        return None
    began, recounts = limits.pages, 0
    since = newest - timedelta(minutes=_STAMPS_WITHIN)
    trash = _settle_trash(client, known, limits)
    for tries in range(1, _TRIES + 1):
        moment = Clocks.of(client)
        # Where something came in between, one large page is likelier to show it all at once than
        # several.
        size = query.page_size if tries == 1 else max(query.page_size, _LARGE_PAGE)
        changes = _read_changes(client, query, since, most, limits, size)
        if changes is None:
            return None
        after = _settle_trash(client, known, limits, whole=trash.created is not None)
        # A single page shows one moment, and so do several with nothing in between.
        at_once = len(changes.tables) < 2 or read_list_state(client, query) == changes.state
        if after == trash and at_once:
            if not changes.ordered:
                return None
            table = _merge(rows, changes.tables, trash)
            state = changes.state | trash.state
            # As many rows as the server says, each once.
            distinct = pc.count_distinct(table["unique_id"]).as_py()
            if state["trash_total"] is not None and len(table) == distinct == state["total"]:
                if not _explains(rows, table, trash, known, query, newest):
                    raise Unexplained(state)
                _log.info(
                    "caught up: read %s of recent changes, trash %s, %s",
                    count(len(changes.tables), "page"),
                    "unchanged"
                    if trash.created is None
                    else f"read ({count(len(trash.created), 'opportunity')})",
                    count(tries, "short read"),
                )
                within = (newest - since) // timedelta(minutes=1)
                return Current(table, state, limits.pages - began, moment, within)
            recounts += 1
            if recounts == _RECOUNTS:
                return None
        elif len(changes.tables) > 1:
            # No several pages show one moment of a busy tenant: read again what one page can hold.
            since = min(newest, max(since, _find_stamp(rows, _LARGE_PAGE // 2)))
        trash = after
    return None


def _find_stamp(rows: pa.Table, newest: int) -> datetime:
    """Find the `updated_at` just before those of the `newest` newest rows."""
    stamps = rows["updated_at"].drop_null().cast(pa.int64()).to_numpy()
    if len(stamps) <= newest:
        return datetime.min.replace(tzinfo=UTC)
    microseconds = int(np.partition(stamps, -newest - 1)[-newest - 1])
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)


def _settle_trash(client: Client, known: Json, limits: Limits, *, whole: bool = False) -> Trash:
    """Read the state of the trash, and all of it if that state is not the known one."""
    if not whole:
        limits.count_page()
        trash = read_trash_state(client)
        if trash.state["trash_total"] is None or all(
            known.get(n) == v for n, v in trash.state.items()
        ):
            return trash
    return read_trash(client, limits)


def _read_changes(
    client: Client, query: Query, since: datetime, most: float, limits: Limits, page_size: int
) -> _Changes | None:
    """Read the changes since then.

    None when they are more than `most` of all, or the order is not the one asked for.
    """
    changes, last, number = _Changes(), None, 0
    seen: set[str] = set()
    while True:
        number += 1
        page = client.list(number, page_size, sort="-updated_at", **query.params)
        if number == 1:
            changes.state = make_state(page.rows, page.total_records)
        table = rows_to_table(page.rows)
        limits.count_page(table.nbytes)
        if not page.rows:
            return changes
        times = table["updated_at"].to_pylist()
        if None in times or times != sorted(times, reverse=True):
            return None
        if (ids := set(table["unique_id"].to_pylist())) <= seen:
            return None  # the same page again
        seen |= ids
        changes.tables.append(table)
        changes.ordered = changes.ordered and (last is None or times[0] <= last)
        last = times[-1]
        if last <= since:
            return changes
        if (
            sum(map(len, changes.tables))
            > most * limits.first("list", changes.state["total"] or 0) + page_size
        ):
            return None


def _explains(
    rows: pa.Table,
    table: pa.Table,
    trash: Trash,
    known: Json,
    query: Query,
    newest: datetime,
) -> bool:
    """Return True if no row vanished from list and trash alike.

    Equal totals alone do not prove it.
    """
    if trash.created is None:
        return True
    if query.params:
        taken_in = len(trash.created.keys() & set(rows["unique_id"].to_pylist()))
        return bool(trash.state["trash_total"] == known["trash_total"] + taken_in)
    created = [*table["created_at"].to_pylist(), *trash.created.values()]
    new = sum(at is not None and at > newest for at in created)
    there = len(table) + trash.state["trash_total"]
    return bool(there >= known["total"] + known["trash_total"] + new)


def _merge(rows: pa.Table, changes: list[pa.Table], trash: Trash) -> pa.Table:
    """Merge the newest version of each live row, in creation order.

    A further column keeps its type, even if the row that made it text is gone: only a sweep reads
    the other rows anew. One that no row fills any more stays, and takes the type of the next value.
    """
    changed = {unique_id for table in changes for unique_id in table["unique_id"].to_pylist()}
    stale = pa.array(sorted(changed.union(trash.created or ())), pa.string())
    rest = rows.filter(pc.invert(pc.is_in(rows["unique_id"], stale)))
    for place, name in enumerate(rest.column_names):
        if name not in schema.COLUMNS and rest[name].null_count == len(rest):
            rest = rest.set_column(place, name, pa.nulls(len(rest)))
    return concat_tables([rest, *changes]).sort_by("created_at")
