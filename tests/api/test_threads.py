"""An interrupted or failed load leaves no thread and no request behind."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path

import pytest

import opp_analytics as oa
from tests.support import Answer, Asked, as_json, client_of, paged, row, serving

HONEST = paged([row(n, created_at=f"2026-01-01T00:00:00.{n:06d}Z") for n in range(200)])


def loading_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "opp-analytics"]


def is_sweep(asked: Asked) -> bool:
    return asked.query.get("sort") == "created_at"


def assert_all_end() -> None:
    """The promise is two seconds; five times that, on a busy machine."""
    ends = time.monotonic() + 10
    for thread in loading_threads():
        thread.join(ends - time.monotonic())
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
