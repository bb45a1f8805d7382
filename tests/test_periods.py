"""Every way to write a time, and periods."""

from datetime import date, datetime, timedelta, timezone

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics import periods
from opp_analytics.periods import labels, to_dates


def test_as_instant__reads_a_naive_date_as_the_start_or_end_of_its_day_in_the_zone():
    assert periods.as_instant(date(2026, 3, 31), tz="Europe/Berlin") == pd.Timestamp(
        "2026-03-30T22:00Z"
    )
    assert periods.as_instant("2026-03-31", tz="Europe/Berlin", end=True) == pd.Timestamp(
        "2026-03-31T21:59:59.999999Z"
    )


def test_as_instant__leaves_an_aware_instant_as_it_is():
    aware = datetime(2026, 3, 31, 12, tzinfo=timezone(timedelta(hours=-5)))
    assert periods.as_instant(aware, tz="Europe/Berlin", end=True) == pd.Timestamp(
        "2026-03-31T17:00Z"
    )


def test_as_instant__survives_days_that_begin_in_a_gap():
    # In Beirut, 2026-03-29 begins at 01:00.
    assert periods.as_instant("2026-03-29", tz="Asia/Beirut") == pd.Timestamp("2026-03-28T22:00Z")


@pytest.mark.parametrize(
    ("when", "error"),
    [
        ("2026-02-30", oa.errors.ArgumentValueError),
        ("soon", oa.errors.ArgumentValueError),
        ("", oa.errors.ArgumentValueError),
        (pd.NaT, oa.errors.ArgumentValueError),
        (None, oa.errors.ArgumentTypeError),
        (5, oa.errors.ArgumentTypeError),
    ],
)
def test_as_instant__refuses_what_is_not_a_time_and_names_it(when, error):
    with pytest.raises(error, match="start=.*2026-03-31"):
        periods.as_instant(when, name="start")


@pytest.mark.parametrize(
    ("tz", "error"),
    [
        ("Mars/Olympus", oa.errors.ArgumentValueError),
        ("", oa.errors.ArgumentValueError),
        (1, oa.errors.ArgumentTypeError),
    ],
)
def test_as_date__refuses_an_unknown_zone(tz, error):
    with pytest.raises(error, match=f"tz={tz!r}.*America/Chicago"):
        periods.as_date("2026-01-01T00:00Z", tz=tz)


def test_as_date__is_the_day_in_the_zone():
    assert periods.as_date("2026-01-01T02:00Z", tz="America/Chicago") == pd.Timestamp("2025-12-31")
    assert periods.as_date("2026-01-01T02:00", tz="America/Chicago") == pd.Timestamp("2026-01-01")


def test_window__refuses_an_end_before_its_start():
    with pytest.raises(oa.errors.ArgumentValueError, match="swap"):
        periods.window("2026-02-01", "2026-01-01")


def test_window__reaches_to_the_end_of_time_on_an_open_side():
    first, last = periods.window(None, None)
    assert first < pd.Timestamp("1700-01-01")
    assert last > pd.Timestamp("2200-01-01")


@pytest.mark.parametrize(
    ("label", "days"),
    [
        ("2026Q4", ("2026-10-01", "2026-12-31")),
        ("2028-02", ("2028-02-01", "2028-02-29")),
        ("2026", ("2026-01-01", "2026-12-31")),
    ],
)
def test_period_days__are_the_first_and_the_last(label, days):
    assert tuple(f"{day:%Y-%m-%d}" for day in periods.period_days(label)) == days


@pytest.mark.parametrize(
    ("typed", "label"),
    [
        *(
            dict.fromkeys(
                (
                    "FY27 Q4",
                    "fy2027-q4",
                    "FY'27 Q4",
                    "Q4 FY27",
                    "Q4 2027",
                    "2027 Q4",
                    "2027Q4",
                    "Q4/2027",
                ),
                "2027Q4",
            ).items()
        ),
        *(
            dict.fromkeys(
                (
                    "Dec 2026",
                    "December 2026",
                    "Dec. 2026",
                    "dec-26",
                    "Dec '26",
                    "2026 Dec",
                    "12/2026",
                    "12.2026",
                    "2026/12",
                ),
                "2026-12",
            ).items()
        ),
        ("FY27 Q4 (Nov–Jan)", "2027Q4"),
        ("FY27 (Feb–Jan)", "2027"),
        ("FY27", "2027"),
        ("2026-1", "2026-01"),
        ("2026-W03", "2026-01-12/2026-01-18"),
        ("2026", "2026"),
    ],
)
def test_read_period__reads_what_people_type_and_what_the_package_writes(
    typed: str, label: str
) -> None:
    assert periods.read_period(typed) == label
    assert periods.period_days(typed, year_end="JAN") == periods.period_days(label, year_end="JAN")


def test_as_period__reads_a_typed_period_of_its_freq_only() -> None:
    assert periods.as_period("Q4 FY27", "Q-JAN") == pd.Period("2027Q4", "Q-JAN")
    with pytest.raises(
        oa.errors.ArgumentValueError, match="period='Q4 FY27' is not a period of frequency M"
    ):
        periods.as_period("Q4 FY27", "M")


@pytest.mark.parametrize(
    "label", ["2026Q5", "Q5 2026", "26-11", "2026-13", "Demo 2026", "FY27 H1", ""]
)
def test_period_days__refuses_other_labels(label):
    with pytest.raises(oa.errors.ArgumentValueError, match=f"due={label!r}"):
        periods.period_days(label, name="due")


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


@pytest.mark.parametrize(
    ("freq", "error"),
    [
        *((freq, oa.errors.ArgumentValueError) for freq in ("fortnight", "", "2W", "2M")),
        (3, oa.errors.ArgumentTypeError),
    ],
)
def test_check_freq__refuses_an_unknown_alias_and_multiples(freq, error):
    with pytest.raises(error, match=f"freq={freq!r}.*'Q-JAN'"):
        periods.check_freq(freq)


def test_as_date__refuses_a_day_of_two_readings() -> None:
    assert periods.as_date("12/31/2026") == pd.Timestamp("2026-12-31")
    with pytest.raises(
        oa.errors.ArgumentValueError,
        match="as_of='03/04/2027' may mean Mar 4, 2027 or Apr 3, 2027; write it as 2027-03-04",
    ):
        periods.as_date("03/04/2027")


def test_to_dates__follows_the_zone() -> None:
    assert to_dates(
        pd.Series(pd.to_datetime(["2026-03-31T23:30Z"])), tz="Europe/Berlin"
    ).dt.strftime("%F").tolist() == ["2026-04-01"]


def test_labels__leaves_a_missing_date_missing() -> None:
    assert (
        repr(labels(pd.to_datetime(pd.Series(["2026-03-31", None])), "Q").tolist())
        == "['2026Q1', nan]"
    )


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01"])
def test_as_date__refuses_a_day_that_nobody_plans_for(day: str) -> None:
    with pytest.raises(oa.errors.ArgumentError, match="dates lie between 1677 and 2262"):
        periods.as_date(day)
