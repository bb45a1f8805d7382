"""Reading in bulk before writing: what somebody else does meanwhile is noticed, or else every row is read by itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from opp_analytics.api import Client
from opp_analytics.errors import ServerError
from opp_analytics.sandbox import Sandbox
from opp_analytics.writer import apply, plan
from opp_analytics.writer.apply import bulk_reread as watching
from opp_analytics.writer.apply.bulk_reread import Watched, reader
from tests.support import Answer, Asked, as_json, listing, row, serving
from tests.writer.conftest import opportunities

START = datetime(2026, 1, 10, 10, 0, tzinfo=UTC)


class Books:
    """Opportunities behind a small server that sorts and pages as told, with what it was asked for."""

    def __init__(self, rows: int) -> None:
        self.rows = {f"opp-{n}": row(n, unique_id=f"opp-{n}", updated_at=at(-3600 + n)) for n in range(rows)}
        self.lists: list[dict[str, str]] = []
        self.gets: list[str] = []
        self.sorts, self.most, self.failing = True, 1000, False
        self.now = 0.0

    def monotonic(self) -> float:
        """The clock, which stands still but for `edit`: server and client live in the same time."""
        return self.now

    def respond(self, asked: Asked) -> Answer:
        """The answer to a list or a get."""
        name = asked.path.rstrip("/").rsplit("/", 1)[-1]
        if self.failing:
            return as_json({"error": "down"}, 503)
        if name != "opportunities":
            self.gets.append(name)
            return as_json({"data": {"id": name, "type": "opportunity", "attributes": self.rows[name]}})
        self.lists.append(asked.query)
        stock = list(self.rows.values())
        if asked.query.get("sort") == "-updated_at" and self.sorts:
            stock = sorted(stock, key=lambda r: r.get("updated_at", ""), reverse=True)
        size = min(int(asked.query["records"]), self.most)
        first = (int(asked.query["page"]) - 1) * size
        pages = -(-len(stock) // size)
        return listing(stock[first : first + size], len(stock), totalPages=pages)

    def edit(self, name: str, seconds: float, **fields: Any) -> None:
        """Somebody changes an opportunity, so many seconds after the start."""
        self.now = max(self.now, seconds)
        self.rows[name] = self.rows[name] | fields | {"updated_at": at(seconds)}


def at(seconds: float) -> str:
    return (START + timedelta(seconds=seconds)).isoformat()


@pytest.fixture
def books() -> Books:
    return Books(300)


@pytest.fixture
def client(books: Books, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setattr(watching, "time", books)
    with serving(books.respond) as server:
        with Client(server.url, "token", "key", retries=0, cache_dir=tmp_path) as asking:
            yield asking


def watched(client: Client, books: Books) -> Watched:
    made = reader(client, set(books.rows))
    assert made is not None
    books.lists.clear()
    return made


def test_watched__answers_from_one_sweep_while_that_is_fresh(client: Client, books: Books) -> None:
    read = watched(client, books)
    assert [read(name)["unique_id"] for name in books.rows] == list(books.rows)  # type: ignore[index]
    assert (books.lists, books.gets) == ([], [])


def test_watched__sees_what_was_updated_since(client: Client, books: Books) -> None:
    read = watched(client, books)
    books.edit("opp-7", 0.5, value=1.0)
    assert read("opp-7")["value"] == 1.0  # type: ignore[index]
    books.edit("opp-8", 60, value=2.0)
    assert read("opp-8")["value"] == 2.0  # type: ignore[index]
    assert books.gets == []
    assert [query["sort"] for query in books.lists] == ["-updated_at"] * 2


def test_watched__asks_again_only_when_a_reading_has_aged(client: Client, books: Books) -> None:
    read = watched(client, books)
    books.now = 0.3
    read("opp-1")
    assert books.lists == []
    books.now = 0.5
    for number in range(50):
        read(f"opp-{number}")
    assert len(books.lists) == 1


def test_watched__misses_no_edit_that_shows_late(client: Client, books: Books) -> None:
    books.most = 100
    read = watched(client, books)
    for number in range(90):
        books.edit(f"opp-{number}", 10 if number < 10 else 9.8)
    read("opp-0")
    for number in range(100, 150):
        books.edit(f"opp-{number}", 11.1)
    books.edit("opp-250", 9.7, value=3.0)  # its transaction began before the others and ended after them
    # The page ends at 9.8, before the last look's newest edit, and does not tell of 9.7: so it is not believed.
    assert read("opp-250")["value"] == 3.0  # type: ignore[index]


def test_watched__is_not_thrown_by_many_rows_of_one_import(client: Client, books: Books) -> None:
    books.most = 100
    for name in books.rows:
        books.edit(name, 0)
    books.now = 5
    read = watched(client, books)
    books.edit("opp-7", 6, value=1.0)
    assert read("opp-7")["value"] == 1.0  # type: ignore[index]
    assert books.gets == []


@pytest.mark.parametrize(
    ("trouble", "lists"),
    [
        (lambda books: setattr(books, "sorts", False), 1),
        (lambda books: [books.edit(f"opp-{n}", 10) for n in range(150)], 3),
        (lambda books: [books.rows[f"opp-{n}"].pop("updated_at") for n in range(300)], 1),
    ],
    ids=["unsorted", "more at once than a page tells", "no times"],
)
def test_watched__reads_one_by_one_what_it_cannot_vouch_for(
    client: Client, books: Books, trouble: Callable[[Books], Any], lists: int
) -> None:
    read = watched(client, books)
    books.most = 100
    trouble(books)
    books.now = 11
    books.rows["opp-299"] |= {"value": 4.0}
    for _ in range(5):
        books.now += 1.5
        assert read("opp-299")["value"] == 4.0  # type: ignore[index]
    assert len(books.gets) == 5
    assert len(books.lists) == lists  # it does not ask again and again


def test_watched__survives_a_refresh_that_fails(client: Client, books: Books) -> None:
    read = watched(client, books)
    books.now = 5
    books.edit("opp-7", 5, value=1.0)
    books.failing = True
    with pytest.raises(ServerError):
        read("opp-7")
    books.failing = False
    books.now = 6
    assert read("opp-7")["value"] == 1.0  # type: ignore[index]


@pytest.mark.parametrize("trouble", ["few", "down", "no times", "nothing"])
def test_reader__is_none_where_single_reads_are_the_way(client: Client, books: Books, trouble: str) -> None:
    ids = set(books.rows)
    if trouble == "few":
        ids = set(list(ids)[:199])
    elif trouble == "down":
        books.failing = True
    elif trouble == "no times":
        for held in books.rows.values():
            del held["updated_at"]
    else:
        books.rows.clear()
    assert reader(client, ids) is None


def test_apply__of_many_notices_an_edit_made_during_the_run_with_few_reads(
    server: Sandbox, tmp_path: Path
) -> None:
    before = opportunities(300)
    tenant = server.add_tenant(before)
    with (
        Client(server.url, *tenant, concurrency=4, cache_dir=tmp_path / "mine") as mine,
        Client(server.url, *tenant, cache_dir=tmp_path / "theirs") as theirs,
    ):
        server.faults.latency = 0.03
        asked = server.requests

        def meddle() -> None:
            while server.requests < asked + 30:
                time.sleep(0.001)
            for number in (297, 298, 299):
                theirs.update(f"o{number}", value=7.0)

        meddling = threading.Thread(target=meddle)
        meddling.start()
        receipt = apply(plan(before, before.assign(value=1.0)), mine)
        meddling.join()
        server.faults.reset()
        rows = pd.DataFrame(theirs.list(page_size=1000).rows).set_index("unique_id")
    conflicts = receipt.table.loc[receipt.table["outcome"] == "conflict", "unique_id"]
    assert conflicts.tolist() == ["o297", "o298", "o299"]
    assert (rows.loc[conflicts, "value"].astype(float) == 7.0).all()
    assert (rows["value"].astype(float) == 1.0).sum() == 297
    assert server.requests - asked < 1.3 * 300
