"""The entries behind the flow: they count up to it."""

from opp_analytics.analysis import stage_flow, stage_flow_deals
from tests.analysis.stages.windows import ALL


def test_stage_flow_deals__count_up_to_the_flow(history):
    flow, entries = stage_flow(history, **ALL), stage_flow_deals(history, **ALL)
    counted = entries.groupby(["stage", "outcome"]).size()
    for stage, row in flow.iterrows():
        for outcome in ("advanced", "lost", "back", "removed", "still"):
            assert counted.get((stage, outcome), 0) == row[outcome], (stage, outcome)
    assert entries.attrs["n"] == flow["entries"].sum() == len(entries)
    assert entries.groupby("stage")["passed"].sum().to_dict() == {
        "discovery": 0, "qualification": 1, "proposal": 1, "negotiation": 1,
    }  # fmt: skip


def test_stage_flow_deals__stand_in_the_order_of_the_stages_with_their_days(history):
    entries = stage_flow_deals(history, **ALL, assume_passed=False)
    assert list(dict.fromkeys(entries["stage"])) == ["discovery", "qualification", "proposal", "negotiation"]
    assert entries.columns.tolist() == ["stage", "unique_id", "name", "outcome", "days", "passed"]
    walked = entries[entries["unique_id"] == "walks"]
    assert walked[["stage", "days"]].to_numpy().tolist() == [["qualification", 7], ["proposal", 7]]


def test_stage_flow_deals__by_group(history):
    entries = stage_flow_deals(history, **ALL, by="owner_name")
    flow = stage_flow(history, **ALL, by="owner_name")
    assert entries.groupby([entries.index, "stage"]).size().to_dict() == {
        key: n for key, n in flow["entries"].items() if n
    }
