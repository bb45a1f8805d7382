"""Ids of a field history that an export spells otherwise, or does not have."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.crm import match_ids, read_changes, recognize
from opp_analytics.crm.match_ids import match_names, normalize_ids
from opp_analytics.errors import DataError, MissingColumnError

ORG = oa.Org.salesforce()
IDS = ["000123", "000124", "000125", "000126"]


def deals_of(ids: list[str]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "unique_id": ids, "name": [f"Deal {one}" for one in ids], "stage": "Prospecting", "value": 5.0,
            "close_date": pd.Timestamp("2026-12-01"), "created_at": pd.Timestamp("2026-01-05", tz="UTC"),
        }
    )  # fmt: skip


def log_of(ids: list[object]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "OpportunityId": ids, "CreatedDate": "2026-03-02T10:00:00Z", "Field": "StageName",
            "OldValue": "Prospecting", "NewValue": "Qualification",
        }
    )  # fmt: skip


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ([123, 124, 125, 126], IDS),
        (["123.0", " 124 ", "0125", "000126"], IDS),
        (["006Hs00001AbCdE"], ["006Hs00001AbCdEIAV"]),
        (["006Hs00001AbCdEIAV"], ["006Hs00001AbCdE"]),
        (["ab-1", "AB-2"], ["AB-1", "ab-2"]),
    ],
)
def test_read_changes__matches_ids_that_differ_in_spelling(theirs: list[object], ours: list[str]) -> None:
    log = read_changes(log_of(theirs), ORG, opportunities=deals_of(ours))
    assert set(log.changes["unique_id"]) == set(ours)
    matched = [note for note in log.notes if "spelled otherwise" in note]
    differing = sum(oa.read_export(log_of(theirs).rename(columns={"OpportunityId": "Id", "NewValue": "StageName"})
                    .drop(columns=["Field", "OldValue", "CreatedDate"]), ORG, progress=False)["unique_id"].to_numpy() != ours)  # fmt: skip
    assert matched == [] if not differing else matched[0].startswith(f"{differing} deal")
    history = oa.History.from_changes(log, org=ORG)
    assert len(history.as_of("2026-03-03")) == len(ours)
    assert set(history.as_of("2026-03-03")["stage"]) == {"Qualification"}


def test_read_changes__counts_ids_that_the_export_lacks() -> None:
    log = read_changes(log_of([*IDS, "gone"]), ORG, opportunities=deals_of(IDS))
    assert "1 deal in the history but not in the deals' export, perhaps deleted" in log.left_out
    half = read_changes(log_of(["000123", "other"]), ORG, opportunities=deals_of(IDS))
    assert set(half.changes["unique_id"]) == {*IDS, "other"}


@pytest.mark.parametrize("snapshots", [False, True])
def test_read_changes__refuses_a_history_of_other_deals(snapshots: bool) -> None:
    log = log_of(["000123", "x-1", "x-2"])
    if snapshots:
        log = log.rename(
            columns={"OpportunityId": "unique_id", "CreatedDate": "seen_at", "NewValue": "stage"}
        )
        log = log.drop(columns=["Field", "OldValue"])
    says = "only 1 of the 3 deals of .* are in the deals' export, so these are other deals: .* has 'x-1' and 'x-2', the deals' export has '000124'"
    with pytest.raises(DataError, match=says):
        read_changes(log, ORG, opportunities=deals_of(IDS))


@pytest.mark.parametrize(
    ("theirs", "ours", "says"),
    [
        (["12"], ["0012", "012"], "the id '12' of the history may be '0012' or '012' of the export"),
        (["12", "012"], ["0012"], "the ids '12' and '012' of the history may both be '0012' of the export"),
        (["0012", "12"], ["12"], "the ids '12' and '0012' of the history may both be '12' of the export"),
    ],
)
def test_match_ids__never_merges_two(theirs: list[str], ours: list[str], says: str) -> None:
    with pytest.raises(DataError, match=says):
        match_ids(pd.Series(theirs), pd.Series(ours))


def test_match_ids__takes_the_same_spelling_first() -> None:
    assert match_ids(pd.Series(["12", "012"]), pd.Series(["012", "12"])) == {}
    assert match_ids(pd.Series(["006Hs00001abcdE"]), pd.Series(["006Hs00001ABCDEIAV"])) == {}


REPORT = pd.DataFrame(
    {
        "Opportunity Name": ["Acme", "Acme", "Beta", "Gone "],
        "Field / Event": ["Stage", "Amount", "Stage", "Stage"],
        "Old Value": ["Prospecting", "$1.00", "Prospecting", "Prospecting"],
        "New Value": ["Qualification", "$5.00", "Qualification", "Closed Lost"],
        "Edit Date": ["3/2/2026 10:00 AM", "3/3/2026 10:00 AM", "3/30/2026 10:00 AM", "3/4/2026 10:00 AM"],
    }
)
"""Salesforce's report Opportunity Field History as it comes, without the opportunity's ID."""


def named(*names: str) -> pd.DataFrame:
    return deals_of([f"id-{place}" for place in range(len(names))]).assign(name=list(names))


def test_read_changes__matches_a_history_without_ids_by_name() -> None:
    assert recognize(REPORT).shape == "events"
    log = read_changes(REPORT, ORG, opportunities=named("Acme", "Beta", "Other", "Other"))
    assert set(log.changes["unique_id"]) == {"id-0", "id-1", "id-2", "id-3", "Gone"}
    assert "2 deals of the history were matched by name, such as 'Acme' with 'id-0'" in log.notes
    assert "1 deal in the history but not in the deals' export, perhaps deleted" in log.left_out
    with pytest.warns(
        oa.errors.DataWarning,
        match=r"'Gone'\) has no creation, so the history begins with the first change\.",
    ):
        history = oa.History.from_changes(log, org=ORG)
    then = history.as_of("2026-03-04").set_index("unique_id")
    assert then.loc["id-0", ["stage", "value"]].tolist() == ["Qualification", 5.0]
    assert then.loc["id-1", "stage"] == "Prospecting"


def test_read_changes__matches_wide_histories_by_name_too() -> None:
    report = pd.DataFrame(
        {
            "Opportunity Name": ["Acme", "Beta"], "From Stage": "Prospecting", "To Stage": "Qualification",
            "Last Modified": ["3/2/2026", "3/30/2026"],
        }
    )  # fmt: skip
    log = read_changes(report, ORG, opportunities=named("Acme", "Beta"))
    assert set(log.changes["unique_id"]) == {"id-0", "id-1"}


def test_read_changes__matches_unknown_ids_by_their_names() -> None:
    log = read_changes(
        REPORT.assign(**{"Opportunity ID": ["s-1", "s-1", "s-2", "s-3"]}),
        ORG,
        opportunities=named("Acme", "Beta"),
    )
    assert set(log.changes["unique_id"]) == {"id-0", "id-1", "s-3"}
    # Where most ids are known, a deal with another one is another deal, whatever its name.
    some = REPORT.assign(**{"Opportunity ID": ["id-0", "id-0", "id-1", "s-3"], "Opportunity Name": "Acme"})
    assert "s-3" in set(read_changes(some, ORG, opportunities=named("Acme", "Beta")).changes["unique_id"])


def test_read_changes__refuses_a_name_of_several_deals_with_its_counts() -> None:
    says = r"1 name of several deals cannot match them: 'Acme' \(1 in the history, 2 in the export\)"
    with pytest.raises(DataError, match=says):
        read_changes(REPORT, ORG, opportunities=named("Acme", "Beta", "Acme"))
    several = REPORT.assign(**{"Opportunity ID": ["s-1", "s-2", "s-3", "s-4"]})
    with pytest.raises(DataError, match=r"'Acme' \(2 in the history, 1 in the export\)"):
        read_changes(several, ORG, opportunities=named("Acme", "Beta"))


def test_read_changes__refuses_names_of_other_deals() -> None:
    says = "only 1 of the 3 deals of .* has 'Beta' and 'Gone', the deals' export has 'id-1'"
    with pytest.raises(DataError, match=says):
        read_changes(REPORT, ORG, opportunities=named("Acme", "Other"))


def test_read_changes__of_names_alone_asks_for_the_export() -> None:
    with pytest.raises(MissingColumnError, match=r'only names \("Opportunity Name"\). Give the export'):
        read_changes(REPORT, ORG)
    log = read_changes(REPORT, ORG, ids={"Acme": "1", "Beta": "2", "Gone": "3"})
    assert set(log.changes["unique_id"]) == {"1", "2", "3"}


def test_recognize__takes_an_export_with_a_name_and_a_value_for_deals() -> None:
    export = pd.DataFrame(columns=["Name", "Stage", "Property", "Value", "Date"])
    assert recognize(export, ORG).shape == "opportunities"


@pytest.mark.parametrize("both", [["unique_id", "name"], ["name", "unique_id"]])
def test_read_changes__takes_a_name_for_the_id_where_the_org_says_so(both: list[str]) -> None:
    org = oa.Org(preset="salesforce", columns={"Opportunity Name": both})
    export = pd.DataFrame(
        {"Opportunity Name": ["Acme", "Beta"], "Stage": "Qualification", "Created Date": "1/25/2026"}
    )
    deals = oa.read_export(export, org, progress=False)
    assert deals["unique_id"].tolist() == deals["name"].tolist() == ["Acme", "Beta"]
    log = read_changes(REPORT, org, opportunities=deals)
    assert set(log.changes["unique_id"]) == {"Acme", "Beta", "Gone"}
    assert log.notes == ()
    assert set(read_changes(REPORT, org).changes["unique_id"]) == {"Acme", "Beta", "Gone"}
    wide = REPORT.drop(columns=["Field / Event", "Old Value"]).rename(columns={"New Value": "To Stage"})
    assert set(read_changes(wide, org, opportunities=deals).changes["unique_id"]) == {"Acme", "Beta", "Gone"}


def test_read_changes__of_a_public_log_by_names_gives_what_it_gives_by_ids() -> None:
    file = Path(__file__).parents[3] / "shared/data/pipedrive_enpal/deal_changes.csv"
    if not file.exists():
        pytest.skip(f"the public change log is not in {file}")
    log = pd.read_csv(file, dtype="str")
    stages = log[log["changed_field_key"] == "stage_id"].groupby("deal_id")["new_value"].last()
    export = pd.DataFrame({"ID": log["deal_id"].unique()}).assign(Title=lambda deals: "Deal " + deals["ID"])
    org = oa.Org(preset="pipedrive", stages=[{"name": name, "kind": "open"} for name in "123456789"])
    deals = oa.read_export(export.assign(Stage=export["ID"].map(stages)), org, progress=False)
    by_id = read_changes(log, org, opportunities=deals)
    named = log.rename(columns={"deal_id": "Title"}).assign(Title="Deal " + log["deal_id"])
    by_name = read_changes(named, org, opportunities=deals)
    assert by_name.notes[0].startswith("1,995 deals of the history were matched by name")
    pd.testing.assert_frame_equal(by_name.changes, by_id.changes)
    twice = deals.assign(name=deals["name"].where(deals.index != 1, deals["name"].iloc[0]))
    with pytest.raises(
        DataError, match=r"1 name of several deals cannot match them: 'Deal \d+' \(1 in the history, 2"
    ):
        read_changes(named, org, opportunities=twice)


def test_normalize_ids__reduces_each_to_what_a_spreadsheet_leaves() -> None:
    assert normalize_ids(pd.Series(["0012", " 12.0", "001M000000qfPySIAU", "deal-7 "])).tolist() == [
        "12",
        "12",
        "001M000000qfPyS",
        "deal-7",
    ]


def test_match_ids__ignores_zeros_in_front() -> None:
    assert match_ids(pd.Series(["12", "7", "x"]), pd.Series(["0012", "7"])) == {"12": "0012"}


def test_match_names__leaves_out_who_is_not_there() -> None:
    pairs = pd.DataFrame({"unique_id": ["x1", "x2"], "name": ["Acme", "Gone"]})
    assert match_names(pairs, pd.DataFrame({"unique_id": ["7"], "name": ["Acme"]})) == {"x1": "7"}
