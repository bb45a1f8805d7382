"""Many opportunities read in bulk and kept fresh: one sweep, then only what changed since, while a run writes.

Reading each opportunity just before its write costs as many calls as the writes themselves. From a few hundred on it is
cheaper to sweep once and to ask, a few times a second, for the most recently updated opportunities: those include every
edit that somebody else made meanwhile. What is written is then never judged by a reading older than a second.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from opp_analytics import schema
from opp_analytics.errors import ApiError
from opp_analytics.writer.remote import PAGE, current, swept

if TYPE_CHECKING:
    from opp_analytics.client import Client

__all__ = ["FEWEST", "Watched", "reader"]

FEWEST = 200
"""Opportunities from which on a sweep is considered."""
_SOFT, _HARD = 0.25, 1.0
"""Seconds after which a reading is refreshed by one connection, and after which all wait for that."""
_PAGES = 5

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
        The opportunities as a sweep met them, each with ``updated_at``.
    since : float
        `time.monotonic` before the sweep began.
    """

    def __init__(self, client: Client, rows: dict[str, Row], since: float) -> None:
        self._client = client
        self._rows = rows
        self._checked = since
        self._mark = max(map(_updated_at, rows.values()))
        self._lock = threading.Lock()
        self._sorted = True

    def __call__(self, unique_id: str) -> Row | None:
        """The opportunity, None when the server holds none."""
        if unique_id in self._rows and self._fresh():
            return self._rows[unique_id]
        return current(self._client, unique_id)

    def _fresh(self) -> bool:
        """Whether the rows can be believed, after a refresh where that is due."""
        age = time.monotonic() - self._checked
        if self._sorted and age > _SOFT and self._lock.acquire(blocking=age > _HARD):
            try:
                if time.monotonic() - self._checked > _SOFT:
                    self._refresh()
            except ApiError:
                return False  # the caller reads its own row, and meets the failure if it lasts
            finally:
                self._lock.release()
        return self._sorted and time.monotonic() - self._checked <= _HARD

    def _refresh(self) -> None:
        began = time.monotonic()
        newest = self._mark
        for number in range(1, _PAGES + 1):
            page = self._client.list(page=number, records=PAGE, sort="-updated_at").records
            times = [_updated_at(record) for record in page]
            if None in times or any(a < b for a, b in pairwise(times)):
                self._sorted = False  # this server does not sort: single reads from here on
                return
            self._rows |= {r["unique_id"]: r for r in page if r["unique_id"] in self._rows}
            newest = max([newest, *times[:1]])
            if not times or times[-1] < self._mark:
                # Rows can slip between pages; the mark moves on only when one page held everything new.
                self._mark = newest if number == 1 else self._mark
                self._checked = began
                return


def reader(client: Client, ids: Collection[str]) -> Watched | None:
    """A `Watched` over the opportunities, None where single reads are cheaper or the server gives no ``updated_at``."""
    if len(ids) < FEWEST:
        return None
    since = time.monotonic()
    rows = {i: row for i, row in swept(client, set(ids)).items() if row is not None and row.get("updated_at")}
    return Watched(client, rows, since) if rows else None
