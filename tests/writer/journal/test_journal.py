from __future__ import annotations

import sqlite3
import stat
from contextlib import closing

import pandas as pd
import pytest

from opp_analytics.api import Client, state_folder
from opp_analytics.errors import JournalError
from opp_analytics.writer import apply, own_writes, plan, resume, runs


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
        with pytest.raises(JournalError, match=rf"{file}.*format 1, not 2.*move the file away"):
            use()
    file.rename(file.with_suffix(".old"))
    assert runs().empty
    assert apply(made, client).table["outcome"].eq("already").all()
