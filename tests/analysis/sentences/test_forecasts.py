"""Forecasts and past ones in words, each finding beside its opposite.

Most cases are in `forecasts.toml`: what a helper here is given, and what is said of it.
"""

from __future__ import annotations

import math
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from opp_analytics.analysis import (
    compare_chances,
    evidence,
    explain_chances,
    find_gap,
    find_lead,
    say_forecast,
    sentence,
)
from opp_analytics.analysis.sentences.sentence import heading
from opp_analytics.note import TableNote, note_of

NAN = math.nan
CASES = tomllib.loads(Path(__file__).with_name("forecasts.toml").read_text())


def _make(helper, case):
    """The table of a case: what a helper makes, with columns that are alike in every row."""
    table = helper(*case.get("given", ()), **case.get("with", {}))
    return table.assign(**case.get("everywhere", {}))


def _period(
    booked,
    open_count,
    open_value,
    expected,
    target=NAN,
    p_target=NAN,
    low=0.0,
    overdue=0.0,
    **further,
):
    """The rows of a month of which 20,000 are likely beside what is booked."""
    gap = find_gap(target, booked)
    cover = open_value / gap if gap > 0 else NAN
    row = {
        "booked": booked,
        "open_count": open_count,
        "open_value": open_value,
        "weighted_open": expected - booked,
        "new_business": 0.0,
        "expected": expected,
        "low": low,
        "high": 2 * expected,
        "target": target,
        "p_target": p_target,
        "gap": gap,
        "pipeline_coverage": cover,
        "to_date": True,
        **further,
    }
    late = {**dict.fromkeys(row, 0.0), "open_value": overdue, "target": NAN, "to_date": False}
    table = pd.DataFrame([late, row], index=pd.Index(["overdue", "2026-11"], name="period"))
    return TableNote("forecast", "2026-11-25", "M", method="learned").write(table)


def _year(day, *now, method="learned", **further):
    """October at 330,000, November as `_period` has it, and a December that is even odds; as of a
    day."""
    table = _period(*now, **further)
    before, ahead = (
        _period(330e3, 0, 0.0, 330e3, 400e3),
        _period(0.0, 9, 520e3, 454e3, 400e3, 0.49, needed_pipeline=757e3),
    )
    months = [table.iloc[0], before.iloc[1], table.iloc[1], ahead.iloc[1]]
    year = pd.DataFrame(
        months, index=pd.Index(["overdue", "2026-10", "2026-11", "2026-12"], name="period")
    )
    year = year.assign(
        to_date=[False, False, True, False], open_count=year["open_count"].astype(int)
    )
    return TableNote("forecast", day, "M", method=method).write(year)


@pytest.mark.parametrize("case", CASES["decided"])
def test_say_forecast__leads_with_what_is_not_decided_yet(case):
    table, words, more = _make(_year, case), case["words"], case.get("more", "")
    assert say_forecast(table) == (words, more)
    assert sentence(table) == f"{words} {more}".rstrip()
    assert heading(table) == words.removesuffix(".")


def test_say_forecast__leads_with_the_period_where_the_next_is_not_known():
    met = _year("2026-11-30", 489e3, 0, 0.0, 489e3, 400e3, 1.0)
    for table in (met.drop("2026-12"), met.assign(expected=[0.0, 330e3, 489e3, NAN])):
        table.attrs = met.attrs
        assert find_lead(table) == ("2026-11", "2026-11")
        assert say_forecast(table) == ("November is at target: 489K closed, 89K over.", "")
    assert find_lead(met) == ("2026-11", "2026-12")


@pytest.mark.parametrize(
    ("freq", "day", "left", "begun"),
    [
        ("Q", "2026-12-29", 2, False),
        ("Q", "2026-12-28", None, False),
        ("Q", "2026-10-10", None, True),
        ("Q", "2026-10-11", None, False),
        ("W-SUN", "2026-11-29", None, False),
        ("W-SUN", "2026-11-23", None, False),
        ("D", "2026-11-29", None, False),
    ],
)
def test_say_forecast__knows_no_end_or_start_of_a_week_or_a_day(freq, day, left, begun):
    table = pd.DataFrame()
    TableNote("forecast", day, freq).write(table)
    label = str(pd.Period(day, freq))
    assert (evidence.count_days_left(label, table), evidence.has_begun(label, table)) == (
        left,
        begun,
    )


@pytest.mark.parametrize("case", CASES["current"])
def test_sentence__of_the_current_period(case):
    assert sentence(_make(_period, case)) == case["words"]


def _ranged(low, high, learned_from=8, method="learned", **further):
    table = _period(
        **{
            "booked": 100e3,
            "open_count": 5,
            "open_value": 440e3,
            "expected": 300e3,
            "target": 500e3,
            "p_target": 0.2,
            "low": low,
            "high": high,
        }
        | further
    )
    return note_of(table).change(method=method, learned_from=learned_from).write(table)


@pytest.mark.parametrize("case", CASES["wide"])
def test_sentence__says_of_a_range_that_is_no_base_for_a_plan(case):
    assert sentence(_make(_ranged, case)).endswith(f" {case['words']}")


@pytest.mark.parametrize("case", CASES["sound"])
def test_sentence__says_nothing_of_a_range_to_plan_on(case):
    assert "The range is" not in sentence(_make(_ranged, case))


@pytest.mark.parametrize("case", CASES["ahead"])
def test_sentence__of_a_period_ahead(case):
    assert sentence(_make(_period, case).assign(to_date=False)) == case["words"]


def _people(**rows):
    columns = ["booked", "expected", "target"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns).assign(p_target=NAN)
    table.index.name = "owner_name"
    return TableNote("forecast").write(table)


@pytest.mark.parametrize("case", CASES["people"])
def test_sentence__of_people(case):
    assert sentence(_make(_people, case)) == case["words"]


def _fan(target, *expected):
    days = pd.date_range("2026-11-04", periods=len(expected), freq="7D", tz="UTC", name="made_at")
    table = pd.DataFrame(
        {
            "period": "2026-11",
            "weeks_before": 1,
            "booked": 0.0,
            "expected": expected,
            "target": target,
        },
        index=days,
    )
    return TableNote("forecast_fan", "2026-11-25", "M").write(table)


@pytest.mark.parametrize("case", CASES["fan"])
def test_sentence__of_the_way_to_the_target(case):
    assert sentence(_make(_fan, case)) == case["words"]


def _chances(stated, given, method="learned"):
    table = pd.DataFrame(
        {
            "period": "2026-11",
            "unique_id": [f"d{place}" for place in range(len(stated))],
            "probability": stated,
            "chance": 0.01,
            "win_chance": given,
            "close_date": pd.Timestamp("2026-11-28"),
        }
    )
    return TableNote("forecast_deals", "2026-11-25", "M", method=method).write(table)


def test_compare_chances__names_likely_deals_that_history_doubts():
    said = compare_chances(_chances([80, 70, 60, 70, 70, 70, 20], [0.2] * 6 + [0.9]))
    assert said == (
        "6 deals due in November that reps call likely, 70% on average: by history 20% are ever won"
    )


@pytest.mark.parametrize(
    "table",
    [
        _chances([70] * 4, [0.1] * 4),  # too few
        _chances([60] * 6, [0.4] * 6),  # within luck: 3.6 wins against 2.4 ± 1.2
        _chances([40] * 9, [0.1] * 9),  # not called likely
        _chances([80] * 9, [0.3] * 9, method="stated"),
        _chances([80] * 9, [0.3] * 9).drop(columns="probability"),
        _chances([80] * 9, [0.3] * 9).assign(close_date=pd.Timestamp("2026-11-20")),  # overdue
    ],
)
def test_compare_chances__says_nothing_within_luck_or_of_few_deals(table):
    assert compare_chances(table) == ""


def test_sentence__dates_the_forecasts_of_a_fan_in_its_zone():
    fan = _fan(400.0, 390.0, 370.0)
    fan.index += pd.Timedelta("3h")
    note_of(fan).change(tz="America/Chicago").write(fan)
    assert sentence(fan).endswith("down 20 since Nov 3.")


def _deals(*ends):
    table = pd.DataFrame(ends, columns=["p_if_lost", "p_if_won"]).assign(
        name=["Oakhurst", "Alder"][: len(ends)], period="2026-11", chance=0.5
    )
    table["swing"] = table["p_if_won"] - table["p_if_lost"]
    return TableNote("forecast_deals", "2026-11-25", "M").write(table)


@pytest.mark.parametrize("case", CASES["deals"])
def test_sentence__of_single_deals(case):
    assert sentence(_make(_deals, case)) == case["words"]


def _reasons(
    *rows: tuple[str, float, int, int, str], freq: str = "M", period: str = "2026-11"
) -> pd.DataFrame:
    steps, chances, seen, won, groups = zip(*rows, strict=True)
    table = pd.DataFrame(
        {
            "chance": chances,
            "points": np.diff(chances, prepend=0.0),
            "n": seen,
            "won": won,
            "group": groups,
        },
        index=pd.MultiIndex.from_arrays(
            [["acme"] * len(steps), steps], names=["unique_id", "step"]
        ),
    )
    return TableNote("deal_reasons", "2026-11-12", freq, figures={"period": period}).write(table)


def test_sentence__of_a_deal_adds_up_to_its_chance() -> None:
    table = _reasons(
        ("overall", 0.0842, 900, 76, "all open deals"),
        ("bucket", 0.1749, 300, 61, "due"),
        ("stage", 0.284, 412, 61, "negotiation"),
        ("owner", 0.332, 80, 20, "Ada"),
        ("month", 0.3149, 300, 25, "quarter end"),
    )
    assert sentence(table) == (
        "acme, 31%: Negotiation helps most (+11), then due this month (+9); all open deals 8%, "
        "Ada +5, quarter’s end −2."
    )
    few = _reasons(("overall", 0.5, 4, 2, "all open deals"))
    assert sentence(few) == "2 of 4 past deals won: too few to say."
    assert sentence(table.head(1)) == "acme, 8%: all open deals 8%."


def test_explain_chances__adds_up_each_deal_without_counts() -> None:
    one = _reasons(
        ("overall", 0.084, 900, 76, "all open deals"),
        ("bucket", 0.17, 500, 85, "due"),
        ("owner", 0.151, 9, 1, "Ada"),
    )
    other = _reasons(
        ("overall", 0.084, 900, 76, "all open deals"), ("stage", 0.002, 50, 0, "proposal")
    )
    both = pd.concat([one, other.rename(index={"acme": "bolt"}, level="unique_id")])
    both.attrs = one.attrs
    assert explain_chances(both).to_dict() == {
        "acme": "due this month helps most (+9); all open deals 8%, Ada −2",
        "bolt": "Proposal costs (−8); all open deals 8%",
    }
    assert explain_chances(both.head(0)).empty


def table(rows, index, name, **attrs):
    made = pd.DataFrame(rows, index=pd.Index(index, name=name))
    return TableNote(**attrs).write(made)


def test_sentence__of_a_backtest():
    rows = {
        "lead": [14, 7],
        "actual": [100.0, 100.0],
        "error": [20.0, -40.0],
        "held": pd.array([True, None], "boolean"),
    }
    made = table(rows, ["2026-01", "2026-02"], "period")
    assert sentence(made, "backtest") == (
        "Forecasts 7–14 days ahead missed by 30%; 1 of 1 range held."
    )
    assert (
        sentence(made.assign(actual=0.0), "backtest")
        == "Nothing was booked in the periods forecast; 1 of 1 range held."
    )


def test_sentence__of_a_score_by_lead():
    made = table(
        {"n": 9, "wape": [0.1, 0.4], "bias": 0.0, "coverage_80": 0.8, "differs": False},
        ["0–1", "15–31"],
        "lead",
    )
    assert sentence(made.assign(n=2), "score") == "4 past forecasts: too few to say."
    assert sentence(made, "score") == (
        "Forecasts miss by 40% (15–31 days left), by 10% (0–1 days left)."
    )


def test_sentence__of_calibration():
    rows = {
        "n": [10, 30],
        "stated": [0.2, 0.6],
        "realized": [0.2, 0.3],
        "realized_low": [0.05, 0.2],
        "realized_high": [0.5, 0.4],
        "won": [2, 9],
        "open": [0, 0],
        "open_share": [0.0, 0.0],
    }
    made = table(rows, ["0–50%", "50–100%"], "bin")
    assert sentence(made, "calibration") == "Stated at 50% on average, 28% won: stated too high."
    assert sentence(made.head(1), "calibration") == (
        "Stated at 20% on average, 20% won: could be right (10 deals)."
    )
    # What is still open may be won yet.
    assert sentence(made.assign(open_share=0.4, open=[4, 12]), "calibration") == (
        "Stated at 50% on average, 28% won, 40% open: could be right (40 deals)."
    )
    assert sentence(made.assign(n=0), "calibration") == "No stated probability can be judged yet."
