"""The history of what had given values at each time."""

from typing import Any

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics import schema
from opp_analytics.analysis import close_date_moves, stage_flow, transitions, waterfall
from opp_analytics.history import History
from tests.history.logs import MONDAYS, history_of

ROWS = [
    ("goes", 0, 10.0, "discovery", "2026-03-01", "active"),
    ("goes", 1, 15.0, "proposal", "2026-04-01", "active"),
    ("goes", 2, 15.0, "closed_won", "2026-04-01", "won"),
    ("comes", 0, 20.0, "discovery", None, "active"),
    ("comes", 1, 25.0, "discovery", None, "active"),
    ("comes", 2, 25.0, "proposal", None, "active"),
    ("ends", 0, 40.0, "proposal", None, "active"),
    ("returns", 0, 80.0, "proposal", None, "active"),
    ("returns", 3, 80.0, "proposal", None, "active"),
    ("other", 0, 1.0, "proposal", None, "active"),
]
OWNERS = ["Ann", "Bo", "Bo", "Bo", "Ann", "Ann", "Ann", "Ann", "Bo", "Bo"]
WHOLE: dict[str, Any] = {"start": MONDAYS[0], "end": MONDAYS[3]}


@pytest.fixture(scope="module")
def history():
    return history_of(ROWS, deleted=[("ends", 2), ("returns", 2)], owner_name=OWNERS)


def test_where__changes_name_what_left_and_what_came(history):
    ann = history.where(owner_name="Ann").changes()
    assert ann.groupby("unique_id")["operation"].agg(list).to_dict() == {
        "goes": ["new", "transferred"],
        "comes": ["transferred_in", "changed"],
        "ends": ["new", "deleted"],
        "returns": ["new", "deleted"],
    }
    # A deal leaves with the values that it had there.
    assert ann.loc[ann["operation"] == "transferred", "value"].tolist() == [10.0]
    bo = history.where(owner_name="Bo").changes()
    assert bo.groupby("unique_id")["operation"].agg(list)["returns"] == ["returned"]
    pd.testing.assert_frame_equal(
        history.where(owner_name=["Ann", "Bo"]).changes(), history.changes()
    )


def test_where__of_a_part(history):
    both = history.where(owner_name="Ann").where(stage="proposal")
    assert both.as_of(MONDAYS[2])["unique_id"].tolist() == ["comes"]
    assert repr(both).startswith("<History of stage proposal: 4 records")


def test_waterfall__by_group_gives_changes_to_the_new_group(history):
    table = waterfall(history, **WHOLE, by="owner_name")
    bo = table.loc["Bo"]
    assert bo["value"][bo["deals"] > 0].to_dict() == {
        "opening": 21.0,
        "value_up": 5.0,
        "won": -15.0,
        "transferred_in": 10.0,
        "returned": 80.0,
        "transferred_out": -20.0,
        "closing": 81.0,
    }
    with pytest.raises(oa.errors.MissingColumnError, match="no column 'team'"):
        waterfall(history, **WHOLE, by="team")
    with pytest.raises(oa.errors.ArgumentValueError, match="an index level 'movement'"):
        waterfall(history, **WHOLE, by="movement")


def test_stage_flow__of_a_part_is_transferred_not_lost(history):
    flow = stage_flow(history.where(owner_name="Bo"), **WHOLE)
    # `goes` came while it moved to proposal, and was won there; `returns` came back to proposal.
    assert flow.loc["proposal", ["entries", "advanced", "still", "transferred"]].tolist() == [
        2,
        1,
        1,
        0,
    ]
    ann = stage_flow(history.where(owner_name="Ann"), start=MONDAYS[0], end=MONDAYS[3])
    assert ann.loc["proposal", ["entries", "still"]].tolist() == [1, 1]
    assert "transferred" not in stage_flow(history, **WHOLE)
    rows = [
        *ROWS,
        ("late", 1, 1.0, "discovery", None, "active"),
        ("late", 2, 1.0, "proposal", None, "active"),
    ]
    left = stage_flow(
        history_of(rows, owner_name=[*OWNERS, "Ann", "Bo"]).where(owner_name="Ann"), **WHOLE
    )
    assert left.loc["discovery", ["entries", "advanced", "lost", "transferred"]].tolist() == [
        1,
        0,
        0,
        1,
    ]
    assert left["conversion"].isna()["discovery"]


def test_transitions_and_moves__of_a_part_are_those_seen_there(history):
    bo = history.where(owner_name="Bo")
    steps = transitions(bo)
    assert steps[steps["from_stage"].notna()]["to_stage"].tolist() == ["proposal", "closed_won"]
    assert close_date_moves(bo).loc["goes", ["pushes", "days_pushed"]].tolist() == [1, 31]
    ann = close_date_moves(history.where(owner_name="Ann"))
    assert ann.loc["goes", ["pushes", "days_pushed"]].tolist() == [0, 0]
    grouped = close_date_moves(history, by="owner_name")
    assert grouped.loc[("Bo", "goes"), "pushes"] == 1


def test_where__takes_numbers_and_missing_values():
    frame = pd.DataFrame(
        {"unique_id": list("abc"), "level": [1.0, 2.0, None], "open": [True, False, True]}
    )
    history = History.from_changes(frame.assign(seen_at=MONDAYS[0]))
    day = MONDAYS[0]
    assert history.where(level=2).as_of(day)["unique_id"].tolist() == ["b"]
    assert history.where(level=None).as_of(day)["unique_id"].tolist() == ["c"]
    assert history.where(level=[schema.NO_LABEL, 1]).as_of(day)["unique_id"].tolist() == ["a", "c"]
    assert history.where(open=True, level=1).as_of(day)["unique_id"].tolist() == ["a"]
    assert len(history.where().as_of(day)) == 3


def test_where__names_what_no_deal_ever_had(history):
    with pytest.raises(
        oa.errors.ArgumentValueError, match="owner_name='Zoe'; the history has Ann and Bo"
    ):
        history.where(owner_name="Zoe")
    with pytest.raises(
        oa.errors.ArgumentValueError, match="owner_name=None; the history has Ann and Bo"
    ):
        history.where(owner_name=None)
    with pytest.raises(oa.errors.MissingColumnError, match="no column 'team'; it has seen_after"):
        history.where(team="East")


def test_where__is_read_only_and_keeps_its_whole(history):
    with pytest.raises(oa.errors.HistoryError, match="because it is a part of another one"):
        history.where(owner_name="Ann").record(pd.DataFrame({"unique_id": ["a"]}))
    part = history_of(ROWS, owner_name=OWNERS).where(owner_name="Ann")
    assert len(part.as_of(MONDAYS[0])) == 3
    assert part.check().empty
