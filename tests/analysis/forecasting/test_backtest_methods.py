"""Histories small enough to work by hand."""

import numpy as np

from opp_analytics.analysis.forecasting.backtest import backtest
from opp_analytics.analysis.forecasting.backtest_methods import backtest_methods
from tests.analysis.forecasting.histories import LONGER, MONTHS


def test_backtest_methods__judge_the_same_forecasts():
    alone = backtest_methods(MONTHS, freq="M", methods=("stated", "run_rate"))
    assert alone["n"].tolist() == [len(backtest(MONTHS, freq="M"))] * 2
    methods = backtest_methods(LONGER, freq="M", methods=("stated", "run_rate"), new_business=True)
    assert list(methods.index) == [
        "stated", "run_rate", "stated + new business", "stated in time + new business",
    ]  # fmt: skip
    # Three wins are too few to learn their timing from; the others are judged without the records too early for one.
    assert methods["n"].tolist() == [len(backtest(LONGER, freq="M", new_business=True))] * 3 + [0]
    assert np.isnan(methods["wape"].iloc[-1])
    # A young history can judge the others alone.
    young = backtest_methods(MONTHS, freq="M", methods=("stated", "run_rate"), new_business=True)
    assert young["n"].tolist() == [len(backtest(MONTHS, freq="M"))] * 2 + [0, 0]
