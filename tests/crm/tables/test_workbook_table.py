from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from opp_analytics.crm.tables.table import Table
from opp_analytics.crm.tables.workbook_table import workbook_table
from opp_analytics.errors import DataError
from tests.crm.files import workbook

KNOWN = {"Id", "Name", "Amount", "Probability", "Close Date"}.__contains__


def table(file: Path) -> Table:
    return workbook_table(file, file.read_bytes(), KNOWN)


def test_workbook_table__reads_typed_cells_below_the_title_of_a_formatted_report(tmp_path: Path) -> None:
    rows: list[list[Any]] = [
        ["", "Open deals"],
        [None, "As of 2026-11-25"],
        [],
        [None, "Id", "Amount", "Probability", "Close Date"],
        [None, " 1 ", 120_000.5, 0.8, datetime(2026, 11, 25)],
        [None, "2", None, 0.285, "12/01/2026"],
    ]
    read = table(workbook(tmp_path, rows, percents="D"))
    assert read.labels == ("", "Id", "Amount", "Probability", "Close Date")
    assert read.read_as == "sheet 'Sheet'"
    assert read.left_out == ("3 rows above the header",)
    assert read.cells.index.tolist() == [5, 6]
    assert read.cells[1].tolist() == ["1", "2"]
    assert read.cells[2].iloc[0] == 120_000.5
    assert read.cells[3].tolist() == ["80%", "28.5%"]
    assert read.cells[4].tolist() == [datetime(2026, 11, 25), "12/01/2026"]


def test_workbook_table__takes_the_visible_sheet_with_the_labels(tmp_path: Path) -> None:
    file = workbook(tmp_path, [["Notes"], ["x"]])
    book = openpyxl.load_workbook(file)
    for title, state in (("Deals", "visible"), ("_base", "hidden")):
        sheet = book.create_sheet(title)
        sheet.append(["Id", "Name", *(["Amount"] if state == "hidden" else [])])
        sheet.append([title, "A"])
        sheet.sheet_state = state
    book.save(file)
    assert table(file).cells[0].tolist() == ["Deals"]


def test_workbook_table__refuses(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"export.xlsx holds no table"):
        table(workbook(tmp_path, []))
    with pytest.raises(DataError, match="row 2 has the cell 'stray' right of the last label"):
        table(workbook(tmp_path, [["Id"], ["1", "stray"]]))
    broken = tmp_path / "broken.xlsx"
    broken.write_bytes(b"PK\x03\x04nothing")
    with pytest.raises(DataError, match=r"broken.xlsx is damaged or not an Excel file"):
        table(broken)
