from pathlib import Path

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.crm.find_shape import (
    find_shape,
    name_any,
    name_snapshots,
    recognize,
)
from opp_analytics.org import name_table
from tests.crm.vendors import LABELS, make_export


@pytest.mark.parametrize(
    ("labels", "shape"),
    [
        ("Id OpportunityId CreatedDate Field OldValue NewValue", "events"),
        (
            "Opportunity ID|Opportunity Name|Field / Event|Old Value|New Value|Edit Date|Edited By",
            "events",
        ),
        ("dealId property value timestamp sourceType", "events"),
        ("deal_id change_time changed_field_key new_value", "events"),
        ("unique_id changed_at field new_value", "events"),
        ("Id OpportunityId CreatedDate StageName Amount CloseDate Probability", "snapshots"),
        ("Opportunity ID|From Stage|To Stage|Amount|Close Date|Last Modified", "snapshots"),
        ("unique_id seen_at stage value", "snapshots"),
        ("Id Name StageName Amount CloseDate CreatedDate", "opportunities"),
        ("Record ID|Deal Name|Deal Stage|Amount|Close Date", "opportunities"),
        ("ID|Title|Value|Stage|Status|Expected close date", "opportunities"),
        (
            (
                "opportunity_id sales_agent product account deal_stage engage_date close_date "
                "close_value"
            ),
            "opportunities",
        ),
        ("unique_id name value close_date", "opportunities"),
        ("period owner_name team target", "targets"),
        ("Month|Rep|Quota", "targets"),
        ("Fiscal Quarter|Amount", "targets"),
        ("Rep|Nov 2026|Dec 2026", "targets"),
        ("owner_name team region from_date", "people"),
        ("sales_agent manager regional_office", "people"),
        ("date currency rate", "currency_rates"),
        ("day month rep submitted_by forecast_submission", "calls"),
        ("account sector year_established revenue employees office_location", "accounts"),
        ("activity_id type assigned_to_user deal_id done due_to", "activities"),
        ("Vorgang|Phase|Betrag|Abschlussdatum|Verkäufer", "opportunities"),
        ("Account|Deal|Pipeline stage|TCV|Est. Close", "opportunities"),
        ("Titel|Firma|Status|Wert|Abschlussdatum|Zuständig", "opportunities"),
        ("Account|State|Industry", "accounts"),
        ("Account Name|Industry|Region", "accounts"),
        ("deal_id|subject|due_date|status", "activities"),
        ("product series sales_price", "unknown"),
        ("stage_id stage_name", "unknown"),
        ("ID FIELD_KEY NAME FIELD_VALUE_OPTIONS", "unknown"),
    ],
)
def test_find_shape(labels: str, shape: str) -> None:
    assert find_shape(labels.split("|" if "|" in labels else " "), {}) == shape


def test_find_shape__by_the_names_of_the_org_file() -> None:
    columns = {"Deal": "unique_id", "When": "changed_at", "What": "field", "Now": "new_value"}
    assert find_shape(["Deal", "When", "What", "Now"], columns) == "events"
    assert find_shape(["Wer", "Gruppe"], {}) == "unknown"
    assert find_shape(["Wer", "Gruppe"], {"Wer": "owner_name", "gruppe": "team"}) == "people"


def test_name_snapshots__of_a_report_leave_todays_stage_alone() -> None:
    names = name_snapshots({"Stage": "stage", "Amount": "value"}, ["Stage", "To Stage"])
    assert names["To Stage"] == "stage"
    assert "Stage" not in names
    assert name_snapshots({"StageName": "stage"}, ["StageName"])["StageName"] == "stage"


def test_name_any__knows_the_labels_of_every_shape() -> None:
    names = name_any({"Amount": "value"})
    labels = ("Edit Date", "Amount", "stage", "To Stage", "", "Notes")
    assert [names.know(label) for label in labels] == [True, True, True, True, False, False]


def test_name_table__takes_each_of_ours_once_by_its_likeliest_label() -> None:
    labels = ["Manager", "Team", "Name", "Rep", "Start", "Region", ""]
    assert name_table("people", labels) == {"Rep": "owner_name", "Team": "team", "Region": "region"}
    assert name_table("targets", ["Quarter", "Goal", "Team"]) == {
        "Quarter": "period",
        "Goal": "target",
        "Team": "team",
    }


def test_recognize__finds_the_header_of_a_table_of_targets_below_a_title(tmp_path: Path) -> None:
    file = tmp_path / "quota.csv"
    file.write_text("Quotas FY27,,\n,,\nMonth,Rep,Quota\n2026-11,Ann,5000\n")
    found = recognize(file)
    assert (found.shape, found.labels) == ("targets", ("Month", "Rep", "Quota"))


@pytest.mark.parametrize("kind", LABELS)
def test_recognize__each_vendors_files(kind: str) -> None:
    found = recognize(make_export(kind))
    assert (found.shape, found.preset) == ("opportunities", kind.split()[0])
    assert recognize(make_export(kind), oa.Org()).preset is None


@pytest.mark.parametrize(
    "labels",
    [
        "Name|Stage|Amount|Owner",
        "ID|Name|Stage|Amount|Close Date|Owner",
        "Name|Account Name|Stage|Amount|Close Date|Owner|Created Date|Probability",
        "Deal Name|Stage|Amount|Owner",
        "Deal|Name|Stage|Amount|Expected close date|Owner",
        "Title|Value|Status|Currency|Probability",
        "opportunity_id|sales_agent|product|account|deal_stage|engage_date|close_date|close_value",
        "Vorgang|Phase|Betrag|Abschlussdatum|Verkäufer",
        "unique_id|name|stage|value|close_date|status",
    ],
)
def test_recognize__no_vendor_in_a_sheet_of_somebodys_own(labels: str) -> None:
    found = recognize(pd.DataFrame(columns=labels.split("|")))
    assert found.preset is None
    assert found.doubt == ""


def test_recognize__takes_none_of_two_that_fit_equally() -> None:
    found = recognize(
        pd.DataFrame(columns=["Deal Name", "Deal Stage", "Closing Date", "Amount", "Modified Time"])
    )
    assert found.preset == "zoho"
    found = recognize(pd.DataFrame(columns=["Deal Name", "Deal Stage", "Closing Date", "Amount"]))
    assert found.preset is None
    assert found.doubt == (
        "the labels fit hubspot and zoho equally: choose one with --org, or with preset = in "
        "the org file"
    )
