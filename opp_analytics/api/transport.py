"""HTTP transport: sessions, retries, pauses and limits; every failure becomes an error of this package.

Reads are repeated when that is safe; a write is repeated only when the server said it did nothing (429) or was
never reached. Nothing of `requests` or `urllib3` leaves this module.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.util.retry import Retry

from opp_analytics.api.config import Settings
from opp_analytics.errors import (
    ApiError,
    ApiProblem,
    AuthError,
    ConnectionFailed,
    ForbiddenError,
    NotFoundError,
    RateLimitError,
    ServerError,
    UnexpectedResponse,
    ValidationError,
)

_S = TypeVar("_S", bound=requests.Session)
_LONGEST_WAIT = 120.0
"""Longest pause in seconds; if the server asks for more, the call fails."""
_LARGEST_BODY = 256 * 2**20
_REDIRECTS = 3
_OF_STATUS: dict[int, type[ApiError]] = {
    401: AuthError,
    403: ForbiddenError,
    404: NotFoundError,
    422: ValidationError,
    429: RateLimitError,
}


class _Credentials(AuthBase):
    """Adds both secret headers; as an auth object, so that ``~/.netrc`` does not replace the bearer token."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._settings.token.reveal()}"
        request.headers["AppId"] = self._settings.api_key.reveal()
        return request


class _Adapter(HTTPAdapter):
    """Reads the whole body inside `send`, under a limit of size and time, and repeats a GET whose body was cut."""

    def __init__(self, *, retries: Retry, connections: int, body_seconds: float) -> None:
        self._body_seconds = body_seconds
        super().__init__(max_retries=retries, pool_maxsize=connections, pool_connections=1, pool_block=True)

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        repeats = int(self.max_retries.total or 0) if request.method == "GET" else 0
        options["stream"] = True
        for left in range(repeats, -1, -1):
            response = super().send(request, *args, **options)
            try:
                return self._with_body(response)
            except (requests.exceptions.ChunkedEncodingError, requests.exceptions.ConnectionError):
                response.close()
                if not left:
                    raise
        raise AssertionError("unreachable")

    def _with_body(self, response: requests.Response) -> requests.Response:
        ends = time.monotonic() + self._body_seconds
        chunks, size = [], 0
        for chunk in response.iter_content(64 * 1024):
            chunks.append(chunk)
            size += len(chunk)
            if size > _LARGEST_BODY or time.monotonic() > ends:
                response.close()
                raise UnexpectedResponse(
                    f"the answer is too large or too slow ({size:,} bytes so far); check BLOCKS_API_URL",
                    method=str(response.request.method),
                    url=_shown(str(response.url)),
                    status=response.status_code,
                )
        response._content = b"".join(chunks)
        return response


class _Pacer:
    """The pause that a 429 asks for, kept by every connection together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._resume_at = 0.0

    def hold(self, seconds: float) -> None:
        with self._lock:
            self._resume_at = max(self._resume_at, time.monotonic() + seconds)

    def wait(self) -> None:
        pause = self._resume_at - time.monotonic()
        if pause > 0:
            # Spread out, so that all connections do not ask in the same instant again.
            time.sleep(pause + random.uniform(0, 0.05))  # noqa: S311


def _shown(url: str) -> str:
    """The URL for messages: without the query, which holds the user's search."""
    return url.split("?", 1)[0]


class _Unpaced(Retry):
    """Leaves every 429 to `_Pacer`; urllib3 would wait for each connection by itself."""

    RETRY_AFTER_STATUS_CODES = frozenset({503})


def _reads(retries: int) -> Retry:
    return _Unpaced(
        total=retries,
        redirect=0,
        status_forcelist=(500, 502, 503, 504),
        allowed_methods=("GET",),
        backoff_factor=0.1,
        backoff_max=10,
        backoff_jitter=0.1,
        raise_on_status=False,
        retry_after_max=int(_LONGEST_WAIT),
    )


def _writes(retries: int) -> Retry:
    """Only connections that were never made are tried again: nothing had been sent."""
    return Retry(
        total=retries,
        connect=retries,
        read=False,
        status=0,
        redirect=0,
        other=0,
        backoff_factor=0.1,
        respect_retry_after_header=False,
    )


class Transport:
    """Requests with the credentials of `settings`, at most `connections` at a time.

    Parameters
    ----------
    settings : Settings
        Address and credentials.
    timeout : float
        Seconds to wait for a connection and for each part of an answer.
    retries : int
        Repeats of a failed read.
    connections : int
        Largest number of requests in flight, and size of each connection pool.
    """

    def __init__(self, settings: Settings, *, timeout: float, retries: int, connections: int) -> None:
        self.settings = settings
        self._timeout = timeout
        self._retries = retries
        self._connections = connections
        self._pacer = _Pacer()
        self._slots = threading.BoundedSemaphore(connections)
        self._reader = self.prepare(requests.Session())
        self._writer = self.prepare(requests.Session(), writes=True)

    def prepare(self, session: _S, *, writes: bool = False) -> _S:
        """The session with our credentials, retries and limits mounted on it."""
        session.auth = _Credentials(self.settings)
        session.headers.update({"Accept": "application/json", "User-Agent": "opp-analytics"})
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        # Redirects are ours to follow; requests would parse their address even so, and fail on one that is none.
        session.get_redirect_target = lambda resp: None  # type: ignore[method-assign]
        adapter = _Adapter(
            retries=_writes(self._retries) if writes else _reads(self._retries),
            connections=self._connections,
            body_seconds=max(60.0, 4 * self._timeout),
        )
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        return session

    def read(
        self,
        path: str,
        params: Mapping[str, Any] | None = None,
        *,
        session: requests.Session | None = None,
        **options: Any,
    ) -> bytes:
        """The body of a GET; `session` and `options` let a page store answer or revalidate."""
        session = session or self._reader
        url = self.settings.url + path
        for _ in range(_REDIRECTS):
            response = self._send(session, "GET", url, params=params, **options)
            if not 300 <= response.status_code < 400:
                return self._body(response, "GET", url)
            url, params = self._same_origin(response, "GET", url), None
        raise UnexpectedResponse(
            "the server redirects in a loop", method="GET", url=_shown(url), status=response.status_code
        )

    def write(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """The body that answers a POST, PUT or DELETE; sent once, and again only where nothing was done."""
        url = self.settings.url + path
        response = self._send(
            self._writer, method, url, data=body, headers={"Content-Type": "application/json"}
        )
        if 300 <= response.status_code < 400:
            target = self._same_origin(response, method, url)
            raise UnexpectedResponse(
                f"the server redirects a {method} to {_shown(target)}; nothing was written. "
                "Correct the url in your settings",
                method=method,
                url=_shown(url),
                status=response.status_code,
            )
        return self._body(response, method, url)

    def close(self) -> None:
        """Close the idle connections."""
        self._reader.close()
        self._writer.close()

    def _send(self, session: requests.Session, method: str, url: str, **options: Any) -> requests.Response:
        waited = 0.0
        for attempt in range(4 * self._retries + 1):
            self._pacer.wait()
            response = self._once(session, method, url, **options)
            if response.status_code != 429 or attempt == 4 * self._retries:
                return response
            pause = _asked_pause(response, attempt)
            waited += pause
            if waited > _LONGEST_WAIT:
                return response
            self._pacer.hold(pause)
        return response

    def _once(self, session: requests.Session, method: str, url: str, **options: Any) -> requests.Response:
        try:
            with self._slots:  # each session has a pool of its own, the limit is over all of them
                return session.request(method, url, timeout=self._timeout, allow_redirects=False, **options)
        except requests.exceptions.RequestException as error:
            raise ConnectionFailed(
                f"no answer from {_shown(url)} to {method}: {_cause(error, self._timeout)}; "
                "check BLOCKS_API_URL and your network",
                method=method,
                url=_shown(url),
            ) from None

    def _same_origin(self, response: requests.Response, method: str, url: str) -> str:
        try:
            target = urljoin(url, response.headers.get("Location", ""))
            there = urlsplit(target)[:2]
        except ValueError:
            raise UnexpectedResponse(
                f"{_shown(url)} redirects to an address that cannot be read; check BLOCKS_API_URL",
                method=method,
                url=_shown(url),
                status=response.status_code,
            ) from None
        if there != urlsplit(url)[:2]:
            raise UnexpectedResponse(
                f"{_shown(url)} redirects to another server ({'://'.join(there)}). "
                "The redirect was not followed, because it would send your key there. If that is the API's new "
                "address, set it as BLOCKS_API_URL",
                method=method,
                url=_shown(url),
                status=response.status_code,
            )
        return target

    def _body(self, response: requests.Response, method: str, url: str) -> bytes:
        status, content = response.status_code, response.content or b""
        if 200 <= status < 300:
            kind = response.headers.get("Content-Type", "")
            if content and "html" in kind.lower():
                raise UnexpectedResponse(
                    f"{_shown(url)} answered with a web page ({kind}), not the Opportunities API; check BLOCKS_API_URL",
                    method=method,
                    url=_shown(url),
                    status=status,
                )
            return content
        raise _refusal(status, content, method, _shown(url), response.headers.get("Retry-After"))


def _asked_pause(response: requests.Response, attempt: int) -> float:
    header = response.headers.get("Retry-After")
    try:
        asked = Retry().parse_retry_after(header) if header else None
    except urllib3.exceptions.InvalidHeader:
        asked = None
    return float(asked) if asked is not None else min(0.25 * 2**attempt, 10.0)


def _cause(error: requests.exceptions.RequestException, timeout: float) -> str:
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return f"no connection within {timeout:g} s"
    if isinstance(error, requests.exceptions.Timeout) or "timed out" in str(error):
        return f"no data within {timeout:g} s"
    if isinstance(error, requests.exceptions.SSLError):
        return "the certificate could not be verified"
    text = str(error).lower()
    if "refused" in text:
        return "connection refused"
    if "resolve" in text or "name or service" in text:
        return "unknown host name"
    return "the connection was lost"


def _problems(content: bytes) -> list[ApiProblem]:
    """The problems in an error answer: JSON:API objects, plain texts, or one error with a message."""
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
    code = entry.get("code")
    return ApiProblem(str(detail), code=str(code) if code is not None else None, pointer=pointer)


def _refusal(status: int, content: bytes, method: str, url: str, retry_after: str | None) -> ApiError:
    problems = _problems(content)
    kind = _OF_STATUS.get(status) or (ServerError if status >= 500 else ApiError)
    said = "; ".join(map(str, problems)) or "no reason given"
    later = f", retry after {retry_after} s" if retry_after else ""
    hints = {
        401: "the token or the API key was refused; check BLOCKS_AUTH_TOKEN and BLOCKS_API_KEY",
        403: "these credentials are not allowed to do this; ask your administrator",
        429: f"too many requests{later}; try later or lower concurrency",
    }
    hint = f" ({hints[status]})" if status in hints else ""
    return kind(
        f"{method} {url} answered {status}: {said}{hint}",
        method=method,
        url=url,
        status=status,
        problems=problems,
    )
