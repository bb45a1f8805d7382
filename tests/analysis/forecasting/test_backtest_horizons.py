"""The errors of a backtest by distance, on a history small enough to work by hand."""

import pandas as pd
import pytest

from opp_analytics import errors
from opp_analytics.analysis import backtest, backtest_horizons
from tests.analysis.forecasting.histories import MONTHS


def test_backtest_horizons__are_the_scores_of_each_distance():
    table = backtest(MONTHS, freq="M", method="stated")
    horizons = backtest_horizons(table)
    assert horizons["n"].sum() == len(table)
    for weeks, group in table.groupby("weeks_before"):
        row = horizons.loc[weeks]
        if group["actual"].sum():
            assert row["wape"] == pytest.approx(group["error"].abs().sum() / group["actual"].sum())
        held = (group["low"] <= group["actual"]) & (group["actual"] <= group["high"])
        assert row["interval_coverage"] == held.mean()
    assert {name: horizons.attrs[name] for name in ("freq", "method", "confidence")} == {
        "freq": "M", "method": "stated", "confidence": 0.8,
    }  # fmt: skip


def test_backtest_horizons__of_some_rows_and_of_another_table():
    march = backtest(MONTHS, freq="M", method="stated").query("period == '2026-03'")
    assert backtest_horizons(march)["n"].sum() == len(march)
    with pytest.raises(errors.MissingColumnError, match="made by backtest"):
        backtest_horizons(pd.DataFrame({"error": [1.0]}))
