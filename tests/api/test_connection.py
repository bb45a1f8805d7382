"""Deadlines, limits and proxies, over raw sockets that behave badly."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

import opp_analytics as oa
from opp_analytics.api.config import Network
from opp_analytics.api.credentials import Secret
from tests.support import Answer, as_json, client_of, listing, paged, row, serving, talking

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n"


def dripping(at_once: bytes, drop: bytes, every: float = 0.05) -> Callable[[socket.socket], None]:
    """Sends the first part, then the second for ever."""

    def talk(connection: socket.socket) -> None:
        connection.sendall(at_once)
        ends = time.monotonic() + 60
        while time.monotonic() < ends:
            connection.sendall(drop)
            time.sleep(every)

    return talk


CALLS: list[Callable[[oa.Client], object]] = [
    lambda client: client.list(),
    lambda client: client.create(name="x"),
    lambda client: client.fetch_page(1, 10),
]


@pytest.mark.parametrize(
    "call",
    [CALLS[0], *(pytest.param(call, marks=pytest.mark.slow) for call in CALLS[1:])],
    ids=["list", "create", "page"],
)
@pytest.mark.parametrize(
    ("at_once", "drop"),
    [
        (b"", b"H"),
        (b"HTTP/1.1 200 ", b"O"),
        (HEAD, b"X-A: b\r\n"),
        (HEAD + b"X-Long: ", b"a"),
        (HEAD + b"\r\n", b" "),
        (HEAD.replace(b"Content-Length: 1000000", b"Transfer-Encoding: chunked") + b"\r\n", b"1\r\n \r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["status", "reason", "headers", "header", "body", "chunks", "continue"],
)
def test_request__has_a_deadline_for_all_of_it(
    tmp_path: Path, at_once: bytes, drop: bytes, call: Callable[[oa.Client], object]
) -> None:
    with talking(dripping(at_once, drop)) as server:
        with client_of(server, tmp_path, retries=3, timeout=0.2) as client:
            began = time.monotonic()
            with pytest.raises(oa.errors.ConnectionFailed):
                call(client)
            took = time.monotonic() - began
    # Not repeated after the deadline, but where the library refuses endless headers before it.
    assert took < 5 * 5 * 0.2


def test_request__that_missed_its_deadline_says_so_and_is_not_repeated(tmp_path: Path) -> None:
    with talking(dripping(b"", b"H")) as server, client_of(server, tmp_path, timeout=0.2) as client:
        with pytest.raises(oa.errors.ConnectionFailed, match="not complete within 1 s"):
            client.list()
    assert len(server.asked) == 1


def test_request__has_a_deadline_on_a_dripping_sandbox(
    shared_sandbox: oa.sandbox.Sandbox, tenant: Callable[..., oa.Client]
) -> None:
    client = tenant(50, timeout=0.3)
    assert client.list(1, 50).total_records == 50
    shared_sandbox.faults.drip = 200
    began = time.monotonic()
    with pytest.raises(oa.errors.ConnectionFailed, match="not complete within 1.5 s"):
        client.list(1, 50)
    assert 1.4 < time.monotonic() - began < 5 * 1.5
    shared_sandbox.faults.reset()
    assert client.list(1, 50).total_records == 50
    client.close()


def test_request__that_is_slow_but_in_time_is_answered(tmp_path: Path) -> None:
    body = b'{"data": [], "meta": {"totalRecords": 0}}'
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)

    def talk(connection: socket.socket) -> None:
        for byte in head[:20]:
            connection.sendall(bytes([byte]))
            time.sleep(0.02)
        connection.sendall(head[20:] + body)
        connection.recv(1)

    with talking(talk) as server, client_of(server, tmp_path, timeout=1, retries=0) as client:
        assert client.list().total_records == 0


def test_connection__is_kept_and_its_time_out_with_it(tmp_path: Path) -> None:
    with serving(paged([row(1)])) as server, client_of(server, tmp_path, concurrency=1) as client:
        for _ in range(5):
            client.list()
        pools = client.transport._reader._adapter.poolmanager.pools
        (key,) = pools.keys()
        assert (pools[key].num_connections, pools[key].num_requests) == (1, 5)


@pytest.mark.parametrize("status", [b"400 Bad Request", b"404 Not Found", b"500 Oops"])
def test_refusal__of_100_mb_costs_its_first_kilobytes(tmp_path: Path, status: bytes) -> None:
    sent = [0]
    size = 100 * 2**20

    def talk(connection: socket.socket) -> None:
        connection.sendall(
            b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (status, size)
        )
        with suppress(OSError):
            while sent[0] < size:
                sent[0] += connection.send(b"x" * 65_536)

    with talking(talk) as server, client_of(server, tmp_path, retries=0) as client:
        with pytest.raises(oa.errors.ApiError, match="no reason given") as caught:
            client.list()
    assert str(caught.value.status).encode() == status[:3]
    # What the sockets of both sides buffer comes on top of the 64 kB that are read.
    assert sent[0] < 12 * 2**20


def test_refusal__whose_body_is_cut_off_is_still_that_refusal(tmp_path: Path) -> None:
    with serving(lambda asked: Answer(422, b'{"errors": ["no"]}', {}, cut=9)) as server:
        with client_of(server, tmp_path) as client, pytest.raises(oa.errors.ValidationError):
            client.create(name="x")


def test_redirect__to_what_is_no_address_is_our_error(tmp_path: Path) -> None:
    with serving(lambda asked: Answer(302, b"", {"Location": "http://[bad"})) as server:
        with client_of(server, tmp_path) as client:
            for call in CALLS:
                with pytest.raises(oa.errors.UnexpectedResponse, match="cannot be read"):
                    call(client)


# Proxies and the environment.


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    for name in (
        "no_proxy",
        "all_proxy",
        "http_proxy",
        "https_proxy",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
    ):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)

    def use(proxy: str) -> None:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "https_proxy"):
            monkeypatch.setenv(name, proxy)

    return use


@pytest.mark.posix
@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_certificates__are_not_waited_for_at_a_pipe(
    tmp_path: Path, environment: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    pipe = tmp_path / "bundle.pem"
    os.mkfifo(pipe)
    monkeypatch.setenv(name, str(pipe))
    with pytest.raises(
        oa.errors.ConfigError, match="bundle.pem is a pipe, and a pipe is not read; name a file"
    ):
        oa.Client("https://crm.example.com", "token", "key", cache_dir=tmp_path / "cache")


def test_proxy__of_the_environment_gets_nothing_of_a_loopback_api(
    tmp_path: Path, environment: Callable[[str], None]
) -> None:
    with serving(lambda asked: as_json({}, 500)) as proxy, serving(paged([row(1)])) as server:
        environment(proxy.url)
        with client_of(server, tmp_path) as client:
            client.list()
            client.fetch_page(1, 10)
    assert proxy.asked == []
    assert len(server.asked) == 2


def test_proxy__named_by_the_caller_is_used(tmp_path: Path, environment: Callable[[str], None]) -> None:
    with serving(lambda asked: listing([], 7)) as proxy, serving(paged([])) as server:
        with client_of(server, tmp_path, proxy=proxy.url) as client:
            assert client.list().total_records == 7
    assert len(proxy.asked) == 1
    assert server.asked == []


def test_proxy__of_the_environment_is_asked_for_a_tunnel_to_an_https_api_and_sees_no_key(
    tmp_path: Path, environment: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    with talking(lambda connection: connection.sendall(b"HTTP/1.1 403 No\r\n\r\n")) as proxy:
        environment(proxy.url)
        with oa.Client(
            "https://crm.example.com", "tok-123", "key-456", retries=0, cache_dir=tmp_path
        ) as client:
            # The environment was read when the client was made.
            environment("http://127.0.0.1:9")
            with pytest.raises(oa.errors.ConnectionFailed, match="proxy"):
                client.list()
        environment(proxy.url)
        monkeypatch.setenv("no_proxy", "crm.example.com")
        spared = Network("https://crm.example.com", Secret(None))
    assert [(asked.method, asked.path) for asked in proxy.asked] == [("CONNECT", "crm.example.com:443")]
    assert "tok-123" not in str(proxy.asked)
    assert "key-456" not in str(proxy.asked)
    assert spared.proxies() == {}


def test_proxy__that_drips_its_answer_is_not_waited_for(tmp_path: Path) -> None:
    with talking(dripping(b"", b"H")) as proxy:
        with oa.Client(
            "https://crm.example.com",
            "tok-123",
            "key-456",
            retries=0,
            timeout=0.2,
            proxy=proxy.url,
            cache_dir=tmp_path,
        ) as client:
            with pytest.raises(oa.errors.ConnectionFailed, match="not complete within 1 s"):
                client.list()


@pytest.mark.parametrize("proxy", ["proxy:3128", "ftp://secret@proxy", "", "http://[secret", 5])
def test_proxy__that_is_no_address_is_refused_and_not_repeated(tmp_path: Path, proxy: object) -> None:
    with pytest.raises(oa.errors.ConfigError, match="proxy is not an address") as caught:
        oa.Client("https://crm.example.com", "t", "k", proxy=proxy, cache_dir=tmp_path)  # type: ignore[arg-type]
    assert "secret" not in str(caught.value)


def test_netrc__does_not_replace_the_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login eve password other\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with serving(paged([])) as server, client_of(server, tmp_path / "pages") as client:
        client.fetch_page(1, 10)
    assert server.asked[0].headers["Authorization"] == "Bearer tok-123"
