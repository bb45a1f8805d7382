"""Methods and formulas of others on the same past forecasts, on histories small enough to work by hand."""

import numpy as np
import pytest

from opp_analytics import errors
from opp_analytics.analysis import backtest, backtest_methods, sentence
from opp_analytics.arguments import MethodName
from tests.analysis.forecasting.histories import MONTHS, even_months


def test_backtest_methods__judge_the_same_forecasts():
    alone = backtest_methods(MONTHS, freq="M", methods=("stated", "stage"), stage_rates={"proposal": 0.5})
    assert alone["n"].tolist() == [len(backtest(MONTHS, freq="M", method="stated"))] * 2
    history = even_months(12)
    names: list[MethodName] = ["stated", "run_rate", "learned"]
    methods = backtest_methods(history, freq="M", methods=names)
    assert list(methods.index) == names
    # All are judged by the forecasts that the last to start could make.
    fewest = min(len(backtest(history, freq="M", method=name)) for name in names)
    assert 0 < methods["n"].iloc[0] <= fewest
    assert set(methods["n"]) == {methods["n"].iloc[0]}
    # A young history can judge the others alone.
    young = backtest_methods(MONTHS, freq="M", methods=["stated", "learned"])
    assert young["n"].tolist() == [len(backtest(MONTHS, freq="M", method="stated")), 0]
    assert np.isnan(young["wape"].iloc[-1])


def test_backtest_methods__refuses_what_cannot_be_told_apart():
    with pytest.raises(errors.ArgumentValueError, match="'stated' occurs twice"):
        backtest_methods(MONTHS, methods=["stated", "stated"])
    with pytest.raises(errors.ArgumentTypeError, match="not a list"):
        backtest_methods(MONTHS, methods="stated")  # type: ignore[arg-type]
    with pytest.raises(errors.ArgumentValueError, match="unknown methods='best'"):
        backtest_methods(MONTHS, methods=["best"])  # type: ignore[list-item]


def test_backtest_methods__names_the_best_method_with_its_margin():
    table = backtest_methods(
        even_months(9), freq="M", methods=["stage", "stated"], stage_rates={"proposal": 0.0}
    )
    # Each month one of two deals of 100 is won, and 30 that nobody saw: half is 30 short and nothing 130 on the 10th,
    # and both know all on the 20th; the next month nobody sees anything.
    assert table.attrs["best"] == "stated"
    other, best = table.iloc[0], table.iloc[1]
    assert (best["behind"], other["behind"]) == (0, pytest.approx(other["wape"] - best["wape"]))
    # All months are alike, so nothing is left to chance.
    assert other[["behind_low", "behind_high"]].tolist() == pytest.approx([other["behind"]] * 2)
    assert sentence(table) == "Stated misses by 53%, 21 pts less than stage: use it."


def test_backtest_methods__says_where_the_difference_is_noise():
    # The stated chances are those of the stages, so both say the same.
    table = backtest_methods(
        even_months(9), freq="M", methods=["stated", "stage"], stage_rates={"proposal": 0.5}
    )
    assert table.attrs["best"] is None
    assert table[["behind", "behind_low", "behind_high"]].eq(0).all(axis=None)
    assert sentence(table).endswith("the difference may be chance.")
    one = backtest_methods(MONTHS, freq="M", methods=["stated"])
    assert one.attrs["best"] is None
    assert sentence(one).endswith("no other method can be judged on the same forecasts.")
