"""Simulated time. It runs with real time, moves forward on demand, and gives every write its own stamp."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta

__all__ = ["EPOCH", "LONGEST_DAYS", "Clock", "from_text", "midnight", "to_text"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""What a clock shows before it is set."""

LONGEST_DAYS = 3_660
"""How far `Sandbox.advance` moves a clock at most."""

_TICK = timedelta(microseconds=1)


def to_text(moment: datetime) -> str:
    """ISO 8601 in UTC, always with six decimals, so that text order is time order."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def from_text(text: str) -> datetime:
    """The UTC instant in an ISO 8601 text; one without a zone is taken as UTC."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def midnight(day: date) -> datetime:
    """The instant at which `day` begins in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


class Clock:
    """The one clock of a sandbox; it shows `EPOCH` until it reaches another instant."""

    def __init__(self) -> None:
        self._base = self._last = EPOCH
        self._started = time.monotonic()

    def now(self) -> datetime:
        """The simulated instant, never before the newest stamp."""
        running = self._base + timedelta(seconds=time.monotonic() - self._started)
        return max(running, self._last)

    def stamp(self, at: datetime | None = None) -> datetime:
        """A new instant, later than all before it: `at` (default: now), or the next free microsecond."""
        self._last = max(at or self.now(), self._last + _TICK)
        return self._last

    def reach(self, moment: datetime) -> None:
        """Move forward to `moment`; a clock that is already past it stays."""
        if moment > self.now():
            self._base, self._started = moment, time.monotonic()

    def witness(self, moment: datetime) -> None:
        """Note a stamp made elsewhere, so that the next one comes after it."""
        self._last = max(self._last, moment)
