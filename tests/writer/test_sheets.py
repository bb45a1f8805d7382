"""Edits on their way back into another CRM: its labels and words, only what changed, nothing a CSV file would run."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.errors import ArgumentValueError, DataError, DataWarning
from opp_analytics.writer.sheets import select_import_rows

SALESFORCE = oa.Org.salesforce(currency="USD")
REPORT = pd.DataFrame(
    {
        "Id": ["006Hs00001AbCdE", "006Hs00001AbCdF", "006Hs00001AbCdG"],
        "Opportunity Name": ["Acme", "Beta", "Gamma"],
        "Stage": ["Prospecting", "Qualification", "Closed Won"],
        "Amount": ["$120,000.00", "$5,000.50", None],
        "Close Date": ["11/25/2026", "12/1/2026", "10/2/2026"],
        "Forecast Category": ["Best Case", "Pipeline", "Closed"],
        "Created Date": ["9/1/2026"] * 3,
        "Region__c": ["West", "East", "East"],
    }
)
A, B, C = (f"006Hs00001AbCd{end}IAV" for end in "EFG")


@pytest.fixture
def deals() -> pd.DataFrame:
    """The report, read."""
    return oa.read_export(REPORT, SALESFORCE, progress=False)


def texts(file: Path) -> list[list[str]]:
    return [line.split(",") for line in file.read_text(encoding="utf-8-sig").splitlines()]


def edited(deals: pd.DataFrame) -> pd.DataFrame:
    after = deals.copy()
    after.loc[0, "close_date"] = pd.Timestamp("2027-01-15")
    after.loc[1, "stage"] = "Closed Lost"
    return after


def test_to_csv__for_an_import_has_the_crms_labels_and_words(deals: pd.DataFrame, tmp_path: Path) -> None:
    oa.to_csv(deals, tmp_path / "all.csv", org=SALESFORCE)
    assert texts(tmp_path / "all.csv") == [
        ["Id", "Name", "Amount", "StageName", "CloseDate", "ForecastCategoryName", "Region__c"],
        [A, "Acme", "120000", "Prospecting", "2026-11-25", "Best Case", "West"],
        [B, "Beta", "5000.5", "Qualification", "2026-12-01", "Pipeline", "East"],
        [C, "Gamma", "", "Closed Won", "2026-10-02", "", "East"],
    ]


def test_to_csv__for_an_import_writes_a_probability_that_is_not_the_stages_alone(
    deals: pd.DataFrame, tmp_path: Path
) -> None:
    assert deals["probability"].tolist() == [10, 10, pd.NA]
    stated = deals.assign(probability=[10, 40, 100])
    oa.to_csv(stated, tmp_path / "all.csv", org=SALESFORCE)
    header, *rows = texts(tmp_path / "all.csv")
    assert [row[header.index("Probability")] for row in rows] == ["10", "40", "100"]


def test_to_csv__for_an_import_holds_only_what_changed(deals: pd.DataFrame, tmp_path: Path) -> None:
    oa.to_csv(edited(deals), tmp_path / "edits.csv", org=SALESFORCE, before=deals)
    assert texts(tmp_path / "edits.csv") == [
        ["Id", "StageName", "CloseDate"],
        [A, "Prospecting", "2027-01-15"],
        [B, "Closed Lost", "2026-12-01"],
    ]


def test_to_excel__for_an_import_holds_dates_and_numbers(deals: pd.DataFrame, tmp_path: Path) -> None:
    after = edited(deals).assign(value=[1.5, 5_000.5, float("nan")])
    oa.to_excel(after, tmp_path / "edits.xlsx", org=SALESFORCE, before=deals)
    book = openpyxl.load_workbook(tmp_path / "edits.xlsx")
    assert book.sheetnames == ["opportunities"]
    rows = [list(row) for row in book.active.iter_rows(values_only=True)]
    assert rows[0] == ["Id", "Amount", "StageName", "CloseDate"]
    assert rows[1] == [A, 1.5, "Prospecting", pd.Timestamp("2027-01-15").to_pydatetime()]
    assert book.active["D2"].number_format == "yyyy-mm-dd"


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_an_import_file__reads_back_as_the_edit(deals: pd.DataFrame, tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"edits.{ending}"
    write = oa.to_csv if ending == "csv" else oa.to_excel
    after = edited(deals)
    write(after, file, org=SALESFORCE, before=deals)
    read = oa.read_export(file, SALESFORCE, progress=False).drop(columns="probability")
    wanted = after.loc[:1, ["unique_id", "stage", "close_date"]].set_index("unique_id")
    pd.testing.assert_frame_equal(read.set_index("unique_id"), wanted)


def test_import_rows__writes_a_new_deal_without_an_id(deals: pd.DataFrame) -> None:
    new = pd.DataFrame({"name": ["New"], "stage": ["Prospecting"], "close_date": ["2027-01-15"]})
    after = SALESFORCE.apply(pd.concat([deals, new], ignore_index=True))
    rows, labels = select_import_rows(after, SALESFORCE, deals)
    assert labels == ["Id", "Name", "StageName", "CloseDate"]
    assert rows["unique_id"].isna().tolist() == [True]
    assert rows["name"].tolist() == ["New"]


def test_import_rows__says_what_an_import_does_not_do(deals: pd.DataFrame) -> None:
    with pytest.warns(DataWarning, match="1 deal of `before` are missing; an import deletes nothing"):
        select_import_rows(deals.iloc[:2], SALESFORCE, deals)
    with pytest.warns(DataWarning, match="1 cell became empty; most imports leave a field alone"):
        select_import_rows(deals.assign(value=[float("nan"), 5_000.5, float("nan")]), SALESFORCE, deals)


def test_import_rows__takes_the_labels_of_the_org_file_first() -> None:
    org = oa.Org(preset="pipedrive", columns={"Betrag": "value"}, currency="EUR")
    frame = org.apply(
        pd.DataFrame({"unique_id": ["1"], "value": [5.0], "stage": ["Qualified"], "status": ["active"]})
    )
    rows, labels = select_import_rows(frame, org, None)
    assert labels == ["ID", "Betrag", "Stage", "Status"]
    assert rows["status"].tolist() == ["Open"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            {"name": ["=1+1", "Beta", "Gamma"]},
            "Name='=1\\+1' looks like a formula, which a CSV file can't hold",
        ),
        ({"value": ["lots", "5", "6"]}, "value='lots' is not a number"),
        ({"name": [" ", "Beta", "Gamma"]}, "1 edit can't be imported, such as name of .*; fix it first"),
        ({"status": ["won", "active", "won"]}, "1 edit can't be imported, such as status: is a new column"),
    ],
)
def test_to_csv__refuses_what_cannot_be_imported(
    deals: pd.DataFrame, tmp_path: Path, change: dict[str, list[str]], says: str
) -> None:
    file = tmp_path / "edits.csv"
    with pytest.raises(DataError, match=says):
        oa.to_csv(deals.assign(**change), file, org=SALESFORCE, before=deals)
    assert not file.exists()


def test_import_rows__names_a_changed_column_that_the_crm_does_not_have(deals: pd.DataFrame) -> None:
    before, after = (SALESFORCE.apply(deals.assign(status=status)) for status in ("active", "won"))
    with pytest.raises(DataError, match="column 'status' has no label in the CRM"):
        select_import_rows(after, SALESFORCE, before)


def test_before__belongs_to_an_import(deals: pd.DataFrame, tmp_path: Path) -> None:
    for write in (oa.to_csv, oa.to_excel):
        with pytest.raises(ArgumentValueError, match="before= belongs to a file for a CRM's import"):
            write(deals, tmp_path / "x", before=deals)
    with pytest.raises(DataError, match="the org names no column for unique_id"):
        oa.to_csv(deals, tmp_path / "x.csv", org=oa.Org())
