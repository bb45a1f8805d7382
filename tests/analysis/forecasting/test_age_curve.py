"""Whether and when a deal of some age is won, as past ages tell."""

import numpy as np
import pandas as pd
import pytest

from opp_analytics import errors
from opp_analytics.analysis import Method, forecast

AS_OF = pd.Timestamp("2026-03-31")


def _ended(stage, age, count):
    created = pd.Timestamp("2026-01-01", tz="UTC")
    return pd.DataFrame(
        {
            "stage": stage,
            "created_at": created,
            "close_date": created.tz_localize(None) + pd.Timedelta(days=age),
        },
        index=range(count),
    )


def _open(age, close_date, **fields):
    return pd.DataFrame(
        {
            "stage": "proposal",
            "created_at": (AS_OF - pd.Timedelta(days=age)).tz_localize("UTC"),
            "close_date": pd.Timestamp(close_date),
            **fields,
        },
        index=[0],
    )


def _frame(*parts):
    frame = pd.concat(parts, ignore_index=True).assign(value=100.0)
    return frame.assign(probability=frame.get("probability", pd.Series(50.0, frame.index)))


# With an open deal of 15 days S(5) = 21/31, F(10) = 10/31, S(10) = 11/31, F(20) = 21/31.
PAST = [_ended("closed_lost", 5, 10), _ended("closed_won", 10, 10), _ended("closed_won", 20, 10)]


@pytest.mark.parametrize(
    ("age", "chance"),
    [
        (15, 1.0),
        (7, 1.0),
        # Never at risk on day 5, when ten of thirty were lost.
        (0, 20 / 30),
        # The oldest age that ten deals passed is 19: F(20) = 20/31, F(10) = 10/31, S(10) = 11/31.
        (60, 10 / 11),
    ],
)
def test_forecast__curve_gives_the_share_of_its_age_that_was_won(age, chance):
    table = forecast(_frame(*PAST, _open(age, "2026-04-30")), as_of=AS_OF, method="curve")
    assert table.loc["2026-04", "expected_open"] == pytest.approx(100 * chance)


@pytest.mark.parametrize(
    ("close_date", "share"),
    [("2026-03-31", 0.0), ("2026-04-30", 1.0), ("2026-03-30", 0.0), (None, 0.0)],
)
def test_forecast__timing_counts_only_wins_within_the_period(close_date, share):
    table = forecast(
        _frame(*PAST, _open(15, close_date, probability=40)), as_of=AS_OF, method=Method(timing="curve")
    )
    assert table["expected_open"].sum() == pytest.approx(40 * share)
    assert table["open_value"].sum() == 100


def test_forecast__timing_splits_the_wins_that_are_left():
    # At eight days of age both waves are ahead; by the end of the week, day 13, one has come.
    frame = _frame(*PAST, _open(8, "2026-04-04", probability=40))
    table = forecast(frame, as_of=AS_OF, freq="W", method=Method(timing="curve"))
    assert table.loc["2026-03-30/2026-04-05", "expected_open"] == pytest.approx(40 / 2)
    due = forecast(frame, as_of=AS_OF, freq="W", method="stated")
    assert due.loc["2026-03-30/2026-04-05", "expected_open"] == 40


def test_forecast__without_created_at_a_deal_has_no_chance_by_age():
    frame = _frame(*PAST, _open(15, "2026-04-30").assign(created_at=pd.NaT))
    table = forecast(frame, as_of=AS_OF, method="curve")
    assert table.loc["2026-04", ["no_probability", "expected_open"]].tolist() == [1, 0]


def test_forecast__curve_needs_enough_wins_and_a_known_timing():
    with pytest.raises(errors.NotEnoughHistory, match="10 won deals"):
        forecast(_frame(PAST[0], _open(3, "2026-04-30")), as_of=AS_OF, method="curve")
    with pytest.raises(errors.ArgumentError, match="timing='soon'"):
        forecast(_frame(*PAST), as_of=AS_OF, method=Method(timing="soon"))


def test_forecast__chances_of_all_periods_add_up_to_the_chance_of_a_win():
    frames = [
        _frame(*PAST, _open(3, day, probability=60)) for day in ("2026-04-05", "2026-04-12", "2026-04-19")
    ]
    by_then = [
        forecast(frame, as_of=AS_OF, freq="W", method=Method(timing="curve"))["expected_open"].sum()
        for frame in frames
    ]
    assert np.all(np.diff(by_then) >= 0)
    assert by_then[-1] == pytest.approx(60)
