"""New pipeline by period, by hand and on random histories."""

from __future__ import annotations

from collections import Counter

import pandas as pd
import pytest
from hypothesis import given

from opp_analytics.analysis import CreatedPipeline, pipeline_created, pipeline_created_deals
from opp_analytics.history import History
from opp_analytics.note import note_of
from tests.history.logs import MONDAYS, history_of
from tests.history.looks import MONDAYS as LOOKS
from tests.history.looks import SOME, cents, is_open, pipelines
from tests.history.looks import history_of as seen_as

ROWS = [
    ("old", 0, 1.0, "discovery", None, "active"),
    ("early", 0, 2.0, "discovery", None, "active"),
    ("mine", 0, 10.0, "discovery", None, "active"),
    ("mine", 1, 15.0, "proposal", None, "active"),
    ("brief", 2, 20.0, "closed_lost", None, "lost"),
    ("late", 4, 40.0, "discovery", None, "active"),
    ("mine", 4, 15.0, "closed_won", None, "won"),
]
CREATED = {
    "old": "2025-11-30",
    "early": None,
    "mine": "2026-01-02",
    "brief": None,
    "late": "2026-01-31T23:30:00",
}
OWNERS = ["Ann", "Ann", "Ann", "Bo", "Ann", "Bo", "Bo"]


@pytest.fixture(scope="module")
def history():
    created = pd.to_datetime(
        pd.Series([CREATED[deal] for deal, *_ in ROWS]), format="ISO8601", utc=True
    )
    return history_of(ROWS, owner_name=OWNERS, created_at=created)


def test_pipeline_created__by_created_at_at_the_value_first_seen(history):
    table = pipeline_created(history, freq="M")
    assert table.index.tolist() == ["2026-01", "2026-02"]
    assert table["deals"].tolist() == [3, 0]
    assert table["value"].tolist() == [70.0, 0.0]
    # At the end of January three are open; by the last record one was won and another is new.
    assert table["open_count"].tolist() == [3, 3]
    assert table["open_value"].tolist() == [18.0, 43.0]
    assert table["to_date"].tolist() == [False, True]
    assert note_of(table).figures["left_out"] == {
        "created_before_the_periods": 1,
        "first_record_without_created_at": 1,
    }
    assert note_of(table).figures["n"] == 3


def test_pipeline_created__in_the_business_zone(history):
    table = pipeline_created(history, freq="M", tz="Europe/Berlin")
    assert table["deals"].tolist() == [2, 1]


def test_pipeline_created__by_group_moves_open_deals_with_their_owner(history):
    table = pipeline_created(history, freq="M", by="owner_name")
    assert table.index.names == ["owner_name", "period"]
    assert table["deals"].to_dict() == {
        ("Ann", "2026-01"): 2,
        ("Ann", "2026-02"): 0,
        ("Bo", "2026-01"): 1,
        ("Bo", "2026-02"): 0,
    }
    assert table.loc["Ann", "open_value"].tolist() == [3.0, 3.0]
    assert table.loc["Bo", "open_value"].tolist() == [15.0, 40.0]
    part = history.where(owner_name="Bo")
    own = pipeline_created(part, freq="M")
    pd.testing.assert_frame_equal(own, pd.DataFrame(table.xs("Bo")))
    whole = CreatedPipeline.read(history, by=["owner_name", "stage"], asked_by="test")
    kept = whole.keep_group("Bo", ["stage"])
    pd.testing.assert_frame_equal(
        kept.sum_up("M"), pipeline_created(part, freq="M", by="stage"), check_like=True
    )
    pd.testing.assert_frame_equal(
        kept.list_deals("M"), pipeline_created_deals(part, freq="M", by="stage")
    )


@pytest.mark.slow
@SOME
@given(pipelines())
def test_pipeline_created__adds_up_and_ends_at_what_is_open(looks):
    history = seen_as(looks)
    table = pipeline_created(history, freq="W")
    grouped = pipeline_created(history, freq="W", by="owner_name")
    for name, count, value in (("open", "open_count", "open_value"), ("new", "deals", "value")):
        summed = grouped[[count, value]].groupby(level="period").sum()
        if len(summed):
            assert summed[count].tolist() == table[count].tolist(), name
            assert (summed[value] * 100).round().tolist() == (table[value] * 100).round().tolist()
    first = {}
    for place, look in enumerate(looks):
        held = [deal for deal in look.values() if is_open(deal)]
        assert table["open_count"].iloc[place] == len(held)
        assert round(table["open_value"].iloc[place] * 100) == sum(map(cents, held))
        for key, deal in look.items():
            if deal is not None:
                first.setdefault(key, (place, cents(deal)))
    # Without created_at, what the first record shows may be of any age.
    created = Counter(place for place, _ in first.values() if place)
    assert table["deals"].tolist() == [created[place] for place in range(len(looks))]
    assert len(LOOKS) >= len(table)


def test_pipeline_created__of_one_record_is_that_period_so_far():
    alone = history_of(ROWS[:1], created_at=pd.Timestamp(MONDAYS[0], tz="UTC"))
    assert pipeline_created(alone, freq="Q").reset_index().to_numpy().tolist() == [
        ["2026Q1", 1, 1.0, 1, 1.0, True]
    ]


DEALS = [
    ("a", "2026-01-05", "2026-01-02", 100.0, "Ann", "discovery"),
    ("b", "2026-02-02", "2026-01-30", 50.0, "Bo", "discovery"),
    ("c", "2026-02-02", "2026-02-01", None, "Ann", "discovery"),
    ("a", "2026-02-09", "2026-01-02", 120.0, "Bo", "closed_won"),
]


@pytest.fixture(scope="module")
def deals_history():
    log = pd.DataFrame(
        DEALS, columns=["unique_id", "seen_at", "created_at", "value", "owner_name", "stage"]
    )
    return History.from_changes(log)


def test_pipeline_created_deals__by_who_had_it_first(deals_history):
    table = pipeline_created_deals(deals_history, by="owner_name")
    assert table["unique_id"].groupby(level="owner_name").agg(list).to_dict() == {
        "Ann": ["a", "c"],
        "Bo": ["b"],
    }


@SOME
@given(pipelines())
def test_pipeline_created_deals__sum_to_the_table(looks):
    history = seen_as(looks)
    table, deals = pipeline_created(history, freq="W"), pipeline_created_deals(history, freq="W")
    counted = (
        deals.groupby("period")["value"].agg(["count", "sum"]).reindex(table.index, fill_value=0)
    )
    assert counted["count"].tolist() == table["deals"].tolist()
    assert counted["sum"].round(2).tolist() == table["value"].round(2).tolist()
