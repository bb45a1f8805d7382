"""The runs of plans on this computer, and the updates that were our own."""

from __future__ import annotations

from typing import Any

import pandas as pd

from opp_analytics import schema
from opp_analytics.api import Client
from opp_analytics.writer.journal import LEFT, locate_journal, locate_journals, read_journal
from opp_analytics.writer.steps import OUTCOMES

_IN_DOUBT = "(outcome = 'pending' AND intended_at IS NOT NULL)"
"""A change whose write was about to be sent when the process ended."""
_COUNTS = {
    **{outcome: f"outcome = '{outcome}'" for outcome in OUTCOMES},
    "unknown": f"outcome = 'unknown' OR {_IN_DOUBT}",
    "pending": f"outcome = 'pending' AND NOT {_IN_DOUBT}",
}
_RUNS = """
SELECT run_id, started_at, ended_at, url, count(DISTINCT number) AS opportunities, count(*) AS changes,
       {counts}, sum({left}) AS left_over
FROM run JOIN step USING (run_id) JOIN change USING (run_id, number) GROUP BY run_id
"""
_OWN = """
SELECT step.unique_id, settled_at AS written_at, updated_before, updated_after, run_id, url
FROM run JOIN step USING (run_id) JOIN change USING (run_id, number)
WHERE outcome = 'applied' AND step.unique_id IS NOT NULL
GROUP BY run_id, number ORDER BY settled_at
"""


def runs() -> pd.DataFrame:
    """List every run in the journals, newest first.

    Returns
    -------
    DataFrame
        RangeIndex; ``run_id`` str, ``started_at``, ``ended_at`` (missing: it was killed, or is still running)
        datetime64[us, UTC], ``url`` str, ``opportunities``, ``changes`` and a count per outcome int64 (applied
        already skipped conflict failed unknown pending), ``state`` str: finished, or unfinished where `resume` has
        work to do. Empty, with its columns, if nothing was ever applied.

    Raises
    ------
    JournalError
        If a journal cannot be read.
    """
    counted = ", ".join(f"sum({condition}) AS {outcome}" for outcome, condition in _COUNTS.items())
    query = _RUNS.format(counts=counted, left=LEFT)
    counts = ("opportunities", "changes", *OUTCOMES, "left_over")
    columns = ["run_id", "started_at", "ended_at", "url", *counts]
    rows = [tuple(row) for file in locate_journals() for row in read_journal(file, query)]
    found = _frame(rows, columns, times=("started_at", "ended_at")).astype(dict.fromkeys(counts, "int64"))
    state = found["left_over"].gt(0).map({True: "unfinished", False: "finished"}).astype(schema.TEXT)
    found = found.drop(columns="left_over").assign(state=state)
    return found.sort_values("started_at", ascending=False, kind="stable", ignore_index=True)


def own_writes(client: Client) -> pd.DataFrame:
    """List updates that were our own batch writes, not somebody's work on a deal; for `audit`.

    Parameters
    ----------
    client : Client
        Identifies the tenant, because two servers may use the same ids. No request is sent.

    Returns
    -------
    DataFrame
        One row per opportunity and run, oldest first; RangeIndex. ``unique_id`` str, ``written_at`` (by this
        computer's clock), ``updated_before``, ``updated_after`` (the server's ``updated_at`` around the write, missing
        where it sent none) datetime64[us, UTC], ``run_id url tenant`` str.

    Raises
    ------
    JournalError
        If the journal cannot be read.
    """
    tenant = client.settings.tenant
    file = locate_journal(tenant)
    times = ("written_at", "updated_before", "updated_after")
    rows = [(*row, tenant) for row in (read_journal(file, _OWN) if file.exists() else [])]
    return _frame(rows, ["unique_id", *times, "run_id", "url", "tenant"], times=times)


def _frame(rows: list[tuple[Any, ...]], columns: list[str], times: tuple[str, ...]) -> pd.DataFrame:
    """Make a frame of text and times, numbers as objects."""
    found = pd.DataFrame(rows, columns=columns, dtype="object")
    texts = [c for c in ("unique_id", "run_id", "url", "tenant") if c in found]
    # What a server sent as its stamp may be anything; our own are checked.
    moments = {
        c: pd.to_datetime(found[c], utc=True, format="ISO8601", errors="coerce").astype("datetime64[us, UTC]")
        for c in times
    }
    return found.astype(dict.fromkeys(texts, schema.TEXT)).assign(**moments)
