"""What leaves and what comes back, over a real socket: errors, redirects, retries, secrets."""

from __future__ import annotations

import itertools
import logging
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

import opp_analytics as oa
from opp_analytics.api.config import Network, Secret
from opp_analytics.api.threads import Threads
from tests.support import Answer, Asked, as_json, client_of, listing, paged, row, serving, talking

# Errors in the three shapes, and answers that are not this API's.


@pytest.mark.parametrize(
    ("answer", "detail", "code", "pointer", "title"),
    [
        (
            {
                "errors": [
                    {
                        "status": "404",
                        "code": "not_found",
                        "title": "No",
                        "detail": "gone",
                        "source": {"pointer": "/x"},
                    }
                ]
            },
            "gone",
            "not_found",
            "/x",
            "No",
        ),
        ({"errors": ["plain text"]}, "plain text", None, None, None),
        (
            {"error": "not_found", "message": "no such deal"},
            "no such deal",
            "not_found",
            None,
            None,
        ),
        (["nonsense"], None, None, None, None),
    ],
)
def test_errors__are_read_in_every_shape(tmp_path, answer, detail, code, pointer, title):
    with serving(lambda asked: as_json(answer, 404)) as server:
        with pytest.raises(oa.errors.NotFoundError) as caught:
            client_of(server, tmp_path).get("x")
    error = caught.value
    said = (error.detail, error.code, error.pointer, error.title)
    assert (*said, error.status, error.method) == (detail, code, pointer, title, 404, "GET")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (
            Answer(200, b"<html>login</html>", {"Content-Type": "text/html; charset=utf-8"}),
            "web page",
        ),
        (Answer(200, b"", {"Content-Type": "application/json"}), "is empty"),
        (Answer(200, b'{"data": [{"id"', {"Content-Type": "application/json"}), "cannot be read"),
        (as_json({"data": {"id": "x"}}), "cannot be read"),
    ],
)
def test_list__says_when_the_server_is_not_this_api(tmp_path, answer, says):
    with serving(lambda asked: answer) as server:
        with pytest.raises(oa.errors.UnexpectedResponse, match=says) as caught:
            client_of(server, tmp_path).list()
    assert server.url in str(caught.value)


def test_read__refuses_a_redirect_to_another_origin_and_keeps_the_key(tmp_path):
    with (
        serving(lambda asked: listing([], 0)) as elsewhere,
        serving(
            lambda asked: Answer(302, b"", {"Location": elsewhere.url + "/opportunities/"})
        ) as server,
    ):
        with pytest.raises(oa.errors.UnexpectedResponse, match="another server"):
            client_of(server, tmp_path).list()
        with pytest.raises(oa.errors.UnexpectedResponse, match="another server"):
            client_of(server, tmp_path).create(name="x")
    assert elsewhere.asked == []


def test_read__follows_a_redirect_on_the_same_origin_but_not_in_circles(tmp_path):
    def once(asked):
        return (
            listing([row(1)], 1)
            if asked.path == "/moved"
            else Answer(301, b"", {"Location": "/moved"})
        )

    with serving(once) as server:
        assert client_of(server, tmp_path).list().total_records == 1
    with serving(lambda asked: Answer(301, b"", {"Location": asked.path})) as server:
        with pytest.raises(oa.errors.UnexpectedResponse, match="loop"):
            client_of(server, tmp_path).list()


# Retries.


@pytest.mark.parametrize("status", [429, 502])
def test_read__is_repeated_until_it_succeeds(tmp_path, status):
    answers = itertools.chain(
        [Answer(status, b"", {"Retry-After": "0"})] * 2, itertools.repeat(listing([row(1)], 1))
    )
    with serving(lambda asked: next(answers)) as server:
        assert client_of(server, tmp_path).list().total_records == 1
    assert len(server.asked) == 3


@pytest.mark.parametrize("first", [Answer(0), Answer(200, b'{"data": []}', {}, cut=3)])
def test_read__is_repeated_when_the_connection_is_cut(tmp_path, first):
    answers = itertools.chain([first], itertools.repeat(listing([row(1)], 1)))
    with serving(lambda asked: next(answers)) as server:
        assert client_of(server, tmp_path).list().total_records == 1


def test_read__gives_up_with_the_server_s_last_word(tmp_path):
    with serving(lambda asked: as_json({"error": "down"}, 503)) as server:
        with pytest.raises(oa.errors.ServerError, match="503: down") as caught:
            client_of(server, tmp_path, retries=1).list()
    assert caught.value.status == 503
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    "answer",
    [
        Answer(503, b"", {"Retry-After": "0"}),
        Answer(0),
        Answer(201, b"{}", {}, cut=1),
    ],
)
def test_create__is_never_repeated_blindly(tmp_path, answer):
    with serving(lambda asked: answer) as server:
        with pytest.raises((oa.errors.ServerError, oa.errors.ConnectionFailed)):
            client_of(server, tmp_path).create(name="x")
    assert len(server.asked) == 1


def test_create__is_repeated_after_429_since_nothing_was_done(tmp_path):
    made = as_json({"data": {"id": "a", "attributes": {"unique_id": "a"}}}, 201)
    answers = iter([Answer(429, b"", {"Retry-After": "0"}), made])
    with serving(lambda asked: next(answers)) as server:
        assert client_of(server, tmp_path).create(name="x")["unique_id"] == "a"


def test_read__times_out_with_a_clear_error(tmp_path):
    release = threading.Event()

    def late(asked):
        release.wait(20)
        return listing([], 0)

    with serving(late) as server:
        with pytest.raises(oa.errors.ConnectionFailed, match="no data within 0.2 s"):
            client_of(server, tmp_path, retries=0, timeout=0.2).list()
        release.set()


def test_read__says_when_nobody_listens(tmp_path):
    with pytest.raises(oa.errors.ConnectionFailed, match="connection refused.*BLOCKS_API_URL"):
        oa.Client("http://127.0.0.1:9", "t", "k", retries=0, cache_dir=tmp_path).list()


def test_requests__carry_both_secrets_and_ignore_netrc(tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login eve password other\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with serving(lambda asked: listing([], 0)) as server:
        client_of(server, tmp_path).list()
    assert server.asked[0].headers["Authorization"] == "Bearer tok-123"
    assert server.asked[0].headers["AppId"] == "key-456"


def test_retry_after__is_honored(tmp_path: Path) -> None:
    answers = itertools.chain(
        [Answer(503, b"", {"Retry-After": "1"})], itertools.repeat(listing([], 0))
    )
    with serving(lambda asked: next(answers)) as server, client_of(server, tmp_path) as client:
        began = time.monotonic()
        client.list()
        assert 1 <= time.monotonic() - began < 5
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("header", "says"),
    [("121", "retry after 121 s"), ("9" * 400, "429"), ("Fri, 01 Jan 2100 00:00:00 GMT", "s")],
)
def test_retry_after__beyond_the_bound_ends_the_request(
    tmp_path: Path, header: str, says: str
) -> None:
    with serving(lambda asked: Answer(429, b"", {"Retry-After": header})) as server:
        with client_of(server, tmp_path, retries=1) as client:
            with pytest.raises(oa.errors.RateLimitError, match=says):
                client.list()
    assert len(server.asked) <= 5


@pytest.mark.parametrize("header", ["soon", "-5", "1e400", "Fri, 99 Jan 9999999 00:00:00 GMT"])
def test_retry_after__that_cannot_be_read_is_as_if_it_were_missing(
    tmp_path: Path, header: str
) -> None:
    answers = itertools.chain(
        [Answer(503, b"", {"Retry-After": header})], itertools.repeat(listing([], 0))
    )
    with serving(lambda asked: next(answers)) as server, client_of(server, tmp_path) as client:
        began = time.monotonic()
        assert client.list().total_records == 0
        assert time.monotonic() - began < 5


def test_log__tells_requests_at_debug_and_retries_at_info_without_a_customer_s_text(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "opp_analytics")
    answers = iter([Answer(500), Answer(429, b"", {"Retry-After": "0"}), Answer(0)])
    with serving(lambda asked: next(answers, None) or paged([row(1)])(asked)) as server:
        with client_of(server, tmp_path, retries=3) as client:
            client.search("Acme merger")
            client.fetch_page(1, 10)
            client.fetch_page(1, 10, stored=True)
    lines = [
        (record.levelname, record.getMessage())
        for record in caplog.records
        if record.name == "opp_analytics"
    ]
    shapes = [(level, *message.split()[:3]) for level, message in lines]
    assert shapes == [
        ("DEBUG", "GET", "/opportunities/", "500"),
        ("INFO", "GET", "answered", "500;"),
        ("DEBUG", "GET", "/opportunities/", "429"),
        ("INFO", "GET", "answered", "429;"),
        ("DEBUG", "GET", "/opportunities/", "no"),
        ("INFO", "GET", "got", "no"),
        ("DEBUG", "GET", "/opportunities/", "200"),
        ("DEBUG", "GET", "/opportunities/", "200"),
        ("DEBUG", "GET", "/opportunities/", "page"),
    ]
    assert lines[0][1].endswith(" ms")
    assert lines[-1][1].endswith(" page 1 from the page cache")
    assert "Acme" not in str(lines)


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


@pytest.mark.slow
@pytest.mark.parametrize(
    ("at_once", "drop"),
    [
        (b"", b"H"),
        (HEAD, b"X-A: b\r\n"),
        (HEAD + b"\r\n", b" "),
        (
            HEAD.replace(b"Content-Length: 1000000", b"Transfer-Encoding: chunked") + b"\r\n",
            b"1\r\n \r\n",
        ),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["status", "headers", "body", "chunks", "continue"],
)
def test_request__has_a_deadline_for_all_of_it(tmp_path: Path, at_once: bytes, drop: bytes) -> None:
    with talking(dripping(at_once, drop)) as server:
        with client_of(server, tmp_path, retries=3, timeout=0.2) as client:
            began = time.monotonic()
            with pytest.raises(oa.errors.ConnectionFailed):
                client.list()
            took = time.monotonic() - began
    # Not repeated after the deadline, but where the library refuses endless headers before it.
    assert took < 5 * 5 * 0.2


@pytest.mark.slow
def test_request__that_missed_its_deadline_says_so_and_is_not_repeated(tmp_path: Path) -> None:
    with talking(dripping(b"", b"H")) as server, client_of(server, tmp_path, timeout=0.2) as client:
        with pytest.raises(oa.errors.ConnectionFailed, match="not complete within 1 s"):
            client.list()
    assert len(server.asked) == 1


def test_connection__is_kept_and_its_time_out_with_it(tmp_path: Path) -> None:
    with serving(paged([row(1)])) as server, client_of(server, tmp_path, concurrency=1) as client:
        for _ in range(5):
            client.list()
        pools = client.transport._connections._adapter.poolmanager.pools
        (key,) = pools.keys()
        assert (pools[key].num_connections, pools[key].num_requests) == (1, 5)


def test_refusal__of_100_mb_costs_its_first_kilobytes(tmp_path: Path) -> None:
    sent = [0]
    size = 100 * 2**20

    def talk(connection: socket.socket) -> None:
        connection.sendall(
            b"HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n" % size
        )
        with suppress(OSError):
            while sent[0] < size:
                sent[0] += connection.send(b"x" * 65_536)

    with talking(talk) as server, client_of(server, tmp_path, retries=0) as client:
        with pytest.raises(oa.errors.ApiError, match="no reason given") as caught:
            client.list()
    assert caught.value.status == 404
    # What the sockets of both sides buffer comes on top of the 64 kB that are read.
    assert sent[0] < 12 * 2**20


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


def test_proxy__named_by_the_caller_is_used(
    tmp_path: Path, environment: Callable[[str], None]
) -> None:
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
    assert [(asked.method, asked.path) for asked in proxy.asked] == [
        ("CONNECT", "crm.example.com:443")
    ]
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


@pytest.mark.parametrize("proxy", ["ftp://secret@proxy", "", "http://[secret"])
def test_proxy__that_is_no_address_is_refused_and_not_repeated(
    tmp_path: Path, proxy: object
) -> None:
    with pytest.raises(oa.errors.ConfigError, match="proxy is not an address") as caught:
        oa.Client("https://crm.example.com", "t", "k", proxy=proxy, cache_dir=tmp_path)  # type: ignore[arg-type]
    assert "secret" not in str(caught.value)


HONEST = paged([row(n, created_at=f"2026-01-01T00:00:00.{n:06d}Z") for n in range(200)])


def loading_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "opp-analytics"]


def is_sweep(asked: Asked) -> bool:
    return asked.query.get("sort") == "created_at"


def assert_all_end() -> None:
    """The promise is two seconds; five times that, on a busy machine."""
    ends = time.monotonic() + 10
    # Ctrl-C may come while one starts: it is listed then, but cannot be joined yet.
    while loading_threads() and time.monotonic() < ends:
        time.sleep(0.01)
    assert loading_threads() == []


def interrupted_load(client: oa.Client, reached: threading.Event) -> str:
    """What a load says that gets Ctrl-C once the server was reached."""

    def interrupt() -> None:
        reached.wait(60)
        main = threading.main_thread().ident
        assert main is not None
        signal.pthread_kill(main, signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt) as stopped:
        oa.load(client, page_size=5, progress=False)
    return str(stopped.value)


def test_threads__end_although_ctrl_c_comes_while_one_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    start = threading.Thread.start

    def interrupted(thread: threading.Thread) -> None:
        start(thread)
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(KeyboardInterrupt), Threads(4) as threads:
        threads.submit(int)
    assert_all_end()


def test_load__on_ctrl_c_ends_its_threads_in_their_pauses(tmp_path: Path) -> None:
    paused = threading.Event()

    def respond(asked: Asked) -> Answer:
        if is_sweep(asked) and int(asked.query["page"]) > 3:
            paused.set()
            return Answer(429, b"", {"Retry-After": "100"})
        return HONEST(asked)

    with serving(respond) as server, client_of(server, tmp_path) as client:
        assert "load stopped after" in interrupted_load(client, paused)
        assert_all_end()


def test_load__on_ctrl_c_ends_its_threads_while_the_server_thinks_and_the_client_goes_on(
    tmp_path: Path,
) -> None:
    asked_late, over = threading.Event(), threading.Event()

    def respond(asked: Asked) -> Answer:
        if is_sweep(asked) and int(asked.query["page"]) > 3 and not over.is_set():
            asked_late.set()
            over.wait(100)
        return HONEST(asked)

    with serving(respond) as server, client_of(server, tmp_path, concurrency=2) as client:
        assert "load stopped after" in interrupted_load(client, asked_late)
        assert_all_end()
        # No slot is taken by what was given up.
        assert client.list(1, 5).total_records == 200
        over.set()
        assert len(oa.load(client, page_size=5, progress=False)) == 200


def test_load__that_fails_ends_the_threads_of_its_other_pages(tmp_path: Path) -> None:
    over = threading.Event()

    def respond(asked: Asked) -> Answer:
        if is_sweep(asked) and asked.query["page"] == "3":
            return as_json({"error": "no"}, 403)
        if is_sweep(asked) and int(asked.query["page"]) > 3:
            over.wait(100)
        return HONEST(asked)

    with serving(respond) as server, client_of(server, tmp_path) as client:
        with pytest.raises(oa.errors.ForbiddenError):
            oa.load(client, page_size=5, progress=False)
        assert_all_end()
        over.set()


def empty_list(told: datetime) -> Answer:
    return as_json(
        {"data": [], "meta": {"totalRecords": 0, "totalPages": 1}},
        Date=format_datetime(told, usegmt=True),
    )


@pytest.mark.slow
@pytest.mark.parametrize("behind", [0, 60])
def test_clock__of_the_server_agrees_however_slow_its_answer(tmp_path: Path, behind: int) -> None:
    def respond(_: Asked) -> Answer:
        told = datetime.now(UTC) - timedelta(seconds=behind)
        time.sleep(2.2)
        return empty_list(told)

    with serving(respond) as server, client_of(server, tmp_path) as client:
        assert client.clock_agrees(datetime.now(UTC), within=1)
        client.list()
        now = datetime.now(UTC)
        assert client.clock_agrees(now, within=1) is (behind == 0)
        off = now - timedelta(seconds=behind) - client.server_time()
        assert timedelta(0) < off < timedelta(seconds=5)


def test_clock__of_the_server_is_followed_where_it_is_set(tmp_path: Path) -> None:
    told = datetime.now(UTC)
    with serving(lambda _: empty_list(told)) as server, client_of(server, tmp_path) as client:
        for seconds in (0, 60, -60):
            told = datetime.now(UTC) + timedelta(seconds=seconds)
            client.list()
            assert abs(told - client.server_time()) < timedelta(seconds=2)
