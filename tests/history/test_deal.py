"""The timeline of one deal."""

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.note import note_of
from tests.history.logs import MONDAYS, history_of

ROWS = [
    ("a", 0, 100.0, "proposal", "2026-03-31", "active"),
    ("a", 1, 150.0, "proposal", None, "active"),
    ("a", 3, 150.0, "closed_won", None, "won"),
    ("b", 0, 1.0, "proposal", None, "active"),
]


@pytest.fixture(scope="module")
def history():
    return history_of(
        ROWS, deleted=[("a", 2)], name="Acme", updated_at=pd.Timestamp("2026-01-01", tz="UTC")
    )


def test_deal__lists_each_change_with_its_value_before_and_after(history):
    table = history.deal("a")
    assert table.attrs["opp_analytics"] == {
        "kind": "history.deal",
        "day": "2026-01-26",
        "figures": {"unique_id": "a", "name": "Acme", "link": None},
    }
    new = table[table["operation"] == "new"]
    assert new["field"].tolist() == ["name", "value", "stage", "close_date", "status"]
    assert new["before"].tolist() == [None] * 5
    later = table[table["operation"] != "new"]
    assert later["operation"].tolist() == ["changed", "changed", "deleted", "returned", "returned"]
    assert later["field"].fillna("").tolist() == ["value", "close_date", "", "stage", "status"]
    assert later["before"].tolist() == [
        100.0,
        pd.Timestamp("2026-03-31"),
        None,
        "proposal",
        "active",
    ]
    assert later["after"].tolist() == [150.0, None, None, "closed_won", "won"]
    assert [str(at.date()) for at in later["seen_at"]] == [
        *MONDAYS[1:2] * 2,
        MONDAYS[2],
        *MONDAYS[3:4] * 2,
    ]
    assert str(later["seen_after"].iloc[0].date()) == MONDAYS[0]
    assert table["run_id"].isna().all()


def test_deal__names_the_run_that_wrote_between_two_records(history):
    ours = pd.DataFrame(
        {
            "unique_id": ["a", "b", "a"],
            "written_at": ["2026-01-09T10:00Z", "2026-01-10T10:00Z", "2026-02-01T10:00Z"],
            "run_id": ["run-1", "run-2", "run-3"],
        }
    )
    table = history.deal("a", own_writes=ours)
    assert table.loc[table["run_id"].notna(), ["field", "run_id"]].to_numpy().tolist() == [
        ["value", "run-1"],
        ["close_date", "run-1"],
    ]
    with pytest.raises(oa.errors.MissingColumnError, match="own_writes has no column run_id"):
        history.deal("a", own_writes=ours.drop(columns="run_id"))


def test_deal__of_a_part_ends_where_it_was_passed_on():
    passed = history_of(ROWS[:2], owner_name=["Ann", "Bo"]).where(owner_name="Ann").deal("a")
    assert passed["operation"].unique().tolist() == ["new", "transferred"]
    assert passed["after"].tolist()[-1] is None


def test_deal__names_an_id_that_is_not_there(history):
    with pytest.raises(
        oa.errors.ArgumentValueError, match="unique_id='z': the history has no such opportunity"
    ):
        history.deal("z")
    with pytest.raises(oa.errors.ArgumentTypeError, match="unique_id=3 is not text"):
        history.deal(3)


def test_deal__has_its_address_in_the_crm():
    org = oa.Org(record_url="https://crm.example.com/deals/{unique_id}")
    table = history_of(ROWS[:2], org=org).deal("a")
    assert note_of(table).figures["link"] == "https://crm.example.com/deals/a"
    assert note_of(history_of(ROWS[:2]).deal("a")).figures["link"] is None
