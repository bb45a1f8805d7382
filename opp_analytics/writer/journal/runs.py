"""The runs of plans on this computer."""

from __future__ import annotations

import pandas as pd

from opp_analytics import schema
from opp_analytics.writer.journal.journal import journal_files, read_journal
from opp_analytics.writer.journal.result import OUTCOMES

__all__ = ["runs"]

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


def runs() -> pd.DataFrame:
    """Every run in the journals, newest first.

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
    counts = ", ".join(f"sum({condition}) AS {outcome}" for outcome, condition in _COUNTS.items())
    columns = ["run_id", "started_at", "ended_at", "url", "opportunities", "changes", *OUTCOMES, "left_over"]
    rows = [tuple(row) for file in journal_files() for row in read_journal(file, _RUNS.format(counts=counts))]
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
