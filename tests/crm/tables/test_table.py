from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from opp_analytics.crm.tables.csv_table import csv_table
from opp_analytics.crm.tables.table import table_of_frame, without_footer
from opp_analytics.errors import DataError
from tests.crm.files import SALESFORCE_FOOTER

HEADER = "Id,Name,Amount\n"
ROWS = HEADER + "1,A,5\n2,B,6\n"


def rows_of(text: str) -> tuple[list[str], tuple[str, ...]]:
    read = csv_table(Path("deals.csv"), text, "UTF-8", {"Id", "Name", "Amount"}.__contains__)
    kept = without_footer(read, read.labels.index("Id"))
    return kept.cells[kept.labels.index("Id")].tolist(), kept.left_out


def test_without_footer__drops_the_footer_of_a_salesforce_report() -> None:
    assert rows_of(ROWS + SALESFORCE_FOOTER) == (
        ["1", "2"],
        ("5 rows below the table, from row 7: 'Pipeline'",),
    )


@pytest.mark.parametrize(
    "footer",
    [
        "Total,,11\n",
        ",Grand Total,11\n",
        "Grand Totals (2 records)\n",
        "\nAcme\n",
        '"Copyright (c) 2000-2026 salesforce.com, inc."\nAcme\n',
    ],
)
@pytest.mark.parametrize("columns", ["Id,Name,Amount", "Name,Id,Amount"])
def test_without_footer__knows_totals_notices_and_what_follows_a_blank_row(footer: str, columns: str) -> None:
    first, second = ("1,A,5", "2,B,6") if columns.startswith("Id") else ("A,1,5", "B,2,6")
    if columns.startswith("Name") and footer.startswith(",Grand"):
        footer = "Grand Total,,11\n"
    ids, left_out = rows_of(f"{columns}\n{first}\n{second}\n{footer}")
    assert ids == ["1", "2"]
    assert len(left_out) == 1


def test_without_footer__drops_blank_rows() -> None:
    assert rows_of(HEADER + "1,A,5\n\n,,\n2,B,6\n\n") == (["1", "2"], ())
    assert rows_of(HEADER) == ([], ())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (HEADER + "1,A,5\nDemo (1 record),,\n2,B,6\n", r"row 3: Id='Demo \(1 record\)' is in a row without"),
        (HEADER + "1,A,5\n,Subtotal,5\n2,B,6\n", "row 3: Name='Subtotal' is in a row without"),
        (HEADER + "1,A,5\n3,,\n", "row 3: Id='3' is in a row without"),
        (HEADER + "1,A,5\nSubtotal,,5\n2,B,6\n", "row 3: Id='Subtotal' is in a row without"),
        (HEADER + "1,A,5\n,C,7\n", "row 3: Name='C' is in a row without"),
    ],
)
def test_without_footer__names_a_row_that_is_neither_a_deal_nor_a_footer(text: str, says: str) -> None:
    with pytest.raises(DataError, match=f"deals.csv: {says}"):
        rows_of(text)


def test_without_footer__keeps_rows_of_a_file_with_one_column() -> None:
    assert rows_of("Id\n1\n2\n")[0] == ["1", "2"]


def test_table_of_frame__keeps_numbers_and_dates_and_trims_text() -> None:
    frame = pd.DataFrame(
        {"Id": [" a ", ""], "Amount": [1.5, None], "When": [pd.Timestamp("2026-01-01"), pd.NaT]}, index=[7, 9]
    )
    table = table_of_frame(frame)
    assert table.labels == ("Id", "Amount", "When")
    assert table.cells.index.tolist() == [0, 1]
    assert table.cells[0].iloc[0] == "a"
    assert table.cells.isna().iloc[1].all()
    assert str(table.cells[2].dtype).startswith("datetime64")
