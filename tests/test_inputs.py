from __future__ import annotations

import math
import re
from datetime import date, datetime
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opp_analytics.errors import DataError
from opp_analytics.inputs import (
    Cells,
    did_you_mean,
    find_day_order,
    find_decimal_comma,
    find_habits,
    match_name,
    read_amount,
    read_amounts,
    read_date,
    read_dates,
    read_flags,
    read_instants,
    read_percent,
    read_percents,
    read_serial_date,
    read_span,
    spell_amount,
    suggest,
)
from opp_analytics.schema import TEXT, BadCell


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


@pytest.mark.parametrize("typed", ["twenty", "", "1.2.3", "1,2,3", "45kk", "1e5", "$", "٤٥x"])
def test_read_amount__refuses_the_rest(typed):
    with pytest.raises(BadCell, match="is not an amount; try 45000"):
        read_amount(typed)


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("1.23E+05", 123_000),
        ("1,23E+05", 123_000),
        ("$1.5E+06", 1_500_000),
        ("1.234567E+03", 1234.567),
        ("1.23E-02", 0.0123),
    ],
)
def test_read_amount__reads_a_long_number_as_excel_shows_it(typed, read):
    assert read_amount(typed, "USD") == read == read_amount(typed, "USD", decimal_comma=True)


@pytest.mark.parametrize("space", [" ", "\u00a0", "\u2009", "\u202f"])
def test_read_amount__reads_thousands_apart_and_money_behind(space):
    assert read_amount(f"45{space}000{space}USD", "USD") == 45_000


def test_read_percent__takes_the_sign_or_not_and_refuses_what_may_mean_two_things():
    assert [read_percent(typed) for typed in ("60", "60%", " 60 %", "0", "100", "0.8%")] == [
        60,
        60,
        60,
        0,
        100,
        0.8,
    ]
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
        ("17.02.27", "2027-02-17"),
        ("2026-12-31", "2026-12-31"),
        ("2026/1/5", "2026-01-05"),
        ("2026-12-31T10:00:00Z", "2026-12-31"),
    ],
)
def test_read_date__reads_american_dates_names_of_months_and_iso(typed, read):
    assert read_date(typed, today=date(2025, 3, 1), day_first=False) == pd.Timestamp(read)


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("02/30/2027", "is not a date: February 2027 has 28 days"),
        ("45/13/2027", "is not a date: there is no month 13"),
        ("soon", "is not a date; try 12/31/2026 or 2026-12-31"),
        ("Ju 3", "is not a date; try"),
        ("Foo 31", "is not a date; try"),
        ("0026-12-31", "is in the year 26; dates lie between 1955 and 2200"),
        ("11/25/1026", "is in the year 1026"),
        ("Nov 25, 3026", "is in the year 3026"),
        ("Dec 31", "has no year; add it"),
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


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("31-Dec-26", "2026-12-31"),
        ("31-Dec-2026", "2026-12-31"),
        ("31 Dec 26", "2026-12-31"),
        ("12/31/2026 0:00", "2026-12-31"),
        ("12/31/2026 2:30 PM", "2026-12-31"),
    ],
)
def test_read_date__reads_the_forms_of_excel(typed, read):
    assert read_date(typed) == pd.Timestamp(read)


@pytest.mark.parametrize(
    ("typed", "read", "past"),
    [
        ("today", "2026-11-29", "2026-11-29"),
        ("Tomorrow", "2026-11-30", "2026-11-30"),
        ("yesterday", "2026-11-28", "2026-11-28"),
        ("+7", "2026-12-06", "2026-12-06"),
        ("−3", "2026-11-26", "2026-11-26"),
        ("+2w", "2026-12-13", "2026-12-13"),
        ("+ 3 months", "2027-02-28", "2027-02-28"),
        ("eom", "2026-11-30", "2026-11-30"),
        ("eoq", "2027-01-31", "2027-01-31"),
        ("EOY", "2027-01-31", "2027-01-31"),
        ("fri", "2026-12-04", "2026-11-27"),
        ("sunday", "2026-12-06", "2026-11-22"),
    ],
)
def test_read_date__counts_from_today_for_a_person_and_never_in_a_file(typed, read, past):
    count = partial(read_date, typed, today=date(2026, 11, 29), year_start=2)
    assert (count(), count(past=True)) == (pd.Timestamp(read), pd.Timestamp(past))
    with pytest.raises(BadCell, match="is not a date"):
        read_date(typed)


def test_read_date__says_which_day_a_number_of_a_workbook_is_and_refuses_far_days():
    with pytest.raises(
        BadCell, match="is the number of Dec 31, 2026 in a workbook; type 2026-12-31"
    ):
        read_date("46387")
    with pytest.raises(BadCell, match="is too far away"):
        read_date("+999y", today=date(2026, 11, 29))
    with pytest.raises(BadCell, match="is in the year 3026"):
        read_date("12/31/3026", today=date(2026, 11, 29))
    assert read_span("7") is None


@given(st.dates(date(1955, 1, 1), date(2200, 12, 31)))
def test_read_date__reads_every_date_in_every_form(day):
    for form in (
        f"{day:%m/%d/}{day.year:04}",
        day.isoformat(),
        f"{day:%B} {day.day}, {day.year:04}",
    ):
        assert read_date(form, day_first=False).date() == day


@pytest.mark.parametrize(
    ("typed", "past", "read"),
    [
        ("1/5", False, "2027-01-05"),
        ("12/31", False, "2026-12-31"),
        ("11/25", False, "2026-11-25"),
        ("1/5", True, "2026-01-05"),
        ("11/25", True, "2026-11-25"),
        ("11/24", False, "may mean Nov 24, 2026 or Nov 24, 2027; type the year"),
        ("8/15", False, "may mean Aug 15, 2026 or Aug 15, 2027"),
        ("12/24", True, "may mean Dec 24, 2025 or Dec 24, 2026"),
    ],
)
def test_read_date__without_a_year_is_the_next_one_or_the_last_one_or_both_are_shown(
    typed, past, read
):
    def ask() -> str:
        try:
            return (
                f"{read_date(typed, today=date(2026, 11, 25), past=past, day_first=False):%Y-%m-%d}"
            )
        except BadCell as error:
            return str(error)

    assert ask().startswith(read)


def test_read_date__without_year_and_order_shows_both_days():
    with pytest.raises(BadCell, match="may mean Jan 5 or May 1; type it as Jan 5"):
        read_date("1/5", today=date(2026, 12, 10))


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("45.000", "may mean 45,000 or 45; type 45000 or 45"),
        ("12.345", "may mean 12,345 or 12.345; type 12345 or 12.3450"),
        ("1.234,56", "has a decimal comma; type 1234.56, or put a timezone of your country"),
        ("12000,50", "has a decimal comma; type 12000.5, or put a timezone of your country"),
        ("€45,000", "is in €, not in USD; convert it first"),
        ("£45,000", "is in £, not in USD"),
        ("EUR 45,000", "is in EUR, not in USD"),
    ],
)
def test_read_amount__refuses_two_readings_and_foreign_money(typed, reason):
    with pytest.raises(BadCell, match=re.escape(reason)):
        read_amount(typed, "USD")


def test_read_amount__follows_the_habits_of_the_orgs_country_and_takes_its_own_sign():
    german = partial(read_amount, currency="EUR", decimal_comma=True)
    assert [german(typed) for typed in ("45.000", "45,000", "1.234,56 €", "12,5", "12.5")] == [
        45_000,
        45_000,
        1234.56,
        12.5,
        12.5,
    ]
    assert [read_amount("$45,000", code) for code in ("USD", "CAD", "MXN", None)] == [45_000] * 4
    assert (read_amount("US$5", "USD"), read_amount("CA$5", "CAD"), read_amount("1.234M")) == (
        5,
        5,
        1_234_000,
    )


@given(st.floats(-1e9, 1e9) | st.decimals(-999, 999, places=3).map(float))
def test_spell_amount__is_read_back(amount):
    if "e" not in repr(amount):
        assert read_amount(spell_amount(amount)) == pytest.approx(amount, abs=1e-9)


def test_find_habits__needs_zone_and_currency_to_agree():
    assert find_habits("America/Chicago", "USD") == (False, False)
    assert find_habits("Europe/Berlin", "EUR") == (True, True)
    assert find_habits("Europe/London", "USD") == (None, False)
    assert find_habits(None, "USD") == (False, False)
    assert find_habits("UTC", None) == find_habits(None, "EUR") == (None, None)


def column(*cells: object, dtype: Any = TEXT) -> Cells:
    return Cells.of(pd.Series(list(cells), dtype=dtype, index=range(2, 2 + len(cells))), "Amount")


def test_read_amounts__reads_what_crms_write() -> None:
    amounts, bad = read_amounts(
        column("$120,000.00", "USD 485,000.00", "485.5 USD", "($500)", "45k", "0", None, "9 US$"),
        "USD",
    )
    assert bad == []
    assert amounts[:6].tolist() == [120_000, 485_000, 485.5, -500, 45_000, 0]
    assert math.isnan(amounts.iloc[6])
    assert amounts.iloc[7] == 9


def test_read_amounts__names_the_option_for_an_amount_of_the_other_decimal_sign() -> None:
    for comma, cell, says in (
        (
            False,
            "45000,00",
            "looks like a decimal comma; run again with --decimal-comma",
        ),
        (
            True,
            "45000.5",
            "looks like a decimal point; run again with --no-decimal-comma",
        ),
    ):
        [bad] = read_amounts(column(cell), None, comma)[1]
        assert (bad.reason.in_shell({}), bad.has_option) == (says, True)


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("250m", 250e6),
        ("€1.5mm", 1.5e6),
        ("3 bn", 3e9),
        ("2mn €", 2e6),
        ("₹45,000", 45_000),
        ("1.2mm", 1.2e6),
        ("5 MXN", 5),
    ],
)
def test_read_amount__reads_units_and_signs_of_money(typed: str, read: float) -> None:
    assert read_amount(typed) == read


def test_read_percents__refuses_a_fraction_beside_percentages() -> None:
    percents, bad, fractional = read_percents(column("50%", 0.5, 20.0, dtype="object"))
    assert (percents.tolist()[0], percents.tolist()[2], fractional) == (50, 20, False)
    assert [str(one) for one in bad] == [
        "row 3: Amount=0.5 may mean 0.5% or 50%; write it with its sign"
    ]
    assert read_percents(column("50%", 0.5, dtype="object"))[0].tolist() == [50, 50]


def test_read_amounts__takes_the_numbers_of_a_workbook() -> None:
    assert read_amounts(column(5, 2.5, "$7", None, dtype="object"))[0][:3].tolist() == [5, 2.5, 7]
    assert read_amounts(column(5, 2.5, dtype="float64"))[0].tolist() == [5, 2.5]


def test_read_amounts__names_each_row_that_it_cannot_read() -> None:
    _, bad = read_amounts(column("EUR 5", "1,2,3", "$5", "1,2,3"), "USD")
    assert [str(one) for one in bad] == [
        "row 2: Amount='EUR 5' is in EUR, not in USD; convert it first",
        "row 3: Amount='1,2,3' is not an amount; try 45000, $45,000 or 45k",
        "row 5: Amount='1,2,3' is not an amount; try 45000, $45,000 or 45k",
    ]
    assert len(read_amounts(column(True, dtype="object"))[1]) == 1


@pytest.mark.parametrize(
    ("cells", "comma", "read"),
    [
        (["45.000", "1.234,56"], True, [45_000, 1234.56]),
        (["45.000", "7.25"], False, [45, 7.25]),
        (["45,000", "7.25"], False, [45_000, 7.25]),
        (["45,000", "7,25"], True, [45, 7.25]),
        (["45.000", "1.234.567"], True, [45_000, 1_234_567]),
        (["45,000", "7,500"], False, [45_000, 7500]),
    ],
)
def test_find_decimal_comma__asks_the_columns_unambiguous_cells(cells, comma, read) -> None:
    assert find_decimal_comma([column(*cells)], "f.csv") == (comma, "")
    assert read_amounts(column(*cells), None, comma)[0].tolist() == read


def test_find_decimal_comma__else_asks_the_file_and_says_so() -> None:
    asked = [column("45.000", "7,500")]
    assert find_decimal_comma(asked, "f.csv", semicolons=True, dots=True) == (
        True,
        "decimal comma, as in files with semicolons and dates such as 31.12.2026",
    )
    for file in ({"semicolons": True}, {"dots": True}, {}):
        assert find_decimal_comma(asked, "f.csv", **file) == (None, "")
    assert find_decimal_comma([column("45,000")], "f.csv", semicolons=True) == (None, "")
    _, bad = read_amounts(column("45.000"))
    assert [str(one) for one in bad] == [
        "row 2: Amount='45.000' may mean 45,000 or 45, and no other row of the file tells"
    ]
    assert bad[0].reason.python_way == "use decimal_comma=True or False"


def test_find_decimal_comma__names_both_rows_of_a_contradiction() -> None:
    with pytest.raises(
        DataError,
        match=(
            r"row 2: Amount='1\.5' has a decimal point\n  row 4: Amount='1,5' has a decimal "
            r"comma"
        ),
    ):
        find_decimal_comma([column("1.5", "7", "1,5")], "f.csv")


def test_read_amounts__without_a_currency_takes_one_sign_and_refuses_a_second() -> None:
    assert read_amounts(column("€5", "7", "EUR 9"))[1] == []
    assert [str(one) for one in read_amounts(column("$5", "7", "£9"))[1]] == [
        "row 4: Amount='£9' is in £, and other rows are in $; convert them to one currency"
    ]


@given(st.decimals(0, 10**12, places=2), st.sampled_from(["{:.2f}", "${:,.2f}", "{:,.2f}"]))
def test_read_amounts__reads_a_column_as_it_reads_one_cell(amount: object, form: str) -> None:
    text = form.format(amount)
    assert read_amounts(column(text))[0].tolist() == [read_amount(text)]


@pytest.mark.parametrize(
    ("cells", "read", "fractional"),
    [
        (["80%", "5", " 7.5 %".strip()], [80, 5, 7.5], False),
        (["0.8", "1", "0"], [80, 100, 0], True),
        (["0.8%", "0.5%"], [0.8, 0.5], False),
        (["0", "0"], [0, 0], False),
        (["0.285"], [28.5], True),
    ],
)
def test_read_percents(cells: list[str], read: list[float], fractional: bool) -> None:
    percents, bad, found = read_percents(column(*cells))
    assert (percents.tolist(), bad, found) == (read, [], fractional)


def test_read_percents__refuses_what_may_mean_two_things_or_nothing() -> None:
    _, bad, _ = read_percents(column("0", "1", "140%", "x"))
    assert [str(one) for one in bad] == [
        "row 3: Amount='1' may mean 1% or 100%; write it with its sign",
        "row 4: Amount='140%' is not between 0% and 100%",
        "row 5: Amount='x' is not a percentage; try 60 or 60%",
    ]
    assert read_percents(column("0", "1"), fractions=True)[0].tolist() == [0, 100]


def test_read_flags__reads_yes_and_no_and_takes_an_empty_cell_for_no() -> None:
    def flags(*cells: object, dtype: Any = TEXT) -> list[bool]:
        return read_flags(column(*cells, dtype=dtype))[0].tolist()

    assert flags("true", "1", "Yes", "0", "false", None) == [True] * 3 + [False] * 3
    assert flags(True, False, dtype="bool") == [True, False]
    assert flags(1.0, 0.0, dtype="float64") == [True, False]
    assert [str(one) for one in read_flags(column("1", "$5,000.00"))[1]] == [
        "row 3: Amount='$5,000.00' is neither true nor false"
    ]


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("closed_won", "closed_won"),
        ("Closed Won", "closed_won"),
        (" closed-won ", "closed_won"),
        ("CLOSED  WON", "closed_won"),
        ("Signed", "closed_won"),
        ("won", None),
        ("demo", None),
    ],
)
def test_match_name__takes_any_case_and_signs_and_no_other_word(
    typed: str, name: str | None
) -> None:
    names = {"closed_won": "closed_won", "signed": "closed_won", "Demo": "Demo", "DEMO": "DEMO"}
    assert match_name(typed, names) == name


def test_did_you_mean__names_what_contains_the_word_before_what_is_spelled_like_it() -> None:
    stages = ["discovery", "closed_won", "closed_lost", "(none)"]
    assert did_you_mean("closed", stages, most=2) == "did you mean 'closed_won' or 'closed_lost'?"
    assert did_you_mean("Clsoed Won", stages) == "did you mean 'closed_won'?"
    assert suggest("propsal", ["proposal", "closed_won"]) == ["proposal"]
    assert did_you_mean("x", stages) == ""


def times(*cells: object, dtype: Any = TEXT, label: str = "Close Date") -> Cells:
    return Cells.of(pd.Series(list(cells), dtype=dtype, index=range(2, 2 + len(cells))), label)


def days(*cells: object, day_first: bool | None = False, dtype: Any = TEXT) -> list[str]:
    dates, bad = read_dates(times(*cells, dtype=dtype), day_first)
    assert bad == []
    return dates.dt.strftime("%Y-%m-%d").tolist()


def utc(*cells: str, tz: str = "America/Chicago") -> list[str]:
    instants, bad = read_instants(times(*cells), False, tz)
    assert bad == []
    return instants.dt.strftime("%Y-%m-%d %H:%M:%S").tolist()


def test_read_dates__reads_what_crms_write() -> None:
    assert (
        days(
            "11/25/2026", "2026-11-25", "2026-11-25 14:30", "25.11.2026", "Nov 25, 2026", "11/25/26"
        )
        == ["2026-11-25"] * 6
    )
    assert days("25/11/2026", "2/3/2026", day_first=True) == ["2026-11-25", "2026-03-02"]
    assert (
        days("11/25/2026 9:14 AM", "11/25/2026, 21:14", "2026-11-25T14:12:00.000Z")
        == ["2026-11-25"] * 3
    )


def test_read_dates__takes_the_dates_and_serial_numbers_of_a_workbook() -> None:
    assert (
        days(datetime(2026, 11, 25, 9), date(2026, 11, 25), 46_351, "11/25/2026", dtype="object")
        == ["2026-11-25"] * 4
    )
    found, _ = read_dates(
        Cells.of(pd.Series([pd.Timestamp("2026-11-25 10:00"), pd.NaT]), "d"), None
    )
    assert found.tolist()[0] == pd.Timestamp("2026-11-25")
    assert found.isna().tolist() == [False, True]


def test_read_dates__names_what_is_none() -> None:
    _, bad = read_dates(
        times("2/30/2026", "soon", "13/14/2026", "2026-02-30", "11/25/2026 25:10", None), False
    )
    assert [(one.row, str(one.reason)) for one in bad] == [
        (2, "is not a date: February 2026 has 28 days"),
        (3, "is not a date; try 12/31/2026 or 2026-12-31"),
        (4, "is not a date: there is no month 13"),
        (5, "is not a date: February 2026 has 28 days"),
        (6, "has a time of day that does not exist"),
    ]


def test_read_dates__without_an_order_refuses_only_what_can_be_read_in_two_ways() -> None:
    found, bad = read_dates(times("03/04/2027", "03/03/2027", "25/11/2026", "2027-03-04"), None)
    assert [str(one) for one in bad] == [
        "row 2: Close Date='03/04/2027' may mean Mar 4, 2027 or Apr 3, 2027, and no other row of "
        "the file tells"
    ]
    assert bad[0].reason.python_way == "use day_first=True or False"
    assert found.dropna().dt.strftime("%m-%d").tolist() == ["03-03", "11-25", "03-04"]


def test_find_day_order__follows_the_rows_that_tell() -> None:
    assert find_day_order([times("03/04/2027", None), times("03/25/2027 10:00")], "f") is False
    assert find_day_order([times("25/03/2027")], "f") is True
    assert find_day_order([times("03/04/2027", "2027-03-25", "25.03.2027")], "f") is None
    assert find_day_order([times(5, "03/25/2027", dtype="object")], "f") is False


def test_find_day_order__names_two_rows_that_contradict_each_other() -> None:
    with pytest.raises(
        DataError,
        match=(
            "deals.csv:\n  row 2: Close Date='03/25/2027' has the month first\n  row 3: "
            "Created='25/03/2027' has the day first; write all dates in one order"
        ),
    ):
        find_day_order(
            [times("03/25/2027"), times(None, "25/03/2027", label="Created")], "deals.csv"
        )


def test_read_instants__reads_a_time_without_a_zone_in_the_orgs() -> None:
    assert utc("11/25/2026 9:14 AM", "2026-11-25 14:30", "11/25/2026", "7/1/2026 12:05 AM") == [
        "2026-11-25 15:14:00",
        "2026-11-25 20:30:00",
        "2026-11-25 06:00:00",
        "2026-07-01 05:05:00",
    ]


def test_read_instants__keeps_a_time_with_a_zone() -> None:
    assert (
        utc(
            "2026-11-25T14:12:00.000+0000",
            "2026-11-25T14:12:00Z",
            "2026-11-25T15:12:00+01:00",
            "1795615920000",
        )
        == ["2026-11-25 14:12:00"] * 4
    )
    midnight = Cells.of(pd.Series(["2026-11-25T00:00:00+03:00"]), "c")
    assert read_dates(midnight, None)[0].tolist() == [pd.Timestamp("2026-11-25")]
    aware = pd.Series(pd.to_datetime(["2026-11-25T14:12:00+01:00"]))
    assert read_instants(Cells.of(aware, "c"), None, "UTC")[0].tolist() == [
        pd.Timestamp("2026-11-25T13:12Z")
    ]


def test_read_instants__takes_the_first_of_a_doubled_hour_and_moves_a_missing_one() -> None:
    assert utc("2026-11-01 01:30", "2026-03-08 02:30") == [
        "2026-11-01 06:30:00",
        "2026-03-08 08:00:00",
    ]


moments = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)).map(
    lambda d: d.replace(microsecond=0)
)


@given(
    st.lists(moments, min_size=1, max_size=5),
    st.sampled_from(
        ["%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y, %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%b %d, %Y %H:%M:%S"]
    ),
)
def test_read_instants__reads_every_moment_in_every_form(given_: list[datetime], form: str) -> None:
    found, bad = read_instants(times(*(moment.strftime(form) for moment in given_)), False, "UTC")
    assert bad == []
    assert (
        found.dt.tz_localize(None).to_numpy().tolist()
        == np.array(given_, "datetime64[us]").tolist()
    )


def test_read_serial_date__is_a_day_and_no_amount() -> None:
    assert read_serial_date(46_351) == pd.Timestamp("2026-11-25 00:00:00")
    assert read_serial_date(12_000) is None


def test_read_instants__reads_what_warehouses_write() -> None:
    cells = Cells.of(pd.Series(["2023-09-26 15:15:00 UTC", "20230926"]), "at")
    instants, bad = read_instants(cells, None, "UTC")
    assert not bad
    assert instants.astype("str").tolist() == [
        "2023-09-26 15:15:00+00:00",
        "2023-09-26 00:00:00+00:00",
    ]
