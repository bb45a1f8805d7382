"""Every statistic on the frames that break statistics: nothing closed, all won, one deal, no value,
the future, the past."""

import numpy as np
import pandas as pd
import pytest

from opp_analytics import analysis, errors, org
from tests.analysis.every_analysis import OF_FRAMES, deals

AS_OF = "2026-03-10"


def _frame(rows):
    columns = ["stage", "value", "close_date", "probability"]
    frame = pd.DataFrame(rows, columns=columns)
    count = len(frame)
    return org.conform(
        frame.assign(
            unique_id=[f"o{k}" for k in range(count)],
            name=[f"deal {k}" for k in range(count)],
            account_id="x",
            status=frame["stage"]
            .map({"closed_won": "won", "closed_lost": "lost"})
            .fillna("active"),
            created_at="2026-01-01T00:00:00Z",
            updated_at="2026-03-01T00:00:00Z",
            owner="Ann",
        )
    )


FRAMES = {
    "nothing": _frame([]),
    "nothing closed": _frame(
        [("proposal", 100.0, "2026-03-20", 40), ("discovery", 50.0, "2026-04-20", 10)]
    ),
    "one deal": _frame([("proposal", 100.0, "2026-03-20", 40)]),
    "one won": _frame([("closed_won", 100.0, "2026-03-01", 100)]),
    "all won": _frame([("closed_won", 100.0 + k, "2026-03-01", 100) for k in range(5)]),
    "all lost": _frame([("closed_lost", 100.0 + k, "2026-03-01", 0) for k in range(5)]),
    "nothing worth": _frame(
        [("closed_won", 0.0, "2026-03-01", 100), ("proposal", 0.0, "2026-03-20", 40)]
    ),
    "negative": _frame(
        [
            ("closed_won", -50.0, "2026-03-01", 100),
            ("closed_lost", 50.0, "2026-03-01", 0),
            ("proposal", -20.0, "2026-03-20", 40),
        ]
    ),
    "nothing known": _frame(
        [("proposal", None, None, None), ("closed_won", None, None, None), (None, None, None, None)]
    ),
    "future wins": _frame(
        [("closed_won", 100.0, "2026-05-01", 100), ("proposal", 10.0, "2026-03-20", 40)]
    ),
    "certain": _frame(
        [("proposal", 100.0, "2026-03-20", 100), ("proposal", 30.0, "2026-03-20", 0)]
    ),
}

STATISTICS = {
    "win_rate": lambda frame, day: analysis.win_rate(frame, as_of=day),
    "win_rate by": lambda frame, day: analysis.win_rate(
        frame, by=["owner", "stage"], freq="M", as_of=day
    ),
    "win_rate_curve": lambda frame, day: analysis.win_rate_curve(frame, as_of=day, by="owner"),
    "time_to_win": lambda frame, day: analysis.time_to_win(frame, as_of=day),
    "win_rate_cohorts": lambda frame, day: analysis.win_rate_cohorts(frame, as_of=day, age_days=30),
    "velocity": lambda frame, day: analysis.velocity(frame, as_of=day, by="owner"),
    "stage_funnel": lambda frame, day: analysis.stage_funnel(frame, by="owner"),
    "forecast": lambda frame, day: analysis.forecast(frame, as_of=day, target=100),
    "forecast by": lambda frame, day: analysis.forecast(frame, as_of=day, by="owner", freq="Q-JAN"),
    "forecast_deals": lambda frame, day: analysis.forecast_deals(frame, as_of=day, target=100),
    "audit": lambda frame, day: analysis.audit(frame, as_of=day),
}


@pytest.mark.filterwarnings("ignore:unknown stages. 1 deal has none")
@pytest.mark.parametrize("name", STATISTICS)
@pytest.mark.parametrize("kind", FRAMES)
@pytest.mark.parametrize("day", [AS_OF, "2020-01-01"])
def test_statistics__keep_their_columns_and_their_bounds(name, kind, day):
    frame = FRAMES[kind]
    before = frame.copy()
    table = STATISTICS[name](frame, day)
    pd.testing.assert_frame_equal(frame, before)
    usual = STATISTICS[name](FRAMES["future wins"], AS_OF)
    assert list(table.columns) == list(usual.columns)
    for column in table.columns[
        table.columns.str.contains(r"rate$|rate_low|rate_high|^p_|share|^win|^low_")
    ]:
        if table[column].dtype == float and "value" not in column:
            known = table[column].dropna()
            assert known.between(0, 1).all(), column
    if {"low", "median", "high"} <= set(table.columns):
        banded = table.dropna(subset=["low", "median", "high"])
        assert (banded["low"] <= banded["median"]).all()
        assert (banded["median"] <= banded["high"]).all()


def test_win_rate__by_value_of_money_that_cancels_out_is_unknown():
    row = analysis.win_rate(FRAMES["negative"]).iloc[0]
    assert np.isnan(row["value_rate"])
    assert row["rate"] == 0.5


def test_forecast__negative_values_lower_the_range():
    row = analysis.forecast(FRAMES["negative"], as_of=AS_OF).loc["2026-03"]
    assert row[["low", "high"]].tolist() == [-70, -50]


def test_forecast__certain_deals_make_no_range():
    row = analysis.forecast(FRAMES["certain"], as_of=AS_OF).loc["2026-03"]
    assert row[["low", "median", "high", "expected"]].tolist() == [100] * 4


def test_forecast__future_wins_are_booked_where_they_are_dated_and_won_by_the_day():
    table = analysis.forecast(FRAMES["future wins"], as_of=AS_OF)
    assert table.loc["2026-05", ["booked", "open_value", "won_later"]].tolist() == [100, 0, 100]
    won = analysis.win_rate(FRAMES["future wins"], freq="M", as_of=AS_OF)["won"]
    assert won.to_dict() == {AS_OF[:7]: 1}


def test_forecast__as_of_before_every_deal_has_nothing_overdue():
    for kind in ("all won", "nothing closed"):
        table = analysis.forecast(FRAMES[kind], as_of="2020-01-01")
        assert table.loc["overdue", "open_count"] == 0


@pytest.mark.parametrize("name", sorted(OF_FRAMES.keys() - {"outcomes"}))
def test_every_analysis__refuses_deals_that_stand_twice(name):
    twice = pd.concat([deals(), deals().head(2)], ignore_index=True)
    with pytest.raises(errors.DataError, match="unique_id 'o0' and 'o1' occur more than once"):
        OF_FRAMES[name](twice)
