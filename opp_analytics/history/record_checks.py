"""The checks of a frame before it becomes the next record of a history."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa

from opp_analytics import org
from opp_analytics.certificate import Certificate
from opp_analytics.errors import DataError, MissingColumnError, RecordRefused
from opp_analytics.history import rows
from opp_analytics.history.diff import UNTRACKED, present
from opp_analytics.history.entries import Entry
from opp_analytics.periods import When, as_instant

__all__ = ["certificate_of", "check_time", "checked", "moment_of", "refuse_if_not_next"]


def checked(opportunities: pd.DataFrame) -> pd.DataFrame:
    """The frame conformed, after a check of its ids."""
    try:
        return org.require(opportunities, unique=True)
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
            "this load is not complete, so missing rows would look deleted; load again, then record"
        )
    if certificate.rows not in (None, len(opportunities)):
        raise RecordRefused(
            f"the load brought {certificate.rows:,} opportunities but the frame has {len(opportunities):,}: record the "
            'frame as loaded, or delete attrs["load"] if these rows are meant to be all'
        )
    return certificate


def moment_of(at: When | None, certificate: Certificate | None) -> pd.Timestamp:
    """The instant of a record: `at`, else that of the load, else now."""
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
            "keep one history for each"
        )
    there = present(state)
    # A column that was empty all along can go: without it nothing looks changed.
    missing = [
        name
        for name in rows.KNOWN
        if name in entries[-1].columns
        and name not in frame
        and name not in UNTRACKED
        and there[name].null_count < len(there)
    ]
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
    what = "another frame was recorded then" if moment == last else "did the clock go back?"
    raise RecordRefused(
        f"a record at {moment.isoformat()} would not be after the last one in {folder}, at {last.isoformat()} ({what}); "
        "use a later `at`"
    )
