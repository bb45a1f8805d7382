"""Checks of a frame before it becomes the next record of a history."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from opp_analytics import org
from opp_analytics.certificate import Certificate
from opp_analytics.errors import DataError, MissingColumnError, PartialExport, RecordRefused
from opp_analytics.history import rows
from opp_analytics.history.diff import UNTRACKED, present
from opp_analytics.history.entries import Entry
from opp_analytics.periods import When, as_instant
from opp_analytics.text import count, joined

__all__ = ["certificate_of", "check_time", "checked", "moment_of", "refuse_if_not_next", "refuse_if_partial"]

_DROPPED_SHARE, _DROPPED = 0.2, 5
"""Known opportunities that a frame without a certificate may lack: a share, or a number."""


def checked(opportunities: pd.DataFrame, meaning: org.Org | None) -> pd.DataFrame:
    """The frame as it is stored, after a check of its ids: stages as they are spelled, nothing derived from people."""
    try:
        org.require(opportunities.iloc[:0] if isinstance(opportunities, pd.DataFrame) else opportunities)
        theirs = org.get_org(opportunities)
        org.merge_orgs(theirs, meaning, names=("the frame's org", "the history's"))
        derived = {name for one in (theirs, meaning) if one for name in one.derived}
        bare = pd.DataFrame(opportunities).drop(columns=list(derived), errors="ignore")
        return org.require(bare, unique=True)
    except MissingColumnError:
        raise
    except DataError as error:
        raise RecordRefused(str(error)) from None


def certificate_of(opportunities: pd.DataFrame) -> Certificate | None:
    """The load certificate of a frame, after a check that the frame holds all opportunities."""
    try:
        certificate = Certificate.of(opportunities)
    except DataError as error:
        raise RecordRefused(str(error)) from None
    if certificate is None:
        return None
    for name, value in certificate.narrowed_by.items():
        raise RecordRefused(
            f"this frame was loaded with {name}={value!r}, so it does not hold all opportunities; load without it"
        )
    if not certificate.complete:
        raise RecordRefused(
            "this load is incomplete, so missing rows would look deleted; load again, then record"
        )
    if certificate.rows not in (None, len(opportunities)):
        raise RecordRefused(
            f"the load returned {certificate.rows:,} opportunities but the frame has {len(opportunities):,}: record the "
            'frame as loaded, or delete attrs["load"] if these rows are all opportunities'
        )
    return certificate


def moment_of(at: When | None, certificate: Certificate | None) -> pd.Timestamp:
    """Time of a record: `at`, else the time of the load, else now."""
    if at is None and certificate is not None:
        at = certificate.fetched_at
    moment = pd.Timestamp.now("UTC") if at is None else as_instant(at, name="at")
    return moment.as_unit("us")


def refuse_if_not_next(
    folder: Path,
    entries: list[Entry],
    state: pa.Table | None,
    frame: pd.DataFrame,
    certificate: Certificate | None,
) -> None:
    """Refuse a frame that cannot follow the last record: another tenant's, or one that lost a column."""
    if not entries or state is None:
        return
    tenant = next((entry.tenant for entry in entries if entry.tenant), None)
    other = certificate.tenant if certificate else None
    if tenant and other and tenant != other:
        raise RecordRefused(
            f"this frame belongs to tenant {other}, the history in {folder} to tenant {tenant} (another address or key); "
            "keep one history per tenant"
        )
    lacking = [c for c in rows.KNOWN if c in entries[-1].columns and c not in frame and c not in UNTRACKED]
    there = present(state.select(["operation", *lacking]))
    # A column that was always empty may be missing: nothing looks changed without it.
    missing = [name for name in lacking if there[name].null_count < len(there)]
    if missing:
        raise RecordRefused(
            f"the frame has no column {', '.join(missing)}, but the last record had values there, so every opportunity "
            "would look changed; record the frame as loaded"
        )


def check_time(folder: Path, before: Entry, moment: pd.Timestamp, changes: int) -> None:
    """Refuse a time that is not after the last record; the same frame at the same instant may pass."""
    last = before.last.recorded_at
    if moment > last or (moment == last and not changes):
        return
    what = "another frame was recorded at that time" if moment == last else "did the clock go back?"
    raise RecordRefused(
        f"a record at {moment.isoformat()} would not be after the last one in {folder}, at {last.isoformat()} ({what}); "
        "use a later `at`"
    )


def refuse_if_partial(folder: Path, state: pa.Table, changes: pa.Table) -> None:
    """Refuse changes that delete so many known opportunities that the frame looks like a partial export."""
    known = len(present(state.select(["operation"])))
    dropped = changes.filter(pc.equal(changes["operation"], rows.DELETED)).sort_by("unique_id")
    if len(dropped) <= max(_DROPPED, _DROPPED_SHARE * known):
        return
    pairs = zip(dropped["unique_id"].to_pylist(), dropped["name"].to_pylist(), strict=True)
    examples = [f"{name!r} ({key})" if name else key for key, name in islice(pairs, 3)]
    raise PartialExport(
        f"this frame lacks {len(dropped):,} of the {count(known, 'opportunity')} known in {folder}, such as "
        f"{joined(examples)}, and has no load certificate, so it may be a partial export"
    )
