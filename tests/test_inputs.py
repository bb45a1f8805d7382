from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opp_analytics.inputs import read_amount, read_date, read_percent
from opp_analytics.schema import BadCell


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("45000", 45_000),
        (" $45,000 ", 45_000),
        ("45k", 45_000),
        ("1.2M", 1_200_000),
        ("$12,000.50", 12_000.5),
        ("-$500", -500),
        ("($500)", -500),
        ("−3", -3),
        (".5", 0.5),
    ],
)
def test_read_amount__reads_what_a_spreadsheet_reads(typed, read):
    assert read_amount(typed) == read


@pytest.mark.parametrize("typed", ["twenty", "", "1,23", "12,0000", "1.2.3", "45kk", "1e5", "$", "٤٥x"])
def test_read_amount__refuses_the_rest(typed):
    with pytest.raises(BadCell, match="is not an amount; try 45000"):
        read_amount(typed)


def test_read_percent__takes_the_sign_or_not_and_refuses_what_may_mean_two_things():
    assert [read_percent(typed) for typed in ("60", "60%", " 60 %", "0", "100", "0.8%")] == [
        60, 60, 60, 0, 100, 0.8,
    ]  # fmt: skip
    for typed, reason in (
        ("0.8", "may mean 80% or 0.8%"),
        ("140", "is above 100%"),
        ("sixty", "is not a percentage"),
    ):
        with pytest.raises(BadCell, match=reason):
            read_percent(typed)


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("12/31/2026", "2026-12-31"),
        ("12/31/26", "2026-12-31"),
        ("12/31", "2025-12-31"),
        ("3/4/2026", "2026-03-04"),
        ("Dec 31", "2025-12-31"),
        ("december 31, 2026", "2026-12-31"),
        ("Sept. 5 2026", "2026-09-05"),
        ("31 Dec 2026", "2026-12-31"),
        ("31.12.2026", "2026-12-31"),
        ("2026-12-31", "2026-12-31"),
        ("2026/1/5", "2026-01-05"),
        ("2026-12-31T10:00:00Z", "2026-12-31"),
    ],
)
def test_read_date__reads_american_dates_names_of_months_and_iso(typed, read):
    assert read_date(typed, year=2025) == pd.Timestamp(read)


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("02/30/2027", "is not a date: February 2027 has 28 days"),
        ("13/45/2027", "is not a date: there is no month 13"),
        ("soon", "is not a date; try 12/31/2026, Dec 31 or 2026-12-31"),
        ("Ju 3", "is not a date; try"),
        ("Foo 31", "is not a date; try"),
        ("0000-01-01", "is not a date: there is no year 0"),
    ],
)
def test_read_date__says_why_a_text_is_not_a_date(typed, reason):
    with pytest.raises(BadCell, match=reason):
        read_date(typed)


def test_read_date__follows_the_order_it_is_told_and_refuses_both_readings_without_one():
    assert read_date("3/4/2027", day_first=True) == pd.Timestamp("2027-04-03")
    assert read_date("13/4/2027", day_first=None) == pd.Timestamp("2027-04-13")
    with pytest.raises(BadCell, match="may mean Mar 4, 2027 or Apr 3, 2027"):
        read_date("03/04/2027", day_first=None)


@given(st.dates())
def test_read_date__reads_every_date_in_every_form(day):
    for form in (f"{day:%m/%d/}{day.year:04}", day.isoformat(), f"{day:%B} {day.day}, {day.year:04}"):
        assert read_date(form).date() == day
