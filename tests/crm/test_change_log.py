"""Field histories as Salesforce, HubSpot and Pipedrive write them, made into change logs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.crm import ChangeLog, match_ids, read_changes, read_export, recognize
from opp_analytics.errors import ArgumentTypeError, DataError, DataWarning, MissingColumnError
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
    return {
        key: tuple(row) for key, row in zip(shown.index, shown.to_numpy().tolist(), strict=True)
    }


DAY = pd.Timestamp


def test_from_changes__reads_the_deals_by_their_own_org() -> None:
    events, deals = pd.DataFrame(EVENTS, columns=COLUMNS), read_export(DEALS, SALESFORCE)
    named, silent = (
        History.from_changes(events, org=org, opportunities=deals, progress=False)
        for org in (SALESFORCE, None)
    )
    pd.testing.assert_frame_equal(named.as_of("2026-12-01"), silent.as_of("2026-12-01"))
    with pytest.raises(ArgumentTypeError, match="is a log that was read already"):
        History.from_changes(log_of(events), opportunities=deals)


def test_events__with_the_deals_give_the_whole_past() -> None:
    log = log_of(
        pd.DataFrame(EVENTS, columns=COLUMNS), opportunities=read_export(DEALS, SALESFORCE)
    )
    history = history_of(log)
    assert state(history, "2026-09-01T12:00Z") == {
        LONG_A: ("Prospecting", 100_000, DAY("2026-11-20"), "Ann")
    }
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
    assert lines.loc["StageName", ["ours", "how", "note"]].tolist() == [
        "stage",
        "mapped",
        "field, 2 changes",
    ]
    assert lines.loc["Custom__c", "how"] == "dropped"
    assert "name it under [columns] of the org file to keep it" in lines.loc["Custom__c", "note"]
    assert log.problems == (
        {
            "unique_id": LONG_B,
            "problem": (
                "no creation, so the history begins with the first change; the deals' export has it"
            ),
        },
    )


def test_events__without_the_deals_begin_just_before_the_first_change() -> None:
    frame = pd.DataFrame(EVENTS, columns=COLUMNS)
    with pytest.warns(
        oa.errors.DataWarning,
        match=(
            r"1 deal \(such as .*\) has no creation, so the history begins with the first "
            r"change; the deals' export"
        ),
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


def test_events__of_a_report_in_another_language_under_a_reference() -> None:
    org = oa.Org(preset="salesforce", columns={"Betrag": "value", "Abschluss": "close_date"})
    report = pd.DataFrame(
        {
            "Deal Ref": [A, A],
            "Feld": ["Abschluss", "Betrag"],
            "Alter Wert": ["30.11.2026", "100.000,00"],
            "Neuer Wert": ["15.01.2027", "120.000,00"],
            "Geändert am": ["21.11.2026 04:00", "21.11.2026 04:00"],
        }
    )
    assert recognize(report).shape == "events"
    log = read_changes(report, org, decimal_comma=True, day_first=True)
    history = oa.History.from_changes(log.changes, org=org)
    assert state(history, "2026-11-21T03:59:59Z") == {LONG_A: (100_000, DAY("2026-11-30"))}
    assert state(history, "2026-11-21T10:00Z") == {LONG_A: (120_000, DAY("2027-01-15"))}


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
    assert state(history, "2026-11-20T10:00Z")[LONG_A] == (
        "Closed Won",
        120_000,
        DAY("2026-11-20"),
        "Ann",
    )
    assert history.as_of("2026-11-21")["name"].tolist() == ["Acme", "Beta", "Gamma"]
    assert history.as_of("2026-11-21")["created_at"].iloc[0] == pd.Timestamp("2026-09-01T10:00Z")


def test_events__take_an_untracked_owner_as_now_and_say_so() -> None:
    rows = [event for event in EVENTS if event[2] != "Owner"]
    deals = read_export(DEALS, SALESFORCE)
    log = log_of(pd.DataFrame(rows, columns=COLUMNS), opportunities=deals)
    assert state(history_of(log), "2026-10-02")[LONG_B][3] == "Bob"
    assert log.left_out == (
        "past values of owner name, which the history does not track: today's are used",
    )


def test_an_id_used_twice_is_told_by_the_history() -> None:
    rows = [
        (A, at, "created", None, None) for at in ("2026-09-01T10:00:00Z", "2026-10-01T10:00:00Z")
    ]
    with pytest.warns(oa.errors.DataWarning, match="two creations under one ID"):
        history_of(log_of(pd.DataFrame(rows, columns=COLUMNS)))


def test_read_changes__leaves_an_unreadable_value_blank_but_no_time_of_a_change(
    tmp_path: Path,
) -> None:
    file = tmp_path / "log.csv"
    log = "unique_id,changed_at,field,old_value,new_value\n1,2026-11-01,value,,45000\n1,{},value,45000,TBD\n"  # noqa: E501
    file.write_text(log.format("2026-11-02"), encoding="utf-8")
    with pytest.raises(
        DataError, match=r"row 3: new_value='TBD' is not an amount; .*; to read the rest"
    ):
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


def test_events__without_probabilities_have_those_of_the_stages() -> None:
    log = log_of(
        pd.DataFrame(EVENTS, columns=COLUMNS), opportunities=read_export(DEALS, SALESFORCE)
    )
    history = history_of(log)
    for when, chance in (("2026-09-02", 10), ("2026-10-02", 90)):
        assert history.as_of(when).set_index("unique_id")["probability"][LONG_A] == chance
    assert history.as_of("2026-11-22").set_index("unique_id")["probability"].isna()[LONG_A]


ORG = oa.Org.salesforce()
IDS = ["000123", "000124", "000125", "000126"]


def deals_of(ids: list[str]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "unique_id": ids,
            "name": [f"Deal {one}" for one in ids],
            "stage": "Prospecting",
            "value": 5.0,
            "close_date": pd.Timestamp("2026-12-01"),
            "created_at": pd.Timestamp("2026-01-05", tz="UTC"),
        }
    )


def log_of_ids(ids: list[object]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "OpportunityId": ids,
            "CreatedDate": "2026-03-02T10:00:00Z",
            "Field": "StageName",
            "OldValue": "Prospecting",
            "NewValue": "Qualification",
        }
    )


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
def test_read_changes__matches_ids_that_differ_in_spelling(
    theirs: list[object], ours: list[str]
) -> None:
    log = read_changes(log_of_ids(theirs), ORG, opportunities=deals_of(ours))
    assert set(log.changes["unique_id"]) == set(ours)
    matched = [note for note in log.notes if "spelled otherwise" in note]
    differing = sum(
        oa.read_export(
            log_of_ids(theirs)
            .rename(columns={"OpportunityId": "Id", "NewValue": "StageName"})
            .drop(columns=["Field", "OldValue", "CreatedDate"]),
            ORG,
            progress=False,
        )["unique_id"].to_numpy()
        != ours
    )
    assert matched == [] if not differing else matched[0].startswith(f"{differing} deal")
    history = oa.History.from_changes(log, org=ORG)
    assert len(history.as_of("2026-03-03")) == len(ours)
    assert set(history.as_of("2026-03-03")["stage"]) == {"Qualification"}


LACKING = (
    "deal in the history but not in the deals' export, perhaps deleted: unknown from the day after "
    "the last line on, in no sum and no rate"
)


def test_read_changes__counts_ids_that_the_export_lacks() -> None:
    log = read_changes(log_of_ids([*IDS, "gone"]), ORG, opportunities=deals_of(IDS))
    assert f"1 {LACKING}" in log.left_out
    half = read_changes(log_of_ids(["000123", "other"]), ORG, opportunities=deals_of(IDS))
    assert set(half.changes["unique_id"]) == {*IDS, "other"}


@pytest.mark.filterwarnings("ignore:The log was imported with problems")
@pytest.mark.parametrize("snapshots", [False, True])
def test_read_changes__knows_nothing_of_lacking_deals_from_the_day_after_their_last_line(
    snapshots: bool, tmp_path: Path
) -> None:
    lines = [
        ("here", "2026-03-02T10:00:00Z", "Prospecting", "Qualification"),
        ("open", "2026-03-02T11:00:00Z", "Prospecting", "Qualification"),
        ("won", "2026-03-04T10:00:00Z", "Prospecting", "Closed Won"),
        ("kept", "2026-03-09T09:00:00Z", "Qualification", "Prospecting"),
        ("here", "2026-03-09T10:00:00Z", "Qualification", "Prospecting"),
    ]
    log = pd.DataFrame(lines, columns=["OpportunityId", "CreatedDate", "OldValue", "NewValue"])
    if snapshots:
        names = {"OpportunityId": "unique_id", "CreatedDate": "seen_at", "NewValue": "stage"}
        log = log.rename(columns=names)[[*names.values()]].assign(
            value=5.0, close_date="2026-12-01"
        )
    else:
        dates = log.tail(1).assign(Field="CloseDate", OldValue="2026-11-01", NewValue="2026-12-01")
        log = pd.concat([log.assign(Field="StageName"), dates])
    deals = deals_of(["here", "kept"])
    read = read_changes(log, ORG, opportunities=deals)
    history = oa.History.from_changes(read, org=ORG, path=tmp_path / "history")
    told = {
        day: dict(zip(frame["unique_id"], oa.outcomes(frame), strict=True))
        for day in ("2026-03-02", "2026-03-03", "2026-03-04", "2026-03-05")
        for frame in [history.as_of(day)]
    }
    assert [told[day]["open"] for day in told] == ["open", "unknown", "unknown", "unknown"]
    assert [told[day].get("won") for day in list(told)[2:]] == ["won", "unknown"]
    history.record(deals, at="2026-03-10", allow_deleted=True, allow_missing="probability")
    moves = oa.waterfall(history, start="2026-03-09T12:00Z", end="2026-03-10")
    assert moves["count"].to_dict()["deleted"] == 0
    assert moves["count"]["opening"] == moves["count"]["closing"] == 2


def test_read_changes__of_whole_rows_begins_a_deal_at_its_creation() -> None:
    rows = {
        "unique_id": ["a", "b"],
        "seen_at": ["2026-03-02", "2026-06-02"],
        "stage": "Prospecting",
    }
    deals = deals_of(["a", "b"]).assign(created_at=pd.Timestamp("2026-01-05 09:00", tz="UTC"))
    log = read_changes(pd.DataFrame(rows), ORG, opportunities=deals)
    history = oa.History.from_changes(log, org=ORG)
    assert history.as_of("2026-02-01")["stage"].tolist() == ["(not recorded)"] * 2
    moves = oa.waterfall(history, start="2026-06-01", end="2026-06-03")
    assert moves["count"]["new"] == 0


@pytest.mark.parametrize("snapshots", [False, True])
def test_read_changes__refuses_a_history_of_other_deals(snapshots: bool) -> None:
    log = log_of_ids(["000123", "x-1", "x-2"])
    if snapshots:
        log = log.rename(
            columns={"OpportunityId": "unique_id", "CreatedDate": "seen_at", "NewValue": "stage"}
        )
        log = log.drop(columns=["Field", "OldValue"])
    says = (
        "only 1 of the 3 deals of .* are in the deals' export, so these are other deals: .* has "
        "'x-1' and 'x-2', the deals' export has '000124'"
    )
    with pytest.raises(DataError, match=says):
        read_changes(log, ORG, opportunities=deals_of(IDS))


@pytest.mark.parametrize(
    ("theirs", "ours", "says"),
    [
        (
            ["12"],
            ["0012", "012"],
            "'12' of the history may be '0012' or '012' of the export",
        ),
        (
            ["12", "012"],
            ["0012"],
            "'12' and '012' of the history may both be '0012' of the export",
        ),
        (
            ["0012", "12"],
            ["12"],
            "'12' and '0012' of the history may both be '12' of the export",
        ),
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
        "Edit Date": [
            "3/2/2026 10:00 AM",
            "3/3/2026 10:00 AM",
            "3/30/2026 10:00 AM",
            "3/4/2026 10:00 AM",
        ],
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
    assert f"1 {LACKING}" in log.left_out
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
            "Opportunity Name": ["Acme", "Beta"],
            "From Stage": "Prospecting",
            "To Stage": "Qualification",
            "Last Modified": ["3/2/2026", "3/30/2026"],
        }
    )
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
    some = REPORT.assign(
        **{"Opportunity ID": ["id-0", "id-0", "id-1", "s-3"], "Opportunity Name": "Acme"}
    )
    assert "s-3" in set(
        read_changes(some, ORG, opportunities=named("Acme", "Beta")).changes["unique_id"]
    )


def test_read_changes__refuses_a_name_of_several_deals() -> None:
    says = "'Acme' of the history may be 'id-0' or 'id-2' of the export; give both the same"
    with pytest.raises(DataError, match=says):
        read_changes(REPORT, ORG, opportunities=named("Acme", "Beta", "Acme"))
    several = REPORT.assign(**{"Opportunity ID": ["s-1", "s-2", "s-3", "s-4"]})
    with pytest.raises(
        DataError, match="'s-1' and 's-2' of the history may both be 'id-0' of the export"
    ):
        read_changes(several, ORG, opportunities=named("Acme", "Beta"))


def test_read_changes__refuses_names_of_other_deals() -> None:
    says = "only 1 of the 3 deals of .* has 'Beta' and 'Gone', the deals' export has 'id-1'"
    with pytest.raises(DataError, match=says):
        read_changes(REPORT, ORG, opportunities=named("Acme", "Other"))


def test_read_changes__of_names_alone_asks_for_the_export() -> None:
    with pytest.raises(
        MissingColumnError, match=r'only names \("Opportunity Name"\). Give the export'
    ):
        read_changes(REPORT, ORG)


def test_recognize__takes_an_export_with_a_name_and_a_value_for_deals() -> None:
    export = pd.DataFrame(columns=["Name", "Stage", "Property", "Value", "Date"])
    assert recognize(export, ORG).shape == "opportunities"


@pytest.mark.parametrize("both", [["unique_id", "name"], ["name", "unique_id"]])
def test_read_changes__takes_a_name_for_the_id_where_the_org_says_so(both: list[str]) -> None:
    org = oa.Org(preset="salesforce", columns={"Opportunity Name": both})
    export = pd.DataFrame(
        {
            "Opportunity Name": ["Acme", "Beta"],
            "Stage": "Qualification",
            "Created Date": "1/25/2026",
        }
    )
    deals = oa.read_export(export, org, progress=False)
    assert deals["unique_id"].tolist() == deals["name"].tolist() == ["Acme", "Beta"]
    log = read_changes(REPORT, org, opportunities=deals)
    assert set(log.changes["unique_id"]) == {"Acme", "Beta", "Gone"}
    assert log.notes == ()
    assert set(read_changes(REPORT, org).changes["unique_id"]) == {"Acme", "Beta", "Gone"}
    wide = REPORT.drop(columns=["Field / Event", "Old Value"]).rename(
        columns={"New Value": "To Stage"}
    )
    assert set(read_changes(wide, org, opportunities=deals).changes["unique_id"]) == {
        "Acme",
        "Beta",
        "Gone",
    }


HUBSPOT_LINES = [
    ("1", "dealstage", "appointmentscheduled", "2026-03-01T10:00:00Z", "false"),
    ("1", "amount", "100", "2026-03-01T10:00:00Z", "false"),
    ("1", "dealstage", "closedwon", "2026-04-01T10:00:00Z", "false"),
    ("2", "dealstage", "appointmentscheduled", "2026-03-05T10:00:00Z", "true"),
    ("2", "amount", "70", "2026-03-05T10:00:00Z", "true"),
]
HUBSPOT_TOOLS = {
    "dlt": "object_id property_name value timestamp - source_type source_id _dlt_load_id",
    "airbyte": "dealId property value timestamp archived sourceType sourceId updatedByUserId",
    "airbyte in a warehouse": "deal_id property value timestamp archived source_type source_id",
    "fivetran": "deal_id name value timestamp _fivetran_deleted source source_id _fivetran_synced",
    "pipeline-diff": "deal_id field value changed_at - source",
}
"""By tool: its labels of the deal, field, value, time and mark of deletion, and further ones."""


@pytest.mark.parametrize("tool", HUBSPOT_TOOLS)
def test_read_changes__of_a_property_history_that_a_tool_copied(tool: str, tmp_path: Path) -> None:
    labels = HUBSPOT_TOOLS[tool].split()
    log = pd.DataFrame(HUBSPOT_LINES, columns=labels[:5]).drop(columns="-", errors="ignore")
    log = log.assign(**dict.fromkeys(labels[5:], "x"))
    file = tmp_path / "log.jsonl"
    log.to_json(file, orient="records", lines=True)
    found = recognize(file)
    assert (found.shape, found.preset) == (
        "events",
        None if tool == "pipeline-diff" else "hubspot",
    )
    org = oa.Org.hubspot()
    history = History.from_changes(file, org=org, path=tmp_path / "history", progress=False)
    assert state(history, "2026-03-06") == {
        "1": ("Appointment Scheduled", 100),
        **({} if "-" not in labels else {"2": ("Appointment Scheduled", 70)}),
    }
    assert state(history, "2026-03-05T10:00:00Z")["2"] == ("Appointment Scheduled", 70)
    deals = history.as_of("2026-04-02").assign(value=120.0)
    history.record(deals, at="2026-04-03")
    assert state(history, "2026-04-03")["1"] == ("Closed Won", 120)


def test_read_changes__of_salesforce_in_a_warehouse_takes_the_deals_ids_and_deletions() -> None:
    keys = {
        "id": ["a", "b", "c"],
        "opportunity_id": ["006A", "006A", "006B"],
        "created_date": [f"2026-0{month}-01T10:00:00Z" for month in (3, 4, 3)],
    }
    marks = {"is_deleted": [False, False, True], "_fivetran_deleted": False}
    lines = {
        "field": "StageName",
        "old_value": ["Prospecting", "Qualification", "Prospecting"],
        "new_value": ["Qualification", "Closed Won", "Qualification"],
    }
    whole = {
        "stage_name": ["Qualification", "Closed Won", "Qualification"],
        "amount": 5,
        "close_date": "2026-06-01",
    }
    for columns in (lines, whole):
        read = read_changes(pd.DataFrame({**keys, **columns, **marks}), SALESFORCE)
        history = history_of(read)
        assert state(history, "2026-03-01T10:00:00Z")["006B"][0] == "Qualification"
        assert {key: row[0] for key, row in state(history, "2026-04-02").items()} == {
            "006A": "Closed Won"
        }


def test_read_export__leaves_out_the_deals_that_a_tool_marks_deleted() -> None:
    deals = pd.DataFrame({"id": ["1", "2"], "stage": "Demo", "deleted_at": [None, "2026-03-01"]})
    org = oa.Org(columns={"id": "unique_id"})
    assert read_export(deals, org)["unique_id"].tolist() == ["1"]
    marked = deals.drop(columns="deleted_at").assign(_fivetran_deleted=["false", "true"])
    assert read_export(marked, org)["unique_id"].tolist() == ["1"]
