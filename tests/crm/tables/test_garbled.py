from __future__ import annotations

from pathlib import Path

import pytest

from opp_analytics.crm.tables.csv_table import csv_table
from opp_analytics.crm.tables.garbled import refuse_garbled
from opp_analytics.errors import DataError


def check(text: str) -> None:
    refuse_garbled(csv_table(Path("deals.csv"), text, "UTF-8", {"Id", "Name"}.__contains__), text)


@pytest.mark.parametrize(
    "name", ["José".encode().decode("cp1252"), "“Acme".encode().decode("cp1252"), "Jos\ufffd"]
)
def test_refuse_garbled__names_row_and_cell(name: str) -> None:
    with pytest.raises(DataError, match=f"deals.csv: row 3: Name='{name}' was garbled by a wrong encoding"):
        check(f"Id,Name\n1,José\n2,{name}\n")


def test_refuse_garbled__leaves_other_languages_alone() -> None:
    check("Id,Name\n1,SÃO PAULO\n2,CHÂTEAU\n3,Straße\n4,â\n")
