"""Recording: adds a record or an import to the folder of a history."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from opp_analytics import errors, org
from opp_analytics.arguments import ArrowStream, as_frame, texts
from opp_analytics.certificate import Certificate
from opp_analytics.history import rows
from opp_analytics.history.from_changes import Import
from opp_analytics.history.sources import FolderSource
from opp_analytics.history.store import Entry, RecordCounts, Recorded
from opp_analytics.org import Org
from opp_analytics.periods import When, as_instant
from opp_analytics.text import count, joined, number


@dataclass(frozen=True)
class RecordDifference:
    """The changes from one record to the next."""

    changes: pa.Table
    """One wide row per opportunity that is new, changed, deleted or returned: ``seen_after``,
    ``seen_at``, ``operation``, then the columns of both records. A tombstone (deleted) keeps the
    opportunity as it was last seen."""
    state: pa.Table
    """The last change row of every opportunity: of those recorded in their order, then of the
    deleted ones."""


def difference(
    before: pa.Table, after: pa.Table, *, seen_after: pd.Timestamp | None, seen_at: pd.Timestamp
) -> RecordDifference:
    """Find the difference between each opportunity's last change row and its row now.

    Rows now are those of `rows.to_rows`.

    A first record has no rows before, and ``seen_after`` None.
    """
    # The same further columns at their widest kind, each column in one chunk.
    old, new = rows.find_kinds(before), rows.find_kinds(after)
    kinds = {name: rows.widest(old.get(name), new.get(name)) for name in {**old, **new}}
    before, after = (_cast_kinds(table, kinds).combine_chunks() for table in (before, after))
    place = _find_places(after["unique_id"], before["unique_id"])
    is_deleted = _mask(pc.equal(before["operation"], rows.DELETED))
    is_known, is_gone = place >= 0, np.ones(len(before), dtype=bool)
    is_gone[place[is_known]] = False
    is_back = is_known & np.append(is_deleted, False)[place]
    is_touched = (
        ~is_known | is_back | _find_differing(before, after, pa.array(place, mask=~is_known))
    )
    operation = np.select([~is_known, is_back], ["new", "returned"], "changed")[is_touched]
    added, removed = (
        after.filter(pa.array(is_touched)),
        before.filter(pa.array(is_gone & ~is_deleted)),
    )
    names = [*rows.KNOWN, *(c for c in after.column_names if c not in rows.KNOWN)]
    changes = pa.concat_tables([added.select(names), removed.select(names)]).combine_chunks()
    operations = [*operation, *[rows.DELETED] * len(removed)]
    changes = changes.add_column(0, "operation", pa.array(operations, pa.string()))
    for name, moment in (("seen_at", seen_at), ("seen_after", seen_after)):
        changes = changes.add_column(
            0, name, pa.repeat(pa.scalar(moment, rows.INSTANT), len(changes))
        )
    # Rows of `before`, or behind them those of `changes`, the removed ones last.
    source = np.where(is_touched, len(before) + np.cumsum(is_touched) - 1, place)
    end = len(before) + len(changes)
    source = np.concatenate(
        [source, np.arange(end - len(removed), end), np.flatnonzero(is_gone & is_deleted)]
    )
    both = pa.concat_tables([before.select(changes.column_names), changes])
    return RecordDifference(changes, both.take(pa.array(source)).combine_chunks())


def _find_places(ids: pa.ChunkedArray, among: pa.ChunkedArray) -> np.ndarray:
    """Find the row of each id, −1 if absent.

    Between two records the order mostly stays the same.
    """
    if among[: len(ids)].equals(ids):
        return np.arange(len(ids))
    found: np.ndarray = pc.index_in(ids, value_set=among).fill_null(-1).to_numpy()
    return found


def _find_differing(before: pa.Table, after: pa.Table, place: pa.Array) -> np.ndarray:
    """Mark rows that differ from those at `place` in a tracked column; two nulls are equal."""
    differs = np.zeros(len(after), dtype=bool)
    in_order = place.equals(pa.array(np.arange(len(place))))
    for name in after.column_names:
        if name not in ("unique_id", *rows.UNTRACKED):
            one = before[name][: len(place)] if in_order else before[name].take(place)
            other = after[name]
            differs |= _mask(pc.xor(one.is_null(), other.is_null())) | _mask(
                pc.not_equal(one, other)
            )
    return differs


def _mask(condition: pa.ChunkedArray) -> np.ndarray:
    """Turn a condition into a mask; unknown is False."""
    mask: np.ndarray = pc.fill_null(condition, False).to_numpy()
    return mask


def _cast_kinds(table: pa.Table, kinds: dict[str, str | None]) -> pa.Table:
    for name, kind in kinds.items():
        dtype = rows.KINDS[str(kind)]
        if name in table.column_names:
            table = table.set_column(table.column_names.index(name), name, table[name].cast(dtype))
        else:
            table = table.append_column(name, pa.nulls(len(table), dtype))
    return table


_DROPPED_SHARE = 0.2
"""A frame without a certificate may lack this share of the known opportunities: people delete a
few, exports drop many."""
_DROPPED = 5
"""It may always lack this many: in a small pipeline a few deletions are a large share."""


def check_frame(opportunities: Any, meaning: org.Org | None) -> pd.DataFrame:
    """Check the ids and return the frame to store.

    It has stages as spelled and the CRM's values, and no columns from people or rates.
    """
    try:
        org.require(
            opportunities.iloc[:0] if isinstance(opportunities, pd.DataFrame) else opportunities
        )
        theirs = org.get_org(opportunities)
        org.merge_orgs(theirs, meaning, names=("the frame's org", "the history's"))
        bare = pd.DataFrame(opportunities)
        for one in (theirs, meaning):
            bare = one.bare(bare) if one else bare
        rows.check_names(bare.columns)
        return org.require(bare, unique=True)
    except errors.MissingColumnError:
        raise
    except errors.DataError as error:
        raise errors.RecordRefused(str(error)) from None


def check_certificate(opportunities: pd.DataFrame) -> Certificate | None:
    """Read the load certificate of a frame, and check that the frame holds all opportunities."""
    try:
        certificate = Certificate.of(opportunities)
    except errors.DataError as error:
        raise errors.RecordRefused(str(error)) from None
    if certificate is None:
        return None
    for name, value in certificate.narrowed_by.items():
        raise errors.RecordRefused(
            f"this table of deals was loaded with {name}={value!r}, so it does not hold all "
            "opportunities; load without it"
        )
    if not certificate.complete:
        raise errors.RecordRefused(
            "this load is incomplete, so missing rows would look deleted; load again, then record"
        )
    if certificate.unreadable:
        raise errors.RecordRefused(
            f"{certificate.unreadable_cells} can't be read, so a record would show the value as "
            "gone; correct it on the server, then load and record again"
        )
    if certificate.rows not in (None, len(opportunities)):
        raise errors.RecordRefused(
            f"the load returned {certificate.rows:,} opportunities but the table has "
            f"{len(opportunities):,}: record the "
            'table as loaded, or delete attrs["load"] if these rows are all opportunities'
        )
    return certificate


_SERVERS_STEP = pd.Timedelta(seconds=2)
"""A server tells whole seconds, so that of two loads the later one may seem to be the earlier."""


def choose_time(
    at: When | None, certificate: Certificate | None, last: pd.Timestamp | None = None
) -> pd.Timestamp:
    """Choose the time of a record: `at`, else the time of the load, else now.

    A load that seems to be a moment older than the `last` record comes right after it.
    """
    loaded = certificate.fetched_at if certificate is not None and at is None else None
    at = at if loaded is None else loaded
    moment = pd.Timestamp.now("UTC") if at is None else as_instant(at, name="at")
    if loaded is not None and last is not None and last - _SERVERS_STEP < moment < last:
        moment = last + pd.Timedelta(microseconds=1)
    return moment.as_unit("us")


def refuse_other_tenant(
    folder: Path, entries: list[Entry], certificate: Certificate | None
) -> None:
    """Refuse a frame of another tenant."""
    tenant = next((entry.tenant for entry in entries if entry.tenant), None)
    other = certificate.tenant if certificate else None
    if tenant and other and tenant != other:
        raise errors.RecordRefused(
            f"this table of deals belongs to tenant {other}, the history in {folder} to tenant "
            f"{tenant} (another address or key); keep one history per tenant"
        )


def check_allowed(allow_missing: Any, frame: pd.DataFrame, entries: list[Entry]) -> list[str]:
    """Check the names of columns that may be missing.

    They are those of the API, and further ones of the frame or the history.
    """
    names = texts(allow_missing, "allow_missing")
    further = {*frame.columns, *(entries[-1].kinds if entries else ())} - set(rows.KNOWN)
    known = [*(name for name in rows.KNOWN if name != "unique_id"), *sorted(further)]
    for name in names:
        if name not in known:
            raise errors.ArgumentValueError(
                f"allow_missing names {name!r}, which is no column that may be missing; use some "
                f"of {joined(known)}"
            )
    return names


def refuse_lost_columns(
    state: pa.Table, now: pa.Table, columns: Collection[str], allow_missing: Collection[str]
) -> None:
    """Refuse rows that lack an API column in which known deals had values.

    Warn of a further one.

    `columns` are those of the recorded frame. One cleared cell is an edit.
    """
    hidden = ("unique_id", *rows.UNTRACKED, *rows.CHANGE_COLUMNS)
    tracked = [name for name in state.column_names if name not in hidden]
    empty = [
        name for name in tracked if name not in now.column_names or not _count_values(now[name])
    ]
    still_there = rows.present(state.select(["operation", "unique_id", *empty]))
    still_there = still_there.filter(pc.is_in(still_there["unique_id"], value_set=now["unique_id"]))
    had = {name: _count_values(still_there[name]) for name in empty}
    lost = [n for n in empty if n not in allow_missing and had[n] > (1 if n in columns else 0)]
    refused, further = ([n for n in lost if (n in rows.KNOWN) == known] for known in (True, False))
    if refused:
        values = f"{_describe_lost(refused, columns)}, but the last record had values there"
        raise errors.LostColumns(values, refused)
    if further:
        values = (
            f"{_describe_lost(further, columns)}, and the values that the last record had there "
            "are recorded as missing"
        )
        errors.DataWarning.warn(values)


def _count_values(column: pa.ChunkedArray) -> int:
    """Count the cells that are neither missing nor blank."""
    if not pa.types.is_string(column.type):
        return int(len(column) - column.null_count)
    return int(_mask(pc.not_equal(pc.utf8_trim_whitespace(column), "")).sum())


def _describe_lost(names: list[str], columns: Collection[str]) -> str:
    gone, empty = (
        [name for name in names if (name in columns) == there] for there in (False, True)
    )
    return ", and ".join(
        [
            *([f"the table of deals has no column {joined(gone)}"] if gone else []),
            *(
                [f"{joined(empty)} {'is' if len(empty) == 1 else 'are'} empty in every row"]
                if empty
                else []
            ),
        ]
    )


def check_time(folder: Path, before: Entry, moment: pd.Timestamp, changes: int) -> None:
    """Refuse a time that is not after the last record.

    The same frame at the same instant may pass.
    """
    last = before.last.recorded_at
    if moment > last or (moment == last and not changes):
        return
    what = "another state was recorded at that time" if moment == last else "did the clock go back?"
    raise errors.RecordRefused(
        f"a record at {moment.isoformat()} would not be after the last one in {folder}, at "
        f"{last.isoformat()} ({what}); use a later `at`"
    )


def refuse_if_partial(folder: Path, state: pa.Table, changes: pa.Table) -> None:
    """Refuse changes with so many deletions that the frame looks like a partial export."""
    known = len(rows.present(state.select(["operation"])))
    dropped = changes.filter(pc.equal(changes["operation"], rows.DELETED)).sort_by("unique_id")
    if not looks_partial(len(dropped), known):
        return
    pairs = zip(dropped["unique_id"].to_pylist(), dropped["name"].to_pylist(), strict=True)
    examples = [f"{name!r} ({key})" if name else key for key, name in islice(pairs, 3)]
    raise errors.PartialExport(
        f"this table of deals lacks {len(dropped):,} of the {count(known, 'opportunity')} known in "
        f"{folder}, such as {joined(examples)}, and has no load certificate, so it may be a "
        "partial export",
        python_way="record all opportunities, or pass allow_deleted=True if these were deleted",
        shell_way="record all opportunities, or use opp-analytics record --allow-deleted if these "
        "were deleted",
    )


def looks_partial(lacking: int, known: int) -> bool:
    """Tell whether a frame lacks so many known opportunities that it looks like a part of them."""
    return lacking > max(_DROPPED, _DROPPED_SHARE * known)


_log = logging.getLogger("opp_analytics")


def add_record(
    source: FolderSource,
    opportunities: pd.DataFrame | ArrowStream,
    *,
    at: When | None,
    allow_deleted: bool,
    allow_missing: str | Collection[str],
    org: Org | None,
) -> Recorded:
    """Add a record of all opportunities; see `History.record`."""
    whole = as_frame(opportunities)
    frame, certificate = check_frame(whole, org), check_certificate(whole)
    if at is not None:
        at = as_instant(at, tz=(org or Org.of(whole)).zone(None), name="at")
    choose_time(at, certificate)
    store = source.store
    allowed = check_allowed(allow_missing, frame, store.entries())
    with store.writing():
        entries = store.entries()
        before = entries[-1] if entries else None
        # Under the lock: "now" is after the record that it waited for.
        moment = choose_time(at, certificate, before.last.recorded_at if before else None)
        state = source.state(entries)
        refuse_other_tenant(store.folder, entries, certificate)
        now = rows.to_rows(frame, before.kinds if before else None)
        if state is not None:
            refuse_lost_columns(state, now, frame.columns, allowed)
        found = difference(
            rows.change_schema({}).empty_table() if state is None else state,
            now,
            seen_after=before.last.recorded_at if before else None,
            seen_at=moment,
        )
        changes = found.changes
        if before:
            check_time(store.folder, before, moment, len(changes))
            if moment == before.last.recorded_at:
                _log.info("recorded nothing in %s: its last record is the same frame", store.folder)
                return Recorded(moment, before.last.rows, appended=False)
        if state is not None and certificate is None and not allow_deleted:
            refuse_if_partial(store.folder, state, changes)
        tally = Counter(changes["operation"].to_pylist())
        recorded = RecordCounts(
            moment, len(frame), **{name: tally[name] for name in rows.OPERATIONS}
        )
        entry = store.append(
            changes,
            (recorded,),
            columns=rows.list_dtypes(frame),
            kinds={**(before.kinds if before else {}), **rows.find_kinds(changes)},
            certificate=certificate.to_json() if certificate else None,
            previous=before,
        )
        store.keep_state(found.state, entry)
    _log.info(
        "recorded %s in %s: %s",
        count(recorded.rows, "opportunity"),
        store.folder,
        ", ".join(f"{number(getattr(recorded, name))} {name}" for name in rows.OPERATIONS),
    )
    return Recorded(**vars(recorded))


def add_import(source: FolderSource, imported: Import) -> None:
    """Add all records of an imported change log to a new history; see `History.from_changes`."""
    store = source.store
    with store.writing():
        if store.entries():
            raise errors.HistoryError(
                f"{store.folder} already contains records; import into a new folder"
            )
        if imported.moments:
            kinds = rows.find_kinds(imported.rows)
            store.append(
                imported.rows,
                imported.moments,
                columns=imported.columns,
                kinds=kinds,
                notes=imported.notes,
            )
    _log.info("imported %s into %s", count(len(imported.rows), "change"), store.folder)


def is_recorded(source: FolderSource, opportunities: pd.DataFrame, org: Org | None) -> bool:
    """Tell whether the last record already holds the opportunities as they are.

    Another record would then show no change.
    """
    entries = source.store.entries()
    state = source.state(entries)
    if state is None:
        return False
    now = rows.to_rows(check_frame(opportunities, org), entries[-1].kinds)
    at = entries[-1].last.recorded_at
    return not len(difference(state, now, seen_after=at, seen_at=at).changes)
