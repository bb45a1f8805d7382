"""Histories small enough to work by hand."""

import pandas as pd
import pytest

from opp_analytics import errors
from opp_analytics.analysis.forecasting.backtest import backtest
from opp_analytics.analysis.forecasting.forecast_fan import forecast_fan
from opp_analytics.history import History
from tests.analysis.forecasting.histories import MONTHS


def test_forecast_fan__is_the_backtest_of_one_period_followed_to_its_end():
    fan = forecast_fan(MONTHS, period="2026-03", freq="M", at=MONTHS.records["recorded_at"])
    judged = backtest(MONTHS, freq="M").droplevel("method").xs("2026-03", level="period")
    columns = ["expected", "low", "median", "high", "booked"]
    pd.testing.assert_frame_equal(fan.loc[judged.index, columns], judged[columns])  # type: ignore[arg-type]
    assert fan["weeks_before"].iloc[1:].tolist() == (judged["lead"] // 7).tolist()
    # The first record looked two months ahead, which the backtest does not.
    assert len(fan) == len(judged) + 1
    assert set(fan["actual"]) == {50}
    assert set(fan["period"]) == {"2026-03"}
    assert forecast_fan(MONTHS, period="2026-04")["actual"].isna().all()


def test_forecast_fan__asks_the_last_record_of_each_week_or_those_of_the_days_named():
    rows = {"unique_id": "a", "stage": "proposal", "close_date": "2026-03-31", "probability": 50}
    seen = pd.date_range("2026-03-18T09:00Z", "2026-03-30T09:00Z", freq="12h")
    history = History.from_changes(
        pd.DataFrame({**rows, "value": range(len(seen)), "seen_at": seen})
    )
    fan = forecast_fan(history, period="2026-03", method="stated")
    assert fan["weeks_before"].tolist() == [1, 0]
    assert [f"{moment:%d %H}" for moment in fan.index] == ["24 21", "30 09"]
    every = forecast_fan(
        history, period="2026-03", method="stated", at=history.records["recorded_at"]
    )
    assert len(every) == 13
    pd.testing.assert_frame_equal(every.loc[fan.index], fan)
    some = forecast_fan(history, period="2026-03", method="stated", at=["2026-03-20", "2026-04-09"])
    assert [f"{moment:%d %H}" for moment in some.index] == ["20 21", "30 09"]
    with pytest.raises(errors.NotEnoughHistory, match="2026-03-18"):
        forecast_fan(history, period="2026-03", method="stated", at=["2026-03-17"])
    for wrong in ("2026-03-20", 3):
        with pytest.raises(errors.ArgumentTypeError, match="list of days"):
            forecast_fan(history, period="2026-03", method="stated", at=wrong)  # type: ignore[arg-type]


def test_forecast_fan__reads_nothing_later_than_as_of():
    fan = forecast_fan(MONTHS, period="2026-03", freq="M", as_of="2026-02-20")
    assert fan.index.max() == pd.Timestamp("2026-02-20T12:00Z")
    assert fan["actual"].isna().all()


def test_forecast_fan__names_a_period_of_another_kind_and_one_before_the_records():
    with pytest.raises(errors.ArgumentValueError, match="2026Q1"):
        forecast_fan(MONTHS, period="2026Q1", freq="M")
    with pytest.raises(errors.ArgumentValueError, match="'soon'"):
        forecast_fan(MONTHS, period="soon", freq="Q")
    with pytest.raises(errors.NotEnoughHistory, match="2025-11"):
        forecast_fan(MONTHS, period="2025-11", freq="M")
