from __future__ import annotations

import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from opp_analytics.errors import DataError
from opp_analytics.writer import plan, read_excel, to_excel
from tests.writer.frames import opportunities
from tests.writer.workbooks import awkward, cells, edit, saved_by_libreoffice


def test_read_excel__takes_what_people_and_spreadsheets_do(tmp_path: Path) -> None:
    def change(sheet: Any, at: dict[str, int]) -> None:
        sheet.cell(2, at["value"]).value = "12,000.50"
        sheet.cell(3, at["value"]).value = "a lot"
        sheet.cell(2, at["close_date"]).value = 46295  # 2026-09-30
        sheet.cell(3, at["close_date"]).value = " 2026-10-01 "
        sheet.cell(4, at["close_date"]).value = "31.12.2026"
        sheet.cell(4, at["stage"]).value = "negotiation "
        sheet.cell(5, at["probability"]).value = 0.75
        sheet.cell(5, at["probability"]).number_format = "0%"
        sheet.cell(6, at["name"]).value = "=SUM(A1:A2)"
        sheet.cell(1, at["close_date"]).value = "Close Date "
        sheet.cell(9, at["name"]).value = "Added"
        sheet.cell(9, at["value"]).value = 5
        sheet.delete_rows(7)

    before, after = read_excel(edit(to_excel(opportunities(), tmp_path / "deals.xlsx"), change))
    made = plan(before, after)
    changes = made.changes.astype("object").fillna("")
    assert changes[["unique_id", "operation", "field", "after"]].to_numpy().tolist() == [
        ["o000", "update", "value", 12000.5],
        ["o000", "update", "close_date", pd.Timestamp("2026-09-30")],
        ["o001", "update", "close_date", pd.Timestamp("2026-10-01")],
        ["o002", "update", "stage", "negotiation"],
        ["o002", "update", "close_date", pd.Timestamp("2026-12-31")],
        ["o003", "update", "probability", 75],
        ["o004", "update", "name", "=SUM(A1:A2)"],
        ["", "create", "name", "Added"],
        ["", "create", "value", 5.0],
        ["o005", "delete", "", ""],
    ]
    assert made.problems[["row", "unique_id", "field", "value"]].to_numpy().tolist() == [
        [3, "o001", "value", "a lot"]
    ]


def test_read_excel__a_formula_in_a_typed_column_without_a_value_is_a_problem(
    tmp_path: Path,
) -> None:
    def change(sheet: Any, at: dict[str, int]) -> None:
        sheet.cell(2, at["value"]).value = "=1+1"

    made = plan(*read_excel(edit(to_excel(opportunities(), tmp_path / "deals.xlsx"), change)))
    assert made.problems[["field", "value"]].to_numpy().tolist() == [["value", "=1+1"]]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda sheet, at: setattr(sheet.cell(1, at["value"]), "value", "Amount"),
            "'value'.*'Amount' is new",
        ),
        (lambda sheet, at: setattr(sheet.cell(1, at["unique_id"]), "value", None), "'unique_id'"),
        (
            lambda sheet, at: setattr(sheet.cell(1, at["value"]), "value", "Name"),
            "duplicate column",
        ),
        (lambda sheet, at: sheet.parent.remove(sheet.parent.worksheets[2]), "hidden sheet"),
        (lambda sheet, at: sheet.parent.worksheets[2].delete_rows(3), "5 of 6 rows"),
    ],
)
def test_read_excel__refuses_a_file_it_cannot_tell(tmp_path: Path, change: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        read_excel(edit(to_excel(opportunities(), tmp_path / "deals.xlsx"), change))


def test_read_excel__refuses_what_is_no_workbook(tmp_path: Path) -> None:
    (tmp_path / "deals.xlsx").write_text("no")
    with pytest.raises(DataError, match="not an Excel file"):
        read_excel(tmp_path / "deals.xlsx")
    with pytest.raises(DataError, match="does not exist"):
        read_excel(tmp_path / "none.xlsx")


@pytest.mark.office
def test_read_excel__a_file_saved_by_libreoffice_has_only_the_edits(tmp_path: Path) -> None:
    frame = awkward()
    saved = saved_by_libreoffice(
        to_excel(frame, tmp_path / "deals.xlsx"), "xlsx", tmp_path / "saved"
    )
    before, after = read_excel(saved)
    pd.testing.assert_frame_equal(before, frame)
    pd.testing.assert_frame_equal(after.reset_index(drop=True), frame)

    def change(sheet: Any, at: dict[str, int]) -> None:
        sheet.cell(2, at["name"]).value = "@new"
        sheet.cell(3, at["close_date"]).value = datetime(2026, 9, 30)
        sheet.cell(4, at["value"]).value = 0.3

    edit(saved, change)
    through_ods = saved_by_libreoffice(saved, "ods", tmp_path / "ods")
    again = saved_by_libreoffice(through_ods, "xlsx", tmp_path / "again")
    assert cells(plan(*read_excel(again))) == [
        ("o000", "update", "name", "@new"),
        ("o001", "update", "close_date", pd.Timestamp("2026-09-30")),
        ("o002", "update", "value", 0.3),
    ]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_read_excel__leaves_no_damaged_workbook_open(tmp_path: Path) -> None:
    file = tmp_path / "deals.xlsx"
    with (
        zipfile.ZipFile(to_excel(opportunities(), tmp_path / "whole.xlsx")) as whole,
        zipfile.ZipFile(file, "w") as damaged,
    ):
        for name in whole.namelist():
            if name != "xl/workbook.xml":
                damaged.writestr(name, whole.read(name))
    with pytest.raises(DataError, match="is damaged or not an Excel file") as refused:
        read_excel(file)
    assert refused.tb is not None  # holds the frames of the failed call
    assert file not in [handle.resolve() for handle in Path("/proc/self/fd").iterdir()]
