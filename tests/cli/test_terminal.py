"""What a server or a file says never steers the terminal: each command, over hostile names."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest

import opp_analytics as oa
from tests.cli.kinds import Command
from tests.support import row

NASTY = "Acme\x1b[2J\x1b]0;owned\x07\x00\x9b31m\x7f\b\u202egnp.exe\u2066\u200f\u2028 [bold]"
RAW = re.compile(
    r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029]"
)


class Done(NamedTuple):
    """What a command came to."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Done]


@pytest.fixture
def run(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command line in a folder of its own, for an account."""
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.chdir(tmp_path)

    def call(url: str, token: str, key: str, *arguments: object) -> Done:
        monkeypatch.setenv("BLOCKS_API_URL", url)
        monkeypatch.setenv("BLOCKS_AUTH_TOKEN", token)
        monkeypatch.setenv("BLOCKS_API_KEY", key)
        done = Done(*command(*arguments))
        assert RAW.findall(done.stdout) == []
        assert RAW.findall(done.stderr) == []
        assert "Traceback" not in done.stderr
        return done

    return call


def hostile(number: int) -> dict[str, Any]:
    """A deal that is overdue, with a nasty text wherever one is allowed."""
    return row(
        number, name=f"{NASTY} {number}", owner_name=NASTY, close_date="2020-01-01", notes=NASTY
    )


@pytest.mark.slow
def test_commands__show_names_from_the_server_as_text(
    shared_sandbox: oa.sandbox.Sandbox, run: Run, tmp_path: Path
) -> None:
    account = (
        shared_sandbox.url,
        *shared_sandbox.add_tenant(pd.DataFrame([hostile(n) for n in range(3)])),
    )
    assert run(*account, "load").returncode == 0
    audit = run(*account, "audit", "--fix", "fixes.json", "--out", "findings.csv")
    assert r"Acme\x1b[2J" in audit.stdout
    assert r"\u202egnp.exe" in audit.stdout
    assert run(*account, "export", "before.csv").returncode == 0
    before = oa.read_csv(tmp_path / "before.csv")
    oa.to_csv(before.assign(value=5.0, name=NASTY), tmp_path / "after.csv")
    planned = run(*account, "plan", "before.csv", "after.csv")
    assert r"Acme\x1b[2J" in planned.stdout
    applied = run(*account, "apply", "plan.json", "--yes", "--receipt", "receipt.csv")
    assert "applied" in applied.stdout
    assert run(*account, "runs").returncode == 0
    assert run(*account, "undo").returncode == 0
    assert run(*account, "record").returncode == 0
    assert "Written to" in run(*account, "report", "--out", "page").stdout
