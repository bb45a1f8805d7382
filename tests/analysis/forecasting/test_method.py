"""The options of a forecast, checked when they are put together."""

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics import errors
from opp_analytics.analysis.forecasting.method import read_method
from tests.analysis.forecasting.histories import PAST


def test_method__cannot_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        oa.Method().timing = "curve"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"probability": {"proposal": 0.4}}, errors.ArgumentTypeError, "stage_rates="),
        ({"probability": 1}, errors.ArgumentTypeError, "probability=1"),
        ({"timing": "soon"}, errors.ArgumentValueError, "timing='soon'; use one of 'due', 'curve'"),
        ({"new_business": "yes"}, errors.ArgumentTypeError, "new_business='yes'"),
        ({"correlation": "high"}, errors.ArgumentTypeError, "correlation='high'"),
        ({"correlation": 1.0}, errors.ArgumentValueError, "correlation=1.0 is not below 1"),
        ({"correlation": -0.1}, errors.ArgumentValueError, "correlation=-0.1 is below 0"),
        ({"correlation": float("nan")}, errors.ArgumentValueError, "correlation=nan"),
        ({"stage_rates": 0.4}, errors.ArgumentTypeError, "stage_rates=0.4 is not a mapping"),
        ({"stage_rates": {"proposal": 40}}, errors.ArgumentValueError, "divide percents by 100"),
        (
            {"stage_rates": {"proposal": "half"}},
            errors.ArgumentTypeError,
            r"stage_rates\['proposal'\]='half'",
        ),
        ({"stage_rates": pd.DataFrame({"n": [1]})}, errors.MissingColumnError, "rate"),
        ({"probability": "mine", "unit": "per mille"}, errors.ArgumentValueError, "unit='per mille'"),
        (
            {"probability": "learned", "correlation": 0.2},
            errors.ArgumentValueError,
            "'learned' takes no further option",
        ),
    ],
)
def test_method__refuses(options: dict[str, Any], error: type[Exception], says: str):
    with pytest.raises(error, match=says):
        oa.Method(**options)


def test_method__takes_the_table_of_stage_rates_and_leaves_out_what_it_does_not_know():
    table = oa.stage_rates(PAST, fewest_exits=1)
    assert oa.Method("stage", stage_rates=table).stage_rates == table["rate"].to_dict()
    known = oa.Method(stage_rates={"proposal": np.float64(0.3), "discovery": float("nan")}).stage_rates
    assert known == {"proposal": 0.3}


def test_method__has_a_short_name():
    assert oa.Method().name == "stated"
    assert oa.Method("mine", timing="curve", new_business=True).name == "mine in time + new business"
    assert oa.Method("stage", correlation=0.2).name == "stage, correlation 0.2"


def test_read_method__words():
    assert read_method("curve") == oa.Method("curve")
    given = oa.Method(correlation=0.1)
    assert read_method(given) is given
    with pytest.raises(
        errors.ArgumentValueError, match="'auto', 'learned', 'run_rate', 'stated', 'stage', 'curve'"
    ):
        read_method("best")
    with pytest.raises(errors.ArgumentTypeError, match="method=None"):
        read_method(None)
