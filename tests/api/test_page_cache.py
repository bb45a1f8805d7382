"""Pages of a sweep on disk: shared by threads, shut under them, on a disk that fills up."""

from __future__ import annotations

import pickle
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import opp_analytics as oa
from opp_analytics.api import PageDecoder
from opp_analytics.api.page_store import pack, unpack
from opp_analytics.api.transport import StoredPage
from opp_analytics.api.wire import TenantNames
from tests.support import Answer, as_json, client_of, paged, row, serving


def test_fetch_page__survives_a_store_that_is_closed_and_cleared_under_it(tenant):
    client = tenant(100)
    with ThreadPoolExecutor(8) as pool:
        bodies = [
            pool.submit(client.fetch_page, 1 + n % 10, 10, stored=bool(n % 3), sort="created_at")
            for n in range(400)
        ]
        for n in range(40):
            (client.pages.clear if n % 2 else client.pages.close)()
        pages = [
            len(client.decode_page(body.result(), PageDecoder(TenantNames())).ids)
            for body in bodies
        ]
    assert pages == [10] * 400
    client.close()


def test_read__goes_on_without_pages_when_the_disk_fills_up(tenant):
    client = tenant(600)
    oa.load(client, progress=False, search="Deal 7")
    with client.pages._get_store().connection() as connection:
        connection.execute("PRAGMA max_page_count = 8")
    with pytest.warns(oa.errors.DataWarning, match="disk is full.*fetched without it"):
        frame = oa.load(client, progress=False, page_size=20)
    assert len(frame) == 600
    assert frame.attrs["load"]["complete"]
    client.close()


def stored_values(file: Path) -> list[bytes]:
    with closing(sqlite3.connect(file)) as connection:
        return [bytes(value) for (value,) in connection.execute("SELECT value FROM pages")]


def test_pages__are_stored_without_a_pickle_a_cookie_or_a_secret(tmp_path: Path) -> None:
    def respond(asked: object) -> Answer:
        answer = paged([row(n) for n in range(30)])(asked)  # type: ignore[arg-type]
        answer.headers |= {
            "Set-Cookie": "sid=cookie-789",
            "ETag": '"v1"',
            "X-Echo": "Bearer tok-123 key-456",
        }
        return answer

    with serving(respond) as server, client_of(server, tmp_path / "pages") as client:
        client.fetch_page(1, 10)
        assert client.fetch_page(1, 10, stored=True) == client.fetch_page(1, 10)
        file = client.cache_folder / "pages.sqlite"
        values = stored_values(file)
        everything = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert len(values) == 1
    page = unpack(values[0])
    assert page is not None
    assert b"opp-7" in page.body
    assert page.validators == {"If-None-Match": '"v1"'}
    for foreign in (b"requests", b"CaseInsensitive", b"cookie-789", b"tok-123", b"key-456"):
        assert foreign not in everything


def test_page__answers_and_revalidates_in_another_process_of_its_life(tmp_path: Path) -> None:
    def respond(asked: object) -> Answer:
        if getattr(asked, "headers", {}).get("If-None-Match") == '"v1"':
            return Answer(304, b"", {"ETag": '"v1"'})
        return as_json({"data": []}, ETag='"v1"')

    with serving(respond) as server:
        with client_of(server, tmp_path) as first:
            body = first.fetch_page(1, 10)
        with client_of(server, tmp_path) as second:
            assert second.fetch_page(1, 10, stored=True) == body
            assert len(server.asked) == 1
            assert second.fetch_page(1, 10) == body
    assert [asked.headers.get("If-None-Match") for asked in server.asked] == [None, '"v1"']


@pytest.mark.parametrize(
    "stored",
    [
        b"",
        pickle.dumps([200]),
        None,
        pack(StoredPage(b"body", {}))[:-1],
        pack(StoredPage(b"body" * 9, {})).replace(b"\x24", b"\x25", 1),
        msgspec.msgpack.encode([{}, 2**40, b"zstd"]),
    ],
)
def test_unpack__takes_anything_else_for_no_page(stored: object) -> None:
    assert unpack(stored) is None


@given(body=st.binary(max_size=2000), validators=st.dictionaries(st.text(), st.text(), max_size=2))
def test_unpack__gives_the_page_as_it_came(body: bytes, validators: dict[str, str]) -> None:
    page = StoredPage(body, validators)
    assert unpack(pack(page)) == page
