"""Recording: adds a record or an import to the folder of a history."""

from __future__ import annotations

import logging

import pandas as pd

from opp_analytics.errors import HistoryError
from opp_analytics.history import rows
from opp_analytics.history.diff import difference, no_rows, operations_in
from opp_analytics.history.entries import Moment, Recorded
from opp_analytics.history.from_changes import Import
from opp_analytics.history.record_checks import (
    certificate_of,
    check_time,
    checked,
    moment_of,
    refuse_if_not_next,
    refuse_if_partial,
)
from opp_analytics.history.sources import FolderSource
from opp_analytics.org import Org
from opp_analytics.periods import When
from opp_analytics.text import count, number

__all__ = ["add_import", "add_record"]

_log = logging.getLogger("opp_analytics")


def add_record(
    source: FolderSource,
    opportunities: pd.DataFrame,
    *,
    at: When | None,
    allow_deleted: bool,
    org: Org | None,
) -> Recorded:
    """Add a record of all opportunities; see `History.record`."""
    frame = checked(opportunities, org)
    certificate = certificate_of(opportunities)
    store = source.store
    with store.writing():
        entries = store.entries()
        before = entries[-1] if entries else None
        moment = moment_of(at, certificate)
        state = source.state(entries)
        refuse_if_not_next(store.folder, entries, state, frame, certificate)
        found = difference(
            no_rows() if state is None else state,
            rows.to_rows(frame, before.kinds if before else None),
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
        recorded = Moment(moment, len(frame), **operations_in(changes))
        entry = store.append(
            changes,
            (recorded,),
            columns=rows.dtypes_of(frame),
            kinds={**(before.kinds if before else {}), **rows.kinds_of(changes)},
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
            raise HistoryError(f"{store.folder} already contains records; import into a new folder")
        if imported.moments:
            store.append(
                imported.rows,
                imported.moments,
                columns=imported.columns,
                kinds=rows.kinds_of(imported.rows),
                certificate=None,
                previous=None,
                notes=imported.notes,
            )
    _log.info("imported %s into %s", count(len(imported.moments), "record"), store.folder)
