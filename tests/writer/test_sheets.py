"""Edits on their way back into another CRM: its labels and words, only what changed, nothing a CSV
file would run."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.errors import ArgumentValueError, DataError, DataWarning
from opp_analytics.writer.sheets import make_import_files

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


def test_to_csv__for_an_import_has_the_crms_labels_and_words(
    deals: pd.DataFrame, tmp_path: Path
) -> None:
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
        [A, "", "2027-01-15"],
        [B, "Closed Lost", ""],
    ]


def test_to_excel__for_an_import_holds_dates_and_numbers(
    deals: pd.DataFrame, tmp_path: Path
) -> None:
    after = edited(deals).assign(value=[1.5, 5_000.5, float("nan")])
    oa.to_excel(after, tmp_path / "edits.xlsx", org=SALESFORCE, before=deals)
    book = openpyxl.load_workbook(tmp_path / "edits.xlsx")
    assert book.sheetnames == ["opportunities"]
    rows = [list(row) for row in book.active.iter_rows(values_only=True)]
    assert rows[0] == ["Id", "Amount", "StageName", "CloseDate"]
    assert rows[1] == [A, 1.5, None, pd.Timestamp("2027-01-15").to_pydatetime()]
    assert book.active["D2"].number_format == "yyyy-mm-dd"


HUBSPOT = oa.Org.hubspot(currency="USD")
PIPEDRIVE = oa.Org.pipedrive(currency="USD")
OWN = oa.Org(
    stages=[
        {"name": "Open", "kind": "open"},
        {"name": "Verbal", "kind": "open"},
        {"name": "Won", "kind": "won"},
    ],
    columns={
        "No.": "unique_id",
        "Deal": "name",
        "Betrag": "value",
        "Phase": "stage",
        "Due": "close_date",
    },
)
CRMS = {
    "salesforce": (
        SALESFORCE,
        ["Id", "Name", "Amount", "StageName", "CloseDate"],
        "Prospecting",
        "Qualification",
    ),
    "hubspot": (
        HUBSPOT,
        ["Record ID", "Deal Name", "Amount", "Deal Stage", "Close Date"],
        "Appointment Scheduled",
        "Qualified To Buy",
    ),
    "pipedrive": (
        PIPEDRIVE,
        ["ID", "Title", "Value", "Stage", "Expected close date"],
        "Qualified",
        "Contact Made",
    ),
    "own": (OWN, ["No.", "Deal", "Betrag", "Phase", "Due"], "Open", "Verbal"),
}


class Crm:
    """A CRM by its import: a cell sets its field; one that is empty keeps it, or empties it."""

    def __init__(self, labels: list[str], stage: str, *, keeps: bool) -> None:
        self.labels, self.keeps = labels, keeps
        amounts = {"1": "100", "2": "200", "3": "300"}
        self.deals = {
            key: dict(zip(labels, [key, f"Deal {key}", amount, stage, "2026-11-25"], strict=True))
            for key, amount in amounts.items()
        }

    def export(self) -> pd.DataFrame:
        return pd.DataFrame(list(self.deals.values()), columns=self.labels)

    def update(self, file: Path) -> None:
        for _, row in pd.read_csv(
            file, dtype="str", keep_default_na=False, encoding="utf-8-sig"
        ).iterrows():
            deal = self.deals[row[self.labels[0]]]
            for label, cell in row.items():
                if cell or not self.keeps:
                    deal[str(label)] = "" if cell == "#N/A" else cell


@pytest.mark.parametrize("crm", CRMS)
def test_an_import__keeps_what_a_colleague_changed_since_the_export(
    crm: str, tmp_path: Path
) -> None:
    org, labels, first, second = CRMS[crm]
    server = Crm(labels, first, keeps=crm == "salesforce")
    deals = oa.read_export(server.export(), org, progress=False)
    after = deals.copy()
    after.loc[0, "close_date"] = pd.Timestamp("2027-01-15")
    after.loc[1, "stage"] = second
    after.loc[2, ["value"]] = 350.0
    _, name, value, stage, due = labels
    server.deals["1"][stage] = second
    server.deals["2"][due] = "2026-12-24"
    server.deals["3"][name] = "Renamed"
    if crm == "salesforce":
        oa.to_csv(after, tmp_path / "edits.csv", org=org, before=deals)
    else:
        for left in ("edits-4.csv", "edits-new.csv", "edits-2.xlsx", "edits-old.csv"):
            (tmp_path / left).write_text("of an earlier export")
        with pytest.warns(DataWarning) as said:
            oa.to_csv(after, tmp_path / "edits.csv", org=org, before=deals)
        assert str(said[0].message).startswith("import edits.csv, edits-2.csv and edits-3.csv")
        assert str(said[1].message) == "removed edits-4.csv and edits-new.csv: of an earlier export"
        (tmp_path / "edits-2.xlsx").unlink()
        (tmp_path / "edits-old.csv").unlink()
    for file in sorted(tmp_path.iterdir()):
        server.update(file)
    now = server.export().set_index(labels[0])
    assert now.loc["1", [stage, due]].tolist() == [second, "2027-01-15"]
    assert now.loc["2", [stage, due]].tolist() == [second, "2026-12-24"]
    assert now.loc["3", [name, value]].tolist() == ["Renamed", "350"]


def test_an_import__empties_a_field_where_the_crm_has_a_word_for_it(tmp_path: Path) -> None:
    labels = CRMS["salesforce"][1]
    server = Crm(labels, "Prospecting", keeps=True)
    deals = oa.read_export(server.export(), SALESFORCE, progress=False)
    after = deals.assign(value=[float("nan"), 200.0, 300.0], close_date=pd.Timestamp("2027-01-15"))
    after.loc[1, "close_date"] = pd.NaT
    for ending, write in (("csv", oa.to_csv), ("xlsx", oa.to_excel)):
        with pytest.warns(
            DataWarning, match="2 cells became empty: #N/A in the file empties the field"
        ):
            write(after, tmp_path / f"edits.{ending}", org=SALESFORCE, before=deals)
    assert texts(tmp_path / "edits.csv") == [
        ["Id", "Amount", "CloseDate"],
        ["1", "#N/A", "2027-01-15"],
        ["2", "", "#N/A"],
        ["3", "", "2027-01-15"],
    ]
    assert openpyxl.load_workbook(tmp_path / "edits.xlsx").active["B2"].value == "#N/A"
    server.update(tmp_path / "edits.csv")
    assert [deal["Amount"] for deal in server.deals.values()] == ["", "200", "300"]


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_an_import__has_files_of_their_own_for_new_and_removed_deals(
    deals: pd.DataFrame, tmp_path: Path, ending: str
) -> None:
    new = pd.DataFrame(
        {"name": ["New", "Newer"], "stage": ["Prospecting"] * 2, "value": [5.0, None]}
    )
    after = SALESFORCE.apply(pd.concat([edited(deals).iloc[:2], new], ignore_index=True))
    with pytest.warns(DataWarning) as said:
        (oa.to_csv if ending == "csv" else oa.to_excel)(
            after, tmp_path / f"edits.{ending}", org=SALESFORCE, before=deals
        )
    assert [str(each.message) for each in said] == [
        f"2 new deals: import edits-new.{ending} as new records",
        f"1 removed deal: an import deletes nothing; edits-delete.{ending} lists the ids to delete",
    ]
    if ending == "csv":
        assert texts(tmp_path / "edits-new.csv") == [
            ["Name", "Amount", "StageName"],
            ["New", "5", "Prospecting"],
            ["Newer", "", "Prospecting"],
        ]
        assert texts(tmp_path / "edits-delete.csv") == [["Id"], [C]]
    assert len(list(tmp_path.iterdir())) == 3


OWNERS = REPORT.assign(
    **{"Opportunity Owner": ["Ann", "Bo", "Bo"], "Owner ID": ["005A", "005B", "005B"]}
)


def test_an_import__sends_an_owner_by_id(tmp_path: Path) -> None:
    deals = oa.read_export(OWNERS, SALESFORCE, progress=False)
    after = deals.assign(owner_name=["Bo", "Bo", "Cy"], owner_id=["005A", "005B", "005C"])
    oa.to_csv(after, tmp_path / "edits.csv", org=SALESFORCE, before=deals)
    assert texts(tmp_path / "edits.csv") == [["Id", "OwnerId"], [A, "005B"], [C, "005C"]]


def test_an_import__refuses_an_owner_whose_id_is_unknown(tmp_path: Path) -> None:
    org, labels, first, _ = CRMS["own"]
    named = oa.Org(**(org.to_dict() | {"columns": {**org.columns, "Rep": "owner_name"}}))
    report = Crm(labels, first, keeps=True).export().assign(Rep=["Ann", "Bo", "Bo"])
    deals = oa.read_export(report, named, progress=False)
    with pytest.raises(
        DataError,
        match=r"owner_name='Bo' of 'Deal 1' can't be imported: .* the export has only names",
    ):
        oa.to_csv(deals.assign(owner_name="Bo"), tmp_path / "x.csv", org=named, before=deals)
    known = oa.read_export(OWNERS, SALESFORCE, progress=False)
    with pytest.raises(
        DataError, match=r"owner_name='Zoe' of .* no deal of the export shows that owner's id"
    ):
        oa.to_csv(known.assign(owner_name="Zoe"), tmp_path / "x.csv", org=SALESFORCE, before=known)
    assert not list(tmp_path.iterdir())


def test_an_import__writes_hubspots_probability_as_hubspot_does(tmp_path: Path) -> None:
    org, labels, first, _ = CRMS["hubspot"]
    report = (
        Crm(labels, first, keeps=True).export().assign(**{"Deal probability": ["0.2", "0.4", "1"]})
    )
    deals = oa.read_export(report, org, progress=False)
    assert deals["probability"].tolist() == [20, 40, 100]
    oa.to_csv(deals.assign(probability=[60, 1, 100]), tmp_path / "edits.csv", org=org, before=deals)
    assert texts(tmp_path / "edits.csv") == [
        ["Record ID", "Deal probability"],
        ["1", "0.6"],
        ["2", "0.01"],
    ]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            {"name": ["=1+1", "Beta", "Gamma"]},
            "Name='=1\\+1' looks like a formula, which a CSV file can't hold",
        ),
        ({"value": ["lots", "5", "6"]}, "value='lots' is not a number"),
        (
            {"name": [" ", "Beta", "Gamma"]},
            "1 edit can't be imported, such as name of .*; fix it first",
        ),
        (
            {"status": ["won", "active", "won"]},
            "1 edit can't be imported, such as status: is a new column",
        ),
    ],
)
def test_to_csv__refuses_what_cannot_be_imported(
    deals: pd.DataFrame, tmp_path: Path, change: dict[str, list[str]], says: str
) -> None:
    file = tmp_path / "edits.csv"
    with pytest.raises(DataError, match=says):
        oa.to_csv(deals.assign(**change), file, org=SALESFORCE, before=deals)
    assert not file.exists()


def test_import_rows__names_a_changed_column_that_the_crm_does_not_have(
    deals: pd.DataFrame,
) -> None:
    before, after = (SALESFORCE.apply(deals.assign(status=status)) for status in ("active", "won"))
    with pytest.raises(DataError, match="column 'status' has no label in the CRM"):
        make_import_files(after, SALESFORCE, before, Path("edits.csv"))


def test_before__belongs_to_an_import(deals: pd.DataFrame, tmp_path: Path) -> None:
    for write in (oa.to_csv, oa.to_excel):
        with pytest.raises(
            ArgumentValueError, match="before= belongs to a file for a CRM's import"
        ):
            write(deals, tmp_path / "x", before=deals)
    with pytest.raises(DataError, match="the org names no column for unique_id"):
        oa.to_csv(deals, tmp_path / "x.csv", org=oa.Org())
