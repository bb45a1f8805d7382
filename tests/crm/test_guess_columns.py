"""Columns that a file names in its own words, guessed for people to confirm."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.crm.guess_columns import guess_columns, guess_ids
from opp_analytics.crm.mapping import match_labels, name_opportunities
from opp_analytics.errors import MissingColumnError
from opp_analytics.table_files import read_table
from tests.crm.files import written


def guessed(sheet: pd.DataFrame | Path, org: oa.Org | None = None) -> dict[str, str | list[str]]:
    return {guess.theirs: guess.ours for guess in guess_columns(sheet, org or oa.Org())}


def ids(sheet: pd.DataFrame) -> list[str]:
    table = read_table(sheet, str.isalpha)
    return [
        guess.theirs
        for guess in guess_ids(table, match_labels(table.labels, name_opportunities({})))
    ]


@pytest.mark.parametrize(
    "label",
    [
        "ID",
        "Key",
        "Deal number",
        "No.",
        "Nr.",
        "#",
        "Record",
        "Deal Code",
        "dealId",
        "Vorgangsnummer",
        "AngebotsNr",
        "Nummer",
    ],
)
def test_guess_ids__takes_what_is_unique_and_named_like_an_id(label: str) -> None:
    sheet = pd.DataFrame({"Name": ["A", "A"], label: ["7", "8"], "Stage": ["Demo", "Won"]})
    assert ids(sheet) == [label]
    assert ids(sheet.assign(**{label: ["7", "7"]})) == []
    sheet[label] = [None, "7"]
    assert ids(sheet) == []


@pytest.mark.parametrize(
    "label",
    [
        "Account ID",
        "owner_id",
        "Phone number",
        "ZIP code",
        "Kundennummer",
        "Row No.",
        "Amount",
        "Notes",
        "Paid",
    ],
)
def test_guess_ids__takes_no_number_of_something_else(label: str) -> None:
    assert ids(pd.DataFrame({"Name": ["A", "A"], label: ["7", "8"]})) == []


def test_guess_ids__puts_the_deals_own_id_first_and_the_name_last() -> None:
    sheet = pd.DataFrame(
        {
            "Name": ["A", "B"],
            "Ext. Key": ["x", "y"],
            "Deal No": ["1", "2"],
            "Stage": ["Demo", "Won"],
        }
    )
    assert ids(sheet) == ["Deal No", "Ext. Key", "Name"]


def test_guess_columns__says_why_and_skips_titles_and_totals(tmp_path: Path) -> None:
    text = "Our deals 2026,,\n,,\nDeal,Pipeline stage,TCV\nAcme,Demo,5\nBeta,Won,7\n\nTotal,,12\n"
    found = guess_columns(written(tmp_path, text), oa.Org())
    assert [tuple(guess) for guess in found] == [
        ("Deal", ["unique_id", "name"], "the name is unique and never blank in 2 rows"),
        ("Pipeline stage", "stage", "stage by its label"),
        ("TCV", "value", "value by its label"),
    ]


@pytest.mark.parametrize(
    ("ours", "labels"),
    {
        "stage": ["Phase", "Pipeline stage", "Vertriebsphase", "Status"],
        "value": [
            "Deal Size",
            "Deal Amount",
            "Betrag (EUR)",
            "ARR",
            "TCV, $",
            "Umsatz in EUR",
            "Close Value",
        ],
        "close_date": [
            "Forecast Date",
            "Expected Close",
            "Est. Close",
            "Abschlussdatum",
            "Target close date",
        ],
        "owner_name": ["Rep", "Salesperson", "Account Executive", "Verkäufer", "Sales Agent"],
        "account_name": ["Kunde", "Customer", "Company"],
        "created_at": ["Created", "Date Created", "Erstellt am"],
    }.items(),
)
def test_guess_columns__by_what_people_call_them(ours: str, labels: list[str]) -> None:
    for label in labels:
        assert guessed(
            pd.DataFrame({"Id": ["1"], label: [None]}), oa.Org(columns={"Id": "unique_id"})
        ) == {label: ours}


def test_guess_columns__guesses_nothing_that_has_a_name() -> None:
    assert (
        guessed(
            pd.DataFrame(columns=["Id", "Stage", "Amount", "Phase", "TCV"]), oa.Org.salesforce()
        )
        == {}
    )
    own = oa.Org(columns={"Nr": "unique_id", "Phase": "Step", "Umsatz": "value"})
    assert guessed(pd.DataFrame(columns=["Nr", "Phase", "Umsatz", "Betrag", "stage"]), own) == {}


def test_guess_columns__of_two_likely_labels_takes_the_likelier() -> None:
    assert guessed(pd.DataFrame({"Status": ["Open"], "Phase": ["Demo"]})) == {"Phase": "stage"}
    assert guessed(pd.DataFrame({"ARR": ["5"], "Deal Size": ["7"]})) == {"Deal Size": "value"}


def test_guess_columns__make_an_org_that_reads_the_file() -> None:
    sheet = pd.DataFrame(
        {
            "Deal": ["Acme", "Beta"],
            "Phase": ["Demo", "Won"],
            "TCV": ["$1,200", "5k"],
            "Rep": ["Ann", "Bob"],
        }
    )
    with pytest.raises(MissingColumnError):
        oa.read_export(sheet, oa.Org(), progress=False)
    frame = oa.read_export(sheet, oa.Org(columns=guessed(sheet)), progress=False)
    assert frame[["unique_id", "name", "stage", "owner_name"]].iloc[0].tolist() == [
        "Acme",
        "Acme",
        "Demo",
        "Ann",
    ]
    assert frame["value"].tolist() == [1_200.0, 5_000.0]


_ROWS = 12
_DAYS = pd.date_range("2026-01-05", periods=_ROWS, freq="6D")
_SHEET: dict[str, tuple[str, list[str]]] = {
    "unique_id": ("Deal ID", [f"D-{row}" for row in range(_ROWS)]),
    "name": ("Deal name", [f"Deal {row}" for row in range(_ROWS)]),
    "stage": ("Stage", ["Demo", "Proposal", "Closed Won", "Closed Lost"] * 3),
    "value": ("Amount", [str(1000 + 37 * row) for row in range(_ROWS)]),
    "close_date": ("Close date", [f"{day:%Y-%m-%d}" for day in _DAYS + pd.Timedelta(days=80)]),
    "owner_name": ("Owner", ["ann", "bob", "cy"] * 4),
    "created_at": ("Created date", [f"{day:%Y-%m-%d}" for day in _DAYS]),
    "pipeline": ("Pipeline", ["New", "Renewal"] * 6),
    "status": ("Status", ["open", "open", "won", "lost"] * 3),
    "closed_date": ("Closed date", ["", "", "2026-02-01", "2026-02-02"] * 3),
}


def is_read(heading: str, role: str) -> bool:
    """Tell whether a sheet's column is read as a role once it has this heading."""
    roles = dict.fromkeys([*list(_SHEET)[:7], role])
    sheet = pd.DataFrame(
        {heading if one == role else _SHEET[one][0]: _SHEET[one][1] for one in roles}
    )
    matched = match_labels([str(name) for name in sheet.columns], name_opportunities({}))
    found = {line.ours for line in matched if line.theirs == heading and line.how != "kept"}
    ours = guessed(sheet).get(heading, [])
    found |= {ours} if isinstance(ours, str) else set(ours)
    wanted = {"closed_at", "won_at", "lost_at"} if role == "closed_date" else {role}
    return bool(found & wanted)


HEADINGS = pd.read_csv(Path(__file__).with_name("headings.csv"), keep_default_na=False)
"""Headings of deals' columns by role and language, from vendors' documentation and public files."""


@pytest.mark.slow
@pytest.mark.parametrize("role", list(_SHEET))
def test_guess_columns__reads_nine_of_ten_headings_of_each_role(role: str) -> None:
    headings = HEADINGS.loc[HEADINGS["role"] == role, "heading"]
    missed = [heading for heading in headings if not is_read(heading, role)]
    assert len(missed) <= len(headings) / 10, missed


def test_guess_columns__fills_by_its_cells_what_no_label_names() -> None:
    sheet = pd.DataFrame(dict(list(_SHEET.values())[:7]))
    sheet = sheet.assign(Owner=["Ann Lee", "Bob Roe", "Cy Poe"] * 4, Amount="$" + sheet["Amount"])
    others = {"Stage": "Ax", "Amount": "Bx", "Owner": "Cx", "Created date": "Dx"}
    assert guessed(sheet.rename(columns=others)) == {
        "Deal ID": "unique_id",
        "Ax": "stage",
        "Bx": "value",
        "Cx": "owner_name",
        "Dx": "created_at",
    } | {label: ours for label, ours in guessed(sheet).items() if label == "Deal name"}


def test_guess_columns__tells_planned_days_from_those_of_closing_and_of_creation() -> None:
    sheet = pd.DataFrame(
        {
            "Lead #": ["7", "8"],
            "Stage": ["Demo", "Won"],
            "Close Date": [None, "2026-11-20"],
            "Expected Close Date": [
                f"{pd.Timestamp.now() + pd.Timedelta(days=30):%F}",
                "2026-11-20",
            ],
        }
    )
    assert [(guess.theirs, guess.ours) for guess in guess_columns(sheet, oa.Org())] == [
        ("Lead #", "unique_id"),
        ("Close Date", "closed_at"),
        ("Expected Close Date", "close_date"),
    ]
    planned = sheet.assign(**{"Expected Close Date": ["2026-11-18", "2026-11-20"]})
    assert [guess.ours for guess in guess_columns(planned, oa.Org())] == ["unique_id"]
