"""HTTP transport: requests, retries and pauses, on connections that answer within a deadline.

Every failure becomes our error.

Reads are repeated when that is safe; a write is repeated only when the server said it did nothing
(429, or 401 where the token can be renewed) or was never reached. Nothing of `requests` or
`urllib3` leaves this module, their frames included: those hold the headers with the token and the
key.
"""

from __future__ import annotations

import io
import json
import logging
import random
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPException, HTTPResponse
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util.retry import Retry

from opp_analytics import errors
from opp_analytics.api.config import HiddenText, Network, Secret, Settings, Token, attempt
from opp_analytics.api.threads import STOP
from opp_analytics.errors import ApiError, ApiProblem, ConnectionFailed, UnexpectedResponse

_HEADERS = {
    **requests.utils.default_headers(),
    "Accept": "application/json",
    "User-Agent": "opp-analytics",
}
LARGEST_BODY = 256 * 2**20
"""Bytes of an answer: a page of 1,000 opportunities has about 1 MB, so more than this is another
server or a fault."""
_LARGEST_REFUSAL = 64 * 2**10
"""Bytes that are read of an error's body."""


class Deadline(threading.local):
    """When the request that the current thread makes must have been answered (`time.monotonic`)."""

    ends = float("inf")


DEADLINE = Deadline()


class _TimedReader(io.RawIOBase):
    """The bytes that arrive on a socket until the deadline.

    A socket's own time-out begins anew with each byte.
    """

    def __init__(self, raw: io.RawIOBase, sock: Any) -> None:
        self._raw = raw
        self._sock = sock
        self._ends = DEADLINE.ends

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline has passed")
        if left < (self._sock.gettimeout() or float("inf")):
            self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def fileno(self) -> int:
        return self._raw.fileno()

    def close(self) -> None:
        self._raw.close()
        super().close()


class _TimedResponse(HTTPResponse):
    """An answer whose status line, headers and body all come before the deadline."""

    fp: Any = None  # Closing what Ctrl-C kept from being made looks at it.

    def __init__(self, sock: Any, *args: Any, **options: Any) -> None:
        STOP.by.watch(sock)
        super().__init__(sock, *args, **options)
        self.fp = io.BufferedReader(_TimedReader(self.fp.detach(), sock), 64 * 1024)


class _HttpConnection(HTTPConnection):
    response_class = _TimedResponse


class _HttpsConnection(HTTPSConnection):
    response_class = _TimedResponse


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _HttpConnection


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _HttpsConnection


_POOLS = {"http": _HttpPool, "https": _HttpsPool}


@dataclass(frozen=True)
class Reply:
    """A server's answer, read to its end."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(default=b"", repr=False)
    """Not in the repr, which a traceback with locals shows: servers repeat what they were sent."""


class Connections:
    """A pool of `size` connections; adds no headers, follows no redirects.

    A session of `requests` would add cookies and what is in ``~/.netrc``, read redirects, and cost
    as much as the rest of a request.
    """

    def __init__(self, network: Network, *, size: int) -> None:
        self._network = network
        self._adapter = _Adapter(pool_maxsize=size, pool_connections=1, pool_block=True)

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        timeout: float,
        params: Mapping[str, Any] | None = None,
        body: bytes | None = None,
    ) -> Reply:
        """Send one request and read the whole answer."""
        request = requests.PreparedRequest()
        request.prepare(
            method=method, url=url, headers={**_HEADERS, **headers}, params=params, data=body
        )
        proxies, verify = self._network.proxies(), self._network.certificates
        response = self._adapter.send(
            request, stream=True, timeout=timeout, verify=verify, proxies=proxies
        )
        try:
            return Reply(response.status_code, response.headers, _body(response))
        finally:
            # Gives the connection back, or drops it with what was not read.
            response.close()

    def close(self) -> None:
        """Close the idle connections."""
        self._adapter.close()


class _Adapter(HTTPAdapter):
    """Makes timed connections, to the server and to a proxy."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = _POOLS
        return manager


def _body(response: requests.Response) -> bytes:
    """Read the whole body, or the beginning of an error's.

    If the rest of an error's body is cut off, its status says enough.
    """
    refusal = response.status_code >= 300
    chunks, size = [], 0
    try:
        for chunk in response.iter_content(16 * 1024):
            chunks.append(chunk)
            size += len(chunk)
            if refusal and size >= _LARGEST_REFUSAL:
                break
            if size > LARGEST_BODY:
                raise UnexpectedResponse(
                    f"the answer is too large ({size:,} bytes so far); check BLOCKS_API_URL",
                    method=str(response.request.method),
                    url=str(response.url).split("?", 1)[0],
                    status=response.status_code,
                )
    except (requests.exceptions.RequestException, OSError):
        if not refusal:
            raise
    return b"".join(chunks)


_LOG = logging.getLogger("opp_analytics")
_DEADLINE_FACTOR = 5
"""A request, from the connection to the last byte, takes at most so many times its time-out."""
_VALIDATORS = {"If-None-Match": "ETag", "If-Modified-Since": "Last-Modified"}
"""Headers by which a later request asks if an answer is still current, and the headers of the
answer with their values."""
_REDIRECTS = 3
"""A trailing slash and a moved path make two redirects; more are a loop."""
_NO_ANSWER = (urllib3.exceptions.HTTPError, HTTPException, OSError, ValueError)
"""An error of `requests` is an OSError."""


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
    """The retries of one request and their time; after 429 four times as many `retries`.

    A read is repeated when the connection was lost or the server failed; any request when no
    connection was made, and after 429, which says that nothing was done. A write is never repeated
    otherwise.
    """

    def __init__(self, retries: int, *, reads: bool) -> None:
        self._left = {"failures": retries, "refusals": 4 * retries}
        self._reads = reads
        self._again = 0
        self._waited = 0.0

    def pause(self, outcome: Reply | Lost) -> float | None:
        """Choose the seconds to wait before the next attempt.

        None when there is no next attempt.
        """
        kind, first, asked = "failures", 0.1, None
        if isinstance(outcome, Lost):
            again = outcome.never_sent or (self._reads and not outcome.too_late)
        else:
            asked, again = read_pause(outcome), self._reads and outcome.status in _FAILED_FOR_NOW
            if outcome.status == 429:
                kind, first, again = "refusals", 0.25, True
        self._left[kind] -= again
        # Spread out, so that requests that failed together do not come back together.
        spread = random.uniform(0, first / 2)  # noqa: S311
        own = min(first * 2**self._again + spread, _LONGEST_BACKOFF)
        pause = own if asked is None else asked
        if not again or self._left[kind] < 0 or self._waited + pause > LONGEST_WAIT:
            return None
        self._waited += pause
        self._again += 1
        return pause


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


@dataclass(frozen=True)
class StoredPage:
    """A page as it came."""

    body: bytes
    validators: Mapping[str, str]
    """Request headers by which the server tells whether the page is still current."""


class Transport:
    """Requests with the credentials of `settings`, at most `connections` at a time."""

    def __init__(
        self,
        settings: Settings,
        *,
        timeout: float,
        retries: int,
        connections: int,
        network: Network,
    ) -> None:
        self.settings = settings
        self._token = Token(settings.token)
        self._timeout = timeout
        self._retries = retries
        self._pacer = Pacer()
        self._slots = threading.BoundedSemaphore(connections)
        self._connections = Connections(network, size=connections)
        self._ahead: tuple[float, float] | None = None
        """Seconds from the monotonic clock to the server's: at least, and at most."""

    def read(self, path: str, params: Mapping[str, Any] | None = None) -> bytes:
        """Send a GET; its body."""
        return self.fetch(path, params).body

    def fetch(
        self, path: str, params: Mapping[str, Any] | None = None, kept: StoredPage | None = None
    ) -> StoredPage:
        """Send a GET; `kept` itself if the server says that it is still current."""
        url = self.settings.url + path
        validators = dict(kept.validators) if kept else {}
        for _ in range(_REDIRECTS):
            response = self._send("GET", url, params=params, headers=validators)
            if kept and validators and response.status == 304:
                return kept
            if not 300 <= response.status < 400:
                said = {asks: response.headers.get(says) for asks, says in _VALIDATORS.items()}
                validators = {name: value for name, value in said.items() if value is not None}
                return StoredPage(self._body(response, "GET", url), validators)
            url, params = self._check_redirect(response, "GET", url), None
        raise self._make_unexpected("the server redirects in a loop", "GET", url, response)

    def write(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """Send a POST, PUT or DELETE, again only if the server did nothing.

        The body of its answer.
        """
        url = self.settings.url + path
        json_body = {"Content-Type": "application/json"}
        response = self._send(method, url, body=body, headers=json_body)
        if 300 <= response.status < 400:
            raise self._make_unexpected(
                f"the server redirects a {method} to "
                f"{_shorten(self._check_redirect(response, method, url))}; nothing was written. "
                "Correct the url in your settings",
                method,
                url,
                response,
            )
        return self._body(response, method, url)

    def server_time(self) -> datetime | None:
        """Tell the time by the server's clock; None until an answer has told it (``Date``).

        This computer's clock is never asked: it may be hours off, or be set during a run.
        """
        if self._ahead is None:
            return None
        return datetime.fromtimestamp(time.monotonic() + self._ahead[0], UTC)

    def agrees(self, now: datetime, within: float) -> bool:
        """Check whether `now` may be the server's time, by the dates in its answers.

        It may differ by `within` seconds, and by the time that an answer took.
        """
        if self._ahead is None:
            return True
        ahead = now.timestamp() - time.monotonic()
        return self._ahead[0] - within <= ahead <= self._ahead[1] + within

    def redact(self, text: str) -> str:
        """Replace token and key in a text with asterisks: a server may repeat them in an answer."""
        return self._token.redact(self.settings.api_key.redact(text))

    def close(self) -> None:
        """Close the idle connections."""
        self._connections.close()

    def _send(self, method: str, url: str, **options: Any) -> Reply:
        """Send a request as often as is safe; the last answer."""
        patience = Patience(self._retries, reads=method == "GET")
        renewable = True
        while True:
            self._pacer.wait()
            token = self._token.current()
            outcome = self._once(method, url, token, **options)
            if not isinstance(outcome, Lost) and outcome.status == 401 and renewable:
                renewable = False
                if self._token.renew(token):
                    _LOG.info("%s answered 401; sending it again with a new token", method)
                    continue
            pause = patience.pause(outcome)
            if pause is None:
                break
            said = "got no answer" if isinstance(outcome, Lost) else f"answered {outcome.status}"
            _LOG.info("%s %s; sending it again in %.1f s", method, said, pause)
            if isinstance(outcome, Lost) or outcome.status not in (429, 503):
                STOP.by.pause(pause)
            else:
                self._pacer.hold(pause)
        if isinstance(outcome, Lost):
            raise outcome.error
        return outcome

    def _once(
        self,
        method: str,
        url: str,
        token: Secret,
        headers: Mapping[str, str],
        **options: Any,
    ) -> Reply | Lost:
        def request() -> Reply:
            with self._slots:  # the wait for a connection is not part of the request's time
                STOP.by.pause()
                DEADLINE.ends = time.monotonic() + _DEADLINE_FACTOR * self._timeout
                try:
                    key = HiddenText(self.settings.api_key.reveal())
                    bearer = HiddenText(f"Bearer {token.reveal()}")
                    secret = {
                        "Authorization": bearer,
                        **dict.fromkeys(self.settings.key_headers, key),
                    }
                    return self._connections.request(
                        method, url, timeout=self._timeout, headers={**secret, **headers}, **options
                    )
                finally:
                    STOP.by.forget()

        began = time.monotonic()
        outcome = attempt(request)
        took = 1000 * (time.monotonic() - began)
        path = urlsplit(url).path
        if isinstance(outcome, Reply):
            _LOG.debug("%s %s %d %.0f ms", method, path, outcome.status, took)
            self._note_date(outcome.headers.get("Date", ""), began)
            return outcome
        _LOG.debug("%s %s no answer (%s) %.0f ms", method, path, type(outcome).__name__, took)
        if isinstance(outcome, ApiError) or not isinstance(outcome, _NO_ANSWER):
            raise outcome
        return self._make_lost(outcome, method, _shorten(url))

    def _note_date(self, header: str, began: float) -> None:
        with suppress(ValueError, OverflowError):
            date = parsedate_to_datetime(header)
            if 1970 <= date.year < 9999:  # others leave no room to count minutes back or on
                said = date.replace(tzinfo=date.tzinfo or UTC).timestamp()
                least, most = said - time.monotonic(), said + 1 - began
                if self._ahead is not None and least <= self._ahead[1] and self._ahead[0] <= most:
                    least, most = max(least, self._ahead[0]), min(most, self._ahead[1])
                self._ahead = least, most

    def _make_lost(self, error: BaseException, method: str, url: str) -> Lost:
        too_late = time.monotonic() >= DEADLINE.ends
        why = (
            f"the answer was not complete within {_DEADLINE_FACTOR * self._timeout:g} s"
            if too_late
            else describe_cause(error, self._timeout)
        )
        failure = ConnectionFailed(
            f"no answer from {url} to {method}: {why}; check BLOCKS_API_URL and your network",
            method=method,
            url=url,
        )
        return Lost(failure, never_sent(error), too_late)

    def _check_redirect(self, response: Reply, method: str, url: str) -> str:
        target, problem = _redirect(url, response)
        # A traceback with locals must not find in this frame what the server repeats.
        problem = self.redact(problem)
        if problem:
            raise self._make_unexpected(problem, method, url, response)
        return target

    def _body(self, response: Reply, method: str, url: str) -> bytes:
        if not 200 <= response.status < 300:
            raise make_error(response, method, _shorten(url)).with_texts(self.redact)
        if problem := self.redact(_describe_page(response, url)):
            raise self._make_unexpected(problem, method, url, response)
        return response.content

    def _make_unexpected(self, message: str, method: str, url: str, response: Reply) -> ApiError:
        error = UnexpectedResponse(
            message, method=method, url=_shorten(url), status=response.status
        )
        return error.with_texts(self.redact)  # the server may have repeated token and key


def _shorten(url: str) -> str:
    """Shorten a URL for messages: without the query, which holds the user's search."""
    return url.split("?", 1)[0]


def _redirect(url: str, response: Reply) -> tuple[str, str]:
    """Find the target of a redirect, or the reason not to follow it."""
    location = response.headers.get("Location", "")
    target = attempt(lambda: urljoin(url, location))
    if not isinstance(target, str):
        return (
            "",
            f"{_shorten(url)} redirects to an address that cannot be read; check BLOCKS_API_URL",
        )
    parts = urlsplit(target)
    if parts[:2] != urlsplit(url)[:2]:
        # Without a user name or password.
        origin = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        return "", (
            f"{_shorten(url)} redirects to another server ({origin}). The redirect was not "
            "followed, because it would send your key there. If that is the API's new address, set "
            "it as BLOCKS_API_URL"
        )
    return target, ""


def _describe_page(response: Reply, url: str) -> str:
    """Describe an answer that is a web page; empty for any other."""
    kind = response.headers.get("Content-Type", "")
    if not response.content or "html" not in kind.lower():
        return ""
    return (
        f"{_shorten(url)} answered with a web page ({kind}), not the Opportunities API; check "
        "BLOCKS_API_URL"
    )


_OF_STATUS: dict[int, type[ApiError]] = {
    401: errors.AuthError,
    403: errors.ForbiddenError,
    404: errors.NotFoundError,
    422: errors.ValidationError,
    429: errors.RateLimitError,
}


def read_pause(response: Reply) -> float | None:
    """Read how many seconds the server asks to wait (Retry-After).

    None without a readable header.
    """
    header = response.headers.get("Retry-After")
    try:
        return float(Retry().parse_retry_after(header)) if header else None
    except (urllib3.exceptions.InvalidHeader, ValueError, OverflowError, TypeError):
        return None


def make_error(response: Reply, method: str, url: str) -> ApiError:
    """Make the error to raise from an error answer, with every problem that the server listed."""
    status = response.status
    problems = _problems(response.content)
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
    said = f"{method} {url} answered {status}: {said}{hint}"
    return kind(said, method=method, url=url, status=status, problems=problems)


def _problems(content: bytes) -> list[ApiProblem]:
    """List the problems in an error answer.

    It holds JSON:API objects, plain texts, or one error with a message.
    """
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
    said = (entry.get("code"), pointer, entry.get("title"))
    code, pointer, title = (None if each is None else str(each) for each in said)
    return ApiProblem(str(detail), code=code, pointer=pointer, title=title)


def never_sent(error: BaseException) -> bool:
    """Return True if no connection was made, so the server cannot have the request."""
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return True
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(
        reason, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError
    )


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
