"""Retries: which requests are sent again, and after which pause."""

from __future__ import annotations

import json
import random
import threading
import time
from dataclasses import dataclass
from typing import Any

import requests
import urllib3
from urllib3.util.retry import Retry

from opp_analytics import errors
from opp_analytics.api.threads import STOP
from opp_analytics.errors import ApiError, ApiProblem, ConnectionFailed

_OF_STATUS: dict[int, type[ApiError]] = {
    401: errors.AuthError,
    403: errors.ForbiddenError,
    404: errors.NotFoundError,
    422: errors.ValidationError,
    429: errors.RateLimitError,
}


def read_pause(response: requests.Response) -> float | None:
    """Read how many seconds the server asks to wait (Retry-After); None without a readable header."""
    header = response.headers.get("Retry-After")
    try:
        return float(Retry().parse_retry_after(header)) if header else None
    except (urllib3.exceptions.InvalidHeader, ValueError, OverflowError, TypeError):
        return None


def make_error(response: requests.Response, method: str, url: str) -> ApiError:
    """Make the error to raise from an error answer, with every problem that the server listed."""
    status = response.status_code
    problems = _problems(response.content or b"")
    kind = _OF_STATUS.get(status) or (errors.ServerError if status >= 500 else ApiError)
    said = "; ".join(map(str, problems)) or "no reason given"
    pause = read_pause(response)
    later = f", retry after {pause:g} s" if pause else ""
    hints = {
        401: "the token or the API key was refused; check BLOCKS_AUTH_TOKEN and BLOCKS_API_KEY",
        403: "these credentials are not allowed to do this; ask your administrator",
        429: f"too many requests{later}; try later or lower concurrency",
        503: f"try later{later}" if later else "",
    }
    hint = f" ({hints[status]})" if hints.get(status) else ""
    return kind(
        f"{method} {url} answered {status}: {said}{hint}",
        method=method,
        url=url,
        status=status,
        problems=problems,
    )


def _problems(content: bytes) -> list[ApiProblem]:
    """List the problems in an error answer: JSON:API objects, plain texts, or one error with a message."""
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        return []
    if not isinstance(answer, dict):
        return []
    listed = answer.get("errors")
    if isinstance(listed, list):
        return [_problem(entry) for entry in listed]
    text = answer.get("message") or answer.get("error")
    code = answer.get("error") if answer.get("message") else None
    return [ApiProblem(str(text), code=str(code) if code is not None else None)] if text else []


def _problem(entry: Any) -> ApiProblem:
    if not isinstance(entry, dict):
        return ApiProblem(str(entry))
    source = entry.get("source")
    pointer = source.get("pointer") if isinstance(source, dict) else None
    detail = entry.get("detail") or entry.get("title") or entry.get("code") or "no detail given"
    code, pointer = (None if said is None else str(said) for said in (entry.get("code"), pointer))
    return ApiProblem(str(detail), code=code, pointer=pointer)


def never_sent(error: BaseException) -> bool:
    """Return True if no connection was made, so that the server cannot have received the request."""
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return True
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(reason, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError)


def describe_cause(error: BaseException, timeout: float) -> str:
    """Say why no answer came."""
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return f"no connection within {timeout:g} s"
    if isinstance(error, requests.exceptions.Timeout) or "timed out" in str(error):
        return f"no data within {timeout:g} s"
    if isinstance(error, requests.exceptions.SSLError):
        return "the certificate could not be verified"
    if isinstance(error, requests.exceptions.ProxyError | requests.exceptions.InvalidProxyURL):
        return "the proxy could not be used"
    text = str(error).lower()
    if "refused" in text:
        return "connection refused"
    if "resolve" in text or "name or service" in text:
        return "unknown host name"
    if isinstance(error, requests.exceptions.InvalidURL):
        return "the address cannot be used"
    return "the connection was lost"


LONGEST_WAIT = 120.0
"""Longest wait of one request in seconds; if the server asks for more, the call fails."""
_LONGEST_BACKOFF = 10.0
"""Seconds between attempts at most; a server that needs longer says so (Retry-After)."""
_FAILED_FOR_NOW = (500, 502, 503, 504)
"""Statuses of a server or gateway that may recover by itself."""


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
    """How often, and how long, one request goes on; after 429 four times as many `retries`.

    A read is repeated when the connection was lost or the server failed; any request when no connection was made, and
    after 429, which says that nothing was done. A write is never repeated otherwise.
    """

    def __init__(self, retries: int, *, reads: bool) -> None:
        self._failures_left = retries
        self._refusals_left = 4 * retries
        self._reads = reads
        self._again = 0
        self._waited = 0.0

    def pause(self, outcome: requests.Response | Lost) -> float | None:
        """Choose the seconds to wait before the next attempt; None when there is no next attempt."""
        pause = self._pause(outcome)
        if pause is None or self._waited + pause > LONGEST_WAIT:
            return None
        self._waited += pause
        self._again += 1
        return pause

    def _pause(self, outcome: requests.Response | Lost) -> float | None:
        if not isinstance(outcome, Lost) and outcome.status_code == 429:
            self._refusals_left -= 1
            return (
                None if self._refusals_left < 0 else _choose_backoff(read_pause(outcome), 0.25, self._again)
            )
        if isinstance(outcome, Lost):
            again = outcome.never_sent or (self._reads and not outcome.too_late)
            asked = None
        else:
            again = self._reads and outcome.status_code in _FAILED_FOR_NOW
            asked = read_pause(outcome) if again else None
        if not again:
            return None
        self._failures_left -= 1
        return None if self._failures_left < 0 else _choose_backoff(asked, 0.1, self._again)


def _choose_backoff(asked: float | None, first: float, again: int) -> float:
    # Spread out, so that requests that failed together do not come back together.
    spread = random.uniform(0, first / 2)  # noqa: S311
    return asked if asked is not None else min(first * 2**again + spread, _LONGEST_BACKOFF)


class Pacer:
    """The pause that a server asks for, kept by every connection together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._resume_at = 0.0

    def hold(self, seconds: float) -> None:
        """Hold all requests for `seconds`."""
        with self._lock:
            self._resume_at = max(self._resume_at, time.monotonic() + seconds)

    def wait(self) -> None:
        """Return when the next request may begin."""
        pause = self._resume_at - time.monotonic()
        if pause > 0:
            # Spread out, so that all connections do not ask in the same instant again.
            STOP.by.pause(pause + random.uniform(0, 0.05))  # noqa: S311
