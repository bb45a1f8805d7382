import pytest

from opp_analytics.crm.recognize import find_shape, name_any, name_snapshots


@pytest.mark.parametrize(
    ("labels", "shape"),
    [
        ("Id OpportunityId CreatedDate Field OldValue NewValue", "events"),
        ("Opportunity ID|Opportunity Name|Field / Event|Old Value|New Value|Edit Date|Edited By", "events"),
        ("dealId property value timestamp sourceType", "events"),
        ("deal_id change_time changed_field_key new_value", "events"),
        ("unique_id changed_at field new_value", "events"),
        ("Id OpportunityId CreatedDate StageName Amount CloseDate Probability", "snapshots"),
        ("Opportunity ID|From Stage|To Stage|Amount|Close Date|Last Modified", "snapshots"),
        ("unique_id seen_at stage value", "snapshots"),
        ("Id Name StageName Amount CloseDate CreatedDate", "opportunities"),
        ("Record ID|Deal Name|Deal Stage|Amount|Close Date", "opportunities"),
        ("ID|Title|Value|Stage|Status|Expected close date", "opportunities"),
    ],
)
def test_find_shape(labels: str, shape: str) -> None:
    assert find_shape(labels.split("|" if "|" in labels else " "), {}) == shape


def test_find_shape__by_the_names_of_the_org_file() -> None:
    columns = {"Deal": "unique_id", "When": "changed_at", "What": "field", "Now": "new_value"}
    assert find_shape(["Deal", "When", "What", "Now"], columns) == "events"


def test_name_snapshots__of_a_report_leave_todays_stage_alone() -> None:
    names = name_snapshots({"Stage": "stage", "Amount": "value"}, ["Stage", "To Stage"])
    assert names["To Stage"] == "stage"
    assert "Stage" not in names
    assert name_snapshots({"StageName": "stage"}, ["StageName"])["StageName"] == "stage"


def test_name_any__knows_the_labels_of_every_shape() -> None:
    names = name_any({"Amount": "value"})
    labels = ("Edit Date", "Amount", "stage", "To Stage", "", "Notes")
    assert [names.know(label) for label in labels] == [True, True, True, True, False, False]
