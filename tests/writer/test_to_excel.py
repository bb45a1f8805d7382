from __future__ import annotations

from datetime import datetime
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from opp_analytics.errors import DataError
from opp_analytics.writer import plan, read_excel, to_excel
from tests.writer.frames import opportunities
from tests.writer.workbooks import awkward


def test_to_excel__read_gives_the_same_frames(tmp_path: Path) -> None:
    frame = awkward()
    frame.attrs["load"] = {"tenant": "abc", "source": "https://crm.example.com"}
    before, after = read_excel(to_excel(frame, tmp_path / "deals.xlsx"))
    pd.testing.assert_frame_equal(before, frame)
    pd.testing.assert_frame_equal(after.reset_index(drop=True), frame)
    assert after.index.tolist() == [2, 3, 4, 5, 6, 7]
    made = plan(before, after)
    assert (len(made), made.tenant, made.url) == (0, "abc", "https://crm.example.com")


def test_to_excel__is_made_for_editing(tmp_path: Path) -> None:
    book = openpyxl.load_workbook(to_excel(awkward(), tmp_path / "deals.xlsx"))
    sheet, lists, base = book.worksheets
    titles = [cell.value for cell in sheet[1]]
    assert titles[:5] == ["name", "stage", "value", "close_date", "probability"]
    assert titles[-4:] == ["created_at", "updated_at", "account_id", "unique_id"]
    row = dict(zip(titles, sheet[2], strict=True))
    assert {lists.sheet_state, base.sheet_state} == {"hidden"}
    assert sheet.freeze_panes == "B2"
    assert sheet.protection.sheet
    assert [title for title, cell in row.items() if cell.protection.locked] == [
        "created_at",
        "updated_at",
        "unique_id",
    ]
    name = row["name"]
    assert (name.value, name.data_type, name.quotePrefix) == ("=1+1", "s", True)
    assert isinstance(row["close_date"].value, datetime)
    assert isinstance(row["updated_at"].value, datetime)
    rules = {check.formula1 for check in sheet.data_validations.dataValidation}
    assert {"_lists!$A$1:$A$6", "_lists!$B$1:$B$4"} <= rules
    assert "closed_won" in [cell.value for cell in lists["A"]]


@pytest.mark.parametrize(
    "text",
    [
        "a\rb",
        "ends\r\n",
        "a\u00a0b",
        "_x0041_",
        "_x000D_",
        "x" * 32_765,
        "<r><t>a</t></r>",
        "_x005F_x0041_",
        "ax005F_b",
        "non\ufdd0\U0001ffff",
        "\x7f\x85",
    ],
)
def test_to_excel__unedited_plans_nothing(tmp_path: Path, text: str) -> None:
    frame = opportunities(2).assign(name=[text, "Acme"], notes=["b", text])
    before, after = read_excel(to_excel(frame, tmp_path / "deals.xlsx"))
    assert before["name"].tolist() == [text, "Acme"]
    assert plan(before, after).changes.empty
    assert plan(frame, after).changes.empty


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nul\0", r"row 3: name holds the character '\\x00'"),
        ("non\uffff", r"row 3: name holds the character '\\uffff'"),
        (
            "x" * 40_000,
            "row 3: name is too long for an Excel file, whose cells hold 32,767 characters: 'xxx",
        ),
        ("\U0001f600" * 20_000, "row 3: name is too long for an Excel file"),
    ],
)
def test_to_excel__names_the_cell_that_it_cannot_hold(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "deals.xlsx"
    file.write_text("before")
    with pytest.raises(DataError, match=f"^{said}.*CSV$") as error:
        to_excel(opportunities(3).assign(name=["Acme", text, "Bolt"]), file)
    assert len(str(error.value)) < 200
    assert file.read_text() == "before"
    with pytest.raises(DataError, match="row 1: column 7 holds the character"):
        to_excel(opportunities(3).assign(**{"a\0": 1}), file)
