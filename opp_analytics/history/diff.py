"""The difference between two records, as change rows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
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

__all__ = ["UNTRACKED", "Difference", "difference", "no_rows", "operations_in", "present"]

UNTRACKED = ("updated_at",)
"""Columns that are kept but do not count as a change: a nightly job that touches every row would fill the log."""


def no_rows() -> pa.Table:
    """The empty table before the first record."""
    return change_schema({}).empty_table()


@dataclass(frozen=True)
class Difference:
    """What changed from one record to the next."""

    changes: pa.Table
    """One wide row per opportunity that is new, changed, deleted or returned: ``seen_after``, ``seen_at``,
    ``operation``, then the columns of both records. A tombstone (deleted) keeps the opportunity as it was last seen."""
    state: pa.Table
    """The last change row of every opportunity: of those recorded in their order, then of the deleted ones."""


def difference(
    before: pa.Table, after: pa.Table, *, seen_after: pd.Timestamp | None, seen_at: pd.Timestamp
) -> Difference:
    """The difference between two records.

    Parameters
    ----------
    before : Table
        The last change row of every opportunity so far (`no_rows` at first).
    after : Table
        All opportunities now, from `rows.to_rows`; ids are unique.
    seen_after, seen_at : Timestamp
        Times of the two records; ``seen_after`` is None for a first record.
    """
    before, after = _aligned(before, after)
    place = _places(after["unique_id"], before["unique_id"])
    is_deleted = _mask(pc.equal(before["operation"], DELETED))
    is_known, is_gone = place >= 0, np.ones(len(before), dtype=bool)
    is_gone[place[is_known]] = False
    is_back = is_known & np.append(is_deleted, False)[place]
    is_touched = ~is_known | is_back | _differs(before, after, pa.array(place, mask=~is_known))
    operation = np.select([~is_known, is_back], ["new", "returned"], "changed")[is_touched]
    added, removed = after.filter(pa.array(is_touched)), before.filter(pa.array(is_gone & ~is_deleted))
    names = [*KNOWN, *(c for c in after.column_names if c not in KNOWN)]
    changes = pa.concat_tables([added.select(names), removed.select(names)]).combine_chunks()
    changes = _dated(changes, [*operation, *[DELETED] * len(removed)], seen_after, seen_at)
    # Rows of `before`, or behind them those of `changes`, the removed ones last.
    source = np.where(is_touched, len(before) + np.cumsum(is_touched) - 1, place)
    end = len(before) + len(changes)
    source = np.concatenate(
        [source, np.arange(end - len(removed), end), np.flatnonzero(is_gone & is_deleted)]
    )
    both = pa.concat_tables([before.select(changes.column_names), changes])
    return Difference(changes, both.take(pa.array(source)).combine_chunks())


def _places(ids: pa.ChunkedArray, among: pa.ChunkedArray) -> np.ndarray:
    """Where each id is, −1 where it is not; from one record to the next the order mostly stays."""
    if among[: len(ids)].equals(ids):
        return np.arange(len(ids))
    found: np.ndarray = pc.index_in(ids, value_set=among).fill_null(-1).to_numpy()
    return found


def _differs(before: pa.Table, after: pa.Table, place: pa.Array) -> np.ndarray:
    """Mask of rows that differ in a tracked column from those at `place`; two nulls are equal."""
    differs = np.zeros(len(after), dtype=bool)
    in_order = place.equals(pa.array(np.arange(len(place))))
    for name in after.column_names:
        if name not in ("unique_id", *UNTRACKED):
            one = before[name][: len(place)] if in_order else before[name].take(place)
            other = after[name]
            differs |= _mask(pc.xor(one.is_null(), other.is_null())) | _mask(pc.not_equal(one, other))
    return differs


def _mask(condition: pa.ChunkedArray) -> np.ndarray:
    """A condition as a mask; unknown is False."""
    mask: np.ndarray = pc.fill_null(condition, False).to_numpy()
    return mask


def _dated(
    rows: pa.Table, operations: list[str], seen_after: pd.Timestamp | None, seen_at: pd.Timestamp
) -> pa.Table:
    rows = rows.add_column(0, "operation", pa.array(operations, pa.string()))
    for name, moment in (("seen_at", seen_at), ("seen_after", seen_after)):
        rows = rows.add_column(0, name, pa.repeat(pa.scalar(moment, INSTANT), len(rows)))
    return rows


def present(state: pa.Table) -> pa.Table:
    """The last change rows of opportunities that are still there."""
    return state.filter(pc.invert(pc.is_in(state["operation"], value_set=pa.array([DELETED, TRANSFERRED]))))


def operations_in(changes: pa.Table) -> dict[str, int]:
    """Number of change rows of each operation."""
    tally = Counter(changes["operation"].to_pylist())
    return {operation: tally[operation] for operation in OPERATIONS}


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
