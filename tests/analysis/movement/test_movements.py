import pandas as pd

from opp_analytics.analysis import movements
from tests.analysis.movement.pipelines import ALL


def test_movements__by_record_sum_to_those_of_the_whole_stretch(history):
    table = movements(history, **ALL, by_record=True)
    assert str(table["seen_at"].dtype) == "datetime64[us, UTC]"
    assert set(table["seen_at"]) <= set(history.records["recorded_at"])
    summed = table.groupby(["unique_id", "movement"])[["count", "value"]].sum().round(2)
    whole = (
        movements(history, **ALL).set_index(["unique_id", "movement"])[["count", "value"]].round(2)
    )
    pd.testing.assert_frame_equal(summed, whole.sort_index())
