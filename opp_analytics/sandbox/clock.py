"""The simulated clock: it runs with real time, and moves forward on demand.

It gives every write a unique timestamp.
"""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""Time of a clock before it is set."""

LONGEST_DAYS = 3_660
"""Largest move of a clock by `Sandbox.advance`."""

_TICK = timedelta(microseconds=1)


def to_text(moment: datetime) -> str:
    """Write an instant as ISO 8601 in UTC.

    It always has six decimals, so text order is time order.
    """
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def from_text(text: str) -> datetime:
    """Read the UTC instant of an ISO 8601 text; without a zone, UTC is assumed."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def midnight(day: date) -> datetime:
    """Return the start of `day` in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


class Clock:
    """The clock of a sandbox; it shows `EPOCH` until it is set."""

    def __init__(self) -> None:
        self._base = self._last = EPOCH
        self._started = time.monotonic()

    def now(self) -> datetime:
        """Return the simulated time, never before the newest timestamp."""
        running = self._base + timedelta(seconds=time.monotonic() - self._started)
        return max(running, self._last)

    def stamp(self, at: datetime | None = None) -> datetime:
        """Make a timestamp later than all before: `at`, or the next free microsecond.

        By default `at` is now.
        """
        self._last = max(at or self.now(), self._last + _TICK)
        return self._last

    def reach(self, moment: datetime) -> None:
        """Move forward to `moment`; a clock past it does not move."""
        if moment > self.now():
            self._base, self._started = moment, time.monotonic()

    def witness(self, moment: datetime) -> None:
        """Note a timestamp from elsewhere, so that the next one is later."""
        self._last = max(self._last, moment)
