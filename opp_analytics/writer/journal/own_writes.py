"""The updates that our own runs made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from opp_analytics import schema
from opp_analytics.writer.journal.journal import journal_file, read_journal

if TYPE_CHECKING:
    from opp_analytics.api import Client

__all__ = ["own_writes"]

_TEXTS = ("unique_id", "run_id", "url", "tenant")
_TIMES = ("written_at", "updated_before", "updated_after")
_OWN = """
SELECT step.unique_id, settled_at AS written_at, updated_before, updated_after, run_id, url
FROM run JOIN step USING (run_id) JOIN change USING (run_id, number)
WHERE outcome = 'applied' AND step.unique_id IS NOT NULL
GROUP BY run_id, number ORDER BY settled_at
"""


def own_writes(client: Client) -> pd.DataFrame:
    """Updates that were our own batch writes, not somebody's work on a deal; for `audit`.

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
    file = journal_file(tenant)
    columns = [*_TEXTS[:1], *_TIMES, *_TEXTS[1:]]
    rows = [(*row, tenant) for row in (read_journal(file, _OWN) if file.exists() else [])]
    found = pd.DataFrame(rows, columns=columns, dtype="object").astype(dict.fromkeys(_TEXTS, schema.TEXT))
    times = {c: pd.to_datetime(found[c], utc=True, format="ISO8601") for c in _TIMES}
    return found.assign(**{c: column.astype("datetime64[us, UTC]") for c, column in times.items()})
