from datetime import date, datetime, timedelta, timezone

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics import periods


def test_as_instant__reads_a_naive_date_as_the_start_or_end_of_its_day_in_the_zone():
    assert periods.as_instant(date(2026, 3, 31), tz="Europe/Berlin") == pd.Timestamp("2026-03-30T22:00Z")
    assert periods.as_instant("2026-03-31", tz="Europe/Berlin", end=True) == pd.Timestamp(
        "2026-03-31T21:59:59.999999Z"
    )


def test_as_instant__leaves_an_aware_instant_as_it_is():
    aware = datetime(2026, 3, 31, 12, tzinfo=timezone(timedelta(hours=-5)))
    assert periods.as_instant(aware, tz="Europe/Berlin", end=True) == pd.Timestamp("2026-03-31T17:00Z")


def test_as_instant__survives_days_that_begin_in_a_gap():
    # In Beirut, 2026-03-29 begins at 01:00.
    assert periods.as_instant("2026-03-29", tz="Asia/Beirut") == pd.Timestamp("2026-03-28T22:00Z")


@pytest.mark.parametrize("when", ["2026-02-30", "soon", None, 5, pd.NaT, ""])
def test_as_instant__refuses_what_is_no_time_and_names_it(when):
    with pytest.raises((oa.errors.DataError, oa.errors.ArgumentError), match="start"):
        periods.as_instant(when, name="start")


def test_zone__refuses_an_unknown_one():
    with pytest.raises(oa.errors.DataError, match="Mars/Olympus"):
        periods.as_date("2026-01-01T00:00Z", tz="Mars/Olympus")


def test_window__refuses_an_end_before_its_start():
    with pytest.raises(oa.errors.DataError, match="swap"):
        periods.window("2026-02-01", "2026-01-01")


@pytest.mark.parametrize(
    ("freq", "label"),
    [
        ("M", "2026-03"),
        ("Q", "2026Q1"),
        ("Y", "2026"),
        ("Q-JAN", "2027Q1"),
        ("Y-JAN", "2027"),
        ("W", "2026-03-23/2026-03-29"),
    ],
)
def test_labels__are_the_period_as_text(freq, label):
    assert periods.labels(pd.Series(pd.to_datetime(["2026-03-29"])), freq).tolist() == [label]


@pytest.mark.parametrize("freq", ["fortnight", "", 3, "2W", "2M"])
def test_check_freq__refuses_an_unknown_alias_and_multiples(freq):
    with pytest.raises((oa.errors.DataError, oa.errors.ArgumentError), match="freq"):
        periods.check_freq(freq)
