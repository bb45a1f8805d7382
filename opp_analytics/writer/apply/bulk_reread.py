"""Many opportunities read in bulk and kept fresh: one sweep, then only what changed since, while a run writes.

Reading each opportunity just before its write costs as many calls as the writes themselves. From a few hundred on it is
cheaper to sweep once and to ask, a few times a second, for the most recently updated opportunities: those include every
edit that somebody else made meanwhile. What is written is then never judged by a reading older than a second. A server
that cannot be watched that closely (it does not sort, or changes faster than one page tells) is read one by one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pandas as pd

from opp_analytics import schema
from opp_analytics.errors import ApiError
from opp_analytics.writer.plan.remote import PAGE, read_one, sweep

if TYPE_CHECKING:
    from opp_analytics.api import Client


FEWEST = 200
"""Opportunities from which on a sweep is considered."""
_SOFT, _HARD = 0.4, 1.0
"""Seconds after which a reading is refreshed by one connection, and after which all wait for that."""
_OVERLAP = pd.Timedelta("1s")
"""A server may show an edit a little after the time that it gives it, so a refresh reads back so far again."""
_STRIKES = 3
"""Refreshes in a row that cannot be vouched for, after which opportunities are read one by one to the end."""
Row = dict[str, Any]


def _updated_at(record: Row) -> Any:
    return schema.parse_cell("updated_at", record.get("updated_at"))


class Watched:
    """Opportunities as the server holds them, from readings at most a second old; call it with an id.

    Parameters
    ----------
    client : Client
        Asks.
    rows : dict of str to dict
        The opportunities as a sweep met them.
    mark : Timestamp
        The server's newest ``updated_at`` before the sweep began.
    since : float
        `time.monotonic` before the sweep began.
    """

    def __init__(self, client: Client, rows: dict[str, Row], mark: pd.Timestamp, since: float) -> None:
        self._client = client
        self._rows = rows
        self._mark = mark
        self._checked = self._tried = since
        self._strikes = _STRIKES
        self._lock = threading.Lock()

    def __call__(self, unique_id: str) -> Row | None:
        """The opportunity, None when the server holds none."""
        if unique_id in self._rows and self._fresh():
            return self._rows[unique_id]
        return read_one(self._client, unique_id)

    def _fresh(self) -> bool:
        """Whether the rows can be believed, after a refresh where that is due."""
        if self._due() and self._lock.acquire(blocking=time.monotonic() - self._checked > _HARD):
            try:
                if self._due():
                    self._refresh()
            except ApiError:
                return False  # the caller reads its own row, and meets the failure if it lasts
            finally:
                self._lock.release()
        return self._strikes > 0 and time.monotonic() - self._checked <= _HARD

    def _due(self) -> bool:
        return self._strikes > 0 and time.monotonic() - self._tried > _SOFT

    def _refresh(self) -> None:
        """Take over what was updated since the last look, from one page, between whose rows nothing can slip away."""
        self._tried = began = time.monotonic()
        page = self._client.list(page=1, page_size=PAGE, sort="-updated_at")
        times = [_updated_at(record) for record in page.rows]
        if not times or None in times or any(a < b for a, b in pairwise(times)):
            self._strikes = 0
        elif len(times) == page.total_records or times[-1] < self._last_look(times[0]) - _OVERLAP:
            self._rows |= {r["unique_id"]: r for r in page.rows if r["unique_id"] in self._rows}
            self._mark = max(self._mark, times[0])
            self._checked, self._strikes = began, _STRIKES
        else:
            self._strikes -= 1

    def _last_look(self, newest: pd.Timestamp) -> pd.Timestamp:
        """The earliest that the server's clock can have shown at the last look."""
        elapsed = pd.Timedelta(time.monotonic() - self._checked, unit="s")
        return max(self._mark, newest - elapsed)


def reader(client: Client, ids: Collection[str]) -> Watched | None:
    """A `Watched` over the opportunities, None where single reads are cheaper or the server cannot be watched."""
    if len(ids) < FEWEST:
        return None
    since = time.monotonic()
    try:
        newest = client.list(page=1, page_size=1, sort="-updated_at").rows
        mark = _updated_at(newest[0]) if newest else None
        if mark is None:
            return None
        rows = sweep(client, set(ids))
    except ApiError:
        return None  # every opportunity is then read by itself, and its change says what went wrong
    held = {unique_id: row for unique_id, row in rows.items() if row is not None}
    return Watched(client, held, mark, since) if held else None
