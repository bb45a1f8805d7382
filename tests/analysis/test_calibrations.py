"""Calibration, learnt rates, new business and backtests, on histories small enough to work by hand."""

import numpy as np
import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics import errors, org
from opp_analytics.analysis import forecast
from opp_analytics.analysis.forecasting.backtest import backtest
from opp_analytics.analysis.forecasting.backtest_horizons import backtest_horizons
from opp_analytics.analysis.forecasting.backtest_methods import backtest_methods
from opp_analytics.analysis.forecasting.calibration import calibration, recalibrated
from opp_analytics.analysis.forecasting.forecast_fan import forecast_fan
from opp_analytics.analysis.forecasting.stage_rates import stage_rates
from opp_analytics.analysis.shared.replay import Replay
from tests.analysis.past import Past, row

ROWS = [
    row("a", "2026-01-01", "proposal", operation="new", probability=30),
    row("b", "2026-01-01", "proposal", operation="new", probability=35),
    row("c", "2026-01-01", "discovery", operation="new", probability=80),
    row("d", "2026-01-01", "discovery", operation="new", probability=100),
    row("e", "2026-01-01", "proposal", operation="new", probability=None),
    row("f", "2026-03-20", "proposal", operation="new", probability=10),
    row("a", "2026-01-15", "closed_won", probability=100, close_date="2026-01-15"),
    row("b", "2026-01-15", "closed_lost", probability=0, close_date="2026-01-15"),
    row("c", "2026-01-20", "negotiation", probability=90),
    row("c", "2026-03-15", "closed_won", probability=100, close_date="2026-03-15"),
    row("d", "2026-01-10", "discovery", operation="gone"),
]
PAST = Past(ROWS, ["2026-01-01T12:00Z", "2026-01-15T12:00Z", "2026-02-15T12:00Z", "2026-04-05T12:00Z"])


def test_calibration__judges_the_first_open_record_at_the_horizon():
    table = calibration(PAST, horizon_days=30, bins=10)
    assert len(table) == 10
    thirties = table.loc["30–40 %"]
    assert thirties[["n", "won", "lost"]].tolist() == [2, 1, 1]
    assert thirties["stated"] == pytest.approx(0.325)
    assert thirties["realised"] == 0.5
    # Still open after 30 days is no loss, and neither is deleted.
    assert table.loc["80–90 %", ["n", "open"]].tolist() == [0, 1]
    assert table.loc["90–100 %", ["n", "gone"]].tolist() == [0, 1]
    assert np.isnan(table.loc["80–90 %", "realised"])
    assert table.attrs["left_out"] == {"not_old_enough": 1, "without_probability": 1}


def test_calibration__scores_are_those_of_their_formulas():
    attrs = calibration(PAST, horizon_days=30).attrs
    assert attrs["brier"] == pytest.approx((0.7**2 + 0.35**2) / 2)
    assert attrs["skill"] == pytest.approx(1 - attrs["brier"] / 0.25)
    assert attrs["ece"] == pytest.approx(0.175)


def test_calibration__by_stage_and_with_other_horizons():
    table = calibration(PAST, horizon_days=80, by="stage")
    assert table.loc["discovery", ["n", "won", "gone"]].tolist() == [1, 1, 1]
    with pytest.raises(errors.ArgumentError, match="horizon_days"):
        calibration(PAST, horizon_days=0)
    with pytest.raises(errors.ArgumentError, match="needs a History"):
        calibration(pd.DataFrame(), horizon_days=30)


def test_calibration__without_judged_deals_is_empty_not_zero():
    table = calibration(Past(ROWS[:1], ["2026-01-01T12:00Z"]), horizon_days=30)
    assert table["n"].sum() == 0
    assert table["realised"].isna().all()
    assert table.attrs["brier"] is None


def test_calibration__finds_the_truth_of_a_simulated_team():
    rng = np.random.default_rng(4)
    stated = rng.integers(5, 96, 3000)
    won = rng.random(3000) < 0.1 + 0.6 * stated / 100
    rows = [
        row(f"s{k}", "2026-01-01", "proposal", operation="new", probability=int(p))
        for k, p in enumerate(stated)
    ]
    rows += [row(f"s{k}", "2026-01-20", "closed_won" if w else "closed_lost") for k, w in enumerate(won)]
    past = Past(rows, ["2026-01-01T12:00Z", "2026-03-01T12:00Z"])
    table = calibration(past, horizon_days=30)
    truth = 0.1 + 0.6 * table["stated"]
    assert ((table["low"] <= truth) & (truth <= table["high"])).sum() >= 8
    mended = recalibrated(pd.DataFrame({"probability": [20, 80, None]}), table)["recalibrated"]
    assert mended.iloc[:2].tolist() == pytest.approx([0.22, 0.58], abs=0.05)
    assert np.isnan(mended.iloc[2])


def test_recalibrated__goes_into_a_forecast():
    table = pd.DataFrame({"n": [90, 90], "stated": [0.2, 0.8], "realised": [0.1, 0.5]})
    frame = pd.DataFrame(
        {"stage": "proposal", "value": 100.0, "close_date": "2026-03-20", "probability": [20, 80, None]}
    )
    expected = forecast(recalibrated(frame, table), as_of="2026-03-10", probability="recalibrated")
    assert expected.loc["2026-03", "weighted_open"] == pytest.approx(11 + 53)
    assert expected.loc["2026-03", "no_probability"] == 1


def test_stage_rates__follow_deals_from_their_first_sight_in_a_stage():
    table = stage_rates(PAST, strength=0)
    # Discovery: c won, d deleted; proposal: a won, b lost, e and f still open; negotiation: c won.
    assert table.loc["negotiation", ["raw", "n"]].tolist() == [1, 1]
    assert table.loc["proposal", ["n", "won", "lost"]].tolist() == [2, 1, 1]
    assert table.loc["proposal", "raw"] == pytest.approx(0.5)
    assert table.loc["discovery", ["won", "lost"]].tolist() == [1, 1]
    shrunk = stage_rates(PAST, strength=1000)
    assert shrunk["rate"].tolist() == pytest.approx([shrunk.attrs["overall"]] * 3, abs=0.01)


def test_stage_rates__see_nothing_later_than_as_of():
    assert stage_rates(PAST, as_of="2026-01-12")["won"].sum() == 0
    assert stage_rates(PAST, as_of="2026-01-16").loc["proposal", "won"] == 1


def test_forecast__learns_stage_rates_from_history():
    frame = PAST.as_of("2026-04-05T12:00Z").assign(close_date="2026-04-20")
    rate = stage_rates(PAST, as_of="2026-04-06").loc["proposal", "rate"]
    table = forecast(frame, as_of="2026-04-06", probability="stage", history=PAST)
    assert table.loc["2026-04", "weighted_open"] == pytest.approx(rate * 200)
    with pytest.raises(errors.ArgumentError, match="history="):
        forecast(frame, as_of="2026-04-06", probability="stage")


MONTHS = Past(
    [
        row("a", "2026-01-02", "proposal", operation="new", close_date="2026-02-20", value=100.0),
        row("a", "2026-02-20", "closed_won", close_date="2026-02-20", value=100.0),
        row("n", "2026-02-15", "closed_won", operation="new", close_date="2026-02-15", value=30.0),
        row("m", "2026-03-15", "closed_won", operation="new", close_date="2026-03-15", value=50.0),
        row("z", "2026-04-01", "proposal", operation="new", close_date="2026-04-25", value=80.0),
    ],
    ["2026-01-02T12:00Z", "2026-02-15T12:00Z", "2026-02-20T12:00Z", "2026-03-15T12:00Z", "2026-04-01T12:00Z"],
)
EARLY = ["2025-11-14T12:00Z", "2025-12-14T12:00Z"]
LONGER = Past(
    MONTHS.changes().drop(columns="seen_after").to_dict("records"),
    [*EARLY, *MONTHS.records["recorded_at"]],
)
"""The same months, after two in which nothing was known."""


def test_forecast__new_business_is_what_past_periods_won_beyond_their_open_deals():
    frame = MONTHS.as_of("2026-04-01T12:00Z")
    options = {"as_of": "2026-04-03", "history": MONTHS}
    without, table = forecast(frame, **options), forecast(frame, **options, new_business=True, target=100)
    # On 3 February only a was known, on 3 March nothing was: 30 and 50 came from elsewhere. January won nothing.
    assert table.loc["2026-04", "new_business"] == pytest.approx(80 / 3)
    assert table.loc["2026-04", "expected"] == pytest.approx(without.loc["2026-04", "expected"] + 80 / 3)
    # The one open deal comes in (1/2) and so does one of 30 or 50 (2/3).
    assert table.loc["2026-04", "p_target"] == pytest.approx(1 / 3)
    assert table.loc["2026-04", "high"] == pytest.approx(130, abs=0.02)
    assert table.loc["2026-03", "new_business"] == 0
    with pytest.raises(errors.ArgumentError, match="without by="):
        forecast(frame.assign(owner="x"), **options, new_business=True, by="owner")
    assert table.attrs["new_business_periods"] == {"2026-04": 3}
    assert "new_business_periods" not in without.attrs


def test_forecast__new_business_of_fewer_than_three_periods_is_no_range():
    frame = MONTHS.as_of("2026-03-15T12:00Z")
    options = {"history": MONTHS, "new_business": True}
    # Of the points like 15 March only those of February and January lie after the first record, of 2 January.
    with pytest.raises(errors.NotEnoughHistory) as raised:
        forecast(frame, as_of="2026-03-15", **options)
    assert "new_business for 2026-03 needs the same point recorded in 3 complete M periods" in str(
        raised.value
    )
    assert "the first of 2026-01-02, have 2" in str(raised.value)
    assert "a forecast made in 2026-04 will know 3" in str(raised.value)
    assert forecast(frame, as_of="2026-04-15", **options, target={"2026-04": 5}).attrs[
        "new_business_periods"
    ] == {"2026-04": 3}
    with pytest.raises(errors.NotEnoughHistory, match=r"have 0: .* made in 2026-04 will"):
        forecast(frame, as_of="2026-01-20", **options, target={"2026-01": 5})


def test_forecast__a_period_too_far_ahead_for_new_business_has_no_range():
    frame = MONTHS.as_of("2026-04-01T12:00Z")
    table = forecast(
        frame, as_of="2026-04-03", history=MONTHS, new_business=True, target={"2026-04": 5, "2026-05": 5}
    )
    made = ["new_business", "low", "median", "high", "p_target"]
    assert table.loc["2026-04", made].notna().all()
    assert table.loc["2026-05", made].isna().all()
    assert table.loc["2026-05", "expected"] == 0
    assert table.attrs["new_business_periods"] == {"2026-04": 3}


def test_backtest__each_record_forecasts_alone():
    table = backtest(MONTHS, freq="M")
    made = pd.Timestamp("2026-02-15T12:00Z")
    february = table.loc[(made, "2026-02")]
    assert february[["weeks_before", "booked", "expected", "actual", "error"]].tolist() == [
        1,
        30,
        80,
        130,
        -50,
    ]
    assert table.loc[(pd.Timestamp("2026-01-02T12:00Z"), "2026-02"), "expected"] == 50
    assert "2026-04" not in table.index.get_level_values("period")
    assert table.attrs["wape"] == pytest.approx(table["error"].abs().sum() / table["actual"].sum())


def test_replay__knows_at_each_record_what_the_history_knows(tmp_path):
    first = pd.DataFrame(
        {
            "unique_id": ["a", "b", "c"], "name": "x", "account_id": "y", "value": [1.0, 2.0, None],
            "stage": ["proposal", "discovery", "discovery"], "close_date": ["2026-03-01", None, "2026-04-01"],
            "probability": [50, None, 10], "status": "active",
            "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
        }
    )  # fmt: skip
    history = oa.History(tmp_path / "log")
    frames = [
        first,
        first.assign(stage=["closed_won", "discovery", "lost?"]).drop(index=1),
        first,
        first.head(0),
    ]
    for day, frame in enumerate(frames, start=1):
        history.record(org.conform(frame), at=pd.Timestamp(f"2026-02-0{day}T10:00Z"))
    replay = Replay.of(history, "test")
    for moment in [*history.records["recorded_at"], pd.Timestamp("2026-02-02T09:00Z")]:
        known = replay.until(moment)
        ours, theirs = known.as_of(moment), history.as_of(moment)
        shared = [name for name in ours.columns if name in theirs]
        assert len(shared) >= 7
        pd.testing.assert_frame_equal(
            org.conform(ours[shared]).sort_values("unique_id", ignore_index=True),
            org.conform(theirs[shared]).sort_values("unique_id", ignore_index=True),
        )
        assert known.as_of(pd.Timestamp("2027-01-01T00:00Z")).equals(ours)
        assert (known.records["recorded_at"] <= moment).all()


def test_backtest__nothing_later_leaks_into_a_forecast():
    until = pd.Timestamp("2026-03-15T12:00Z")
    rows, records = LONGER.changes(), LONGER.records["recorded_at"]
    cut = Past(rows[rows["seen_at"] <= until].drop(columns="seen_after"), records[records <= until])
    made = ["booked", "expected", "low", "median", "high"]
    for options in ({"probability": "stage"}, {"new_business": True}):
        full, short = (backtest(past, freq="M", **options)[made] for past in (LONGER, cut))
        assert 0 < len(short) < len(full)
        pd.testing.assert_frame_equal(short, full.loc[short.index])


def test_backtest__counts_the_records_too_early_to_learn():
    table = backtest(LONGER, freq="M", new_business=True)
    # The six made by January and two of a next month have seen fewer than three months at their point.
    assert table.attrs["left_out"] == {"too_early_to_learn": 8}
    assert list(table.index.get_level_values("period")) == ["2026-02", "2026-02", "2026-03"]
    with pytest.raises(errors.NotEnoughHistory, match="learn from"):
        backtest(MONTHS, freq="M", new_business=True)
    with pytest.raises(errors.NotEnoughHistory, match="learn from"):
        backtest(MONTHS, freq="M", timing="curve")
    with pytest.raises(errors.ArgumentError, match="run_rate"):
        backtest(MONTHS, freq="M", probability="run_rate", new_business=True)


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


def test_backtest__summaries_and_methods():
    table = backtest(MONTHS, freq="M")
    horizons = backtest_horizons(table)
    assert horizons["n"].sum() == len(table)
    methods = backtest_methods(MONTHS, freq="M")
    assert list(methods.index) == ["stated", "stage", "run_rate"]
    assert methods.loc["stated", "wape"] == pytest.approx(table.attrs["wape"])


def test_backtest__says_when_no_period_is_over():
    with pytest.raises(errors.NotEnoughHistory, match="over by the last record"):
        backtest(MONTHS, freq="Y")


def test_forecast_fan__is_the_backtest_of_one_period_followed_to_its_end():
    fan = forecast_fan(MONTHS, period="2026-03", freq="M")
    judged = backtest(MONTHS, freq="M").xs("2026-03", level="period")
    columns = ["weeks_before", "expected", "low", "median", "high", "booked"]
    pd.testing.assert_frame_equal(fan.loc[judged.index, columns], judged[columns])
    # The first record looked two months ahead, which the backtest does not.
    assert len(fan) == len(judged) + 1
    assert fan.attrs["actual"] == 50
    assert forecast_fan(MONTHS, period="2026-04").attrs["actual"] is None


def test_forecast_fan__names_a_period_of_another_kind_and_one_before_the_records():
    with pytest.raises(errors.DataError, match="2026Q1"):
        forecast_fan(MONTHS, period="2026Q1", freq="M")
    with pytest.raises(errors.DataError, match="'soon'"):
        forecast_fan(MONTHS, period="soon", freq="Q")
    with pytest.raises(errors.NotEnoughHistory, match="2025-11"):
        forecast_fan(MONTHS, period="2025-11", freq="M")
