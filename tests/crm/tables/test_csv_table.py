from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opp_analytics.crm.tables.csv_table import csv_table
from opp_analytics.crm.tables.table import Table
from opp_analytics.errors import DataError

FILE = Path("deals.csv")
KNOWN = {"Id", "Name", "Amount", "Stage"}.__contains__


def table(text: str) -> Table:
    return csv_table(FILE, text, "UTF-8", KNOWN)


def cells(text: str) -> list[list[object]]:
    found = table(text).cells.astype("object")
    return found.where(found.notna(), None).to_numpy().tolist()


def test_csv_table__reads_every_cell_as_trimmed_text() -> None:
    read = table('Id,Name,Amount\n007, "Acme" ,\n8,"B, C","1,000"\n')
    assert read.labels == ("Id", "Name", "Amount")
    assert read.read_as == "CSV, UTF-8"
    assert read.cells.index.tolist() == [2, 3]
    assert cells('Id,Name,Amount\n007,"Acme ",\n8,"B, C","1,000"\n') == [
        ["007", "Acme", None],
        ["8", "B, C", "1,000"],
    ]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_csv_table__finds_the_separator(separator: str) -> None:
    text = f"Id{separator}Name{separator}Stage\n1{separator}A, B; C{separator}Demo".replace(
        "A, B; C", '"A, B; C"'
    )
    assert cells(text) == [["1", "A, B; C", "Demo"]]


def test_csv_table__takes_the_separator_that_excel_writes_in_the_first_line() -> None:
    assert cells("sep=;\nx;y\n1;2\n") == [["1", "2"]]


def test_csv_table__counts_rows_as_a_spreadsheet_does() -> None:
    read = table('Pipeline report\n\nId,Name\n1,"two\nlines"\n\n2,B\r\nfoot\n3,C\n')
    assert read.cells.index.tolist() == [4, 5, 6, 7, 8]
    assert read.cells[0].dropna().to_dict() == {4: "1", 6: "2", 7: "foot", 8: "3"}
    assert read.cells.loc[4, 1] == "two\nlines"
    assert read.left_out == ("2 rows above the header",)


def test_csv_table__reads_a_header_with_a_line_break_and_a_cell_of_any_length() -> None:
    long = "x" * 200_000
    read = table(f'"Id\nof it",Name,Stage\n1,{long},Demo\n')
    assert read.labels[0] == "Id\nof it"
    assert read.cells.loc[2, 1] == long


def test_csv_table__without_rows_is_empty() -> None:
    assert table("Id,Name\n").cells.empty
    assert table("Id,Name").cells.shape == (0, 2)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "deals.csv holds no table"),
        ("\n\n", "deals.csv holds no table"),
        ("Id,Name\n1,A\n2,B,stray\n", "row 3 has 3 cells, more than the 2 of the header, such as 'stray'"),
    ],
)
def test_csv_table__refuses(text: str, says: str) -> None:
    with pytest.raises(DataError, match=says):
        table(text)


words = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=8)


@given(st.lists(st.tuples(words, words), min_size=1, max_size=6))
def test_csv_table__gives_back_what_was_quoted(rows: list[tuple[str, str]]) -> None:
    lines = ["Id,Name", *(",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows)]
    assert cells("\n".join(lines)) == [[cell.strip() or None for cell in row] for row in rows]
