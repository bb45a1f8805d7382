"""The refresh: a cached frame brought up to date by reading only what changed.

The newest changes are read first, until they are older than what is known; deletions are settled by reading the trash
where it changed. The result counts only when everything adds up: the answer was sorted as asked, nothing
changed during the reading, the distinct ids equal the server's total, no change is newer than the newest one known, and no
column owes its existence or type to a row that is no longer there.
Otherwise there is no result, and the caller sweeps.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from opp_analytics import schema
from opp_analytics.api import Client, assemble, concat_tables, frame_to_table, rows_to_table
from opp_analytics.certificate import Certificate
from opp_analytics.loading.sweep import Query, newest_change, probe

_OVERLAP = timedelta(minutes=5)
"""Time before the newest known change that is read again: a slow transaction commits with an earlier time."""


@dataclass(frozen=True)
class Refreshed:
    """An up-to-date frame, and how it was read."""

    opportunities: pd.DataFrame
    state: dict[str, Any]
    """The state of the server's data, the same before and after the reading."""
    pages: int
    """Pages read, including pages of the trash."""
    started: datetime


@dataclass
class _Reading:
    """The rows read so far."""

    tables: list[pa.Table] = field(default_factory=list)
    deleted: set[str] = field(default_factory=set)
    pages: int = 0


def refreshed(client: Client, query: Query, kept: pd.DataFrame) -> Refreshed | None:
    """`kept` with all later changes, in creation order; None when a full sweep is needed.

    Parameters
    ----------
    client : Client
        Client to read with; the page cache is not used.
    query : Query
        Query of `kept`; not for the trash.
    kept : DataFrame
        A complete load, whose certificate holds the server's ``state`` at the time.
    """
    certificate = Certificate.of(kept)
    known, table = certificate.state if certificate else {}, frame_to_table(kept)
    started, before = datetime.now(UTC), probe(client, query)
    reading = _Reading()
    if not _read_changes(client, query, newest_change([table]), reading):
        return None
    if not _read_trash(client, before, known, table, reading):
        return None
    merged = _merged(table, reading)
    if merged is None or not _adds_up(merged, before) or probe(client, query) != before:
        return None
    return Refreshed(assemble([merged]), before, reading.pages, started)


def _adds_up(merged: pa.Table, state: dict[str, Any]) -> bool:
    newest = datetime.fromisoformat(state["newest"]) if state["newest"] else None
    distinct = pc.count_distinct(merged["unique_id"]).as_py()
    return (
        state["trash_total"] is not None
        and len(merged) == distinct == state["total"]
        and newest_change([merged]) == newest
    )


def _read_changes(client: Client, query: Query, newest: datetime | None, reading: _Reading) -> bool:
    """Read the changes since `newest`; False when a sweep is cheaper, or the order is not the one asked for."""
    if newest is None:
        return False
    since, last = newest - _OVERLAP, None
    while True:
        page = client.list(reading.pages + 1, query.page_size, sort="-updated_at", **query.params)
        reading.pages += 1
        if not page.rows:
            return True
        table = rows_to_table(page.rows)
        times = table["updated_at"].to_pylist()
        if None in times or times != sorted(times, reverse=True) or (last is not None and times[0] > last):
            return False
        last = times[-1]
        reading.tables.append(table)
        if last < since:
            return True
        if 2 * sum(map(len, reading.tables)) > (page.total_records or 0):
            return False


def _read_trash(
    client: Client, state: dict[str, Any], known: dict[str, Any], kept: pa.Table, reading: _Reading
) -> bool:
    """Read the deletions; False when rows also left the trash, because they may be back unchanged."""
    if all(state[name] == known.get(name) for name in ("trash_total", "trash_newest")):
        return True
    if state["trash_total"] is None or known.get("trash_total") is None:
        return False
    number = 1
    while (page := client.list_deleted(number, 1000)).rows:
        reading.deleted |= {record["unique_id"] for record in page.rows}
        reading.pages += 1
        number += 1
    taken_in = len(reading.deleted.intersection(kept["unique_id"].to_pylist()))
    return bool(state["trash_total"] == known["trash_total"] + taken_in)


def _merged(kept: pa.Table, reading: _Reading) -> pa.Table | None:
    """The newest version of each row, without deleted ones, in creation order; None when a column's type needs a sweep."""
    changed = {unique_id for table in reading.tables for unique_id in table["unique_id"].to_pylist()}
    stale = pa.array(sorted(changed | reading.deleted), pa.string())
    rest = kept.filter(pc.invert(pc.is_in(kept["unique_id"], stale)))
    if len(rest) < len(kept):
        kinds = _further_kinds(reading.tables)
        columns = {name: rest[name] for name in rest.column_names if name not in schema.COLUMNS}
        empty = {name for name, column in columns.items() if column.null_count == len(column)}
        if empty - set(kinds) or not all(
            _explains_type(column, kinds.get(name, set()))
            for name, column in columns.items()
            if name not in empty
        ):
            return None
        rest = rest.drop_columns(sorted(empty))
    return concat_tables([rest, *reading.tables]).sort_by("created_at")


def _further_kinds(tables: list[pa.Table]) -> dict[str, set[pa.DataType]]:
    """The types just read for each further attribute, without null."""
    kinds: dict[str, set[pa.DataType]] = {}
    for table in tables:
        for attribute in table.schema:
            if attribute.name not in schema.COLUMNS:
                known = kinds.setdefault(attribute.name, set())
                known |= {attribute.type} - {pa.null()}
    return kinds


def _explains_type(column: pa.ChunkedArray, kinds: set[pa.DataType]) -> bool:
    """True when the remaining values, or the values just read, explain the column's type."""
    if pa.types.is_floating(column.type):
        return pa.string() not in kinds and (
            column.type in kinds or not pc.all(pc.equal(column, pc.floor(column))).as_py()
        )
    if pa.types.is_string(column.type):
        return column.type in kinds or not all(map(_is_plain_json, column.drop_null().to_pylist()))
    return True


def _is_plain_json(text: str) -> bool:
    """True when a text may be a number or boolean that became text because another row held text."""
    try:
        return isinstance(json.loads(text), (int, float))
    except (ValueError, RecursionError):
        return False
