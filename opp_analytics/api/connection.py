"""Connections that answer within a deadline, whole, and under a limit of size."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Mapping
from http.client import HTTPResponse
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from opp_analytics.api.config import Network
from opp_analytics.api.threads import STOP
from opp_analytics.errors import UnexpectedResponse

_HEADERS = {**requests.utils.default_headers(), "Accept": "application/json", "User-Agent": "opp-analytics"}
LARGEST_BODY = 256 * 2**20
"""Bytes of an answer: a page of 1,000 opportunities has about 1 MB, so more than this is another server or a fault."""
_LARGEST_REFUSAL = 64 * 2**10
"""Bytes that are read of an error's body."""


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


class Connections:
    """A pool of `size` connections; adds no headers, follows no redirects.

    A session of `requests` would add cookies and what is in ``~/.netrc``, read redirects, and cost as much as the rest of
    a request.
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
    ) -> requests.Response:
        """Send one request and read the whole answer."""
        request = requests.PreparedRequest()
        request.prepare(method=method, url=url, headers={**_HEADERS, **headers}, params=params, data=body)
        proxies, verify = self._network.proxies(), self._network.certificates
        return self._adapter.send(request, timeout=timeout, verify=verify, proxies=proxies)

    def close(self) -> None:
        """Close the idle ones."""
        self._adapter.close()


class _Adapter(HTTPAdapter):
    """Reads the whole body inside `send`, so that what cuts it is met there."""

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
            response._content = _body(response)
        finally:
            # Gives the connection back, or drops it with what was not read.
            response.close()
        response._content_consumed = True  # type: ignore[attr-defined]
        return response


def _body(response: requests.Response) -> bytes:
    """Read the whole body, or the beginning of an error's: if the rest of that is cut off, the status says enough."""
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
