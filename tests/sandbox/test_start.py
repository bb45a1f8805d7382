"""The process: how it starts, carries on, fails and ends."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from opp_analytics import sandbox
from tests.sandbox.callers import Caller

TODAY = date(2026, 3, 2)


@pytest.mark.slow
def test_start__plays_its_weeks_and_carries_on_from_a_file(
    tmp_path: Path, connect: Callable[..., Caller]
) -> None:
    path = tmp_path / "demo.db"
    with sandbox.start(weeks=4, today=TODAY, path=path) as server:
        assert not server.url.endswith("/")
        assert datetime(2026, 3, 2, tzinfo=UTC) <= server.now < datetime(2026, 3, 3, tzinfo=UTC)
        credentials = server.token, server.api_key
        assert server.exports.splitlines() == [
            f"export BLOCKS_API_URL={server.url}",
            f"export BLOCKS_AUTH_TOKEN={server.token}",
            f"export BLOCKS_API_KEY={server.api_key}",
        ]
        assert server.token not in repr(server)
        caller = connect(server.url, server.token, server.api_key)
        before = caller("GET", "/opportunities?records=1000").json()
        assert all(
            "2026-02-02" < row["attributes"]["created_at"] < "2026-03-02" for row in before["data"]
        )
        advanced = server.advance(7)
        assert advanced - datetime(2026, 3, 9, tzinfo=UTC) < timedelta(days=1)
        with pytest.raises(sandbox.SandboxValueError, match="days=-1 must be"):
            server.advance(-1)
        after = caller("GET", "/opportunities?records=1000").json()
        assert after["data"] != before["data"]
        with pytest.raises(sandbox.SandboxError, match="in use by another sandbox"):
            sandbox.start(path=path)
    if os.name == "posix":
        assert path.stat().st_mode & 0o077 == 0
    with sandbox.start(path=path) as again:
        assert (again.token, again.api_key) == credentials
        assert again.now >= advanced
        caller = connect(again.url, again.token, again.api_key)
        assert caller("GET", "/opportunities?records=1000").json() == after
        made = caller.create(name="Later").json()["data"]["attributes"]["created_at"]
        assert made > max(row["attributes"]["updated_at"] for row in after["data"])
    with pytest.raises(sandbox.SandboxError, match="already contains data"):
        sandbox.start(path=path, opportunities=[])


def test_start__with_data_begins_after_its_newest_timestamp() -> None:
    with sandbox.start(
        today=date(2020, 1, 1),
        opportunities=[{"created_at": "2021-01-01", "updated_at": "2022-05-05"}],
    ) as server:
        assert server.now >= datetime(2022, 5, 5, tzinfo=UTC)
        assert server.advance(1) >= datetime(2022, 5, 6, tzinfo=UTC)


def test_start__says_that_the_port_is_taken() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(
            sandbox.SandboxError, match=rf"cannot listen on 127.0.0.1:{port} .* use another port"
        ):
            sandbox.start(port=port)


@pytest.mark.parametrize("content", ["text", "half", "version"])
def test_start__says_that_the_file_is_not_its_own(tmp_path: Path, content: str) -> None:
    path = tmp_path / "other.db"
    if content == "text":
        path.write_text("this is no database, and long enough to be told apart from one" * 20)
    else:
        pragmas = {"half": (0x4F50_5053, 2), "version": (0x4F50_5053, 99)}[content]
        connection = sqlite3.connect(path)
        connection.executescript(
            f"""PRAGMA application_id = {pragmas[0]}; PRAGMA user_version = {pragmas[1]};
            CREATE TABLE setting (name, value); CREATE TABLE tenant (id, api_key, token);
            CREATE TABLE opportunity (updated_at);"""
        )
        connection.close()
    expected = {
        "text": "is not a sandbox database",
        "half": "is incomplete",
        "version": "is not a sandbox database of this version",
    }
    before = path.read_bytes()
    with pytest.raises(sandbox.SandboxError, match=expected[content]):
        sandbox.start(path=path)
    assert path.read_bytes() == before


def test_start__names_the_extra_when_a_library_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == "starlette" else name
    )
    with pytest.raises(
        sandbox.SandboxError, match=r'needs starlette: pip install "opp_analytics\[sandbox\]"'
    ):
        sandbox.start()


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ({"weeks": -1}, ValueError),
        ({"weeks": 1.5}, TypeError),
        ({"deals_per_week": -1}, ValueError),
        ({"today": "2026-09-28"}, TypeError),
        ({"port": 70_000}, ValueError),
        ({"seed": "one"}, TypeError),
    ],
)
def test_start__refuses_a_wrong_argument(arguments: dict[str, Any], kind: type[Exception]) -> None:
    with pytest.raises(kind, match="must be") as caught:
        sandbox.start(**arguments)
    assert isinstance(caught.value, sandbox.SandboxError)


def test_stop__can_be_repeated_and_ends_everything() -> None:
    server = sandbox.start(opportunities=[])
    server.stop()
    server.stop()
    server.wait()
    assert "stopped with code 0" in repr(server)
    with pytest.raises(sandbox.SandboxError, match="does not answer"):
        _ = server.now
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(server.url.rsplit(":")[-1])))


@pytest.mark.slow
@pytest.mark.posix
def test_process__dies_with_its_owner(tmp_path: Path) -> None:
    script = (
        "from opp_analytics import sandbox; s = sandbox.start(opportunities=[]); print(s.url, "
        "flush=True); s.wait()"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={
            **os.environ,
            "TMPDIR": str(tmp_path),
            "PYTHONPATH": str(Path(sandbox.__file__).parents[2]),
        },
    )
    with owner:
        assert owner.stdout
        assert owner.stderr
        assert owner.stdout.readline().startswith(b"http://127.0.0.1:")
        assert len(list(tmp_path.iterdir())) == 1
        os.kill(owner.pid, signal.SIGKILL)
        # The server inherited this pipe: it ends when the last process that holds it has ended.
        assert owner.stderr.read() == b""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_import__costs_neither_server_nor_pandas() -> None:
    script = (
        "import sys, opp_analytics.sandbox; print({'starlette', 'uvicorn', 'pandas', 'msgspec'} "
        "& set(sys.modules))"
    )
    found = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        check=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(sandbox.__file__).parents[2])},
    )
    assert found.stdout.strip() == "set()"
