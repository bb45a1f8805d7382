"""Histories small enough to work by hand."""

from typing import Any

import numpy as np
import pandas as pd
import pandas.testing as pdt
import pytest
from hypothesis import given
from scipy import stats

from opp_analytics import errors, org
from opp_analytics.analysis import forecast, forecast_deals, slippage
from opp_analytics.analysis.forecasting.stage_rates import stage_rates
from opp_analytics.note import note_of
from opp_analytics.org import outcomes
from tests.analysis.forecasting.histories import PAST
from tests.analysis.strategies import opportunities
from tests.examples import examples
from tests.history.logs import recorded, row
from tests.widgets.teams import TODAY, recorded_team, with_wins


def test_forecast__learns_stage_rates_from_history():
    frame = PAST.as_of("2026-04-05T12:00Z").assign(close_date="2026-04-20")
    rates = stage_rates(PAST, as_of="2026-04-06", fewest_exits=2)
    table = forecast(frame, as_of="2026-04-06", method="stage", stage_rates=rates)
    # Half of two exits from proposal, drawn toward the neighbors' 2/3 with a weight of 3: 0.6.
    assert table.loc["2026-04", "expected_open"] == pytest.approx(0.6 * 200)
    with pytest.raises(errors.NotEnoughHistory, match="at least 10 times"):
        forecast(frame, as_of="2026-04-06", method="stage", history=PAST)
    with pytest.raises(errors.ArgumentError, match="history="):
        forecast(frame, as_of="2026-04-06", method="stage")


FRAME = pd.DataFrame(
    {
        "unique_id": list("abcdefgh"),
        "stage": [
            "closed_won",
            "proposal",
            "proposal",
            "discovery",
            "proposal",
            "closed_lost",
            "closed_won",
            "negotiation",
        ],
        "value": [100.0, 50.0, 80.0, 10.0, None, 70.0, 40.0, 20.0],
        "close_date": [
            "2026-03-02",
            "2026-03-20",
            "2026-02-20",
            None,
            "2026-04-10",
            "2026-03-01",
            "2026-03-25",
            "2026-03-10",
        ],
        "probability": [100, 40, 50, 30, 60, 0, 100, None],
        "owner": ["Ann", "Ann", "Bo", "Bo", None, "Ann", "Ann", "Bo"],
    }
)


def test_forecast__puts_each_deal_into_one_row():
    table = forecast(FRAME, as_of="2026-03-10")
    assert list(table.index) == ["overdue", "unscheduled", "2026-03", "2026-04"]
    assert table["booked"].tolist() == [0, 0, 140, 0]
    assert table["open_count"].tolist() == [1, 1, 2, 1]
    assert table["open_value"].tolist() == [80, 10, 70, 0]
    assert table["weighted_open"].tolist() == [40, 3, 20, 0]
    assert table["expected"].tolist() == [0, 0, 160, 0]
    assert table["won_later"].tolist() == [0, 0, 40, 0]
    assert table["no_value"].tolist() == [0, 0, 0, 1]
    assert table["no_probability"].tolist() == [0, 0, 1, 0]
    assert table["to_date"].tolist() == [False, False, True, False]
    assert note_of(table).figures["left_out"] == {"without_value": 1, "without_probability": 1}


def test_forecast__range_and_target_are_those_of_the_outcomes():
    row = forecast(FRAME, as_of="2026-03-10", target=190).loc["2026-03"]
    assert row[["low", "median", "high"]].tolist() == [140, 140, 190]
    assert row["p_target"] == pytest.approx(0.4)
    assert row[["gap", "pipeline_coverage", "attainment"]].tolist() == pytest.approx(
        [50, 70 / 50, 140 / 190]
    )


def test_forecast__coverage_is_not_defined_once_the_target_is_met():
    row = forecast(FRAME, as_of="2026-03-10", target=140).loc["2026-03"]
    assert row["p_target"] == 1
    assert np.isnan(row["pipeline_coverage"])
    assert row[["gap", "attainment"]].tolist() == [0, 1]
    beyond = forecast(FRAME, as_of="2026-03-10", target=112).loc["2026-03"]
    assert beyond[["gap", "attainment"]].tolist() == [-28, 1.25]
    assert np.isnan(beyond["pipeline_coverage"])


def test_forecast__coverage_is_never_negative():
    credit = pd.DataFrame([{"stage": "proposal", "value": -50.0, "close_date": "2026-03-20"}])
    row = forecast(credit, as_of="2026-03-10", target=100).loc["2026-03"]
    assert (row["open_value"], row["gap"]) == (-50, 100)
    assert np.isnan(row["pipeline_coverage"])


def test_forecast__meets_a_target_at_half_a_cent():
    # As floats, 0.7 + 0.1 is below 0.8; 33.33 is a third of a target that was split by days.
    won = {"stage": "closed_won", "close_date": "2026-03-02"}
    due = {"stage": "proposal", "value": 50.0, "close_date": "2026-03-20"}
    for values, target in (
        ([0.7, 0.1], 0.8),
        ([33.33], 100 / 3),
        ([99.995], 100.0),
        ([100.004], 100.0),
    ):
        frame = pd.DataFrame([*({**won, "value": value} for value in values), due])
        row = forecast(
            frame, as_of="2026-03-10", target=target, method="stage", stage_rates={"proposal": 0.5}
        ).loc["2026-03"]
        assert row[["gap", "attainment", "p_target"]].tolist() == [0, pytest.approx(1, abs=1e-4), 1]
        assert row["attainment"] >= 1
        assert np.isnan(row["pipeline_coverage"])
        assert row["needed_pipeline"] == 0
    short = forecast(
        frame, as_of="2026-03-10", target=100.01, method="stage", stage_rates={"proposal": 0.5}
    ).loc["2026-03"]
    assert (short["gap"], short["p_target"]) == (0.01, 0.5)


def test_forecast__needs_pipeline_only_in_periods_to_come_and_covers_only_with_open_value():
    rows = [
        ("closed_won", 100.0, "2026-01-10"),
        ("closed_lost", 100.0, "2026-01-20"),
        ("closed_won", 10.0, "2026-03-02"),
        ("proposal", 30.0, "2026-03-20"),
        ("proposal", 500.0, "2026-04-20"),
        ("proposal", -30.0, "2026-05-20"),
        ("proposal", 0.0, "2026-06-20"),
    ]
    frame = pd.DataFrame(rows, columns=["stage", "value", "close_date"]).assign(probability=50)
    periods = ["2026-01", "2026-02", "2026-03", "2026-04", "2026-05", "2026-06"]
    table = forecast(frame, as_of="2026-03-10", target=200, periods=periods, method="stated").loc[
        periods
    ]
    # 110 of 210 were won: March needs 190 / (110/210) − 30; April has more than it needs.
    needed = [np.nan, np.nan, 190 / (11 / 21) - 30, 0, 200 / (11 / 21) + 30, 200 / (11 / 21)]
    np.testing.assert_allclose(table["needed_pipeline"], needed)
    np.testing.assert_allclose(
        table["pipeline_coverage"], [np.nan, np.nan, 30 / 190, 2.5, np.nan, np.nan]
    )
    assert table["gap"].tolist() == [100, 200, 190, 200, 200, 200]


@pytest.mark.parametrize("amount", [-5, -0.01, float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("ask", [forecast, forecast_deals])
def test_forecast__refuses_a_target_that_is_no_goal(ask, amount):
    why = "below 0" if -1e9 < amount < 0 else "not a finite"
    with pytest.raises(errors.ArgumentValueError, match=rf"^target={amount!r} is {why}"):
        ask(FRAME, as_of="2026-03-10", target=amount)
    with pytest.raises(
        errors.ArgumentValueError, match=rf"^target\['2026-03'\]={amount!r} is {why}"
    ):
        ask(FRAME, as_of="2026-03-10", target={"2026-03": amount})


def test_forecast__a_target_of_nothing_is_met():
    assert forecast(FRAME, as_of="2026-03-10", target=0).loc["2026-03", "p_target"] == 1


def test_forecast__target_by_period_adds_its_row():
    table = forecast(
        FRAME, as_of="2026-03-10", target={"2026-05": 10, pd.Period("2026-03", "M"): 150}
    )
    assert list(table.index) == ["overdue", "unscheduled", "2026-03", "2026-04", "2026-05"]
    # Nothing is open, but a deal that nobody has seen may come.
    assert table.loc["2026-05", ["booked", "p_target"]].tolist() == [0, 0.001]
    with pytest.raises(errors.ArgumentValueError, match="not a period"):
        forecast(FRAME, as_of="2026-03-10", target={"2026Q1": 10})
    with pytest.raises(
        errors.ArgumentValueError, match="periods=.* is not a period of frequency M"
    ):
        forecast(FRAME, as_of="2026-03-10", periods=[["2026-03"]])  # type: ignore[list-item]


def test_forecast__takes_rates_by_stage_and_columns():
    by_stage = {"proposal": 0.2, "negotiation": 0.5}
    rated = forecast(FRAME, as_of="2026-03-10", method="stage", stage_rates=by_stage)
    assert rated.loc["2026-03", ["expected_open", "weighted_open"]].tolist() == [20, 30]
    filled = forecast(FRAME, as_of="2026-03-10", method="stated", stage_rates=by_stage)
    assert filled.loc["2026-03", ["expected_open", "weighted_open"]].tolist() == [30, 30]
    for column in ([0.1] * 8, [10] * 8):
        table = forecast(FRAME.assign(mine=column), as_of="2026-03-10", probability="mine")
        assert table.loc["2026-03", ["expected_open", "weighted_open"]].tolist() == pytest.approx(
            [7, 20]
        )


def test_forecast__whole_percents_are_not_read_as_fractions_because_a_filter_left_only_1_and_0():
    frame = FRAME.assign(mine=[100, 1, 1, 1, 1, 0, 100, 1])
    whole = forecast(frame, as_of="2026-03-10", probability="mine")
    open_ = frame[frame["mine"] < 2]
    with pytest.raises(errors.DataError, match=r"for fractions use frame\['mine'\].astype\(bool\)"):
        forecast(open_, as_of="2026-03-10", probability="mine")
    percents = frame.assign(mine=frame["mine"] / 100)
    filtered = forecast(percents[frame["mine"] < 2], as_of="2026-03-10", probability="mine")
    assert filtered.loc["2026-03", "expected_open"] == whole.loc["2026-03", "expected_open"] == 0.7


def test_forecast__one_mistyped_value_moves_neither_the_median_nor_the_low_end():
    frame = pd.DataFrame(
        {"stage": "proposal", "value": 1000.0, "close_date": "2026-03-20", "probability": 50},
        index=range(200),
    )
    wrong = frame.copy()
    wrong.loc[7, ["value", "probability"]] = [1e9, 1]
    asked: dict[str, Any] = {"as_of": "2026-03-10", "method": "stated"}
    true, moved = forecast(frame, **asked).loc["2026-03"], forecast(wrong, **asked).loc["2026-03"]
    assert moved["median"] == pytest.approx(true["median"], rel=0.01)
    # 199 deals in place of 200: exactly one deal less.
    assert moved["low"] == pytest.approx(true["low"], abs=1000)


def test_forecast__a_deal_due_on_the_day_is_open_and_has_not_slipped():
    days = ["2026-03-02", "2026-03-31"]
    history = recorded(
        [row("a", days[0], "proposal", close_date=days[1])], [f"{day}T12:00Z" for day in days]
    )
    at = pd.Timestamp("2026-03-31T18:00Z")
    assert forecast(history.as_of(at), as_of=at, method="stated").loc["2026-03", "open_count"] == 1
    due = slippage(history, start="2026-03-02T12:00Z", end=at)["count"]
    assert due[due > 0].to_dict() == {"still_due": 1}


def test_forecast__names_the_deals_with_an_impossible_probability():
    with pytest.raises(errors.DataError, match=r"b \(140\)"):
        forecast(FRAME.assign(probability=140), as_of="2026-03-10")
    closed = FRAME.assign(probability=[140, 40, 50, 30, 60, -5, 100, None])  # type: ignore[list-item]
    assert forecast(closed, as_of="2026-03-10").loc["2026-03", "booked"] == 140
    with pytest.raises(errors.DataError, match="fractions 0–1"):
        forecast(
            FRAME.assign(mine=[0.1, 0.5, 1.2, 0.5, 0.5, 0, 0, 0]),
            as_of="2026-03-10",
            probability="mine",
        )


def test_forecast__says_which_argument_makes_no_sense():
    with pytest.raises(errors.MissingColumnError, match="mine"):
        forecast(FRAME, as_of="2026-03-10", probability="mine")
    with pytest.raises(
        errors.ArgumentValueError, match=r"'learned'.*For a column, use probability='mine'"
    ):
        forecast(FRAME, as_of="2026-03-10", method="mine")  # type: ignore[arg-type]
    with pytest.raises(errors.ArgumentValueError, match="confidence=80"):
        forecast(FRAME, as_of="2026-03-10", confidence=80)
    with pytest.raises(errors.ArgumentError, match="target"):
        forecast(FRAME, as_of="2026-03-10", target="lots")  # type: ignore[arg-type]


def test_forecast__periods_have_their_row_without_a_deal():
    table = forecast(FRAME, as_of="2026-03-10", periods=["2026-06", "2026-03"], target=10)
    assert list(table.index) == ["overdue", "unscheduled", "2026-03", "2026-04", "2026-06"]
    assert table.loc["2026-06", ["booked", "expected", "high", "p_target", "gap"]].tolist() == [
        0,
        0,
        0,
        0.001,
        10,
    ]
    counted = forecast(FRAME, as_of="2026-05-10", periods=2, freq="Q-JAN")
    assert list(counted.index[2:]) == ["2027Q1", "2027Q2", "2027Q3"]
    grouped = forecast(FRAME, as_of="2026-03-10", periods=1, by="owner")
    assert grouped.loc["(none)"].index.tolist() == ["overdue", "unscheduled", "2026-03", "2026-04"]


@pytest.mark.parametrize(
    ("periods", "error"),
    [
        (["2026Q1"], errors.ArgumentValueError),
        (0, errors.ArgumentValueError),
        (10**9, errors.ArgumentValueError),
        ("2026-03", errors.ArgumentTypeError),
        (1.5, errors.ArgumentTypeError),
    ],
)
def test_forecast__refuses_periods_that_are_none(periods, error):
    with pytest.raises(error, match="^periods"):
        forecast(FRAME, as_of="2026-03-10", periods=periods)


def test_forecast__confidence_sets_the_range():
    frame = pd.DataFrame(
        {"stage": "proposal", "value": 1.0, "close_date": "2026-03-20", "probability": [50] * 10}
    )
    for confidence in (0.5, 0.8, 0.95):
        row = forecast(frame, as_of="2026-03-10", confidence=confidence).loc["2026-03"]
        ends = stats.binom.ppf([(1 - confidence) / 2, 0.5, (1 + confidence) / 2], 10, 0.5)
        assert row[["low", "median", "high"]].tolist() == ends.tolist()


def test_forecast__by_gives_each_group_its_buckets():
    table = forecast(FRAME, as_of="2026-03-10", by="owner")
    assert table.index.names == ["owner", "period"]
    for group in ("Ann", "Bo", "(none)"):
        assert table.loc[group].index.tolist() == ["overdue", "unscheduled", "2026-03", "2026-04"]


def test_forecast__fiscal_periods():
    assert list(forecast(FRAME, as_of="2026-03-10", freq="Q-JAN").index[2:]) == ["2027Q1"]


def test_forecast__of_a_frame_loaded_later_books_only_what_was_dated_by_the_day():
    later = FRAME.copy()
    later.attrs["recorded_at"] = "2026-03-31T06:00:00+00:00"
    for day, booked, after in (
        ("2020-01-01", 0, 2),
        ("2026-03-10", 100, 1),
        ("2026-03-25", 140, 0),
    ):
        table = forecast(later, as_of=day)
        assert table["booked"].sum() == booked
        assert table["won_later"].sum() == 0
        assert note_of(table).figures["left_out"].get("won_after", 0) == after
    assert forecast(later, as_of="2020-01-01").loc["overdue", "open_count"] == 0


def test_forecast__empty_in_gives_the_right_columns():
    table = forecast(org.empty(), as_of="2026-03-10")
    assert list(table.index) == ["overdue", "unscheduled"]
    assert (
        table[["booked", "open_count", "open_value", "weighted_open", "expected"]]
        .eq(0)
        .all(axis=None)
    )
    full = forecast(FRAME, as_of="2026-03-10")
    pdt.assert_series_equal(table.dtypes, full.dtypes)
    pdt.assert_series_equal(
        forecast(org.empty(), as_of="2026-03-10", by="name").dtypes, full.dtypes
    )


def test_forecast__one_deal_worth_half_the_total_parts_median_and_mean():
    frame = pd.DataFrame(
        {
            "stage": "proposal",
            "value": [1000.0] + [100.0] * 10,
            "close_date": "2026-03-20",
            "probability": [20] + [50] * 10,
        }
    )
    row = forecast(frame, as_of="2026-03-10").loc["2026-03"]
    assert row["expected"] == 700
    assert row["median"] < row["expected"] < row["high"]


@examples(8)
@pytest.mark.filterwarnings("ignore:unknown stages")
@given(opportunities())
def test_forecast__open_value_sums_to_all_open_value(frame):
    open_ = outcomes(frame) == "open"
    for by in (None, "account_id"):
        table = forecast(frame, as_of="2026-03-10", by=by, target=100)
        assert table["open_count"].sum() == open_.sum()
        assert table["open_value"].sum() == pytest.approx(frame.loc[open_, "value"].sum())
        kept = table[table["median"].notna()]
        assert ((kept["low"] <= kept["median"]) & (kept["median"] <= kept["high"])).all()
        assert kept["p_target"].between(0, 1).all() or by


@examples(6)
@pytest.mark.filterwarnings("ignore:unknown stages")
@given(opportunities())
def test_forecast__does_not_depend_on_the_order_of_rows(frame):
    pdt.assert_frame_equal(
        forecast(frame[::-1], as_of="2026-03-10", by="account_id"),
        forecast(frame, as_of="2026-03-10", by="account_id"),
    )


def test_forecast__without_new_business_is_the_sum_of_the_deals_of_the_frame() -> None:
    history = recorded_team()
    deals = history.as_of(TODAY)
    asked: dict[str, Any] = {"as_of": TODAY, "history": history, "periods": 2}
    whole = forecast(deals, **asked)
    alone = forecast(deals, **asked, new_business=False)
    assert note_of(alone).method == "learned"
    assert (alone["new_business"] == 0).all()
    pd.testing.assert_series_equal(alone["expected_open"], whole["expected_open"])
    pd.testing.assert_series_equal(
        alone["expected"], whole["booked"] + whole["expected_open"], check_names=False
    )
    assert (alone["high"].dropna() <= whole["high"].dropna()).all()
    # Groups that the history does not have add up to it, and each is what forecast says of its
    # rows.
    half = deals.assign(half=["one", "other"] * (len(deals) // 2) + ["one"] * (len(deals) % 2))
    parts = forecast(half, **asked, new_business=False, by="half")["expected"]
    pd.testing.assert_series_equal(
        parts.groupby(level="period", sort=False).sum(), alone["expected"]
    )
    one = forecast(half[half["half"] == "one"], **asked, new_business=False)["expected"]
    assert parts["one"]["2026-11"] == pytest.approx(one["2026-11"])
    # The run rate does not look at single deals.
    assert note_of(forecast(with_wins(), as_of=TODAY)).method == "run_rate"
    assert note_of(forecast(with_wins(), as_of=TODAY, new_business=False)).method == "stated"
