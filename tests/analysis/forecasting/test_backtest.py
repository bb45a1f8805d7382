"""Histories small enough to work by hand."""

import pandas as pd
import pytest

from opp_analytics import errors
from opp_analytics.analysis.forecasting.backtest import backtest
from opp_analytics.analysis.forecasting.backtest_methods import backtest_methods
from opp_analytics.analysis.forecasting.method import Method
from tests.analysis.forecasting.histories import LONGER, LONGER_TO_MARCH, MONTHS, MONTHS_TO_MARCH


def test_backtest__each_record_forecasts_alone():
    table = backtest(MONTHS, freq="M")
    made = pd.Timestamp("2026-02-15T12:00Z")
    february = table.loc[(made, "2026-02")]
    assert february[["weeks_before", "booked", "expected", "actual", "error"]].tolist() == [  # type: ignore[call-overload, index]
        1,
        30,
        80,
        130,
        -50,
    ]
    assert table.loc[(pd.Timestamp("2026-01-02T12:00Z"), "2026-02"), "expected"] == 50
    assert "2026-04" not in table.index.get_level_values("period")
    assert table.attrs["wape"] == pytest.approx(table["error"].abs().sum() / table["actual"].sum())


def test_backtest__nothing_later_leaks_into_a_forecast():
    made = ["booked", "expected", "low", "median", "high"]
    for method in ("stage", Method(new_business=True)):
        full, short = (backtest(past, freq="M", method=method)[made] for past in (LONGER, LONGER_TO_MARCH))
        assert 0 < len(short) < len(full)
        pd.testing.assert_frame_equal(short, full.loc[short.index])


def test_backtest__counts_the_records_too_early_to_learn():
    table = backtest(LONGER, freq="M", method=Method(new_business=True))
    # The six made by January and two of a next month have seen fewer than three months at their point.
    assert table.attrs["left_out"] == {"too_early_to_learn": 8}
    assert list(table.index.get_level_values("period")) == ["2026-02", "2026-02", "2026-03"]
    with pytest.raises(errors.NotEnoughHistory, match="learn from"):
        backtest(MONTHS, freq="M", method=Method(new_business=True))
    with pytest.raises(errors.NotEnoughHistory, match="learn from"):
        backtest(MONTHS, freq="M", method=Method(timing="curve"))
    with pytest.raises(errors.ArgumentValueError, match="run_rate"):
        backtest(MONTHS, freq="M", method="run_rate")


def test_backtest__reads_nothing_later_than_as_of():
    whole = backtest(MONTHS, freq="M", as_of="2026-03-15")
    pd.testing.assert_frame_equal(whole, backtest(MONTHS_TO_MARCH, freq="M"))
    assert whole.attrs["as_of"] == "2026-03-15"
    with pytest.raises(errors.NotEnoughHistory, match="2025-12-31"):
        backtest(MONTHS, freq="M", as_of="2025-12-31")


def test_backtest__confidence_sets_the_range():
    # A deal with a chance of 0.3 is above the 60% quantile, and below the 90% one.
    method = Method("stage", stage_rates={"proposal": 0.3})
    wide, narrow = (backtest(MONTHS, freq="M", method=method, confidence=level) for level in (0.8, 0.2))
    made = (pd.Timestamp("2026-01-02T12:00Z"), "2026-02")
    assert (wide.loc[made, "high"], narrow.loc[made, "high"]) == (100, 0)
    assert narrow.attrs["confidence"] == 0.2


def test_backtest__is_that_of_the_method():
    methods = backtest_methods(MONTHS, freq="M")
    assert list(methods.index) == ["stated", "stage", "run_rate"]
    assert methods.loc["stated", "wape"] == pytest.approx(backtest(MONTHS, freq="M").attrs["wape"])


def test_backtest__says_when_no_period_is_over():
    with pytest.raises(errors.NotEnoughHistory, match="ended by the last record"):
        backtest(MONTHS, freq="Y")
