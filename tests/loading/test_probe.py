"""A load ends, whatever the server says and whenever somebody stops it."""

from __future__ import annotations

import itertools
import logging
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.loading import probe
from tests.loading.world import World
from tests.support import Answer, Asked, client_of, listing, paged, row, serving


def load(client: oa.Client, **options: Any) -> Any:
    return oa.load(client, progress=False, **options)


class _Endless:
    """A list and a trash; once `on`, every page is full, and the total grows with each page asked for."""

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
    monkeypatch.setattr(probe, bound, small)

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


@pytest.mark.posix
@pytest.mark.parametrize(("options", "wanted"), [("", 5), (", refresh='changes'", 2), (", limit=50", 2)])
def test_load__ends_at_once_on_ctrl_c_while_the_server_is_slow(
    tenant: Callable[..., oa.Client],
    shared_sandbox: oa.sandbox.Sandbox,
    tmp_path: Path,
    options: str,
    wanted: int,
) -> None:
    client = tenant(400)
    secrets = client.settings.token.reveal(), client.settings.api_key.reveal()
    script = textwrap.dedent(f"""
        import opp_analytics as oa
        client = oa.Client({shared_sandbox.url!r}, *{secrets!r}, cache_dir={str(tmp_path / "pages")!r})
        oa.load(client, page_size=20, progress=False)
        print("ready", flush=True)
        input()
        oa.load(client, page_size=2, progress=False, max_age=0{options})
    """)
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == "ready\n"
    asked = shared_sandbox.requests
    shared_sandbox.faults.latency = 0.2
    process.stdin.write("go\n")
    process.stdin.flush()
    shared_sandbox.wait_for_requests(asked + wanted - 1)
    shared_sandbox.faults.latency = 25
    shared_sandbox.wait_for_requests(asked + wanted)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    took = time.monotonic() - began
    assert "KeyboardInterrupt: load stopped after" in errors
    assert took < 10, took


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
