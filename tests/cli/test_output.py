"""No file that a command writes holds a live formula from the data."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.cli.output import write_csv
from tests.cli.kinds import Account, Command
from tests.support import row

_TOTAL = (
    r"=(SUBTOTAL\(\d+,([A-Za-z_]+\[[A-Za-z "
    r"×,%$()-]+\]|[A-Z]+\d+(:[A-Z]+\d+)?)\)|SUM\([A-Z]+\d+:[A-Z]+\d+\))"
)
STARTS = ("=", "+", "-", "@", "\t", "\r")
FORMULAS = [f"{start}cmd|' /C calc'!A{number}" for number, start in enumerate(STARTS)]
FORMULAS += ["+1+1", "x\r=1+1", "x\n=1+1", '"=1+1', ",=1+1", "-1+1"]


def hostile() -> pd.DataFrame:
    """Overdue deals named like formulas."""
    rows = [
        row(n, name=text, owner_name=text, close_date="2020-01-01", **{"=2+2": text})
        for n, text in enumerate(FORMULAS)
    ]
    return pd.DataFrame(rows)


def live(file: Path) -> list[str]:
    """The cells of a file that a spreadsheet would compute."""
    if file.suffix == ".csv":
        # A spreadsheet ends an unquoted row at either sign.
        lines = csv.reader(io.StringIO(file.read_bytes().decode("utf-8-sig"), newline=""))
        cells = [cell for line in lines for cell in line]
        return [cell for cell in cells if cell.startswith(STARTS) and not _is_number(cell)]
    book = openpyxl.load_workbook(file)
    found: list[Any] = [
        c for sheet in book for line in sheet.iter_rows() for c in line if c.data_type == "f"
    ]
    # The totals of the workbook are ours; they name a column of a table, or cells.
    return [str(cell.value) for cell in found if not re.fullmatch(_TOTAL, str(cell.value))]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


@pytest.mark.slow
@pytest.mark.usefixtures("here")
def test_files__hold_no_live_formula(command: Command, account: Account) -> None:
    client = account(hostile())
    before = oa.load(client)
    oa.plan(before, before.assign(name="=" + before["name"].astype("str"))).save("plan.json")
    files = [
        "load.csv",
        "load.xlsx",
        "findings.csv",
        "export.csv",
        "export.xlsx",
        "page.xlsx",
        "receipt.csv",
    ]
    for arguments in (
        *(["load", "--out", file] for file in files[:2]),
        ["audit", "--out", files[2]],
        *(["export", file] for file in files[3:5]),
        ["report", "--out", "page.html"],
        ["apply", "plan.json", "--yes", "--receipt", files[6]],
    ):
        code, _, err = command(*arguments)
        assert code == 0, err
    written = {file: live(Path(file)) for file in files}
    assert written == {file: [] for file in files}
    assert all("cmd|" in Path(file).read_text() for file in files if file.endswith(".csv"))


def test_write_csv__leaves_numbers_and_plain_texts_as_they_are(tmp_path: Path) -> None:
    table = pd.DataFrame({"a": [-1.5, 2.0], "b": ["-5", "Acme"], "c": [None, "=1"]})
    write_csv(table, tmp_path / "table.csv")
    assert (tmp_path / "table.csv").read_text() == "a,b,c\n-1.5,-5,\n2.0,Acme,'=1\n"
