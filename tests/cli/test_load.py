"""The `load` and `record` commands."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.cli.kinds import Account, Command
from tests.support import row


@pytest.mark.parametrize("ending", ["csv", "parquet", "xlsx"])
def test_load__writes_a_file_that_reads_back(
    command: Command, account: Account, tmp_path: Path, ending: str
) -> None:
    account(pd.DataFrame([row(1, name='=HYPERLINK("http://x")'), row(2, value=None)]))
    file = tmp_path / f"pipeline.{ending}"
    code, out, _ = command("load", "--out", file)
    assert code == 0
    assert "2 opportunities" in out
    assert "complete" in out
    read = {"csv": pd.read_csv, "parquet": pd.read_parquet, "xlsx": pd.read_excel}[ending](file)
    assert sorted(read["unique_id"]) == ["opp-1", "opp-2"]
    formula = '=HYPERLINK("http://x")'
    assert (f"'{formula}" if ending == "csv" else formula) in read["name"].tolist()
    assert read["value"].isna().sum() == 1
    assert [f.name for f in tmp_path.glob("*pipeline*")] == [file.name]


def test_load__without_a_file_shows_the_stages(command: Command, account: Account) -> None:
    account(pd.DataFrame([row(1), row(2, stage="discovery", value=250), row(3, stage=None)]))
    code, out, _ = command("load")
    assert code == 0
    assert [line.split()[:2] for line in out.splitlines()[-3:]] == [
        ["Discovery", "1"],
        ["Proposal", "1"],
        ["(none)", "1"],
    ]


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
