"""The difference between two records, as change rows."""

from __future__ import annotations

from collections import Counter
from functools import reduce

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from opp_analytics.history.rows import (
    DELETED,
    INSTANT,
    KINDS,
    KNOWN,
    OPERATIONS,
    TRANSFERRED,
    change_schema,
    kinds_of,
    widest,
)

__all__ = ["UNTRACKED", "changes_between", "latest_wins", "no_rows", "operations_in", "present"]

UNTRACKED = ("updated_at",)
"""Columns that are kept but do not count as a change: a nightly job that touches every row would fill the log."""


def no_rows() -> pa.Table:
    """The empty table before the first record."""
    return change_schema({}).empty_table()


def changes_between(
    before: pa.Table, after: pa.Table, *, seen_after: pd.Timestamp | None, seen_at: pd.Timestamp
) -> pa.Table:
    """One wide row per opportunity that is new, changed, deleted or returned.

    Parameters
    ----------
    before : Table
        The last change row of every opportunity so far (`no_rows` at first).
    after : Table
        All opportunities now, from `rows.to_rows`; ids are unique.
    seen_after, seen_at : Timestamp
        Times of the two records; ``seen_after`` is None for a first record.

    Returns
    -------
    Table
        ``seen_after``, ``seen_at``, ``operation``, then the columns of both. A tombstone (deleted) keeps the
        opportunity as it was last seen.
    """
    before, after = _aligned(before, after)
    place = pc.index_in(after["unique_id"], value_set=before["unique_id"])
    matched = before.take(place)
    known = place.is_valid()
    was_deleted = pc.fill_null(pc.equal(matched["operation"], DELETED), False)
    tracked = [c for c in after.column_names if c != "unique_id" and c not in UNTRACKED]
    differs = reduce(pc.or_, (_distinct(matched[c], after[c]) for c in tracked))
    operation = pc.if_else(known, pc.if_else(was_deleted, "returned", "changed"), "new")
    added = after.append_column("operation", operation).filter(
        pc.or_(pc.invert(known), pc.or_(was_deleted, differs))
    )
    removed = present(before)
    removed = removed.filter(pc.invert(pc.is_in(removed["unique_id"], value_set=after["unique_id"])))
    removed = removed.set_column(
        removed.column_names.index("operation"), "operation", pa.array([DELETED] * len(removed), pa.string())
    )
    names = [*KNOWN, *(c for c in after.column_names if c not in KNOWN)]
    changes = pa.concat_tables([added.select(["operation", *names]), removed.select(["operation", *names])])
    changes = changes.combine_chunks()
    return changes.add_column(0, "seen_at", _repeated(seen_at, len(changes))).add_column(
        0, "seen_after", _repeated(seen_after, len(changes))
    )


def present(state: pa.Table) -> pa.Table:
    """The last change rows of opportunities that are still there."""
    return state.filter(pc.invert(pc.is_in(state["operation"], value_set=pa.array([DELETED, TRANSFERRED]))))


def latest_wins(state: pa.Table, changes: pa.Table) -> pa.Table:
    """The last rows, replaced where an opportunity changed."""
    state, changes = _aligned(state, changes)
    unchanged = pc.invert(pc.is_in(state["unique_id"], value_set=changes["unique_id"]))
    return pa.concat_tables([state.filter(unchanged).select(changes.column_names), changes]).combine_chunks()


def operations_in(changes: pa.Table) -> dict[str, int]:
    """Number of change rows of each operation."""
    tally = Counter(changes["operation"].to_pylist())
    return {operation: tally[operation] for operation in OPERATIONS}


def _repeated(moment: pd.Timestamp | None, times: int) -> pa.Array:
    return pa.repeat(pa.scalar(moment, INSTANT), times)


def _distinct(one: pa.Array, other: pa.Array) -> pa.Array:
    """Mask of rows in which two columns differ; two nulls are equal."""
    return pc.or_(pc.xor(one.is_null(), other.is_null()), pc.fill_null(pc.not_equal(one, other), False))


def _aligned(before: pa.Table, after: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Both tables with the same further columns at their widest kind, every column in one chunk."""
    old, new = kinds_of(before), kinds_of(after)
    kinds = {name: widest(old.get(name), new.get(name)) for name in {**old, **new}}
    return _with_kinds(before, kinds).combine_chunks(), _with_kinds(after, kinds).combine_chunks()


def _with_kinds(rows: pa.Table, kinds: dict[str, str | None]) -> pa.Table:
    for name, kind in kinds.items():
        dtype = KINDS[str(kind)]
        if name in rows.column_names:
            rows = rows.set_column(rows.column_names.index(name), name, rows[name].cast(dtype))
        else:
            rows = rows.append_column(name, pa.nulls(len(rows), dtype))
    return rows
