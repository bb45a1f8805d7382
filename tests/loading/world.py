"""A server's stock that people work on, also while it is read."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd

from tests.support import Answer, Asked, paged, row

REGIONS = ("north", 7, 2.5, 3.0, True, None, ["a"])
"""What a tenant's own attribute may hold; the rows of the beginning do not have it."""


class World:
    """A server's stock that people work on."""

    def __init__(self, count: int) -> None:
        self.rows = [row(n, created_at=f"2026-01-01T00:00:00.{n:06d}Z") for n in range(count)]
        self.trash: list[dict[str, Any]] = []
        self.made = count
        self.now = datetime(2026, 3, 1, tzinfo=UTC)

    def stamp(self) -> str:
        self.now += timedelta(minutes=7)
        return self.now.isoformat()

    def create(self, at: int) -> None:
        stamp = self.stamp()
        regions = ({}, *({"region": region} for region in REGIONS))
        self.rows.append(
            row(self.made, created_at=stamp, updated_at=stamp, **regions[at % len(regions)])
        )
        self.made += 1

    def update(self, at: int) -> None:
        if self.rows:
            changed = self.rows[at % len(self.rows)]
            self.rows[at % len(self.rows)] = changed | {
                "value": at,
                "stage": "won!!",
                "updated_at": self.stamp(),
            }

    def delete(self, at: int) -> None:
        if self.rows:
            self.trash.insert(0, self.rows.pop(at % len(self.rows)))

    def recover(self, at: int) -> None:
        """Some servers stamp a recovered row, others do not."""
        if self.trash:
            back = self.trash.pop(at % len(self.trash))
            self.rows.append(back | {"updated_at": self.stamp()} if at % 2 else back)

    def purge(self, _: int = 0) -> None:
        self.trash.clear()

    def answer(self, asked: Any) -> Any:
        return paged(self.rows, self.trash)(asked)


WORK = ("create", "update", "delete", "recover")
"""What people do."""

Stock = frozenset[tuple[str, float, pd.Timestamp]]


class BusyWorld(World):
    """A world in which somebody does the next piece of work around each request, and every moment
    is kept.

    Parameters
    ----------
    count : int
        Opportunities at the start.
    drift : iterable
        For each request what is done before it is answered: None, or the work and the row it is
        done to.
    """

    def __init__(self, count: int, drift: Iterable[tuple[str, int] | None]) -> None:
        super().__init__(count)
        self.drift = iter(drift)
        self.moments: list[Stock] = [self.stock()]
        self._lock = threading.Lock()

    def stock(self) -> Stock:
        """What a load should give now."""
        return frozenset(
            (r["unique_id"], float(r["value"]), pd.Timestamp(r["updated_at"])) for r in self.rows
        )

    def answer(self, asked: Asked) -> Answer:
        with self._lock:
            work = next(self.drift, None)
            if work is not None:
                getattr(self, work[0])(work[1])
                self.moments.append(self.stock())
            answer: Answer = super().answer(asked)
            return answer


def stock_of(opportunities: pd.DataFrame) -> Stock:
    """The same of a frame."""
    return frozenset(
        zip(*(opportunities[c] for c in ("unique_id", "value", "updated_at")), strict=True)
    )
