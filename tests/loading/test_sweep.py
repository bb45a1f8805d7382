"""A tenant that is written to all the time loads completely, and never with a wrong row."""

from __future__ import annotations

import contextlib
import gc
import itertools
import logging
import random
from collections.abc import Callable, Iterator
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
@pytest.mark.parametrize("seed", range(6))
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


pages = st.lists(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=4), max_size=6)


@pytest.fixture
def gc_on() -> Iterator[None]:
    gc.enable()
    yield
    gc.enable()


@pytest.mark.parametrize(("on", "fails"), [(True, False), (False, True)])
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
    [{}, {"deleted": True}, {"refresh": "changes"}],
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
@pytest.mark.parametrize("total", [-5, 19, 10**9, None])
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
