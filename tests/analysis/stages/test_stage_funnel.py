"""The funnel of one frame."""

import pandas as pd
import pandas.testing as pdt
import pytest
from hypothesis import given

from opp_analytics import errors, org
from opp_analytics.analysis import stage_funnel
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
    # One won; one lost and one disqualified may have got anywhere; the contradiction counts nowhere.
    assert table["reached_low"].tolist() == [5, 4, 4, 2]
    assert table["reached_high"].tolist() == [7, 7, 7, 7]
    assert table["reached_high_forward"].tolist() == [7, 6, 6, 4]
    assert table.attrs["left_out"] == {"conflict": 1, "open_without_value": 1}
    assert table.attrs["n"] == 7


def test_stage_funnel__leaves_missing_and_unknown_stages_out():
    frame = pd.DataFrame({"stage": ["won!!", None, "proposal"], "value": [1.0, 2.0, 3.0]})
    with pytest.warns(
        errors.DataWarning, match="unknown stages: 'won!!', and 1 deal has none; 2 deals left out"
    ):
        table = stage_funnel(frame)
    assert table["open_value"].tolist() == [0, 0, 3, 0]
    assert table["reached_low"].tolist() == [1, 1, 1, 0]
    assert table["reached_high"].tolist() == [1] * 4
    assert table.attrs["left_out"] == {"unknown": 2}


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


def test_stage_funnel__empty_in_gives_the_right_columns():
    table = stage_funnel(org.empty())
    assert list(table.index) == list(org.STAGES.open)
    assert table.dtypes.astype(str).tolist() == ["int64", "float64", "int64", "int64", "int64"]
    assert len(stage_funnel(org.empty(), by=["name", "account_id"])) == 0


def test_stage_funnel__names_a_missing_column():
    with pytest.raises(errors.MissingColumnError, match="'region'"):
        stage_funnel(FRAME, by="region")
    with pytest.raises(errors.ArgumentError, match="by=3"):
        stage_funnel(FRAME, by=3)  # type: ignore[arg-type]


def test_stage_funnel__says_the_day_of_the_load():
    frame = FRAME.copy()
    frame.attrs["load"] = {"fetched_at": "2026-03-31T10:00:00Z", "complete": False}
    attrs = stage_funnel(frame).attrs
    assert attrs["as_of"] == "2026-03-31"
    assert attrs["complete"] is False


def test_stage_funnel__goes_to_parquet_with_its_attrs(tmp_path):
    stage_funnel(FRAME).to_parquet(tmp_path / "funnel.parquet")
    assert pd.read_parquet(tmp_path / "funnel.parquet").attrs["n"] == 7


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
            pdt.assert_series_equal(parts[column].groupby("stage").sum().reindex(table.index), table[column])
    assert (table["reached_low"] <= table["reached_high_forward"]).all()
    assert (table["reached_high_forward"] <= table["reached_high"]).all()


@examples(6)
@pytest.mark.filterwarnings("ignore:unknown stages")
@given(opportunities())
def test_stage_funnel__does_not_depend_on_the_order_of_rows(frame):
    pdt.assert_frame_equal(stage_funnel(frame[::-1], by="account_id"), stage_funnel(frame, by="account_id"))
