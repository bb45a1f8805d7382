"""Histories small enough to work by hand."""

from typing import Any

import pandas as pd
import pytest

from opp_analytics import errors
from opp_analytics.analysis import backtest, backtest_horizons, backtest_methods, forecast
from tests.analysis.forecasting.histories import MONTHS, MONTHS_TO_MARCH, even_months


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
    for method in ("stage", "learned", "run_rate"):
        full, short = (backtest(even_months(n), freq="M", method=method)[made] for n in (12, 9))
        assert 0 < len(short) < len(full)
        pd.testing.assert_frame_equal(short, full.loc[short.index])


def test_backtest__counts_the_records_too_early_to_learn():
    table = backtest(even_months(9), freq="M", method="learned")
    # Two records a month forecast January to August, and until July the next month too.
    assert table.attrs["left_out"]["too_early_to_learn"] == 2 * 8 + 2 * 7 - len(table)
    assert table.index[0] == (pd.Timestamp("2026-04-20T12:00Z"), "2026-04")
    with pytest.raises(errors.NotEnoughHistory, match="learn from"):
        backtest(MONTHS, freq="M", method="learned")


def test_backtest__is_the_forecast_made_at_the_record():
    history = even_months(12, owners=True)
    made = pd.Timestamp("2026-09-10T12:00Z")
    for by in (None, "owner_name"):
        for method in ("learned", "run_rate", "stated"):
            table = backtest(history, freq="M", method=method, by=by).xs(made, level="made_at")
            asked: dict[str, Any] = {"method": method, "by": by}
            then = forecast(history.as_of(made), as_of=made, history=history, periods=2, **asked)
            for column in ("booked", "expected", "low", "median", "high"):
                pd.testing.assert_series_equal(
                    table[column], then[column].reindex(table.index), atol=1e-6
                )


def test_backtest__by_owner_adds_up_to_the_whole():
    history = even_months(12, owners=True)
    whole, parts = backtest(history, freq="M"), backtest(history, freq="M", by="owner_name")
    sums = parts.groupby(level=["made_at", "period"])[
        ["expected", "actual", "booked", "error"]
    ].sum()
    pd.testing.assert_frame_equal(sums, whole[sums.columns], check_like=True)


def test_backtest__has_its_skill_against_the_run_rate():
    table, plain = (backtest(even_months(12), freq="M", method=m) for m in ("learned", "run_rate"))
    both = table.index.intersection(plain.index)
    ours, theirs = (part.loc[both, "error"].abs().sum() for part in (table, plain))
    assert table.attrs["skill"] == pytest.approx(1 - ours / theirs)
    assert plain.attrs["skill"] == 0


def test_backtest__reads_nothing_later_than_as_of():
    whole = backtest(MONTHS, freq="M", as_of="2026-03-15")
    pd.testing.assert_frame_equal(whole, backtest(MONTHS_TO_MARCH, freq="M"))
    assert whole.attrs["as_of"] == "2026-03-15"
    with pytest.raises(errors.NotEnoughHistory, match="2025-12-31"):
        backtest(MONTHS, freq="M", as_of="2025-12-31")


def test_backtest__confidence_sets_the_range():
    # A deal with a chance of 0.3 is above the 60% quantile, and below the 90% one.
    asked: dict[str, Any] = {"freq": "M", "method": "stage", "stage_rates": {"proposal": 0.3}}
    wide, narrow = (backtest(MONTHS, **asked, confidence=level) for level in (0.8, 0.2))
    made = (pd.Timestamp("2026-01-02T12:00Z"), "2026-02")
    assert (wide.loc[made, "high"], narrow.loc[made, "high"]) == (100, 0)
    assert narrow.attrs["confidence"] == 0.2


def test_backtest__is_that_of_the_method():
    history = even_months(9)
    methods = backtest_methods(history, freq="M")
    assert list(methods.index) == ["learned", "run_rate", "stated"]
    alone = backtest_methods(history, freq="M", methods=["learned"])
    assert alone.loc["learned", "wape"] == pytest.approx(
        backtest(history, freq="M", method="learned").attrs["wape"]
    )


def test_backtest__says_when_no_period_is_over():
    with pytest.raises(errors.NotEnoughHistory, match="ended by the last record"):
        backtest(MONTHS, freq="Y")


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
        "freq": "M",
        "method": "stated",
        "confidence": 0.8,
    }


def test_backtest_horizons__of_some_rows_and_of_another_table():
    march = backtest(MONTHS, freq="M", method="stated").query("period == '2026-03'")
    assert backtest_horizons(march)["n"].sum() == len(march)
    with pytest.raises(errors.MissingColumnError, match="pass the result of backtest"):
        backtest_horizons(pd.DataFrame({"error": [1.0]}))
