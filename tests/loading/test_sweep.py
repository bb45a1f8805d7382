"""A tenant that is written to all the time loads completely, and never with a wrong row."""

from __future__ import annotations

import contextlib
import gc
import itertools
import logging
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import opp_analytics as oa
from opp_analytics.certificate import Certificate
from opp_analytics.loading import sweep
from opp_analytics.loading.sweep import DistinctIds, drop_repeated
from tests.examples import examples
from tests.loading.world import WORK, BusyWorld, World, stock_of
from tests.support import Answer, Asked, client_of, listing, paged, row, serving

WORKS = st.tuples(st.sampled_from(WORK), st.integers(0, 99))


def loaded(client: oa.Client, **options: Any) -> tuple[pd.DataFrame, Certificate]:
    frame = oa.load(client, progress=False, **options)
    certificate = Certificate.of(frame)
    assert certificate is not None
    return frame, certificate


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::opp_analytics.errors.DataWarning")
@examples(50)
@given(drift=st.lists(st.none() | WORKS, max_size=80), page_size=st.sampled_from([3, 5, 50]))
def test_load__is_one_moment_of_the_server_whatever_changed_meanwhile(
    tmp_path_factory: pytest.TempPathFactory, drift: list[tuple[str, int] | None], page_size: int
) -> None:
    world = BusyWorld(20, drift)
    with (
        serving(world.answer) as server,
        oa.Client(
            server.url, "tok", "key", cache_dir=tmp_path_factory.mktemp("pages"), retries=0
        ) as client,
    ):
        for refresh in (None, "changes", "changes"):
            frame, certificate = loaded(client, refresh=refresh, max_age=0, page_size=page_size)
            if certificate.complete:
                assert stock_of(frame) in world.moments


@pytest.mark.filterwarnings("ignore::opp_analytics.errors.DataWarning")
@pytest.mark.parametrize("seed", range(20))
def test_load__is_complete_while_every_third_request_meets_a_change(
    tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    drift = (
        (chance.choice(WORK), chance.randrange(100)) if n % 3 == 0 else None
        for n in itertools.count()
    )
    world = BusyWorld(200, drift)
    with (
        serving(world.answer) as server,
        oa.Client(server.url, "tok", "key", cache_dir=tmp_path / "pages", retries=0) as client,
    ):
        frame, certificate = loaded(client, page_size=20)
    assert certificate.complete, certificate.reasons
    assert stock_of(frame) in world.moments


class Writer:
    """Somebody who updates, creates, deletes and recovers all the time, one after the other.

    Each work is followed by a pause of twice its length, whatever the machine's load: a reader
    finds the trash at rest between its requests by luck alone, and without a pause seldom within
    the tries of a load.
    """

    def __init__(self, client: oa.Client, rows: pd.DataFrame, seed: int) -> None:
        self._client = client
        self._chance = random.Random(seed)
        self._ended = threading.Event()
        self._alive = dict(zip(rows["unique_id"], rows["value"].astype(float), strict=True))
        self._trash: dict[str, float] = {}
        self._thread = threading.Thread(target=self._work)
        self.moments = [frozenset(self._alive.items())]
        self.done = dict.fromkeys(WORK, 0)

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _work(self) -> None:
        for number in itertools.count():
            if self._ended.is_set():
                return
            began = time.monotonic()
            work = self._chance.choice(WORK)
            if getattr(self, f"_{work}")(float(number)):
                self.done[work] += 1
                self.moments.append(frozenset(self._alive.items()))
            self._ended.wait(2 * (time.monotonic() - began))

    def _create(self, value: float) -> bool:
        self._alive[self._client.create(name=f"New {value}", value=value)["unique_id"]] = value
        return True

    def _update(self, value: float) -> bool:
        changed = self._chance.choice(list(self._alive))
        self._client.update(changed, value=value)
        self._alive[changed] = value
        return True

    def _delete(self, _: float) -> bool:
        deleted = self._chance.choice(list(self._alive))
        self._client.delete(deleted)
        self._trash[deleted] = self._alive.pop(deleted)
        return True

    def _recover(self, _: float) -> bool:
        if self._trash:
            back = self._chance.choice(list(self._trash))
            self._client.recover(back)
            self._alive[back] = self._trash.pop(back)
            return True
        return False


@pytest.mark.parametrize("page_size", [50, 1000])
def test_load__is_complete_while_somebody_writes_all_the_time(
    shared_sandbox: oa.sandbox.Sandbox, tmp_path: Path, page_size: int
) -> None:
    rows = pd.DataFrame([row(n, created_at=f"2026-01-01T00:00:00.{n:06d}Z") for n in range(600)])
    token, api_key = shared_sandbox.add_tenant(rows)
    reader, writer = (
        oa.Client(shared_sandbox.url, token, api_key, cache_dir=tmp_path / name)
        for name in ("reader", "writer")
    )
    with reader, writer, Writer(writer, rows, page_size) as busy:
        loads = []
        # Six loads, and as many more as a busy machine needs for the writer to get its turns.
        while len(loads) < 6 or (min(busy.done.values()) < 6 and len(loads) < 60):
            refresh = ("full", "changes")[len(loads) % 2]
            loads.append(loaded(reader, refresh=refresh, page_size=page_size))
    assert all(count > 5 for count in busy.done.values())
    assert [certificate.reasons for _, certificate in loads if not certificate.complete] == []
    for frame, _ in loads:
        assert frozenset(zip(frame["unique_id"], frame["value"], strict=True)) in busy.moments


pages = st.lists(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=4), max_size=6)


@pytest.fixture
def gc_on() -> Iterator[None]:
    gc.enable()
    yield
    gc.enable()


@pytest.mark.parametrize("on", [True, False])
@pytest.mark.parametrize("fails", [True, False])
def test_load__pauses_the_garbage_collector_and_leaves_it_as_it_was(
    tmp_path: Path, gc_on: None, on: bool, fails: bool
) -> None:
    world, found = World(30), set()

    def answer(asked: Any) -> Any:
        if asked.query.get("page") == "4":
            found.add(gc.isenabled())
            if fails:
                return Answer(500)
        return world.answer(asked)

    (gc.enable if on else gc.disable)()
    with (
        serving(answer) as server,
        oa.Client(server.url, "tok", "key", cache_dir=tmp_path, retries=0) as client,
        pytest.raises(oa.errors.ServerError) if fails else contextlib.nullcontext(),
    ):
        oa.load(client, page_size=5, progress=False)
    assert found == {False}
    assert gc.isenabled() is on


def test_load__lets_the_garbage_collector_go_on_after_several_at_once(
    tmp_path: Path, gc_on: None
) -> None:
    with (
        serving(World(200).answer) as server,
        oa.Client(server.url, "tok", "key", cache_dir=tmp_path) as client,
        ThreadPoolExecutor(4) as pool,
    ):
        loads = [
            pool.submit(oa.load, client, search=f"{n}", page_size=5, progress=False)
            for n in range(8)
        ]
        assert all(len(load.result()) for load in loads)
    assert gc.isenabled()


@given(pages=pages)
def test_drop_repeated__keeps_the_first_of_each_id_in_order(pages: list[list[str]]) -> None:
    numbers = iter(range(100))
    tables = [
        pa.table({"unique_id": page, "number": [next(numbers) for _ in page]}) for page in pages
    ]
    first: dict[str, int] = {}
    for table in tables:
        for unique_id, number in zip(*table.to_pydict().values(), strict=True):
            first.setdefault(unique_id, number)
    kept = drop_repeated(tables)
    assert [row for table in kept for row in zip(*table.to_pydict().values(), strict=True)] == list(
        first.items()
    )
    assert all(len(table) for table in kept)


@given(pages=pages)
def test_proven__is_true_when_every_id_came_once(pages: list[list[str]]) -> None:
    distinct = DistinctIds()
    taken = [
        unique_id for page in pages if distinct.add(page, past_end=False) for unique_id in page
    ]
    assert distinct.proven() == (len(set(taken)) == len(taken))


@given(pages=pages)
def test_add__past_the_end_says_exactly_whether_a_page_brings_something_new(
    pages: list[list[str]],
) -> None:
    distinct, seen = DistinctIds(), set[str]()
    for page in pages:
        assert distinct.add(page, past_end=True) == bool(set(page) - seen)
        seen |= set(page)


def test_add__notices_a_page_that_comes_again_and_an_empty_one() -> None:
    distinct = DistinctIds()
    assert distinct.add(["a", "b"], past_end=False)
    assert distinct.add(["c", "d"], past_end=False)
    assert not distinct.add(["a", "b"], past_end=False)
    assert not distinct.add([], past_end=False)
    assert distinct.proven()


def load(client: oa.Client, **options: Any) -> Any:
    return oa.load(client, progress=False, **options)


class _Endless:
    """A list and a trash; once `on`, every page is full, and the total grows with each page asked
    for."""

    def __init__(self) -> None:
        self.on = False
        self._pages = 0

    def __call__(self, request: Asked) -> Answer:
        rows = [] if request.path.endswith("show") else [row(number) for number in range(30)]
        if not self.on:
            return paged(rows)(request)
        self._pages += 1
        sort = request.query.get("sort", "created_at")
        rows.sort(key=lambda each: str(each[sort.removeprefix("-")]), reverse=sort.startswith("-"))
        size, page = int(request.query["records"]), int(request.query["page"])
        shown = rows[size * (page - 1) : size * page]
        # Later or earlier than every real row, so that no order gives the made-up ones away.
        begin, step = ("2025-12-01", -1) if sort.startswith("-") else ("2026-02-01", 1)
        for number in range(size * (page - 1) + len(shown), size * page):
            at = (pd.Timestamp(begin, tz="UTC") + step * pd.Timedelta(number, "us")).isoformat()
            shown.append(row(1000 + number, created_at=at, updated_at=at))
        return listing(shown, max(len(rows), size * page) + size * self._pages)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [{}, {"deleted": True}, {"search": "Deal"}, {"refresh": "changes"}],
)
def test_load__ends_at_an_endless_list_or_trash(tmp_path: Path, options: dict[str, Any]) -> None:
    respond = _Endless()
    with serving(respond) as server, client_of(server, tmp_path / "pages") as client:
        load(client)
        respond.on, before = True, len(server.asked)
        with pytest.raises(
            oa.errors.LoadError, match=r"announced \d+ pages?, but page .* is still full of new"
        ):
            load(client, **{"page_size": 7, "max_age": 0} | options)
        assert len(server.asked) - before < 200
        assert len(load(client, limit=50, page_size=7)) == 50


def test_load__ends_at_an_endless_trash(tmp_path: Path) -> None:
    world = World(20)
    asked = itertools.count()

    def endless_trash(request: Asked) -> Answer:
        if not request.path.endswith("show"):
            answer: Answer = world.answer(request)
            return answer
        size = min(int(request.query["records"]), 50)
        return listing([row(1000 + next(asked)) for _ in range(size)], 2 * size)

    with serving(endless_trash) as server, client_of(server, tmp_path / "pages") as client:
        with pytest.warns(oa.errors.DataWarning, match="may be incomplete"):
            assert len(load(client)) == 20
    assert len(server.asked) < 400


@pytest.mark.parametrize("bound", ["MOST_PAGES", "MOST_BYTES", "MOST_SECONDS"])
def test_load__ends_at_its_bounds_where_the_announced_total_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    small, says = {
        "MOST_PAGES": (40, "40 pages"),
        "MOST_BYTES": (2**16, "GB"),
        "MOST_SECONDS": (0.2, "hours"),
    }[bound]
    monkeypatch.setattr(sweep, bound, small)

    def boasting(request: Asked) -> Answer:
        if request.path.endswith("show"):
            return listing([], 0)
        first = int(request.query["page"]) * 2
        return listing([row(first), row(first + 1)], 10**12)

    with serving(boasting) as server, client_of(server, tmp_path / "pages") as client:
        with pytest.raises(oa.errors.LoadError, match=rf"{says}, the most that one load reads"):
            load(client, page_size=2)


@pytest.mark.filterwarnings("ignore::opp_analytics.errors.DataWarning")
@pytest.mark.parametrize("total", [-5, 0, 1, 19, 21, 10**9, None])
def test_load__ends_where_every_page_says_another_total(tmp_path: Path, total: int | None) -> None:
    honest = paged([row(n, created_at=f"2026-01-01T00:00:00.{n:06d}Z") for n in range(20)])
    asked = itertools.count()

    def lying(request: Asked) -> Answer:
        answer = honest(request)
        said = "null" if total is None else total + next(asked)
        return Answer(
            200,
            answer.body.replace(b'"totalRecords": 20', f'"totalRecords": {said}'.encode()),
            answer.headers,
        )

    with serving(lying) as server, client_of(server, tmp_path / "pages") as client:
        frame = load(client, page_size=5)
    assert len(frame) == 20
    assert not frame.attrs["load"]["complete"]
    assert len(server.asked) < 150


def test_load__tells_sweeps_and_refreshes_in_counts_only(
    tenant: Callable[..., oa.Client], caplog: pytest.LogCaptureFixture
) -> None:
    client = tenant(40)
    with caplog.at_level(logging.INFO, "opp_analytics"):
        load(client, page_size=20)
        client.update("opp-3", value=3)
        load(client, refresh="changes", page_size=20)
    told = [record.getMessage() for record in caplog.records]
    assert "sweep 1: 3 pages, 40 opportunities" in told
    assert "load complete: 40 opportunities" in told
    assert "refresh complete: 40 opportunities" in told
    assert not any("Deal" in message or "opp-" in message for message in told)
