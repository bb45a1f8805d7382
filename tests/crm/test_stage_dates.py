"""Exports that hold the history of stages in columns, as HubSpot documents them."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.crm import explain_export, log_stage_dates
from opp_analytics.org import NOT_RECORDED
from opp_analytics.schema import UNRECORDED
from tests.crm.files import HUBSPOT_DEALS, dated_export

ORG = oa.Org.hubspot(currency="USD")


def history_of(table: pd.DataFrame, **options: Any) -> oa.History:
    return oa.History.from_changes(table, org=ORG, progress=False, **options)


def stages(history: oa.History, when: str) -> dict[str, str]:
    frame = history.as_of(when)
    return dict(zip(frame["unique_id"], frame["stage"], strict=True))


def test_from_changes__of_an_export_with_dates_of_stages_knows_each_day() -> None:
    history = history_of(dated_export())
    assert stages(history, "2026-03-03") == {"1": "Appointment Scheduled", "2": NOT_RECORDED}
    assert stages(history, "2026-04-06")["2"] == "Qualified To Buy"
    assert stages(history, "2026-04-11")["1"] == "Contract Sent"
    assert stages(history, "2026-05-21")["1"] == "Closed Won"
    assert stages(history, "2026-06-02")["2"] == "Appointment Scheduled"


def test_from_changes__does_not_invent_where_a_deal_was_between_two_dates() -> None:
    history = history_of(dated_export())
    # It left a stage in May and came back in June; a report without exits only shows the stage it
    # was in before.
    assert stages(history, "2026-05-15")["2"] == NOT_RECORDED
    assert stages(history_of(dated_export(exited=None)), "2026-05-15")["2"] == "Qualified To Buy"
    assert stages(history, "2026-06-02")["3"] == NOT_RECORDED
    closed = history.as_of("2026-07-02").set_index("unique_id")
    assert closed.loc["4", ["stage", "close_date"]].tolist() == [
        "Closed Lost",
        pd.Timestamp("2026-06-30"),
    ]
    assert stages(history, "2026-05-15")["4"] == "Appointment Scheduled"
    assert stages(history, "2026-06-15")["4"] == NOT_RECORDED


def test_from_changes__leaves_values_and_dates_of_earlier_days_unrecorded() -> None:
    log = log_stage_dates(explain_export(dated_export(), ORG), ORG)
    marked = log.changes[log.changes["field"] == UNRECORDED].dropna(subset="new_value")
    assert set(marked["unique_id"]) == {"1", "2", "3", "4"}
    assert set(marked["new_value"]) == {"close_date value"}
    assert any("past values of" in what and "owner name" in what for what in log.left_out)
    assert sum("latest entry" in note for note in log.notes) == 1
    coverage = history_of(dated_export()).coverage()
    assert coverage.loc[["2026-05", "2026-06"], "value_known"].tolist() == [0, 0]


@pytest.mark.parametrize(
    "label",
    [
        "Date entered '{} (Sales Pipeline)'",
        'date entered "{}"',
        "hs_date_entered_{}",
        "hs_v2_date_entered_{}",
        "hs_v2_date_entered_{}_1873249121",
    ],
)
def test_read_export__keeps_no_column_of_dates_of_stages(label: str) -> None:
    table = dated_export(label, None)
    if label.startswith("hs_"):
        table.columns = [
            name if "_entered_" not in name else name.replace(" ", "").lower()
            for name in map(str, table)
        ]
    read = explain_export(table, ORG)
    assert [
        name
        for name in map(str, read.opportunities)
        if "entered" in name.lower() or "time in" in name.lower()
    ] == []
    plain = oa.read_export(HUBSPOT_DEALS, ORG, progress=False)
    pd.testing.assert_frame_equal(read.opportunities, plain)
    assert set(read.stage_dates["stage"].str.replace(" ", "").str.lower()) == {
        "appointmentscheduled",
        "qualifiedtobuy",
        "contractsent",
        "closedwon",
    }
    told = read.mapping[read.mapping["note"].fillna("").str.startswith("entered")]
    assert told["ours"].tolist() == ["stage"] * 5
    assert stages(history_of(table), "2026-05-21")["1"].replace(" ", "").lower() == "closedwon"


def test_read_export__keeps_the_date_of_the_current_stage() -> None:
    table = HUBSPOT_DEALS.assign(hs_v2_date_entered_current_stage="2026-03-02 09:00")
    read = explain_export(table, ORG)
    assert "hs_v2_date_entered_current_stage" in read.opportunities
    assert read.stage_dates.empty


def test_read_export__reads_stages_of_two_pipelines_with_one_name() -> None:
    table = dated_export().assign(
        **{'Date entered "Closed Won (Renewals)"': ["", "2026-07-01 08:00", "", ""]}
    )
    entered = explain_export(table, ORG).stage_dates.set_index(["stage", "unique_id"])["entered"]
    assert sorted(entered["Closed Won"].index) == ["1", "2"]
