"""Forecast methods compared, on histories small enough to work by hand."""

import numpy as np
import pytest

from opp_analytics import errors
from opp_analytics.analysis import Method, backtest, backtest_methods
from tests.analysis.forecasting.histories import MONTHS, even_months

NEW, IN_TIME = Method(new_business=True), Method(new_business=True, timing="curve")


def test_backtest_methods__judge_the_same_forecasts():
    alone = backtest_methods(
        MONTHS, freq="M", methods=("stated", Method("stage", stage_rates={"proposal": 0.5}))
    )
    assert alone["n"].tolist() == [len(backtest(MONTHS, freq="M", method="stated"))] * 2
    history = even_months(9)
    methods = backtest_methods(history, freq="M", methods=["stated", "run_rate", NEW, IN_TIME, "learned"])
    assert list(methods.index) == [
        "stated", "run_rate", "stated + new business", "stated in time + new business", "learned",
    ]  # fmt: skip
    # All are judged by the forecasts that the last to start could make.
    fewest = min(
        len(backtest(history, freq="M", method=m)) for m in ("stated", "run_rate", NEW, IN_TIME, "learned")
    )
    assert 0 < methods["n"].iloc[0] <= fewest
    assert methods["n"].nunique() == 1
    # A young history can judge the others alone.
    young = backtest_methods(MONTHS, freq="M", methods=["stated", NEW, IN_TIME])
    assert young["n"].tolist() == [len(backtest(MONTHS, freq="M", method="stated")), 0, 0]
    assert np.isnan(young["wape"].iloc[-1])


def test_backtest_methods__refuses_what_cannot_be_told_apart():
    with pytest.raises(errors.ArgumentValueError, match="'stated' occurs twice"):
        backtest_methods(MONTHS, methods=["stated", Method()])
    with pytest.raises(errors.ArgumentTypeError, match="not a list"):
        backtest_methods(MONTHS, methods="stated")
    with pytest.raises(errors.ArgumentValueError, match="unknown methods='best'"):
        backtest_methods(MONTHS, methods=["best"])
