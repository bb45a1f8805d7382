"""Retries: which requests are sent again, and after which pause."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass

import requests

from opp_analytics.api.refusal import asked_pause
from opp_analytics.api.stop import STOP
from opp_analytics.errors import ConnectionFailed

LONGEST_WAIT = 120.0
"""Longest wait of one request in seconds; if the server asks for more, the call fails."""
_LONGEST_BACKOFF = 10.0
_FAILED_FOR_NOW = (500, 502, 503, 504)


@dataclass(frozen=True)
class Lost:
    """A request without an answer."""

    error: ConnectionFailed
    """What to raise when it is not sent again."""
    never_sent: bool
    """Whether the server cannot have received it."""
    too_late: bool
    """Whether the deadline of the whole request has passed."""


class Patience:
    """How often, and how long, one request goes on.

    A read is repeated when the connection was lost or the server failed; any request when no connection was made, and
    after 429, which says that nothing was done. A write is never repeated otherwise.

    Parameters
    ----------
    retries : int
        Repeats after failures; after 429 four times as many.
    reads : bool
        Whether the request only reads.
    """

    def __init__(self, retries: int, *, reads: bool) -> None:
        self._failures_left = retries
        self._refusals_left = 4 * retries
        self._reads = reads
        self._again = 0
        self._waited = 0.0

    def pause(self, outcome: requests.Response | Lost) -> float | None:
        """Seconds to wait before the next attempt, None when this outcome is the last."""
        pause = self._pause(outcome)
        if pause is None or self._waited + pause > LONGEST_WAIT:
            return None
        self._waited += pause
        self._again += 1
        return pause

    def _pause(self, outcome: requests.Response | Lost) -> float | None:
        if not isinstance(outcome, Lost) and outcome.status_code == 429:
            self._refusals_left -= 1
            return None if self._refusals_left < 0 else _or_backoff(asked_pause(outcome), 0.25, self._again)
        if isinstance(outcome, Lost):
            again = outcome.never_sent or (self._reads and not outcome.too_late)
            asked = None
        else:
            again = self._reads and outcome.status_code in _FAILED_FOR_NOW
            asked = asked_pause(outcome) if again else None
        if not again:
            return None
        self._failures_left -= 1
        return None if self._failures_left < 0 else _or_backoff(asked, 0.1, self._again)


def _or_backoff(asked: float | None, first: float, again: int) -> float:
    # Spread out, so that requests that failed together do not come back together.
    spread = random.uniform(0, first / 2)  # noqa: S311
    return asked if asked is not None else min(first * 2**again + spread, _LONGEST_BACKOFF)


class Pacer:
    """The pause that a server asks for, kept by every connection together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._resume_at = 0.0

    def hold(self, seconds: float) -> None:
        """Let no request begin for so many seconds."""
        with self._lock:
            self._resume_at = max(self._resume_at, time.monotonic() + seconds)

    def wait(self) -> None:
        """Return when the next request may begin."""
        pause = self._resume_at - time.monotonic()
        if pause > 0:
            # Spread out, so that all connections do not ask in the same instant again.
            STOP.by.pause(pause + random.uniform(0, 0.05))  # noqa: S311
