"""Field histories as Salesforce, HubSpot and Pipedrive write them, made into change logs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.crm import ChangeLog, read_changes, read_export
from opp_analytics.errors import DataError, DataWarning
from opp_analytics.history import History

SALESFORCE = oa.Org.salesforce(currency="USD", timezone="America/Chicago")
A, B, C = "006Hs00001AbCdE", "006Hs00001AbCdF", "006Hs00001AbCdG"
LONG_A, LONG_B, LONG_C = (f"{short}IAV" for short in (A, B, C))
COLUMNS = ["OpportunityId", "CreatedDate", "Field", "OldValue", "NewValue"]
EVENTS = [
    (A, "2026-09-01T10:00:00Z", "created", None, None),
    (A, "2026-10-01T10:00:00Z", "StageName", "Prospecting", "Negotiation/Review"),
    (A, "2026-10-05T10:00:00Z", "Amount", "100000.0", "120000.0"),
    (A, "2026-11-20T10:00:00Z", "StageName", "Negotiation/Review", "Closed Won"),
    (B, "2026-11-21T10:00:00Z", "CloseDate", "2026-11-30", "2027-01-15"),
    (B, "2026-11-21T10:00:00Z", "Owner", "005Hs00001AbCdE", "005Hs00001AbCdF"),
    (B, "2026-11-21T10:00:00Z", "Owner", "Ann", "Bob"),
    (B, "2026-11-21T10:00:00Z", "Custom__c", "x", "y"),
]
DEALS = pd.DataFrame(
    {
        "Id": [A, B, C],
        "Name": ["Acme", "Beta", "Gamma"],
        "StageName": ["Closed Won", "Prospecting", "Prospecting"],
        "Amount": [120_000, 5_000, 7],
        "CloseDate": ["2026-11-20", "2027-01-15", "2026-12-01"],
        "Owner": ["Ann", "Bob", "Ann"],
        "CreatedDate": ["2026-09-01T10:00:00Z", "2026-09-02T10:00:00Z", "2026-10-01T10:00:00Z"],
    }
)


def log_of(frame: pd.DataFrame, org: oa.Org = SALESFORCE, **options: Any) -> ChangeLog:
    return read_changes(frame, org, **options)


def history_of(log: ChangeLog) -> History:
    return History.from_changes(log.changes)


def state(history: History, when: str) -> dict[str, tuple[Any, ...]]:
    """Stage, value, date and owner of each deal at a time."""
    frame = history.as_of(when).set_index("unique_id")
    wanted = [name for name in ("stage", "value", "close_date", "owner_name") if name in frame]
    shown = frame[wanted].astype("object").where(frame[wanted].notna(), None)
    return {key: tuple(row) for key, row in zip(shown.index, shown.to_numpy().tolist(), strict=True)}


DAY = pd.Timestamp


def test_events__with_the_deals_give_the_whole_past() -> None:
    log = log_of(pd.DataFrame(EVENTS, columns=COLUMNS), opportunities=read_export(DEALS, SALESFORCE))
    history = history_of(log)
    assert state(history, "2026-09-01T12:00Z") == {LONG_A: ("Prospecting", 100_000, DAY("2026-11-20"), "Ann")}
    assert state(history, "2026-10-02") == {
        LONG_A: ("Negotiation/Review", 100_000, DAY("2026-11-20"), "Ann"),
        LONG_B: ("Prospecting", 5_000, DAY("2026-11-30"), "Ann"),
        LONG_C: ("Prospecting", 7, DAY("2026-12-01"), "Ann"),
    }
    assert state(history, "2026-11-22") == {
        LONG_A: ("Closed Won", 120_000, DAY("2026-11-20"), "Ann"),
        LONG_B: ("Prospecting", 5_000, DAY("2027-01-15"), "Bob"),
        LONG_C: ("Prospecting", 7, DAY("2026-12-01"), "Ann"),
    }
    assert history.as_of("2026-11-22")["name"].tolist() == ["Acme", "Beta", "Gamma"]
    assert history.check().empty


def test_events__tell_what_was_mapped_and_dropped() -> None:
    log = log_of(pd.DataFrame(EVENTS, columns=COLUMNS))
    lines = log.mapping.set_index("theirs")
    assert lines.loc["StageName", ["ours", "how", "note"]].tolist() == ["stage", "mapped", "field, 2 changes"]
    assert lines.loc["Custom__c", "how"] == "dropped"
    assert "name it under [columns] of the org file to keep it" in lines.loc["Custom__c", "note"]
    assert log.problems == (
        {
            "unique_id": LONG_B,
            "problem": "no creation, so the history begins with the first change; the deals' export has it",
        },
    )


def test_events__without_the_deals_begin_just_before_the_first_change() -> None:
    frame = pd.DataFrame(EVENTS, columns=COLUMNS)
    with pytest.warns(
        oa.errors.DataWarning,
        match=r"1 deal \(such as .*\) has no creation, so the history begins with the first change; the deals' export",
    ):
        history = History.from_changes(frame, org=SALESFORCE, progress=False)
    assert history.check()["unique_id"].tolist() == [LONG_B]
    assert state(history, "2026-11-21T09:59:59Z")[LONG_B][2:] == (DAY("2026-11-30"), "Ann")
    assert state(history, "2026-11-21T10:00:00Z")[LONG_B][2:] == (DAY("2027-01-15"), "Bob")
    assert LONG_B not in state(history, "2026-11-21T09:59:58Z")


def test_events__may_begin_with_the_newest() -> None:
    two = [
        (A, "2026-09-01T10:00:00Z", "created", None, None),
        (A, "2026-10-01T10:00:00Z", "StageName", "Prospecting", "Qualification"),
        (A, "2026-10-01T10:00:00Z", "StageName", "Qualification", "Closed Won"),
    ]
    for rows in (two, two[::-1]):
        history = history_of(log_of(pd.DataFrame(rows, columns=COLUMNS)))
        assert state(history, "2026-10-02")[LONG_A] == ("Closed Won",)


def test_events__of_a_salesforce_report_read_its_dates_and_money() -> None:
    report = pd.DataFrame(
        {
            "Opportunity ID": [A, A, A],
            "Field / Event": ["Created.", "Close Date", "Amount"],
            "Old Value": [None, "11/30/2026", "$100,000.00"],
            "New Value": [None, "1/15/2027", "$120,000.00"],
            "Edit Date": ["9/1/2026 5:00 AM", "11/21/2026 4:00 AM", "11/21/2026 4:00 AM"],
        }
    )
    history = history_of(log_of(report))
    assert state(history, "2026-09-01T10:00Z") == {LONG_A: (100_000, DAY("2026-11-30"))}
    assert state(history, "2026-11-21T10:00Z") == {LONG_A: (120_000, DAY("2027-01-15"))}
    assert history.records["recorded_at"].iloc[0] == pd.Timestamp("2026-09-01T10:00Z")


def test_events__of_hubspot_hold_the_first_value_too() -> None:
    rows = [
        ("9001", "createdate", "2026-09-01T10:00:00Z", "2026-09-01T10:00:00Z"),
        ("9001", "dealstage", "appointmentscheduled", "2026-09-01T10:00:00Z"),
        ("9001", "amount", "1000", "2026-09-01T10:00:00Z"),
        ("9001", "closedate", "2026-11-30T00:00:00Z", "2026-09-01T10:00:00Z"),
        ("9001", "dealstage", "closedwon", "2026-10-02T10:00:00Z"),
        ("9001", "hs_deal_stage_probability", "0.2", "2026-09-01T10:00:00Z"),
        ("9001", "hs_deal_stage_probability", "1", "2026-10-02T10:00:00Z"),
    ]
    org = oa.Org.hubspot()
    history = history_of(
        log_of(pd.DataFrame(rows, columns=["dealId", "property", "value", "timestamp"]), org)
    )
    assert state(history, "2026-09-02")["9001"][:2] == ("appointmentscheduled", 1_000)
    assert state(history, "2026-10-03")["9001"][0] == "closedwon"
    assert history.as_of("2026-10-03")["probability"].tolist() == [100]
    assert oa.outcomes(org.apply(history.as_of("2026-10-03"))).tolist() == ["won"]


def test_events__of_pipedrive_close_on_the_day_of_the_win() -> None:
    rows = [
        ("1", "add_time", None, "2026-09-01 10:00:00", "2026-09-01 10:00:00"),
        ("1", "stage_id", None, "1", "2026-09-01 10:00:00"),
        ("1", "value", None, "500", "2026-09-01 10:00:00"),
        ("1", "expected_close_date", None, "2026-12-31", "2026-09-01 10:00:00"),
        ("1", "status", "open", "won", "2026-11-20 03:00:00"),
        ("1", "status", "won", "open", "2026-11-23 10:00:00"),
    ]
    org = oa.Org.pipedrive(
        timezone="America/Chicago", stages=[{"name": "Qualified", "kind": "open", "aliases": ["1"]}]
    )
    frame = pd.DataFrame(rows, columns=["deal_id", "field_key", "old_value", "new_value", "time"])
    history = history_of(log_of(frame, org))
    assert state(history, "2026-09-02")["1"] == ("1", 500, DAY("2026-12-31"))
    assert state(history, "2026-11-21")["1"][2] == DAY("2026-11-19")
    assert oa.outcomes(org.apply(history.as_of("2026-11-21"))).tolist() == ["won"]
    assert state(history, "2026-11-24")["1"][2] == DAY("2026-12-31")
    assert oa.outcomes(org.apply(history.as_of("2026-11-24"))).tolist() == ["open"]


@pytest.mark.parametrize("report", [True, False])
def test_snapshots__of_opportunity_history(report: bool) -> None:
    labels = (
        ["Opportunity ID", "To Stage", "Amount", "Close Date", "Last Modified", "Stage"]
        if report
        else ["OpportunityId", "StageName", "Amount", "CloseDate", "CreatedDate", "IsDeleted"]
    )
    today = "Closed Won" if report else "false"
    stamps = (
        ["9/1/2026 5:00 AM", "11/20/2026 4:00 AM"]
        if report
        else ["2026-09-01T10:00:00Z", "2026-11-20T10:00:00Z"]
    )
    rows = [
        (A, "Prospecting", "$100,000.00", "11/30/2026", stamps[0], today),
        (A, "Closed Won", "$120,000.00", "11/20/2026", stamps[1], today),
    ]
    deals = read_export(DEALS, SALESFORCE)
    history = history_of(log_of(pd.DataFrame(rows, columns=labels), opportunities=deals))
    assert state(history, "2026-09-02T12:00Z") == {
        LONG_A: ("Prospecting", 100_000, DAY("2026-11-30"), "Ann"),
        LONG_B: ("Prospecting", 5_000, DAY("2027-01-15"), "Bob"),
    }
    assert state(history, "2026-11-20T10:00Z")[LONG_A] == ("Closed Won", 120_000, DAY("2026-11-20"), "Ann")
    assert history.as_of("2026-11-21")["name"].tolist() == ["Acme", "Beta", "Gamma"]
    assert history.as_of("2026-11-21")["created_at"].iloc[0] == pd.Timestamp("2026-09-01T10:00Z")


def test_events__take_an_untracked_owner_as_now_and_say_so() -> None:
    rows = [event for event in EVENTS if event[2] != "Owner"]
    deals = read_export(DEALS, SALESFORCE)
    log = log_of(pd.DataFrame(rows, columns=COLUMNS), opportunities=deals)
    assert state(history_of(log), "2026-10-02")[LONG_B][3] == "Bob"
    assert log.left_out == ("past values of owner name, which the history does not track: today's are used",)


def test_ids__lead_to_those_of_the_other_system() -> None:
    log = log_of(pd.DataFrame(EVENTS, columns=COLUMNS), ids={A: "opp-1"})
    assert set(log.changes["unique_id"]) == {"opp-1", LONG_B}
    assert "1 deal without an id in the mapping, which keep their own" in log.left_out


def test_an_id_used_twice_is_told_by_the_history() -> None:
    rows = [(A, at, "created", None, None) for at in ("2026-09-01T10:00:00Z", "2026-10-01T10:00:00Z")]
    with pytest.warns(oa.errors.DataWarning, match="two creations under one ID"):
        history_of(log_of(pd.DataFrame(rows, columns=COLUMNS)))


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ((A, "soon", "StageName", "a", "b"), "row 0: CreatedDate='soon' is not a date"),
        ((A, "2026-09-01T10:00:00Z", "Amount", "5", "lots"), "row 0: NewValue='lots' is not an amount"),
        (
            (A, "2026-09-01T10:00:00Z", "CloseDate", "03/04/2026", None),
            "row 0: OldValue='03/04/2026' may mean",
        ),
    ],
)
def test_events__name_what_cannot_be_read(row: tuple[Any, ...], says: str) -> None:
    with pytest.raises(DataError, match=says):
        log_of(pd.DataFrame([row], columns=COLUMNS))


def test_read_changes__leaves_an_unreadable_value_blank_but_no_time_of_a_change(tmp_path: Path) -> None:
    file = tmp_path / "log.csv"
    log = "unique_id,changed_at,field,old_value,new_value\n1,2026-11-01,value,,45000\n1,{},value,45000,TBD\n"
    file.write_text(log.format("2026-11-02"), encoding="utf-8")
    with pytest.raises(DataError, match=r"row 3: new_value='TBD' is not an amount; .*\n  To read the rest"):
        read_changes(file)
    with pytest.warns(DataWarning, match="1 cell left blank"):
        changes = read_changes(file, unreadable="blank").changes
    assert changes.loc[changes["changed_at"] == "2026-11-02", "new_value"].isna().all()
    with pytest.warns(DataWarning, match="1 cell left blank"):
        history = History.from_changes(file, org=SALESFORCE, unreadable="blank")
    assert history.as_of("2026-11-03")["value"].isna().tolist() == [True]
    file.write_text(log.format("soon"), encoding="utf-8")
    with pytest.raises(DataError, match="row 3: changed_at='soon' is not a date[^T]*$"):
        read_changes(file, unreadable="blank")


def test_read_changes__reads_a_decimal_comma_as_both_sides_of_a_change_tell(tmp_path: Path) -> None:
    log = "unique_id;changed_at;field;old_value;new_value\n1;{0};value;;45.000\n1;{1};value;45.000;{2}\n"
    file = tmp_path / "log.csv"

    def values(text: str, **options: Any) -> list[float]:
        file.write_text(text, encoding="utf-8")
        changes = read_changes(file, oa.Org(), **options).changes
        return changes.loc[changes["field"] == "value", "new_value"].tolist()

    iso = ("2026-11-01", "2026-11-02")
    assert values(log.format(*iso, "1.234,50")) == [45_000, 1234.5]
    assert values(log.format("01.11.2026", "02.11.2026", "7.500")) == [45_000, 7500]
    with pytest.raises(DataError, match=r"value='45\.000' may mean 45,000 or 45"):
        values(log.format(*iso, "7.500"))
    assert values(log.format(*iso, "7.500"), decimal_comma=True) == [45_000, 7500]


def test_events__without_probabilities_have_those_of_the_stages() -> None:
    log = log_of(pd.DataFrame(EVENTS, columns=COLUMNS), opportunities=read_export(DEALS, SALESFORCE))
    history = history_of(log)
    for when, chance in (("2026-09-02", 10), ("2026-10-02", 90)):
        assert history.as_of(when).set_index("unique_id")["probability"][LONG_A] == chance
    assert history.as_of("2026-11-22").set_index("unique_id")["probability"].isna()[LONG_A]
