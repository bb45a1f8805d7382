"""The updates that were our own."""

from __future__ import annotations

import pandas as pd

from opp_analytics import schema
from opp_analytics.writer.journal.journal import journal_file, journal_files, read_journal

_OWN = """
SELECT step.unique_id, settled_at AS written_at, updated_before, updated_after, run_id, url
FROM run JOIN step USING (run_id) JOIN change USING (run_id, number)
WHERE outcome = 'applied' AND step.unique_id IS NOT NULL
GROUP BY run_id, number ORDER BY settled_at
"""


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
    files = [file for file in journal_files() if wanted in (None, file)]
    rows = [(*row, file.stem) for file in files for row in read_journal(file, _OWN)]
    found = pd.DataFrame(rows, columns=columns, dtype="object")
    times = {
        c: pd.to_datetime(found[c], utc=True, format="ISO8601").astype("datetime64[us, UTC]")
        for c in columns[1:4]
    }
    texts = dict.fromkeys(["unique_id", "run_id", "url", "tenant"], schema.TEXT)
    return found.assign(**times).astype(texts)
