"""The journals read for people: which runs there were, and which updates were our own."""

from __future__ import annotations

import pandas as pd

from opp_analytics import schema
from opp_analytics.writer.journal import account_files, journal_file, read_journal
from opp_analytics.writer.results import OUTCOMES

__all__ = ["own_writes", "runs"]

_RUNS = """
SELECT run_id, started_at, ended_at, url, count(DISTINCT number) AS opportunities, count(*) AS changes, {counts},
       sum(outcome IN ('pending', 'unknown') OR (outcome = 'failed' AND NOT refused)) AS left_over
FROM run JOIN step USING (run_id) JOIN change USING (run_id, number) GROUP BY run_id
"""
_DOUBT = "(outcome = 'pending' AND intended_at IS NOT NULL)"
_COUNTS = {
    **{outcome: f"outcome = '{outcome}'" for outcome in OUTCOMES},
    "unknown": f"outcome = 'unknown' OR {_DOUBT}",
    "pending": f"outcome = 'pending' AND NOT {_DOUBT}",
}
_OWN = """
SELECT step.unique_id, settled_at AS written_at, updated_before, updated_after, run_id, url
FROM run JOIN step USING (run_id) JOIN change USING (run_id, number)
WHERE outcome = 'applied' AND step.unique_id IS NOT NULL
GROUP BY run_id, number ORDER BY settled_at
"""


def runs() -> pd.DataFrame:
    """Every run in the journals, newest first.

    Returns
    -------
    DataFrame
        RangeIndex; ``run_id`` str, ``started_at``, ``ended_at`` (missing: it was killed, or still goes on)
        datetime64[us, UTC], ``url`` str, ``opportunities``, ``changes`` and a count per outcome int64 (applied
        already skipped conflict failed unknown pending), ``state`` str: finished, or unfinished where `resume` has
        something to do. Empty, with its columns, when nothing was ever applied.

    Raises
    ------
    JournalError
        When a journal cannot be read.
    """
    counts = ", ".join(f"sum({condition}) AS {outcome}" for outcome, condition in _COUNTS.items())
    columns = ["run_id", "started_at", "ended_at", "url", "opportunities", "changes", *OUTCOMES, "left_over"]
    rows = [tuple(row) for file in account_files() for row in read_journal(file, _RUNS.format(counts=counts))]
    found = pd.DataFrame(rows, columns=columns, dtype="object")
    times = {
        c: pd.to_datetime(found[c], utc=True, format="ISO8601").astype("datetime64[us, UTC]")
        for c in columns[1:3]
    }
    whole = dict.fromkeys(["opportunities", "changes", *OUTCOMES, "left_over"], "int64")
    found = found.assign(**times).astype(whole | {"run_id": schema.TEXT, "url": schema.TEXT})
    state = found["left_over"].gt(0).map({True: "unfinished", False: "finished"}).astype(schema.TEXT)
    found = found.drop(columns="left_over").assign(state=state)
    return found.sort_values("started_at", ascending=False, kind="stable", ignore_index=True)


def own_writes(tenant: str | None = None) -> pd.DataFrame:
    """Updates that were our own batch writes, not somebody's work on a deal; for `audit`.

    Parameters
    ----------
    tenant : str, optional
        Only writes to this tenant: ``opportunities.attrs["load"]["tenant"]`` of a load, `Settings.tenant` of a
        client; every tenant's by default. Two servers may well give the same ids.

    Returns
    -------
    DataFrame
        One row per opportunity and run, oldest first; RangeIndex. ``unique_id`` str, ``written_at`` (by this
        computer's clock), ``updated_before``, ``updated_after`` (the server's ``updated_at`` around the write, missing
        where it did not tell) datetime64[us, UTC], ``run_id url tenant`` str.

    Raises
    ------
    JournalError
        When a journal cannot be read.
    """
    columns = ["unique_id", "written_at", "updated_before", "updated_after", "run_id", "url", "tenant"]
    wanted = None if tenant is None else journal_file(tenant)
    files = [file for file in account_files() if wanted in (None, file)]
    rows = [(*row, file.stem) for file in files for row in read_journal(file, _OWN)]
    found = pd.DataFrame(rows, columns=columns, dtype="object")
    times = {
        c: pd.to_datetime(found[c], utc=True, format="ISO8601").astype("datetime64[us, UTC]")
        for c in columns[1:4]
    }
    texts = dict.fromkeys(["unique_id", "run_id", "url", "tenant"], schema.TEXT)
    return found.assign(**times).astype(texts)
