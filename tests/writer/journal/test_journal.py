from __future__ import annotations

import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pandas as pd
import pytest

from opp_analytics.api import Client, state_folder
from opp_analytics.errors import JournalError
from opp_analytics.writer import apply, own_writes, plan, resume, runs
from opp_analytics.writer.journal.journal import Journal, journal_file, read_journal


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
        with pytest.raises(JournalError, match=rf"{file}.*format 1, not 3.*move the file away"):
            use()
    file.rename(file.with_suffix(".old"))
    assert runs().empty
    assert apply(made, client).table["outcome"].eq("already").all()


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
