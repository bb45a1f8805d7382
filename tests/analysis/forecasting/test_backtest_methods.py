"""Histories small enough to work by hand."""

import numpy as np
import pytest

from opp_analytics import errors
from opp_analytics.analysis import Method, backtest, backtest_methods
from tests.analysis.forecasting.histories import LONGER, MONTHS

NEW, IN_TIME = Method(new_business=True), Method(new_business=True, timing="curve")


def test_backtest_methods__judge_the_same_forecasts():
    alone = backtest_methods(MONTHS, freq="M", methods=("stated", "run_rate"))
    assert alone["n"].tolist() == [len(backtest(MONTHS, freq="M"))] * 2
    methods = backtest_methods(LONGER, freq="M", methods=["stated", "run_rate", NEW, IN_TIME])
    assert list(methods.index) == [
        "stated", "run_rate", "stated + new business", "stated in time + new business",
    ]  # fmt: skip
    # Three wins are too few to learn their timing from; the others are judged without the records too early for one.
    assert methods["n"].tolist() == [len(backtest(LONGER, freq="M", method=NEW))] * 3 + [0]
    assert np.isnan(methods["wape"].iloc[-1])
    # A young history can judge the others alone.
    young = backtest_methods(MONTHS, freq="M", methods=["stated", "run_rate", NEW, IN_TIME])
    assert young["n"].tolist() == [len(backtest(MONTHS, freq="M"))] * 2 + [0, 0]


def test_backtest_methods__run_rate_is_the_mean_of_the_last_four_periods():
    table = backtest_methods(MONTHS, freq="M", methods=["run_rate"])
    # Of the forecasts that are judged, that of 15 March alone knows a month that won: 130 in February, a mean of 32.5.
    errors_ = [0 - 0, 0 - 130, 0 - 130, 0 - 50, 0 - 130, 0 - 50, 32.5 - 50]
    assert table.loc["run_rate", "n"] == len(errors_)
    assert table.loc["run_rate", "bias"] == pytest.approx(sum(errors_) / (130 * 3 + 50 * 3))


def test_backtest_methods__refuses_what_cannot_be_told_apart():
    with pytest.raises(errors.ArgumentValueError, match="'stated' occurs twice"):
        backtest_methods(MONTHS, methods=["stated", Method()])
    with pytest.raises(errors.ArgumentTypeError, match="not a list"):
        backtest_methods(MONTHS, methods="stated")
    with pytest.raises(errors.ArgumentValueError, match="unknown methods='best'"):
        backtest_methods(MONTHS, methods=["best"])
