"""Ids of a field history that an export spells otherwise, or does not have."""

from __future__ import annotations

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.crm import match_ids, read_changes
from opp_analytics.errors import DataError

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
