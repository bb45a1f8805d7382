"""The arguments that name a method, checked when they are read."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics import errors
from opp_analytics.analysis.forecasting.method import Method, read_method
from tests.analysis.forecasting.histories import PAST


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"probability": {"proposal": 0.4}}, errors.ArgumentTypeError, "stage_rates="),
        ({"probability": 1}, errors.ArgumentTypeError, "probability=1"),
        (
            {"method": "learned", "probability": "mine"},
            errors.ArgumentValueError,
            "goes with method='stated'",
        ),
        (
            {"method": "learned", "stage_rates": {"proposal": 0.4}},
            errors.ArgumentValueError,
            "its own chances",
        ),
        (
            {"method": "stage", "stage_rates": 0.4},
            errors.ArgumentTypeError,
            "stage_rates=0.4 is not a mapping",
        ),
        (
            {"method": "stage", "stage_rates": {"proposal": 40}},
            errors.ArgumentValueError,
            "divide percents by 100",
        ),
        (
            {"method": "stage", "stage_rates": {"proposal": "half"}},
            errors.ArgumentTypeError,
            r"stage_rates\['proposal'\]='half'",
        ),
        (
            {"method": "stage", "stage_rates": pd.DataFrame({"n": [1]})},
            errors.MissingColumnError,
            "rate",
        ),
        (
            {"method": "best"},
            errors.ArgumentValueError,
            "'auto', 'learned', 'run_rate', 'stated', 'stage'",
        ),
        ({"method": None}, errors.ArgumentTypeError, "method=None"),
    ],
)
def test_read_method__refuses(options: dict[str, Any], error: type[Exception], says: str):
    with pytest.raises(error, match=says):
        read_method(**options)


def test_read_method__takes_the_table_of_stage_rates_and_leaves_out_unknown_ones():
    table = oa.stage_rates(PAST, fewest_exits=1)
    assert read_method("stage", stage_rates=table).stage_rates == table["rate"].to_dict()
    known = read_method(
        "stage", stage_rates={"proposal": np.float64(0.3), "discovery": float("nan")}
    )
    assert known.stage_rates == {"proposal": 0.3}


def test_read_method__a_column_is_stated_under_its_own_name():
    assert read_method("stated") == Method("stated")
    assert read_method(probability="mine").label == "mine"
    assert read_method(probability="mine").name == "stated"


def test_read_method__keeps_given_rates() -> None:
    assert read_method("stage", stage_rates={"proposal": 0.3}).stage_rates == {"proposal": 0.3}
