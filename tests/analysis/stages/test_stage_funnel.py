"""The funnel of one frame."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pandas.testing as pdt
import pytest
from hypothesis import given

import opp_analytics as oa
from opp_analytics import errors, org
from opp_analytics.analysis import stage_funnel
from opp_analytics.note import note_of
from opp_analytics.org import outcomes
from tests.analysis.strategies import opportunities
from tests.examples import examples

FRAME = pd.DataFrame(
    {
        "stage": [
            "discovery",
            "proposal",
            "proposal",
            "negotiation",
            "closed_won",
            "closed_lost",
            "discovery",
            "closed_won",
        ],
        "status": ["active", "active", "active", "active", "won", "lost", "inactive", "lost"],
        "value": [10.0, 20.0, None, 40.0, 50.0, 60.0, 70.0, 80.0],
        "owner": ["Ann", "Ann", None, "Bo", "Bo", "Ann", "Ann", "Bo"],
    }
)


def test_stage_funnel__counts_the_stock_and_bounds_the_rest():
    table = stage_funnel(FRAME)
    assert list(table.index) == list(org.STAGES.open)
    assert table["open_count"].tolist() == [1, 0, 2, 1]
    assert table["open_value"].tolist() == [10, 0, 20, 40]
    # One won; one lost and one disqualified may have got anywhere; the contradiction counts
    # nowhere.
    assert table["reached_low"].tolist() == [5, 4, 4, 2]
    assert table["reached_high"].tolist() == [7, 7, 7, 7]
    assert table["reached_high_forward"].tolist() == [7, 6, 6, 4]
    assert note_of(table).figures["left_out"] == {"conflict": 1, "open_without_value": 1}
    assert note_of(table).figures["n"] == 7


def test_stage_funnel__leaves_missing_and_unknown_stages_out():
    frame = pd.DataFrame({"stage": ["won!!", None, "proposal"], "value": [1.0, 2.0, 3.0]})
    with pytest.warns(
        errors.DataWarning, match="unknown stages: 'won!!', and 1 deal has none; 2 deals left out"
    ):
        table = stage_funnel(frame)
    assert table["open_value"].tolist() == [0, 0, 3, 0]
    assert table["reached_low"].tolist() == [1, 1, 1, 0]
    assert table["reached_high"].tolist() == [1] * 4
    assert note_of(table).figures["left_out"] == {"unknown": 2}


def test_stage_funnel__has_the_stages_of_the_org():
    mine = org.Org(
        stages=[{"name": name, "kind": "open"} for name in ("Demo", "Verbal")]
        + [{"name": "Signed", "kind": "won"}]
    )
    table = stage_funnel(
        mine.apply(pd.DataFrame({"stage": ["Demo", "Verbal", "Signed"], "value": [1.0, 2.0, 4.0]}))
    )
    assert table["open_value"].to_dict() == {"Demo": 1.0, "Verbal": 2.0}
    assert table["reached_low"].tolist() == [3, 2]
    assert stage_funnel(org.empty(mine))["open_count"].tolist() == [0, 0]


def test_stage_funnel__by_shows_missing_groups():
    table = stage_funnel(FRAME, by="owner")
    assert table.index.names == ["owner", "stage"]
    assert table.loc[("(none)", "proposal"), "open_count"] == 1


def test_stage_funnel__goes_to_parquet_with_its_attrs(tmp_path):
    stage_funnel(FRAME).to_parquet(tmp_path / "funnel.parquet")
    assert note_of(pd.read_parquet(tmp_path / "funnel.parquet")).figures["n"] == 7


@examples(8)
@pytest.mark.filterwarnings("ignore:unknown stages")
@given(opportunities())
def test_stage_funnel__parts_sum_to_the_whole(frame):
    table, parts = stage_funnel(frame), stage_funnel(frame, by="account_id")
    open_ = outcomes(frame) == "open"
    assert table["open_count"].sum() == open_.sum()
    assert table["open_value"].sum() == pytest.approx(frame.loc[open_, "value"].sum())
    for column in ("open_count", "reached_low", "reached_high"):
        if len(parts):
            pdt.assert_series_equal(
                parts[column].groupby("stage").sum().reindex(table.index), table[column]
            )
    assert (table["reached_low"] <= table["reached_high_forward"]).all()
    assert (table["reached_high_forward"] <= table["reached_high"]).all()


ORG = oa.Org(
    stages=[
        {"name": "Demo", "kind": "open", "pipeline": "New"},
        {"name": "Talk", "kind": "open", "pipeline": "New"},
        {"name": "Quote", "kind": "open", "pipeline": "Renewal"},
        # In the other order than in New.
        {"name": "Talk", "kind": "open", "pipeline": "Renewal"},
        {"name": "Demo", "kind": "open", "pipeline": "Renewal"},
        {"name": "Signed", "kind": "won"},
        {"name": "Dead", "kind": "lost"},
    ]
)


def deals() -> pd.DataFrame:
    rows = [
        ("a", "New", "Demo", 10.0),
        ("b", "New", "Talk", 20.0),
        ("c", "New", "Signed", 40.0),
        ("d", "Renewal", "Talk", 80.0),
        ("e", "Renewal", "Demo", 160.0),
        ("f", "Renewal", "Dead", 320.0),
    ]
    frame = pd.DataFrame(rows, columns=["unique_id", "pipeline", "stage", "value"])
    return ORG.apply(
        frame.assign(
            name=frame["unique_id"], close_date="2026-11-30", probability=50, owner_name="Ann"
        )
    )


def test_funnel__ranks_each_pipeline_by_its_own_stages() -> None:
    table = oa.stage_funnel(deals(), by="pipeline")
    assert table["open_count"].to_dict() == {
        ("New", "Demo"): 1,
        ("New", "Talk"): 1,
        ("Renewal", "Quote"): 0,
        ("Renewal", "Talk"): 1,
        ("Renewal", "Demo"): 1,
    }
    # New: the won deal and b reached Talk. Renewal: e is in Demo, behind Talk.
    assert table["reached_low"].tolist() == [3, 2, 2, 2, 1]
    assert table["open_value"].sum() == 270
    both = oa.stage_funnel(deals(), by=["owner_name", "pipeline"])
    assert both.droplevel("owner_name").to_dict() == table.to_dict()


def test_funnel__of_several_pipelines_asks_for_the_grouping() -> None:
    with pytest.raises(
        oa.errors.ArgumentValueError, match="pipelines 'New' and 'Renewal'.*by=\"pipeline\""
    ):
        oa.stage_funnel(deals())
    both = deals()
    renewal = both[both["pipeline"] == "Renewal"]
    assert oa.stage_funnel(renewal)["open_count"].to_dict() == {"Quote": 0, "Talk": 1, "Demo": 1}
    # Without the column nothing tells them apart.
    assert oa.stage_funnel(deals().drop(columns="pipeline")).index.tolist() == [
        "Demo",
        "Talk",
        "Quote",
    ]


def test_funnel__shows_a_stage_of_another_pipeline_and_a_deal_of_no_pipeline() -> None:
    odd = deals()
    odd.loc[odd["unique_id"] == "a", "stage"] = "Quote"
    odd.loc[odd["unique_id"] == "d", "pipeline"] = None
    table = oa.stage_funnel(odd, by="pipeline")
    assert table.loc[("New", "(none)"), "open_count"] == 1
    assert table.loc["(none)"]["open_count"].to_dict() == {"Demo": 0, "Talk": 1, "Quote": 0}
    assert table["open_count"].sum() == 4


def test_flow__of_a_move_between_pipelines_is_neither_forward_nor_back() -> None:
    log = [
        # From New to Renewal in one stage, and to one that is later in New and earlier in Renewal;
        # then each within Renewal.
        ("a", "2026-11-09", "New", "Demo"),
        ("a", "2026-11-16", "Renewal", "Demo"),
        ("a", "2026-11-23", "Renewal", "Talk"),
        ("b", "2026-11-09", "New", "Demo"),
        ("b", "2026-11-16", "Renewal", "Talk"),
        ("b", "2026-11-23", "Renewal", "Demo"),
        ("c", "2026-11-09", "Renewal", "Quote"),
        ("c", "2026-11-16", "New", "Talk"),
        ("c", "2026-11-23", "New", "Signed"),
        ("z", "2026-11-02", "New", "Demo"),
    ]
    frame = pd.DataFrame(log, columns=["unique_id", "seen_at", "pipeline", "stage"])
    moved = oa.History.from_changes(frame.assign(value=1.0, close_date="2026-12-31"), org=ORG)
    asked: dict[str, Any] = {"start": "2026-11-02T09:00Z", "end": "2026-11-30", "by": "pipeline"}
    table = oa.stage_flow(moved, **asked)
    said: dict[Any, list[int]] = table[
        ["entries", "advanced", "back", "removed", "passed"]
    ].T.to_dict("list")
    assert said == {
        ("New", "Demo"): [2, 0, 0, 2, 0],
        ("New", "Talk"): [1, 1, 0, 0, 0],
        ("Renewal", "Quote"): [1, 0, 0, 1, 0],
        ("Renewal", "Talk"): [2, 1, 0, 0, 0],
        ("Renewal", "Demo"): [2, 0, 1, 0, 0],
    }
    entries = oa.stage_flow_deals(moved, **asked)
    assert entries.loc["Renewal", "unique_id"].tolist() == ["c", "a", "b", "a", "b"]


def test_transitions__are_backward_in_the_deals_own_pipeline() -> None:
    log = [
        ("a", "2026-11-02", "Renewal", "Talk"),
        ("a", "2026-11-09", "Renewal", "Demo"),
        ("a", "2026-11-16", "Renewal", "Quote"),
        ("b", "2026-11-02", "New", "Talk"),
        ("b", "2026-11-09", "Renewal", "Quote"),
        ("b", "2026-11-16", "Renewal", "Dead"),
        ("c", "2026-11-02", "New", "Signed"),
        ("c", "2026-11-09", "New", "Talk"),
        ("c", "2026-11-16", None, "Demo"),
    ]
    frame = pd.DataFrame(log, columns=["unique_id", "seen_at", "pipeline", "stage"])
    steps = oa.transitions(oa.History.from_changes(frame.assign(value=1.0), org=ORG)).dropna(
        subset="from_stage"
    )
    found = (
        steps.assign(day=steps["seen_at"].dt.day)
        .set_index(["unique_id", "day"])["backward"]
        .to_dict()
    )
    assert found == {
        ("a", 9): False,
        ("a", 16): True,
        ("b", 9): False,
        ("b", 16): False,
        ("c", 9): True,
        ("c", 16): False,
    }
