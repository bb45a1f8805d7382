"""The sheets: what each of them holds."""

from __future__ import annotations

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.answers import forecasts, list_deals
from opp_analytics.answers import tables as report_tables
from opp_analytics.report.compose import compose
from opp_analytics.report.sheets import figures, sheets, summarize
from opp_analytics.report.show_answer import show_deals
from tests.pipelines import THIS_WEEK, context_of, pipeline


@pytest.mark.slow
def test_sheets__are_the_page_s_tables_and_its_deals(opportunities, history):
    found = {
        sheet.name: sheet.table
        for sheet in sheets(context_of(opportunities, history, target=150_000))
    }
    assert list(found) == [
        "People",
        "Deals",
        "At risk",
        "Change",
        "Periods",
        "Categories",
        "Slippage",
        "Due deals",
        "Pushed",
        "Stage flow",
        "Stage entries",
        "Win rates",
        "Findings",
        "Records",
    ]
    assert found["Change"]["expected"].sum() == -14_000
    deals = found["Deals"].set_index("unique_id")
    assert found["Deals"].columns[-1] == "unique_id"
    shown = ["outcome", "period", "value", "probability", "expected_value"]
    assert deals.loc["a", shown].tolist() == [
        "open",
        pd.Period("2026-03", "M"),
        120_000,
        80,
        96_000,
    ]
    # Stated chances are none from history, and a column without a value is left out.
    assert "chance" not in deals
    assert deals.loc["d", "period"] == "overdue"
    assert deals.loc["c", ["period", "expected_value"]].tolist() == [
        pd.Period("2026-04", "M"),
        6_000,
    ]
    assert deals.loc["d", ["risk", "reasons"]].tolist() == [1, "3 days overdue"]
    assert deals.index.is_unique
    periods = found["Periods"].set_index("period")["expected"].to_dict()
    assert found["People"]["expected"].iloc[-1] == periods[pd.Period("2026-03", "M")]
    assert set(found["At risk"]["unique_id"]) == set(deals.index[deals["risk"] > 0])


def test_sheets__put_the_open_deals_first_by_period_and_those_that_add_most_before_others(
    opportunities,
):
    found = {sheet.name: sheet.table for sheet in sheets(context_of(opportunities))}
    deals, periods = found["Deals"], found["Periods"]["period"].tolist()
    assert deals["unique_id"].tolist() == ["d", "a", "c", "f", "e", "b"], (
        "overdue ones are asked about first"
    )
    # As a spreadsheet sorts them: dates, then words.
    assert [isinstance(one, str) for one in periods] == sorted(
        isinstance(one, str) for one in periods
    )
    assert periods[-2:] == ["overdue", "no close date"]


@pytest.mark.parametrize(
    ("freq", "fiscal", "now", "label"),
    [
        ("Q", 1, "2026 Q1", "2026 Q1"),
        ("Q", 2, "FY27 Q1 (Feb–Apr)", "FY27 Q1 (Feb–Apr)"),
        ("W", 1, pd.Period("2026-03-16", "D"), "Mar 16, 2026"),
        ("Y", 1, "2026", "2026"),
    ],
)
def test_sheets__have_periods_that_sort_by_time(opportunities, freq, fiscal, now, label):
    context = context_of(opportunities, freq=freq, org=oa.Org(fiscal_year_start=fiscal))
    found = {sheet.name: sheet for sheet in sheets(context)}["Periods"]
    place = forecasts.forecast(context).index.get_loc(str(context.period)) - 2
    assert found.table["period"].iloc[place] == now
    if freq == "W":
        assert found.table["period_end"].iloc[place] == pd.Timestamp("2026-03-22")
    assert _graphs(context)[0].index[0] == label


def _graphs(context):
    return [graph.table for graph in summarize(compose(context, workbook=""), context).graphs]


def test_summarize__draws_the_periods_ahead_and_the_people_as_they_add_up(opportunities):
    periods, people = _graphs(context_of(opportunities, target=150_000))
    assert list(periods.index) == ["Mar 2026", "Apr 2026", "May 2026", "Jun 2026"]
    assert periods.loc["Mar 2026"].tolist() == [70_000, 96_000, 166_000, 150_000]
    assert people["Forecast"].sum() == 166_000


def test_summarize__draws_nothing_without_deals_and_nobody_without_owners(opportunities):
    assert _graphs(context_of(pipeline([]), target=150_000)) == []
    assert len(_graphs(context_of(opportunities.drop(columns="owner_name")))) == 1


def test_sheets__of_people_have_each_team_above_its_own(opportunities):
    frame = opportunities.assign(
        team=["East" if name == "Ann" else "West" for name in opportunities["owner_name"]]
    )
    [sheet] = [sheet for sheet in sheets(context_of(frame)) if sheet.name == "People"]
    assert sheet.levels == (1, 2, 1, 2, 0)
    assert sheet.table[["team", "owner_name"]].astype("object").where(
        lambda known: known.notna(), None
    ).to_numpy().tolist() == [
        ["East", None],
        ["East", "Ann"],
        ["West", None],
        ["West", "(none)"],
        ["Total", None],
    ]


def test_sheets__of_what_to_win_have_the_deals_of_each_person(opportunities):
    org = oa.Org(
        targets=[
            {"period": "2026-03", "owner_name": name, "target": 200_000} for name in ("Ann", "Bo")
        ]
    )
    context = context_of(opportunities, org=org)
    [sheet] = [sheet for sheet in sheets(context) if sheet.name == "To win"]
    assert sheet.levels.count(1) == len(forecasts.to_win(context))
    assert sheet.levels.count(2) == forecasts.to_win(context)["deals"].sum()
    assert sheet.table["gap"].iloc[-1] == forecasts.to_win(context)["gap"].sum()


def test_sheets__of_deals_leave_out_those_closed_before_the_window_of_the_win_rates_and_say_so():
    rows = [
        ("g", "Gorse", 1.0, "closed_won", "won", "2025-03-31", 100, "Ann"),
        ("h", "Hazel", 2.0, "closed_lost", "lost", "2025-04-01", 0, "Ann"),
        ("i", "Iris", 3.0, "proposal", "active", "2025-03-31", 20, "Ann"),
        ("j", "Juniper", 4.0, "closed_lost", "lost", None, 0, "Ann"),
    ]
    sheet = next(
        sheet
        for sheet in sheets(context_of(pipeline([*THIS_WEEK, *rows])))
        if sheet.name == "Deals"
    )
    assert sheet.table["unique_id"].tolist() == list("diacfejbh")
    assert sheet.printed == len("diacfe"), "the open ones and those won in this period"
    assert (
        sheet.note
        == "Leaves out 1 deal closed before Apr 1, 2025. All deals: opp-analytics export deals.xlsx"
    )


def list_lost(value_of_day):
    """Many deals lost in February, one a day."""
    return [
        (
            f"k{day}",
            f"Kale {day}",
            value_of_day(day),
            "closed_lost",
            "lost",
            f"2026-02-{day:02}",
            0,
            "Ann",
        )
        for day in range(1, 25)
    ]


def test_sheets__of_deals_have_of_closed_ones_those_of_these_days_and_won_in_the_period(
    monkeypatch,
):
    monkeypatch.setattr(report_tables, "_MOST_CLOSED", 3)
    ahead = ("y", "Yew", 5.0, "closed_won", "won", "2027-06-01", 100, "Ann")
    context = context_of(pipeline([*THIS_WEEK, *list_lost(float), ahead]))
    sheet = next(sheet for sheet in sheets(context) if sheet.name == "Deals")
    assert sheet.table["unique_id"].tolist() == [*"dacfeb", "k24"]
    assert sheet.note.startswith(
        "Leaves out 24 deals closed before Feb 24, 2026 or dated after Apr 5, 2026."
    )
    assert sheet.table["in_forecast"].sum() == forecasts.added(context)["2026-03"].sum()


@pytest.mark.parametrize(
    ("value_of_day", "said"),
    [
        (lambda day: 1_000.0 + day, "4 more deals, none of them in the workbook, sheet “Deals”"),
        (lambda day: 1_000.0 - day, "4 more deals, 1 of them in the workbook, sheet “Deals”"),
    ],
)
def test_list_deals__says_how_many_of_the_others_the_workbook_has(monkeypatch, value_of_day, said):
    monkeypatch.setattr(report_tables, "_MOST_CLOSED", 3)
    context = context_of(pipeline([*THIS_WEEK, *list_lost(value_of_day)]))
    lost = context.deals[context.deals["unique_id"].str.startswith("k")]
    assert show_deals(list_deals(context, "Lost", lost)).sums[0][0] == said


def test_figures__are_numbers_with_those_of_a_week_before(opportunities, history):
    found = {
        figure.column: (figure.value, figure.before)
        for figure in figures(context_of(opportunities, history, target=150_000))
    }
    assert found["booked"] == (70_000, 70_000)
    assert found["expected"] == (166_000, 180_000)
    assert found["pipeline_coverage"] == (1.5, pytest.approx(2.125))
