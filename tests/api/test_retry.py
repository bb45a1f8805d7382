"""What is sent again, after which pause, and what the log tells of it."""

from __future__ import annotations

import itertools
import logging
import time
from pathlib import Path

import pytest

import opp_analytics as oa
from tests.support import Answer, as_json, client_of, listing, paged, row, serving


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
