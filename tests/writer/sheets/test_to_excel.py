from __future__ import annotations

from datetime import datetime
from pathlib import Path

import openpyxl
import pandas as pd

from opp_analytics.writer import plan, read_excel, to_excel
from tests.writer.sheets.workbooks import awkward


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
    sheet, base = book.worksheets
    assert [cell.value for cell in sheet[1]][:3] == ["unique_id", "name", "account_id"]
    assert base.sheet_state == "hidden"
    assert sheet.freeze_panes == "C2"
    assert sheet.protection.sheet
    assert sheet["A2"].protection.locked
    assert not sheet["B2"].protection.locked
    assert (sheet["B2"].value, sheet["B2"].data_type, sheet["B2"].quotePrefix) == ("=1+1", "s", True)
    assert isinstance(sheet["F2"].value, datetime)
    lists = {check.formula1 for check in sheet.data_validations.dataValidation}
    assert any("closed_won" in formula for formula in lists)
    assert "Money" in sheet["D1"].comment.text
    assert all(cell.comment.text for cell in sheet[1])
