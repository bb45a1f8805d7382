"""Numbers and names as people read them, each in one form."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opp_analytics import text

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "$0"),
        (-0.0, "$0"),
        (0.004, "$0"),
        (7, "$7"),
        (999.4, "$999"),
        (999.6, "$1K"),
        (1_000, "$1K"),
        (8_849, "$8.8K"),
        (9_960, "$10K"),
        (12_345, "$12K"),
        (14_500, "$15K"),
        (99_400, "$99K"),
        (99_600, "$100K"),
        (332_500, "$333K"),
        (508_000, "$508K"),
        (999_999, "$1M"),
        (1_380_000, "$1.38M"),
        (-1_380_000, "−$1.38M"),
        (2_500_000_000, "$2.5B"),
        (NAN, "–"),
        (-INF, "–"),
    ],
)
def test_money__is_rounded_for_reading_with_the_sign_before_the_symbol(
    value: float, words: str
) -> None:
    assert text.money(value, "USD") == words


@pytest.mark.parametrize(
    ("value", "currency", "words"),
    [
        (1_380_000, "USD", "$1,380,000"),
        (1_380_000.5, "USD", "$1,380,000.50"),
        (-12_000, "EUR", "−€12,000"),
        (12_000, None, "12,000"),
        (12_000.25, None, "12,000.25"),
        (-0.001, "USD", "$0"),
    ],
)
def test_money__in_full_shows_cents_only_where_there_are_some(
    value: float, currency: str | None, words: str
) -> None:
    assert text.money(value, currency, full=True) == words


@pytest.mark.parametrize(
    ("low", "high", "currency", "words"),
    [
        (170, 203_000, "USD", "$0.2K–$203K"),
        (20, 203_000, "USD", "$0–$203K"),
        (0, 1_380_000, "USD", "$0–$1.38M"),
        (0, 60_450, "USD", "$0–$60K"),
        (170, 1_380_000, None, "0.2K–1.38M"),
        (-170, 9_000, "CHF", "−CHF\u00a00.2K–CHF\u00a09K"),
        (-9_000, 170, "USD", "−$9K–$0.2K"),
        (970, 9_000, "USD", "$1K–$9K"),
        (170, 999.6, "USD", "$0.2K–$1K"),
        (170, 980, "USD", "$170–$980"),
        (9_000, 1_380_000, "USD", "$9K–$1.38M"),
        (9_000, 9_001, "USD", "$9K"),
        (NAN, NAN, "USD", "–"),
    ],
)
def test_money_range__does_not_let_dollars_read_as_thousands(
    low: float, high: float, currency: str | None, words: str
) -> None:
    def write(value: float, **style: bool) -> str:
        return text.money(value, currency, **style)

    assert text.money_range(low, high, write) == words


def test_money__sets_a_currency_of_letters_apart() -> None:
    assert text.money(70_000, "CHF") == "CHF\u00a070K"
    assert text.money(-70_000, "CHF", full=True) == "−CHF\u00a070,000"
    assert text.money(70_000) == "70K"


def test_signed__marks_gains_but_not_nothing() -> None:
    assert [text.money(value, "USD", signed=True) for value in (9_000, -9_000, 0, 0.001)] == [
        "+$9K",
        "−$9K",
        "$0",
        "$0",
    ]
    assert [text.number(value, signed=True) for value in (3, -3, 0, -0.2)] == ["+3", "−3", "0", "0"]


@pytest.mark.parametrize(
    ("fraction", "digits", "words"),
    [
        (0.125, 0, "13%"),
        (0.285, 0, "29%"),
        (0.005, 0, "1%"),
        (-0.004, 0, "0%"),
        (-0.31, 0, "−31%"),
        (0.9531, 1, "95.3%"),
        (12.5, 0, "1,250%"),
        (NAN, 0, "–"),
    ],
)
def test_percent__rounds_halves_up_and_has_no_space(
    fraction: float, digits: int, words: str
) -> None:
    assert text.percent(fraction, digits) == words


@given(st.floats(0, 1))
def test_percent__claims_certainty_only_where_it_is(fraction: float) -> None:
    said = text.percent(fraction)
    assert (said == "0%") == (fraction <= 1e-9)
    assert (said == "100%") == (fraction >= 1 - 1e-9)


@pytest.mark.parametrize(
    ("noun", "plural"),
    [
        ("deal", "deals"),
        ("opportunity", "opportunities"),
        ("day", "days"),
        ("push", "pushes"),
        ("fix", "fixes"),
        ("loss", "losses"),
        ("match", "matches"),
        ("person", "people"),
    ],
)
def test_plural__of_the_words_we_count(noun: str, plural: str) -> None:
    assert text.plural(noun) == plural
    assert (text.count(1, noun), text.count(0, noun), text.count(12_480, noun)) == (
        f"1 {noun}",
        f"0 {plural}",
        f"12,480 {plural}",
    )


def test_day__and_days_name_the_year_where_it_is_needed() -> None:
    assert text.day("2026-11-05") == "Nov 5"
    assert text.day(pd.Timestamp("2026-11-05T23:00"), year=True) == "Nov 5, 2026"
    assert text.day(pd.NaT) == text.day(None) == text.MISSING
    assert text.days("2026-11-01", "2026-11-30") == "Nov 1 to Nov 30, 2026"
    assert text.days("2025-12-15", "2026-01-14") == "Dec 15, 2025 to Jan 14, 2026"
    assert text.days("2026-11-05", "2026-11-05") == "Nov 5, 2026"


def test_joined__counts_what_it_does_not_name() -> None:
    assert text.joined([]) == ""
    assert text.joined(iter("ab")) == "a and b"
    assert text.joined("abcd", most=4) == "a, b, c and d"
    assert text.joined(["a"] * 2_000, most=1) == "a and 1,999 more"
    assert text.joined([".csv", ".xlsx"], last="or") == ".csv or .xlsx"


@pytest.mark.parametrize(
    ("name", "words"),
    [("pulled_in", "pulled in"), ("(none)", "(none)"), ("still_due", "still due")],
)
def test_label__reads_a_name_of_the_data(name: str, words: str) -> None:
    assert text.label(name) == words


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (text.money(8_840), "8.8K"),
        (text.money(-14_200, "USD"), "−$14K"),
        (text.money(14_500, "USD", fine=True), "$14.5K"),
        (text.number(12_480), "12,480"),
        (text.number(-3.14159, 1), "−3.1"),
        (text.number(2.5), "3"),
        (text.number(NAN), "–"),
        (text.percent(1.04), "104%"),
        (text.percent(0.001), "<1%"),
        (text.percent(0.9999), ">99%"),
        (text.percent(0.9999, 1), ">99.9%"),
        (text.percent(1e-15), "0%"),
        (text.percent(0.04, signed=True), "+4%"),
        (text.percent(-0.001, signed=True), "0%"),
        (text.points(0.62), "62 pts"),
        (text.points(-0.01), "1 pt"),
        (text.points(0.001), "<1 pt"),
        (text.points(NAN), "–"),
        (text.times(3.36), "3.4×"),
        (text.times(12.3), "12×"),
        (text.times(0.04), "<0.1×"),
        (text.times(NAN), "–"),
        (text.currency_name("USD"), "US dollars"),
        (text.currency_name("CHF"), "Swiss francs"),
        (text.currency_name(None), ""),
        (text.spelled(5, "open deal"), "five open deals"),
        (text.spelled(1, "deal"), "one deal"),
        (text.spelled(12), "12"),
        (text.spelled(0, "deal"), "no deals"),
        (text.capital("two of seven reps"), "Two of seven reps"),
        (text.capital(""), ""),
        (text.noun("Q-JAN"), "quarter"),
        (text.noun(None), "period"),
        (text.method("run_rate"), "run rate"),
        (text.method("stage_projection_4", "M"), "stage projection of the last four months"),
        (text.title("closed_won"), "Closed won"),
        (text.group_label("owner_name"), "owner"),
        (text.group_label("lead_source"), "lead source"),
        (text.join_key(("East", "Ann")), "East · Ann"),
        (text.join_key("East"), "East"),
        (text.printable("Acme\x1b[2J"), "Acme\\x1b[2J"),
        (text.printable("a\u202eb"), "a\\u202eb"),
        (text.printable("two\nlines"), "two\\nlines"),
        (text.printable("two\nlines\r", lines=True), "two\nlines\\r"),
        (text.one_line("Acme\r\nBcc: all"), "Acme Bcc: all"),
        (text.one_line("Acme\x1b[2J\u202e"), "Acme[2J"),
    ],
)
def test_texts__read_as_people_write_them(said: str, words: str) -> None:
    assert said == words


@pytest.mark.parametrize(
    ("name", "freq", "words"),
    [
        ("2026-03", None, "Mar 2026"),
        ("2026-03-02/2026-03-08", None, "Mar 2, 2026"),
        ("2026Q3", None, "Q3 2026"),
        ("2026", None, "2026"),
        ("overdue", None, "overdue"),
        ("2027Q4", "Q-JAN", "FY27 Q4 (Nov–Jan)"),
        ("2027", "Y-JAN", "FY27 (Feb–Jan)"),
    ],
)
def test_period__is_a_week_by_its_first_day_and_a_fiscal_period_with_its_months(
    name: str, freq: str | None, words: str
) -> None:
    assert text.period(name, freq) == words


@pytest.mark.parametrize(
    ("name", "freq", "words"),
    [
        ("2026-11", None, "November"),
        ("2027-01", None, "January 2027"),
        ("2026Q4", None, "Q4"),
        ("2027Q4", "Q-JAN", "FY27 Q4"),
        ("2026-11-23/2026-11-29", None, "the week of Nov 23"),
        ("2026", None, "2026"),
    ],
)
def test_period_name__has_its_year_only_when_it_is_another_one(
    name: str, freq: str | None, words: str
) -> None:
    assert text.period_name(name, freq, today="2026-11-25") == words
    assert text.period_name("2026-09", today="2026-11-25", short=True) == "Sep"


def test_is_whole__refuses_a_lone_surrogate() -> None:
    assert text.is_whole("Acme \U0001f600")
    assert not text.is_whole("Acme \ud83d")


def test_facts_html__holds_text_only() -> None:
    left = "style='text-align:left'"
    assert text.facts_html("<History>", {"records": "<3"}) == (
        f"<table><caption>&lt;History&gt;</caption><tr><th {left}>records</th><td "
        f"{left}>&lt;3</td></tr></table>"
    )


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("closed_won", "Closed won"),
        ("discovery", "Discovery"),
        ("Closed Won", "Closed Won"),
        ("eBook demo", "eBook demo"),
        ("POC", "POC"),
        ("見積", "見積"),
    ],
)
def test_stage__is_written_as_the_org_does(name: str, shown: str) -> None:
    assert text.stage(name) == shown
