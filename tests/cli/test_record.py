"""`opp-analytics record`."""

from __future__ import annotations

from pathlib import Path

from tests.cli.kinds import Account, Command


def test_record__adds_what_changed(command: Command, account: Account, tmp_path: Path) -> None:
    client = account(3)
    folder = tmp_path / "history"
    code, out, _ = command("record", "--history", folder)
    assert code == 0
    assert "Recorded 3 opportunities, 3 changed" in out
    client.update("opp-1", value=5)
    _, out, _ = command("record", "--history", folder)
    assert "Recorded 3 opportunities, 1 changed" in out
    assert "(record 2)" in out


def test_record__counts_one_as_one(command: Command, account: Account, tmp_path: Path) -> None:
    account(1)
    assert "Recorded 1 opportunity, 1 changed" in command("record", "--history", tmp_path / "history")[1]
