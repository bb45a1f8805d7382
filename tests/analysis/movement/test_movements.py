import pandas as pd

from opp_analytics.analysis import movements, waterfall
from tests.analysis.movement.pipelines import ALL, FEBRUARY


def test_movements__sum_to_the_waterfall(history):
    table = movements(history, **ALL, due=FEBRUARY)
    assert table.columns.tolist() == ["unique_id", "name", "movement", "value", "count"]
    assert table["name"].unique().tolist() == ["Deal"]
    whole = waterfall(history, **ALL, due=FEBRUARY)
    summed = table.groupby("movement")[["count", "value"]].sum().round(2)
    expected = whole.loc[summed.index, ["count", "value"]].round(2)
    pd.testing.assert_frame_equal(summed, expected, check_index_type=False)
    own = table[table["unique_id"] == "grows"]
    assert own["movement"].tolist() == ["value_up", "value_down", "won"]
    assert own["value"].round(2).tolist() == [0.2, -0.3, -9.9]


def test_movements__by_record_sum_to_those_of_the_whole_stretch(history):
    table = movements(history, **ALL, by_record=True)
    assert str(table["seen_at"].dtype) == "datetime64[us, UTC]"
    assert set(table["seen_at"]) <= set(history.records["recorded_at"])
    summed = table.groupby(["unique_id", "movement"])[["count", "value"]].sum().round(2)
    whole = (
        movements(history, **ALL).set_index(["unique_id", "movement"])[["count", "value"]].round(2)
    )
    pd.testing.assert_frame_equal(summed, whole.sort_index())
