"""Histories small enough to work by hand."""

import numpy as np
import pandas as pd
import pytest

from opp_analytics import errors
from opp_analytics.analysis import Method, forecast
from opp_analytics.analysis.forecasting.calibration import calibration, recalibrated
from tests.analysis.forecasting.histories import PAST, ROWS
from tests.history.logs import recorded, row


def test_calibration__judges_the_first_open_record_at_the_horizon():
    table = calibration(PAST, horizon_days=30, bins=10)
    assert len(table) == 10
    thirties = table.loc["30–40%"]
    assert thirties[["n", "won", "lost"]].tolist() == [2, 1, 1]
    assert thirties["stated"] == pytest.approx(0.325)
    assert thirties["realized"] == 0.5
    # Still open after 30 days is no loss, and neither is deleted.
    assert table.loc["80–90%", ["n", "open"]].tolist() == [0, 1]
    assert table.loc["90–100%", ["n", "removed"]].tolist() == [0, 1]
    assert np.isnan(table.loc["80–90%", "realized"])  # type: ignore[arg-type]
    assert table.attrs["left_out"] == {"not_old_enough": 1, "without_probability": 1}


def test_calibration__scores_are_those_of_their_formulas():
    attrs = calibration(PAST, horizon_days=30).attrs
    assert attrs["brier"] == pytest.approx((0.7**2 + 0.35**2) / 2)
    assert attrs["skill"] == pytest.approx(1 - attrs["brier"] / 0.25)
    assert attrs["ece"] == pytest.approx(0.175)


def test_calibration__by_stage_and_with_other_horizons():
    table = calibration(PAST, horizon_days=80, by="stage")
    assert table.index.names == ["stage", "bin"]
    assert table[["n", "won", "removed"]].groupby("stage").sum().loc["discovery"].tolist() == [1, 1, 1]
    whole = calibration(PAST, horizon_days=80)
    assert table["n"].groupby("bin", sort=False).sum().tolist() == whole["n"].tolist()
    with pytest.raises(errors.OppAnalyticsError, match="'nobody'"):
        calibration(PAST, horizon_days=80, by="nobody")
    with pytest.raises(errors.ArgumentError, match="horizon_days"):
        calibration(PAST, horizon_days=0)
    with pytest.raises(errors.ArgumentError, match="needs a History"):
        calibration(pd.DataFrame(), horizon_days=30)  # type: ignore[arg-type]


def test_calibration__without_judged_deals_is_empty_not_zero():
    table = calibration(recorded(ROWS[:1], ["2026-01-01T12:00Z"]), horizon_days=30)
    assert table["n"].sum() == 0
    assert table["realized"].isna().all()
    assert table.attrs["brier"] is None


def test_calibration__finds_the_truth_of_a_simulated_team():
    rng = np.random.default_rng(4)
    stated = rng.integers(5, 96, 3000)
    won = rng.random(3000) < 0.1 + 0.6 * stated / 100
    rows = [row(f"s{k}", "2026-01-01", "proposal", probability=int(p)) for k, p in enumerate(stated)]
    rows += [row(f"s{k}", "2026-01-20", "closed_won" if w else "closed_lost") for k, w in enumerate(won)]
    past = recorded(rows, ["2026-01-01T12:00Z", "2026-03-01T12:00Z"])
    table = calibration(past, horizon_days=30)
    truth = 0.1 + 0.6 * table["stated"]
    assert ((table["realized_low"] <= truth) & (truth <= table["realized_high"])).sum() >= 8
    corrected = recalibrated(pd.DataFrame({"probability": [20, 80, None]}), table)["recalibrated"]
    assert corrected.iloc[:2].tolist() == pytest.approx([0.22, 0.58], abs=0.05)
    assert np.isnan(corrected.iloc[2])


def test_recalibrated__goes_into_a_forecast():
    table = pd.DataFrame({"n": [90, 90], "stated": [0.2, 0.8], "realized": [0.1, 0.5]})
    frame = pd.DataFrame(
        {"stage": "proposal", "value": 100.0, "close_date": "2026-03-20", "probability": [20, 80, None]}
    )
    expected = forecast(recalibrated(frame, table), as_of="2026-03-10", method=Method("recalibrated"))
    assert expected.loc["2026-03", "expected_open"] == pytest.approx(11 + 53)
    assert expected.loc["2026-03", "no_probability"] == 1
