from __future__ import annotations

import time
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import strategies as st

import opp_analytics as oa
from opp_analytics import table_files
from opp_analytics.errors import ArgumentValueError, DataError
from opp_analytics.table_files import (
    FileTable,
    drop_footer,
    read_table,
)
from tests.crm.files import SALESFORCE_FOOTER, workbook

KNOWN = {"Id", "Name", "Amount", "Stage", "Probability", "Close Date"}.__contains__


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


def read(folder: Path, content: str | bytes, encoding: str | None = None) -> FileTable:
    file = folder / "deals.csv"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_table(file, KNOWN, encoding)


def cells(folder: Path, text: str) -> list[list[object]]:
    found = read(folder, text).cells.astype("object")
    return found.where(found.notna(), None).to_numpy().tolist()


def test_read_table__reads_every_cell_as_trimmed_text(folder: Path) -> None:
    found = read(folder, 'Id,Name,Amount\n007, "Acme" ,\n8,"B, C","1,000"\n')
    assert found.labels == ("Id", "Name", "Amount")
    assert found.read_as == "CSV, UTF-8"
    assert found.cells.index.tolist() == [2, 3]
    assert cells(folder, 'Id,Name,Amount\n007,"Acme ",\n8,"B, C","1,000"\n') == [
        ["007", "Acme", None],
        ["8", "B, C", "1,000"],
    ]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_read_table__finds_the_separator(folder: Path, separator: str) -> None:
    text = f"Id{separator}Name{separator}Stage\n1{separator}A, B; C{separator}Demo".replace(
        "A, B; C", '"A, B; C"'
    )
    assert cells(folder, text) == [["1", "A, B; C", "Demo"]]


def test_read_table__counts_rows_as_a_spreadsheet_does(folder: Path) -> None:
    found = read(folder, 'Pipeline report\n\nId,Name\n1,"two\nlines"\n\n2,B\r\nfoot\n3,C\n')
    assert found.cells.index.tolist() == [4, 5, 6, 7, 8]
    assert found.cells[0].dropna().to_dict() == {4: "1", 6: "2", 7: "foot", 8: "3"}
    assert found.cells.loc[4, 1] == "two\nlines"
    assert found.left_out == ("2 rows above the header",)


def test_read_table__reads_a_header_with_a_line_break_and_a_cell_of_any_length(
    folder: Path,
) -> None:
    long = "x" * 200_000
    found = read(folder, f'"Id\nof it",Name,Stage\n1,{long},Demo\n')
    assert found.labels[0] == "Id\nof it"
    assert found.cells.loc[2, 1] == long


def test_read_table__without_rows_is_empty(folder: Path) -> None:
    assert read(folder, "Id,Name\n").cells.empty
    assert read(folder, "Id,Name").cells.shape == (0, 2)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "deals.csv holds no table"),
        ("\n\n", "deals.csv holds no table"),
        (
            "Id,Name\n1,A\n2,B,stray\n",
            "row 3 has the cell 'stray' right of the last label; give its column a label",
        ),
    ],
)
def test_read_table__refuses(folder: Path, text: str, says: str) -> None:
    with pytest.raises(DataError, match=says):
        read(folder, text)


words = st.text(
    st.characters(exclude_characters="\x00\ufffdÃÂâ", exclude_categories=["Cs"]), max_size=8
)


def test_read_table__takes_the_first_row_with_the_most_known_labels(folder: Path) -> None:
    text = "Amount report\n\nFilter,Stage\n Stage ,Amount,,\nDemo,5\nStage,Amount\n"
    assert read(folder, text).labels == ("Stage", "Amount")
    assert cells(folder, text) == [["Demo", "5"], ["Stage", "Amount"]]


def table(file: Path) -> FileTable:
    return read_table(file, KNOWN)


def test_read_table__reads_typed_cells_below_the_title_of_a_formatted_report(
    tmp_path: Path,
) -> None:
    rows: list[list[Any]] = [
        ["", "Open deals"],
        [None, "As of 2026-11-25"],
        [],
        [None, "Id", "Amount", "Probability", "Close Date"],
        [None, " 1 ", 120_000.5, 0.8, datetime(2026, 11, 25)],
        [None, "2", None, 0.285, "12/01/2026"],
    ]
    found = table(workbook(tmp_path, rows, percents="D"))
    assert found.labels == ("", "Id", "Amount", "Probability", "Close Date")
    assert found.read_as == "sheet 'Sheet'"
    assert found.left_out == ("3 rows above the header",)
    assert found.cells.index.tolist() == [5, 6]
    assert found.cells[1].tolist() == ["1", "2"]
    assert found.cells[2].iloc[0] == 120_000.5
    assert found.cells[3].tolist() == ["80%", "28.5%"]
    assert found.cells[4].tolist() == [datetime(2026, 11, 25), "12/01/2026"]


def test_read_table__takes_the_visible_sheet_with_the_labels(tmp_path: Path) -> None:
    file = workbook(tmp_path, [["Notes"], ["x"]])
    book = openpyxl.load_workbook(file)
    for title, state in (("Deals", "visible"), ("_base", "hidden")):
        sheet = book.create_sheet(title)
        sheet.append(["Id", "Name", *(["Amount"] if state == "hidden" else [])])
        sheet.append([title, "A"])
        sheet.sheet_state = state
    book.save(file)
    assert table(file).cells[0].tolist() == ["Deals"]


def test_read_table__refuses_workbooks(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"export.xlsx holds no table"):
        table(workbook(tmp_path, []))
    with pytest.raises(DataError, match="row 2 has the cell 'stray' right of the last label"):
        table(workbook(tmp_path, [["Id"], ["1", "stray"]]))
    broken = tmp_path / "broken.xlsx"
    broken.write_bytes(b"PK\x03\x04nothing")
    with pytest.raises(DataError, match=r"broken.xlsx is damaged or not an Excel file"):
        table(broken)


@pytest.mark.parametrize(
    ("encoding", "named"),
    [("utf-8", "UTF-8"), ("utf-8-sig", "UTF-8"), ("cp1252", "Windows-1252"), ("utf-16", "UTF-16")],
)
def test_read_table__finds_the_encoding(folder: Path, encoding: str, named: str) -> None:
    found = read(folder, "Name,€\nJosé,1".encode(encoding))
    assert (found.labels, found.cells[0].tolist(), found.read_as) == (
        ("Name", "€"),
        ["José"],
        f"CSV, {named}",
    )


def test_read_table__takes_the_encoding_that_is_given(folder: Path) -> None:
    assert read(folder, "Name\nŁódź".encode("cp1250"), "cp1250").cells[0].tolist() == ["Łódź"]
    with pytest.raises(ArgumentValueError, match="encoding='cp99' is unknown; use for example"):
        read(folder, b"", "cp99")


@pytest.mark.parametrize(
    ("content", "encoding", "says"),
    [
        (
            b"a,b\n1,\x81\n",
            None,
            "is not Windows-1252 text: line 2 holds the byte 0x81; export it as CSV UTF-8",
        ),
        ("a\nJosé".encode("cp1252"), "utf-8", "is not UTF-8 text: line 2 holds the byte 0xe9"),
        (b"a\0b", None, "is not text; export the report as CSV or .xlsx"),
    ],
)
def test_read_table__names_the_line_that_is_not_text(
    folder: Path, content: bytes, encoding: str | None, says: str
) -> None:
    with pytest.raises(DataError, match=rf"deals\.csv {says}"):
        read(folder, content, encoding)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\xd0\xcf\x11\xe0\xa1", "an old Excel file"),
        (b"\xef\xbb\xbf <html><table>", "a web page, as some CRMs save .xls files"),
        (b"%PDF-1.7", "a PDF"),
        (b'{"data": []}', "JSON; export the report as CSV, .xlsx or JSON lines"),
        (b"\x1f\x8b\x08", "compressed"),
    ],
)
def test_read_table__refuses_other_kinds(tmp_path: Path, content: bytes, says: str) -> None:
    file = tmp_path / "deals.xls"
    file.write_bytes(content)
    with pytest.raises(DataError, match=f"deals.xls is {says}"):
        table(file)


def test_read_table__names_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="gone.csv does not exist; check its name and folder"):
        table(tmp_path / "gone.csv")
    with pytest.raises(DataError, match="is a folder, and a folder is not read; name a file"):
        table(tmp_path)


@pytest.mark.parametrize("read", [table, oa.read_excel])
def test_open_workbook__refuses_one_that_unpacks_to_gigabytes(
    tmp_path: Path, read: Callable[[Path], object]
) -> None:
    file = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(file, "w") as parts:
        for name in ("[Content_Types].xml", "xl/workbook.xml", "xl/sharedStrings.xml"):
            parts.writestr(name, b"<x/>")
        # The list at the end of the archive binds: as if each held so much.
        for part in parts.infolist():
            part.file_size = 700_000_000
    with pytest.raises(
        DataError, match=r"bomb.xlsx unpacks to 2,100,000,000 bytes, more than the 2,000,000,000"
    ):
        read(file)


def _write_far(file: Path, *, row: str = "20000", rows: int = 0) -> None:
    """Write a workbook of one deal, with an empty cell in the last column, of this row and of
    `rows` more."""
    book = openpyxl.Workbook()
    for line in (["Id", "Name", "Amount"], ["1", "A", 5]):
        book.active.append(line)
    for number in range(20_000 - rows, 20_001):
        book.active.cell(number, 16_384).number_format = "0.00"
    made = file.with_name("made.xlsx")
    book.save(made)
    with zipfile.ZipFile(made) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(
                name, old.read(name).replace(b'<row r="20000"', f'<row r="{row}"'.encode())
            )


def test_read_table__a_stray_cell_far_away_costs_nothing(tmp_path: Path) -> None:
    _write_far(tmp_path / "far.xlsx")
    begun = time.process_time()
    found = table(tmp_path / "far.xlsx")
    assert time.process_time() - begun < 10
    assert found.labels == ("Id", "Name", "Amount")
    assert found.cells.dropna(how="all").shape == (1, 3)


@pytest.mark.slow
@pytest.mark.parametrize("far", [{"row": "1000000000"}, {"rows": 10}])
def test_read_table__refuses_a_sheet_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, far: dict[str, Any]
) -> None:
    _write_far(tmp_path / "far.xlsx", **far)
    monkeypatch.setattr(table_files, "_MOST_CELLS", 100_000)
    with pytest.raises(
        DataError, match="far.xlsx: the sheet 'Sheet' is larger than Excel's own; export it as CSV"
    ):
        table(tmp_path / "far.xlsx")


def test_read_table__refuses_a_file_without_end_to_the_right(tmp_path: Path) -> None:
    wide = tmp_path / "wide.csv"
    wide.write_text("Id,Name" + ",more" * 5_000)
    for read_wide in (table, oa.read_csv):
        with pytest.raises(DataError, match="wide.csv has 5,002 columns, more than 5,000; keep"):
            read_wide(wide)


HEADER = "Id,Name,Amount\n"
ROWS = HEADER + "1,A,5\n2,B,6\n"


def drop(folder: Path, text: str) -> tuple[list[str], tuple[str, ...]]:
    found = read(folder, text)
    kept = drop_footer(found, found.labels.index("Id"))
    return kept.cells[kept.labels.index("Id")].tolist(), kept.left_out


def test_drop_footer__drops_the_footer_of_a_salesforce_report(folder: Path) -> None:
    assert drop(folder, ROWS + SALESFORCE_FOOTER) == (
        ["1", "2"],
        (
            "5 rows below the table: row 7 'Pipeline', row 8 'Copyright (c) 2000-2026 "
            "salesforce.com, inc. All rights reserved.', row 9 'Confidential Information - Do Not "
            "Distribute' and 2 more",
        ),
    )


@pytest.mark.parametrize(
    "footer",
    [
        "Total,,11\n",
        ",Grand Total,11\n",
        "Gesamtsumme,,11\n",
        "Sous-total,,11\nSuma,,11\n",
        "Grand Totals (2 records)\n",
        "\nAcme\n",
        '"Copyright (c) 2000-2026 salesforce.com, inc."\nAcme\n',
    ],
)
@pytest.mark.parametrize("columns", ["Id,Name,Amount", "Name,Id,Amount"])
def test_drop_footer__knows_totals_notices_and_what_follows_a_blank_row(
    folder: Path, footer: str, columns: str
) -> None:
    first, second = ("1,A,5", "2,B,6") if columns.startswith("Id") else ("A,1,5", "B,2,6")
    if columns.startswith("Name") and footer.startswith(",Grand"):
        footer = "Grand Total,,11\n"
    ids, left_out = drop(folder, f"{columns}\n{first}\n{second}\n{footer}")
    assert ids == ["1", "2"]
    assert len(left_out) == 1


def test_drop_footer__drops_blank_rows(folder: Path) -> None:
    assert drop(folder, HEADER + "1,A,5\n\n,,\n2,B,6\n\n") == (["1", "2"], ())
    assert drop(folder, HEADER) == ([], ())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (HEADER + "1,A,5\n3,,\n", "row 3: Id='3' is in a row without"),
        (HEADER + "1,A,5\n3,,\n2,B,6\n", "row 3: Id='3' is in a row without"),
        (HEADER + "1,A,5\n,C,7\n", "row 3: Name='C' is in a row without"),
        (HEADER + "1,A,5\n,C,7\n2,B,6\n", "row 3: Name='C' is in a row without"),
        (HEADER + "1,A,5\nn/a,C,7\n2,B,6\n", "row 3: Id='n/a' is in a row without"),
    ],
)
def test_drop_footer__names_a_row_that_is_neither_a_deal_nor_a_footer(
    folder: Path, text: str, says: str
) -> None:
    with pytest.raises(DataError, match=rf"deals\.csv: {says}"):
        drop(folder, text)


@pytest.mark.parametrize(
    "row",
    [
        "Demo (1 record),,",
        ",Subtotal,5",
        "Subtotal,,5",
        "Total EMEA,,5",
        "Zwischensumme:,,5",
        "EMEA,,",
        ",Closed deals,",
        ",,5",
        "Id,Name,Amount",
        ",Sum of Amount,5",
    ],
)
def test_drop_footer__leaves_out_and_notes_a_row_within_the_table_that_is_no_deal(
    folder: Path, row: str
) -> None:
    shown = next(cell for cell in row.split(",") if cell)
    assert drop(folder, f"{HEADER}1,A,5\n{row}\n2,B,6\n") == (
        ["1", "2"],
        (f"1 row within the table without a deal: row 3 {shown!r}",),
    )
    assert drop(folder, f"{HEADER}1,A,5\n2,B,6\n{row}\n")[0] == ["1", "2"]


def test_drop_footer__keeps_a_deal_that_is_named_like_a_total(folder: Path) -> None:
    rows = "Total Energies,Demo,5\nSumme Bau,Demo,6\nTotal,,11\n"
    assert drop(folder, HEADER + rows) == (
        ["Total Energies", "Summe Bau"],
        ("1 row below the table: row 4 'Total'",),
    )


def test_read_table__of_a_frame_keeps_numbers_and_dates_and_trims_text() -> None:
    frame = pd.DataFrame(
        {"Id": [" a ", ""], "Amount": [1.5, None], "When": [pd.Timestamp("2026-01-01"), pd.NaT]},
        index=[7, 9],
    )
    found = read_table(frame, KNOWN)
    assert found.labels == ("Id", "Amount", "When")
    assert found.cells.index.tolist() == [0, 1]
    assert found.cells[0].iloc[0] == "a"
    assert found.cells.isna().iloc[1].all()
    assert str(found.cells[2].dtype).startswith("datetime64")


def test_read_table__leaves_other_languages_alone(folder: Path) -> None:
    names = ["SÃO PAULO", "CHÂTEAU", "Straße", "â"]
    table = cells(folder, "Id,Name\n" + "".join(f"{k},{name}\n" for k, name in enumerate(names)))
    assert [row[1] for row in table] == names


def test_read_table__names_a_parquet_file_whose_dtypes_pandas_does_not_know(tmp_path: Path) -> None:
    words = pd.Series(["a"], dtype=pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string())))
    pd.DataFrame({"Id": words}).to_parquet(file := tmp_path / "deals.parquet")
    with pytest.raises(DataError, match=r"cannot read .*deals\.parquet as Parquet"):
        read_table(file, KNOWN)
