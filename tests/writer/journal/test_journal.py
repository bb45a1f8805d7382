from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest

from opp_analytics.api import Client, state_folder
from opp_analytics.errors import JournalError
from opp_analytics.sandbox import Sandbox
from opp_analytics.writer import apply, own_writes, plan, resume, runs, undo
from opp_analytics.writer.journal import Journal, journal_file, plan_lock, read_journal


def test_apply__keeps_the_journal_private_and_names_a_damaged_one(
    client: Client, before: pd.DataFrame
) -> None:
    made = plan(before, before.assign(value=1.0))
    receipt = apply(made, client)
    (file,) = (state_folder() / "journals").glob("*.sqlite3")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with sqlite3.connect(file) as db:
        assert db.execute("SELECT run_id FROM run WHERE ended_at IS NOT NULL").fetchall() == [
            (receipt.run_id,)
        ]
    db.close()
    assert client.settings.token.reveal().encode() not in file.read_bytes()
    file.write_bytes(b"not a database" * 100)
    for beside in file.parent.glob("*.sqlite3-*"):
        beside.unlink()
    with pytest.raises(JournalError, match=r"cannot use the journal .*\.sqlite3"):
        apply(plan(before, before.assign(value=2.0)), client)
    assert client.get("o000")["value"] == 1


def test_journal__of_another_format_is_refused_by_name(client: Client, before: pd.DataFrame) -> None:
    made = plan(before, before.assign(value=1.0))
    apply(made, client)
    (file,) = (state_folder() / "journals").glob("*.sqlite3")
    with closing(sqlite3.connect(file)) as db:
        db.execute("PRAGMA user_version = 1")
    for use in (lambda: apply(made, client), lambda: resume(client), lambda: own_writes(client), runs):
        with pytest.raises(JournalError, match=rf"{file}.*format 1, not 4.*move the file away"):
            use()
    file.rename(file.with_suffix(".old"))
    assert runs().empty
    assert apply(made, client).table["outcome"].eq("already").all()


def others_write_the_folder(file: Path) -> Path:
    file.parent.chmod(0o770)
    return file.parent


def others_write_the_state(file: Path) -> Path:
    file.parent.parent.chmod(0o702)
    return file.parent.parent


def others_write_the_file(file: Path) -> Path:
    file.chmod(0o620)
    return file


def it_is_a_link(file: Path) -> Path:
    file.rename(file.with_suffix(".old"))
    file.symlink_to(file.with_suffix(".old"))
    return file


@pytest.mark.skipif(os.name == "nt", reason="modes are those of POSIX")
@pytest.mark.parametrize(
    "spoil", [others_write_the_folder, others_write_the_state, others_write_the_file, it_is_a_link]
)
def test_journal__that_others_can_change_is_refused(
    client: Client,
    server: Sandbox,
    before: pd.DataFrame,
    monkeypatch: pytest.MonkeyPatch,
    spoil: Callable[[Path], Path],
) -> None:
    made = plan(before, before.assign(value=1.0))
    apply(made, client)
    (file,) = (state_folder() / "journals").glob("*.sqlite3")
    named, asked = spoil(file), server.requests
    again = plan(before, before.assign(value=2.0))
    for use in (
        lambda: apply(again, client),
        lambda: resume(client),
        lambda: undo(client),
        lambda: own_writes(client),
        runs,
    ):
        with pytest.raises(JournalError, match=rf"others could change it: {named} .*SHARED_JOURNAL=1"):
            use()
    assert server.requests == asked
    monkeypatch.setenv("OPP_ANALYTICS_SHARED_JOURNAL", "1")
    assert len(runs()) == 1
    assert len(apply(again, client).table) == len(before)


@pytest.mark.skipif(os.name == "nt", reason="modes are those of POSIX")
@pytest.mark.parametrize("mask", [0o000, 0o002, 0o077])
def test_journal__is_private_from_the_top_whatever_the_umask(
    client: Client, before: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mask: int
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "new" / "home"))
    usual = os.umask(mask)
    try:
        with Journal(client.settings.tenant), plan_lock(client.settings.tenant, "plan"):
            found = {path: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "new").rglob("*")}
    finally:
        os.umask(usual)
    assert {path.suffix for path in found} >= {".sqlite3", ".sqlite3-wal", ".lock"}
    assert {oct(mode) for path, mode in found.items() if path.is_file()} == {"0o600"}
    assert {oct(mode) for path, mode in found.items() if path.is_dir()} == {"0o700"}
    apply(plan(before, before.assign(value=1.0)), client)


def test_journal__keeps_what_many_threads_write() -> None:
    with Journal("tenant") as journal:
        journal.do(lambda db: db.execute("CREATE TABLE seen (number INTEGER)"))

        def write(number: int) -> None:
            keep = journal.note if number % 2 else journal.do
            keep(lambda db: db.execute("INSERT INTO seen VALUES (?)", (number,)))

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(write, range(400)))
    numbers = [row["number"] for row in read_journal(journal_file("tenant"), "SELECT number FROM seen")]
    assert sorted(numbers) == list(range(400))


def test_journal__that_failed_once_takes_nothing_more() -> None:
    with Journal("tenant") as journal:
        journal.do(lambda db: db.execute("CREATE TABLE seen (number INTEGER)"))
        journal.note(lambda db: db.execute("INSERT INTO nowhere VALUES (1)"))
        for _ in range(2):
            with pytest.raises(JournalError, match="no such table: nowhere"):
                journal.do(lambda db: db.execute("INSERT INTO seen VALUES (1)"))
    assert read_journal(journal_file("tenant"), "SELECT number FROM seen") == []
