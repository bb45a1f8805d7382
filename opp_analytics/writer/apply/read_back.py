"""The rows of a run on the server, read back at its end."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from contextlib import suppress

from opp_analytics.errors import ApiError
from opp_analytics.schema import Json
from opp_analytics.writer.apply import engine
from opp_analytics.writer.apply.judge import judge
from opp_analytics.writer.server_rows import (
    READS_PER_PAGE,
    Found,
    find_in_trash,
    list_since,
    read_many,
)
from opp_analytics.writer.steps import Result, RunStep

_PATIENCE = 1.0
"""Seconds for a last look after the run was stopped."""


def read_back(live: engine.LiveRun, entries: Iterable[RunStep], results: engine.Results) -> None:
    """Settle what was sent and answered by what the server holds.

    An old value is waited for, as replicas lag; of a run that was stopped there is one quick look.
    """
    left = [entry for entry in entries if entry.number in results and results[entry.number].told]
    stop, ends = live.stop, time.monotonic() + engine.choose_wait(live.client)
    pause = engine.FIRST_LOOK
    if stop:
        stop = engine.StopSignal()
        stop.leave_at = time.monotonic() + _PATIENCE
    while left:
        late = time.monotonic() >= ends
        seen = _look(live, left, results, stop)
        for entry, (row, trashed) in zip(left, seen, strict=False):
            judged = judge(
                *(entry.step, results[entry.number], row, live.client.org or entry.step.org),
                late=late,
                trashed=trashed,
            )
            results[entry.number] = judged
            if late or "unknown" not in judged.outcomes:
                live.settle(entry, judged)
        if late or stop or stop is not live.stop:
            return
        left = [entry for entry in left if "unknown" in results[entry.number].outcomes]
        if left:
            stop.wait(pause)
            pause = min(2 * pause, engine.LAST_LOOK)


def _look(
    live: engine.LiveRun,
    left: list[RunStep],
    results: Mapping[int, Result],
    stop: engine.StopSignal,
) -> list[tuple[Json | None, bool]]:
    """Read the opportunity of each step, and whether one that is missing is in the trash.

    Nothing where they cannot be read.
    """
    keys = [str(entry.step.unique_id or results[entry.number].unique_id) for entry in left]
    sent = [results[entry.number].sent_at for entry in left]
    since = live.began_at() if None in sent else min(filter(None, sent)) - engine.OVERLAP

    def look() -> list[tuple[Json | None, bool]]:
        found: Found = {}
        if len(set(keys)) > READS_PER_PAGE and since is not None:
            changed = list_since(live.client, "updated_at", since)
            found = {one["unique_id"]: one for one in changed if one["unique_id"] in set(keys)}
        found |= read_many(live.client, set(keys) - set(found))
        gone = {key for key, row in found.items() if row is None}
        created = {key for key, e in zip(keys, left, strict=True) if e.creates and key in gone}
        trash = set[str]()
        if created:
            with suppress(ApiError):
                trash = find_in_trash(live.client, created)
        return [(found[key], key in trash) for key in keys]

    return engine.look_apart(look, stop, "cannot read what the server holds") or []
