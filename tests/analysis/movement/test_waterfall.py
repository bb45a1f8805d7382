import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.analysis import movements, waterfall
from tests.analysis.movement.pipelines import ALL, FEBRUARY


def test_waterfall__of_those_due(history):
    table = waterfall(history, **ALL, due=FEBRUARY)
    moved = table[table["deals"] > 0]
    assert moved["value"].round(2).to_dict() == {
        "opening": 14.1,
        "new": 60.0,
        "reopened": 7.0,
        "pulled_in": 2.0,
        "pushed_in": 5.0,
        "value_up": 1.2,
        "value_down": -0.3,
        "pushed_out": -3.0,
        "pulled_out": -5.0,
        "won": -9.9,
        "lost": -40.0,
        "disqualified": -7.0,
        "deleted": -6.0,
        "returned": 3.0,
        "date_set": 6.0,
        "date_cleared": -20.0,
        "conflict": -4.0,
        "closing": 3.1,
    }
    assert table["count"].iloc[:-1].sum() == table.loc["closing", "count"] == 2


@pytest.mark.parametrize(
    ("due", "error"),
    [
        ("2026-13", oa.errors.ArgumentValueError),
        ("2026-02-01", oa.errors.ArgumentValueError),
        ("soon", oa.errors.ArgumentValueError),
        (202602, oa.errors.ArgumentError),
        (("2026-02-28", "2026-02-01"), oa.errors.ArgumentValueError),
    ],
)
def test_waterfall__refuses_a_window_that_is_none(history, due, error):
    with pytest.raises(error, match="due="):
        waterfall(history, **ALL, due=due)


@pytest.mark.parametrize(
    ("label", "days"),
    [
        ("2026-02", FEBRUARY),
        ("2026Q1", ("2026-01-01", "2026-03-31")),
        ("2026", ("2026-01-01", "2026-12-31")),
    ],
)
def test_waterfall__due_takes_the_label_of_a_period(history, label, days):
    pd.testing.assert_frame_equal(
        waterfall(history, **ALL, due=label), waterfall(history, **ALL, due=days)
    )
    pd.testing.assert_frame_equal(
        movements(history, **ALL, due=label), movements(history, **ALL, due=days)
    )
