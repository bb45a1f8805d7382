"""A server that answers whatever a test tells it to, over a real socket."""

from __future__ import annotations

import json
import re
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import opp_analytics as oa


@dataclass
class Asked:
    """One request as the server saw it."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass
class Answer:
    """What the server sends back; ``cut`` closes the connection after so many bytes of the body."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None


@dataclass
class FakeServer:
    """Where the fake listens, and what it was asked so far."""

    url: str
    asked: list[Asked]


def client_of(
    server: FakeServer, cache_dir: Path, *, retries: int = 2, **options: Any
) -> oa.Client:
    """A client of a fake server."""
    return oa.Client(
        server.url, "tok-123", "key-456", cache_dir=cache_dir, retries=retries, **options
    )


def as_json(what: Any, status: int = 200, **headers: str) -> Answer:
    """`what` as a JSON answer."""
    return Answer(
        status, json.dumps(what).encode(), {"Content-Type": "application/json", **headers}
    )


def listing(rows: list[dict[str, Any]], total: int | None = None, **meta: Any) -> Answer:
    """A list answer of rows, which are attributes with a ``unique_id``."""
    data = [{"id": row["unique_id"], "type": "opportunity", "attributes": row} for row in rows]
    if total is not None:
        meta["totalRecords"] = total
    return as_json({"data": data, "meta": meta})


class PatientServer(ThreadingHTTPServer):
    """A server that says nothing of a client that hung up, which is what many tests are about."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def serving(respond: Callable[[Asked], Answer]) -> Iterator[FakeServer]:
    """A server on loopback that answers each request with what `respond` returns."""
    asked: list[Asked] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body are two writes; the second would wait for an acknowledgement.
        disable_nagle_algorithm = True

        def answer(self) -> None:
            parts = urlsplit(self.path)
            size = int(self.headers.get("Content-Length") or 0)
            query = dict(parse_qsl(parts.query))
            request = Asked(
                self.command, parts.path, query, dict(self.headers), self.rfile.read(size)
            )
            asked.append(request)
            answer = respond(request)
            if answer.status == 0:
                self.close_connection = True
                return
            (self.send_response_only if "Date" in answer.headers else self.send_response)(
                answer.status
            )
            for name, value in ({"Content-Length": str(len(answer.body))} | answer.headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body[: answer.cut])
            if (
                answer.cut is not None
                or {"Content-Length", "Transfer-Encoding"} & answer.headers.keys()
            ):
                self.close_connection = True

        do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815  the names that http.server calls

        def log_message(self, *_: Any) -> None:
            return

    server = PatientServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield FakeServer(f"http://127.0.0.1:{server.server_port}", asked)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def talking(talk: Callable[[socket.socket], None]) -> Iterator[FakeServer]:
    """A server on loopback that does with each connection what `talk` does, after it read the
    request's head."""
    asked: list[Asked] = []
    listener = socket.create_server(("127.0.0.1", 0))
    threads = []

    def answer(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head and (more := connection.recv(65_536)):
                head += more
            first, *lines = head.decode("latin-1").split("\r\n\r\n")[0].split("\r\n")
            method, path, _ = first.split(" ")
            asked.append(Asked(method, path, {}, dict(line.split(": ", 1) for line in lines), b""))
            talk(connection)

    def accept() -> None:
        with suppress(OSError):
            while True:
                thread = threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True)
                thread.start()
                threads.append(thread)

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield FakeServer(f"http://127.0.0.1:{listener.getsockname()[1]}", asked)
    finally:
        # Closing alone does not wake a thread that waits in accept().
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in (acceptor, *threads):
            thread.join(10)


def paged(
    rows: list[dict[str, Any]], trash: list[dict[str, Any]] | None = None
) -> Callable[[Asked], Answer]:
    """A small, honest implementation of list and trash over fixed rows, at most 1,000 a page."""

    def respond(asked: Asked) -> Answer:
        stock = (trash or []) if asked.path.endswith("trash/show") else rows
        key = asked.query.get("sort", "").removeprefix("-")
        if key:
            stock = sorted(
                stock, key=lambda row: row[key], reverse=asked.query["sort"].startswith("-")
            )
        size = min(int(asked.query.get("records", 15)), 1000)
        first = (int(asked.query.get("page", 1)) - 1) * size
        return listing(stock[first : first + size], len(stock))

    return respond


def row(number: int, **attributes: Any) -> dict[str, Any]:
    """The attributes of one opportunity, made from its number."""
    at = f"2026-01-{1 + number % 28:02d}T10:00:{number % 60:02d}.{number:06d}Z"
    return {
        "unique_id": f"opp-{number}",
        "name": f"Deal {number}",
        "account_id": f"account-{number % 7}",
        "value": 1000 + number,
        "stage": "proposal",
        "close_date": "2026-06-30",
        "probability": 60,
        "status": "active",
        "created_at": at,
        "updated_at": at,
        **attributes,
    }


def unstyled(page: str) -> str:
    """HTML without the styles of its elements."""
    return re.sub(r" style='[^']*'", "", page)
