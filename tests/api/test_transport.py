"""What leaves and what comes back, over a real socket: errors, redirects, retries, secrets."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from pathlib import Path

import pytest

import opp_analytics as oa
from tests.support import Answer, as_json, client_of, listing, paged, row, serving

# Errors in the three shapes, and answers that are not this API's.


@pytest.mark.parametrize(
    ("answer", "detail", "code", "pointer"),
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
        ),
        ({"errors": ["plain text"]}, "plain text", None, None),
        ({"error": "not_found", "message": "no such deal"}, "no such deal", "not_found", None),
        ({"error": "just this"}, "just this", None, None),
        (["nonsense"], None, None, None),
    ],
)
def test_errors__are_read_in_every_shape(tmp_path, answer, detail, code, pointer):
    with serving(lambda asked: as_json(answer, 404)) as server:
        with pytest.raises(oa.errors.NotFoundError) as caught:
            client_of(server, tmp_path).get("x")
    error = caught.value
    assert (error.detail, error.code, error.pointer, error.status, error.method) == (
        detail,
        code,
        pointer,
        404,
        "GET",
    )


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (Answer(200, b"<html>login</html>", {"Content-Type": "text/html; charset=utf-8"}), "web page"),
        (Answer(200, b"", {"Content-Type": "application/json"}), "is empty"),
        (Answer(200, b'{"data": [{"id"', {"Content-Type": "application/json"}), "cannot be read"),
        (as_json({"rows": []}), "cannot be read"),
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
        serving(lambda asked: Answer(302, b"", {"Location": elsewhere.url + "/opportunities/"})) as server,
    ):
        with pytest.raises(oa.errors.UnexpectedResponse, match="another server"):
            client_of(server, tmp_path).list()
        with pytest.raises(oa.errors.UnexpectedResponse, match="another server"):
            client_of(server, tmp_path).create(name="x")
    assert elsewhere.asked == []


def test_read__follows_a_redirect_on_the_same_origin_but_not_in_circles(tmp_path):
    def once(asked):
        return listing([row(1)], 1) if asked.path == "/moved" else Answer(301, b"", {"Location": "/moved"})

    with serving(once) as server:
        assert client_of(server, tmp_path).list().total_records == 1
    with serving(lambda asked: Answer(301, b"", {"Location": asked.path})) as server:
        with pytest.raises(oa.errors.UnexpectedResponse, match="loop"):
            client_of(server, tmp_path).list()


# Retries.


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
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


@pytest.mark.parametrize("answer", [Answer(500), Answer(503), Answer(0), Answer(201, b"{}", {}, cut=1)])
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


def test_read__says_so_when_the_asked_pause_is_too_long(tmp_path):
    with serving(lambda asked: Answer(429, b"", {"Retry-After": "3600"})) as server:
        with pytest.raises(oa.errors.RateLimitError, match="retry after 3600 s"):
            client_of(server, tmp_path).list()
    assert len(server.asked) == 1


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


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after__is_honored(tmp_path: Path, status: int) -> None:
    answers = itertools.chain([Answer(status, b"", {"Retry-After": "1"})], itertools.repeat(listing([], 0)))
    with serving(lambda asked: next(answers)) as server, client_of(server, tmp_path) as client:
        began = time.monotonic()
        client.list()
        assert 1 <= time.monotonic() - began < 5
    assert len(server.asked) == 2


@pytest.mark.parametrize(("status", "error"), [(429, oa.errors.RateLimitError), (503, oa.errors.ServerError)])
@pytest.mark.parametrize(
    ("header", "says"),
    [("121", "121 s"), ("9" * 400, "inf|e|retry|answered"), ("Fri, 01 Jan 2100 00:00:00 GMT", "s")],
)
def test_retry_after__beyond_the_bound_ends_the_request(
    tmp_path: Path, status: int, error: type[Exception], header: str, says: str
) -> None:
    with serving(lambda asked: Answer(status, b"", {"Retry-After": header})) as server:
        with client_of(server, tmp_path, retries=1) as client, pytest.raises(error, match=says):
            client.list()
    assert len(server.asked) <= 5


@pytest.mark.parametrize("header", ["soon", "-5", "1e400", "", "NaN", "Fri, 99 Jan 9999999 00:00:00 GMT"])
def test_retry_after__that_cannot_be_read_is_as_if_it_were_missing(tmp_path: Path, header: str) -> None:
    answers = itertools.chain([Answer(503, b"", {"Retry-After": header})], itertools.repeat(listing([], 0)))
    with serving(lambda asked: next(answers)) as server, client_of(server, tmp_path) as client:
        began = time.monotonic()
        assert client.list().total_records == 0
        assert time.monotonic() - began < 5


def test_create__is_not_repeated_after_503_whatever_it_asks(tmp_path: Path) -> None:
    with serving(lambda asked: Answer(503, b"", {"Retry-After": "0"})) as server:
        with client_of(server, tmp_path) as client, pytest.raises(oa.errors.ServerError):
            client.create(name="x")
    assert len(server.asked) == 1


def test_create__is_repeated_when_no_connection_was_made(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "opp_analytics")
    with oa.Client("http://127.0.0.1:9", "t", "k", retries=2, cache_dir=tmp_path) as client:
        with pytest.raises(oa.errors.ConnectionFailed, match="connection refused"):
            client.create(name="x")
    assert len(caplog.records) == 2


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
        (record.levelname, record.getMessage()) for record in caplog.records if record.name == "opp_analytics"
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


def test_log__says_nothing_above_info(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    with serving(lambda asked: as_json({}, 500)) as server, client_of(server, tmp_path, retries=1) as client:
        with pytest.raises(oa.errors.ServerError):
            client.search("Acme merger")
    assert caplog.records == []
