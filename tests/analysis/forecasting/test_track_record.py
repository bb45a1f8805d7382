"""Forecasts made as long before the end of earlier periods, against what was booked."""

import pandas as pd
import pytest

from opp_analytics import errors
from opp_analytics.analysis.forecasting.backtest import backtest
from opp_analytics.analysis.forecasting.forecast import forecast
from opp_analytics.analysis.forecasting.track_record import track_record
from tests.analysis.forecasting.histories import even_months
from tests.history.logs import recorded, row

ROWS = [
    row("a", "2026-01-10", "proposal", close_date="2026-01-28"),
    row("a", "2026-01-28", "closed_won", close_date="2026-01-28", value=130.0),
    row("b", "2026-02-09", "proposal", close_date="2026-02-20"),
    row("b", "2026-02-20", "closed_won", close_date="2026-02-20", value=100.0),
    row("c", "2026-03-12", "proposal", close_date="2026-03-30"),
]
MOMENTS = [
    "2026-01-10T12:00Z",
    "2026-01-15T12:00Z",
    "2026-01-28T12:00Z",
    "2026-02-09T12:00Z",
    "2026-02-09T18:00Z",
    "2026-02-20T12:00Z",
    "2026-03-12T12:00Z",
]
PAST = recorded(ROWS, MOMENTS)


def test_track_record__takes_the_record_as_long_before_each_end():
    table = track_record(PAST, as_of=pd.Timestamp("2026-03-13"))
    # 18 days are left of March: January's 15th has 16, February's 9th 19, and of that day the later
    # record counts.
    assert table["made_at"].dt.strftime("%F %H").tolist() == ["2026-01-15 12", "2026-02-09 18"]
    assert table["days_before"].tolist() == [16, 19]
    assert table["expected"].tolist() == [50, 50]
    assert table["actual"].tolist() == [130, 100]
    assert table["held"].tolist() == [False, True]
    assert table.attrs["interval_coverage"] == 0.5
    assert table.attrs["bias"] == pytest.approx(-130 / 230)


def test_track_record__a_missing_range_neither_held_nor_failed():
    # No win in a month's last days: the run rate has no range there.
    days = [f"2026-{month:02d}-{day:02d}" for month in range(1, 7) for day in (4, 8, 12)]
    won = [row(day, day, "closed_won", close_date=day) for day in days]
    moments = [f"2026-{month:02d}-27T12:00Z" for month in range(1, 7)]
    table = track_record(
        recorded(won, sorted([*moments, *(f"{day}T12:00Z" for day in days)])),
        as_of=pd.Timestamp("2026-06-27"),
        method="run_rate",
    )
    assert table["low"].isna().all()
    assert len(table)
    assert table["held"].isna().all()
    assert table["held"].dtype == "boolean"
    assert table.attrs["interval_coverage"] is None


@pytest.mark.parametrize("method", ["auto", "learned"])
def test_track_record__judges_the_method_of_today_wherever_it_can_be_used(method):
    # "auto" learns from six ended months, and took the run rate, or stated chances, at earlier
    # records.
    history, day = even_months(9), pd.Timestamp("2026-09-10")
    table = track_record(history, as_of=day, method=method)
    asked = [
        forecast(history.as_of(at), as_of=at, history=history, method="learned")
        for at in table["made_at"]
    ]
    # Three ended months teach May’s forecast the first range.
    assert table.index.tolist() == [f"2026-{month:02d}" for month in range(5, 9)]
    for name in ("expected", "low", "high"):
        assert table[name].tolist() == [
            now.loc[label, name] for label, now in zip(table.index, asked, strict=True)
        ]
    assert table["held"].all()
    assert (table.attrs["method"], table.attrs["n"]) == ("learned", 4)
    assert table.attrs["left_out"] == {"too_early_to_learn": 4}


def test_track_record__of_a_method_too_young_for_every_earlier_record_says_so():
    with pytest.raises(
        errors.NotEnoughHistory,
        match="learned had too little history 10 days before the end of 3 earlier months",
    ):
        track_record(even_months(4), as_of=pd.Timestamp("2026-04-20"), method="learned")
    with pytest.raises(errors.NotEnoughHistory, match="method='learned' needs 3 ended months"):
        track_record(even_months(3), as_of=pd.Timestamp("2026-03-20"), method="learned")


def test_track_record__is_a_choice_of_the_backtest():
    table, whole = track_record(PAST, as_of=pd.Timestamp("2026-03-13")), backtest(PAST, freq="M")
    same = whole.reindex(pd.MultiIndex.from_arrays([table["made_at"], table.index]))
    for name in ("expected", "low", "high", "actual", "error"):
        assert table[name].tolist() == same[name].tolist()


def test_track_record__reads_nothing_later_than_its_day():
    cut = recorded(ROWS[:4], MOMENTS[:6])
    day = pd.Timestamp("2026-02-25")
    pd.testing.assert_frame_equal(track_record(PAST, as_of=day), track_record(cut, as_of=day))
    assert list(track_record(PAST, as_of=day).index) == ["2026-01"]


def test_track_record__needs_a_period_that_is_over_and_a_record_near_enough():
    with pytest.raises(
        errors.NotEnoughHistory, match="no earlier month has a record 11 days before its end; keep"
    ):
        track_record(PAST, as_of=pd.Timestamp("2026-01-20"))
    with pytest.raises(errors.NotEnoughHistory, match="has a record 12 days before its end"):
        track_record(PAST, as_of=pd.Timestamp("2026-03-19"))
    with pytest.raises(errors.NotEnoughHistory, match="none up to .*2025-12-31"):
        track_record(PAST, as_of=pd.Timestamp("2025-12-31"))
    # By the last record of February that month was not over.
    assert list(
        track_record(recorded(ROWS[:4], MOMENTS[:6]), as_of=pd.Timestamp("2026-03-13")).index
    ) == ["2026-01"]
