"""The command that begins a history with a foreign log, as a user runs it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from opp_analytics.history import History
from tests.cli.kinds import Command

PIPEDRIVE = Path(__file__).parents[3] / "shared/data/pipedrive_enpal"
REUSED = {"554294", "556338", "955417", "851850", "399956"}
"""Ids of that log under which it holds two deals."""
LONG = """unique_id,changed_at,field,new_value
a,2026-01-05T08:00:00,stage,discovery
a,2026-01-06T08:00:00.5,value,1200.50
b,2026-01-06T09:00:00Z,stage,proposal
a,2026-01-07T08:00:00,close_date,2026-03-31
a,2026-01-08T08:00:00,close_date,
a,2026-01-08T08:00:00,owner_name,Ann
"""
RENAMED = {
    "deal_id": "unique_id",
    "change_time": "changed_at",
    "changed_field_key": "field",
    "add_time": "created_at",
    "stage_id": "stage",
    "user_id": "owner_id",
}


def renamed(names: dict[str, str] = RENAMED) -> list[str]:
    return [word for old, new in names.items() for word in ("--rename", f"{old}={new}")]


def test_import_history__of_the_documented_form(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "changes.csv"
    file.write_text(LONG)
    code, out, err = command("import-history", file, "--history", tmp_path / "history")
    assert (code, err) == (0, "")
    assert "Imported 6 lines" in out
    assert "2 opportunities, 5 changes, 5 records" in out
    assert "From 2026-01-05 08:00 to 2026-01-08 08:00 UTC" in out
    assert "Problems" not in out
    assert History(tmp_path / "history").as_of("2026-01-09")["stage"].tolist() == ["discovery", "proposal"]


def test_import_history__takes_what_changes_gave(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "changes.csv"
    log = pd.DataFrame(
        {"unique_id": ["a", "a"], "seen_at": ["2026-01-05", "2026-01-12"], "value": [1.0, 2.5]}
    )
    own = History.from_changes(log)
    own.changes().to_csv(file, index=False)
    assert command("import-history", file, "--history", tmp_path / "history")[0] == 0
    pd.testing.assert_frame_equal(History(tmp_path / "history").changes(), own.changes())


def test_import_history__of_a_public_log_says_what_is_wrong_with_it(command: Command, tmp_path: Path) -> None:
    if not PIPEDRIVE.is_dir():
        pytest.skip(f"the public change log is not in {PIPEDRIVE}")
    code, out, err = command(
        "import-history", PIPEDRIVE / "deal_changes.csv", "--history", tmp_path / "history", *renamed()
    )
    assert (code, err) == (0, "")
    assert "Imported 15,406 lines" in out
    assert "1,995 opportunities" in out
    history = History(tmp_path / "history")
    assert set(history.check()["unique_id"]) == REUSED
    for problem in history.check()["problem"].unique():
        assert problem in out
    assert history.as_of("2024-12-31")["stage"].dropna().isin(list("123456789")).all()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ([], "no column seen_at, unique_id"),
        (renamed({"deal": "unique_id"}), "no column or field 'deal' to rename"),
        (["--rename", "deal_id"], "write it as deal_id=unique_id"),
    ],
)
def test_import_history__refuses_before_anything_is_made(
    command: Command, tmp_path: Path, options: list[str], says: str
) -> None:
    file = tmp_path / "changes.csv"
    file.write_text("deal_id,change_time,changed_field_key,new_value\n1,2026-01-05,stage,proposal\n")
    code, _, err = command("import-history", file, "--history", tmp_path / "history", *options)
    assert code == 1
    assert says in err
    assert err.count("Error:") == 1
    assert not (tmp_path / "history").exists()


def test_import_history__refuses_a_folder_in_use(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "changes.csv"
    file.write_text(LONG)
    assert command("import-history", file, "--history", tmp_path / "history")[0] == 0
    code, _, err = command("import-history", file, "--history", tmp_path / "history")
    assert code == 1
    assert "already contains records" in err
