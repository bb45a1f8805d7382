"""Connections that answer within a deadline, whole, and under a limit of size."""

from __future__ import annotations

import io
import threading
import time
from http.client import HTTPResponse
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from opp_analytics.api.config import Settings
from opp_analytics.api.credentials import HiddenText, Secret
from opp_analytics.api.network import Network
from opp_analytics.api.stop import STOP
from opp_analytics.errors import UnexpectedResponse

LARGEST_BODY = 256 * 2**20
_LARGEST_REFUSAL = 64 * 2**10
"""Bytes that are read of an error's body."""


class Credentials(AuthBase):
    """Adds the secret headers; as an auth object, so that ``~/.netrc`` does not replace the bearer token."""

    def __init__(self, settings: Settings, token: Secret) -> None:
        self._settings = settings
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """The request with the headers."""
        request.headers["Authorization"] = HiddenText(f"Bearer {self._token.reveal()}")
        for name in self._settings.key_headers:
            request.headers[name] = HiddenText(self._settings.api_key.reveal())
        return request


class _Session(requests.Session):
    """A session that reads no redirects: `requests` would parse their address, and fail, before we look at it."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """None: there are no redirects here."""
        return None


def prepare(network: Network, *, connections: int) -> requests.Session:
    """A session with our headers, limits, proxy and certificates, and without cookies."""
    session = _Session()
    session.trust_env = False
    session.proxies = network.proxies()
    session.verify = network.certificates
    session.headers.update({"Accept": "application/json", "User-Agent": "opp-analytics"})
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    adapter = _Adapter(connections)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


class Deadline(threading.local):
    """When the request that the current thread makes must have been answered (`time.monotonic`)."""

    ends = float("inf")


DEADLINE = Deadline()


class _TimedReader(io.RawIOBase):
    """What arrives on a socket until the deadline; a socket's own time-out begins anew with each byte."""

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


class _Timed:
    """Makes a pool's connections give timed answers."""

    def _new_conn(self) -> Any:
        connection = super()._new_conn()  # type: ignore[misc]
        connection.response_class = _TimedResponse
        return connection


class _HttpPool(_Timed, HTTPConnectionPool):
    pass


class _HttpsPool(_Timed, HTTPSConnectionPool):
    pass


_POOLS = {"http": _HttpPool, "https": _HttpsPool}


class _Adapter(HTTPAdapter):
    """Reads the whole body inside `send`, so that what cuts it is met there."""

    def __init__(self, connections: int) -> None:
        super().__init__(pool_maxsize=connections, pool_connections=1, pool_block=True)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = _POOLS
        return manager

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        response = super().send(request, *args, **{**options, "stream": True})
        try:
            response._content = _refusal_body(response) if response.status_code >= 300 else _body(response)
        finally:
            # Gives the connection back, or drops it with what was not read.
            response.close()
        response._content_consumed = True  # type: ignore[attr-defined]
        return response


def _body(response: requests.Response) -> bytes:
    chunks, size = [], 0
    for chunk in response.iter_content(64 * 1024):
        chunks.append(chunk)
        size += len(chunk)
        if size > LARGEST_BODY:
            raise UnexpectedResponse(
                f"the answer is too large ({size:,} bytes so far); check BLOCKS_API_URL",
                method=str(response.request.method),
                url=str(response.url).split("?", 1)[0],
                status=response.status_code,
            )
    return b"".join(chunks)


def _refusal_body(response: requests.Response) -> bytes:
    """The beginning of an error's body; the status says enough when the rest is cut off."""
    chunks, size = [], 0
    try:
        for chunk in response.iter_content(16 * 1024):
            chunks.append(chunk)
            size += len(chunk)
            if size >= _LARGEST_REFUSAL:
                break
    except (requests.exceptions.RequestException, OSError):
        pass
    return b"".join(chunks)
