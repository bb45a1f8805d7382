from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pytest

from opp_analytics.errors import DataError
from opp_analytics.org import conform
from opp_analytics.writer import plan, read_csv, read_excel, to_csv, to_excel
from tests.writer.conftest import opportunities


def awkward() -> pd.DataFrame:
    """Deals whose cells spreadsheets like to spoil."""
    names = ["=1+1", " spaced ", "+49 30 1234", "@home", "0012", "line\nbreak"]
    values = [0.1 + 0.2, 12000.5, np.nan, 1e15 / 7, -3.0, 0.0]
    dates = ["2026-06-30", None, "1999-12-31", "2026-02-28", "2028-02-29", "2026-01-01"]
    frame = opportunities().assign(
        name=names,
        value=values,
        close_date=pd.to_datetime(dates),  # type: ignore[arg-type]
        notes=["a", None, "=x", "b", "c", "d"],  # type: ignore[list-item]
    )
    return conform(
        frame.assign(
            score=[1.5, None, 3.0, 4.0, 5.0, 6.0],  # type: ignore[list-item]
            probability=pd.array([0, 1, None, 50, 99, 100], "Int64"),
        )
    )


def edit(path: Path, change: Callable[[Any, dict[str, int]], None]) -> Path:
    """The file with its sheet changed by `change(sheet, columns by name)`."""
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    change(sheet, {cell.value: cell.column for cell in sheet[1]})
    book.save(path)
    return path


def cells(made: Any) -> list[tuple[Any, ...]]:
    return list(made.changes[["unique_id", "operation", "field", "after"]].itertuples(index=False, name=None))


def test_to_excel__read_gives_the_same_frames(tmp_path: Path) -> None:
    frame = awkward()
    frame.attrs["load"] = {"tenant": "abc", "source": "https://crm.example.com"}
    before, after = read_excel(to_excel(frame, tmp_path / "deals.xlsx"))
    pd.testing.assert_frame_equal(before, frame)
    pd.testing.assert_frame_equal(after.reset_index(drop=True), frame)
    assert after.index.tolist() == [2, 3, 4, 5, 6, 7]
    made = plan(before, after)
    assert (len(made), made.account, made.url) == (0, "abc", "https://crm.example.com")


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


def test_read_excel__a_formula_in_a_typed_column_without_a_value_is_a_problem(tmp_path: Path) -> None:
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
        (lambda sheet, at: setattr(sheet.cell(1, at["value"]), "value", "Name"), "twice"),
        (lambda sheet, at: sheet.parent.remove(sheet.parent.worksheets[1]), "hidden sheet"),
        (lambda sheet, at: sheet.parent.worksheets[1].delete_rows(3), "5 of 6 rows"),
    ],
)
def test_read_excel__refuses_a_file_it_cannot_tell(tmp_path: Path, change: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        read_excel(edit(to_excel(opportunities(), tmp_path / "deals.xlsx"), change))


def test_read_excel__refuses_what_is_no_workbook(tmp_path: Path) -> None:
    (tmp_path / "deals.xlsx").write_text("no")
    with pytest.raises(DataError, match="no Excel file"):
        read_excel(tmp_path / "deals.xlsx")
    with pytest.raises(DataError, match="cannot be read"):
        read_excel(tmp_path / "none.xlsx")


def test_to_csv__read_gives_the_same_cells(tmp_path: Path) -> None:
    frame = awkward().drop(columns="score")
    file = to_csv(frame, tmp_path / "deals.csv")
    made = plan(frame, read_csv(file))
    assert made.changes[["field", "before", "after"]].to_numpy().tolist() == [["name", " spaced ", "spaced"]]
    assert made.problems.empty
    text = file.read_text(encoding="utf-8-sig").replace(",2026-06-30,", ",31.12.2026,")
    file.write_text(text.replace(",", ";"), encoding="utf-8")
    assert set(cells(plan(frame, read_csv(file)))) >= {
        ("o000", "update", "close_date", pd.Timestamp("2026-12-31"))
    }


def test_read_csv__takes_dtypes_from_before_and_numbers_rows_as_a_spreadsheet_does(tmp_path: Path) -> None:
    frame = awkward()
    file = to_csv(frame, tmp_path / "deals.csv")
    assert plan(frame, read_csv(file, frame)).changes["field"].tolist() == ["name"]
    lines = file.read_text(encoding="utf-8-sig").split("\n")
    lines[1:2] = ["", lines[1].replace("proposal", "sold")]
    file.write_text("\n".join(lines), encoding="utf-8")
    assert plan(frame, read_csv(file, frame)).problems[["row", "value"]].to_numpy().tolist() == [[3, "sold"]]


def saved_by_libreoffice(file: Path, ending: str, folder: Path) -> Path:
    """The file opened and saved again, as `ending`, by LibreOffice."""
    command = ["soffice", f"-env:UserInstallation=file://{folder.parent}/profile", "--headless"]
    command += ["--convert-to", ending, "--outdir", str(folder), str(file)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    return folder / f"{file.stem}.{ending}"


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed (libreoffice-calc)")
def test_read_excel__a_file_saved_by_libreoffice_has_only_the_edits(tmp_path: Path) -> None:
    frame = awkward()
    saved = saved_by_libreoffice(to_excel(frame, tmp_path / "deals.xlsx"), "xlsx", tmp_path / "saved")
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
