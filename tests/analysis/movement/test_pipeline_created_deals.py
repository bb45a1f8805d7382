"""The deals behind the pipeline created: they sum to it."""

import pandas as pd
import pytest
from hypothesis import given

from opp_analytics.analysis import pipeline_created, pipeline_created_deals
from opp_analytics.history import History
from tests.history.looks import SOME, pipelines
from tests.history.looks import history_of as seen_as

ROWS = [
    ("a", "2026-01-05", "2026-01-02", 100.0, "Ann", "discovery"),
    ("b", "2026-02-02", "2026-01-30", 50.0, "Bo", "discovery"),
    ("c", "2026-02-02", "2026-02-01", None, "Ann", "discovery"),
    ("a", "2026-02-09", "2026-01-02", 120.0, "Bo", "closed_won"),
]


@pytest.fixture(scope="module")
def history():
    log = pd.DataFrame(ROWS, columns=["unique_id", "seen_at", "created_at", "value", "owner_name", "stage"])
    return History.from_changes(log)


def test_pipeline_created_deals__at_the_value_first_seen(history):
    table = pipeline_created_deals(history)
    assert table[["period", "unique_id", "value"]].to_numpy().tolist() == [
        ["2026-01", "a", 100.0],
        ["2026-01", "b", 50.0],
        ["2026-02", "c", 0.0],
    ]
    assert table.attrs["n"] == 3


def test_pipeline_created_deals__by_who_had_it_first(history):
    table = pipeline_created_deals(history, by="owner_name")
    assert table["unique_id"].groupby(level="owner_name").agg(list).to_dict() == {
        "Ann": ["a", "c"],
        "Bo": ["b"],
    }


@SOME
@given(pipelines())
def test_pipeline_created_deals__sum_to_the_table(looks):
    history = seen_as(looks)
    table, deals = pipeline_created(history, freq="W"), pipeline_created_deals(history, freq="W")
    counted = deals.groupby("period")["value"].agg(["count", "sum"]).reindex(table.index, fill_value=0)
    assert counted["count"].tolist() == table["deals"].tolist()
    assert counted["sum"].round(2).tolist() == table["value"].round(2).tolist()
