"""The sheets: what each of them holds."""

from __future__ import annotations

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.answers import forecasts, list_deals
from opp_analytics.answers import tables as report_tables
from opp_analytics.report.compose import compose
from opp_analytics.report.sheets import sheets, summarize
from opp_analytics.report.show_answer import show_deals
from tests.pipelines import THIS_WEEK, context_of, list_lost, pipeline


@pytest.mark.slow
def test_sheets__of_lists_of_deals_have_the_deals_behind_each_row(opportunities, history):
    found = {
        sheet.name: sheet.table
        for sheet in sheets(context_of(opportunities, history, target=150_000))
    }
    assert found["Change"]["change"].sum() == -14_000
    assert found["Due deals"]["unique_id"].tolist() == ["a", "b", "d"]
    assert found["Due deals"]["period"].tolist() == [pd.Period("2026-03", "M")] * 3
    assert found["Findings"]["check"].tolist() == ["Past the close date", "No owner"]
    assert [table.columns[-1] for name, table in found.items() if "name" in table] == [
        "unique_id"
    ] * 7


@pytest.mark.parametrize(
    ("freq", "fiscal", "now"),
    [
        ("Q", 1, "2026 Q1"),
        ("Q", 2, "FY27 Q1 (Feb–Apr)"),
        ("W", 1, pd.Period("2026-03-16", "D")),
        ("Y", 1, "2026"),
    ],
)
def test_sheets__have_periods_that_sort_by_time(opportunities, freq, fiscal, now):
    context = context_of(opportunities, freq=freq, org=oa.Org(fiscal_year_start=fiscal))
    found = {sheet.name: sheet for sheet in sheets(context)}["Periods"]
    place = forecasts.forecast(context).index.get_loc(str(context.period)) - 2
    assert found.table["period"].iloc[place] == now


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


def test_sheets__of_people_without_teams_have_one_total(opportunities):
    [sheet] = [sheet for sheet in sheets(context_of(opportunities)) if sheet.name == "People"]
    assert sheet.levels == (1, 1, 0)
    assert sheet.table["booked"].tolist() == [70_000, 0, 70_000]


def test_sheets__of_what_to_win_have_the_deals_of_each_person(opportunities):
    org = oa.Org(
        targets=[
            {"period": "2026-03", "owner_name": name, "target": 200_000} for name in ("Ann", "Bo")
        ]
    )
    context = context_of(opportunities, org=org)
    [sheet] = [sheet for sheet in sheets(context) if sheet.name == "To win"]
    assert sheet.table["name"].dropna().tolist() == ["Alder", "Cedar", "Fir"]
    assert sheet.levels.count(2) == 3


@pytest.mark.parametrize(
    ("in_march", "said"),
    [
        ("k24", "4 more deals, none of them in the workbook, sheet “Deals”"),
        ("k1", "4 more deals, 1 of them in the workbook, sheet “Deals”"),
    ],
)
def test_list_deals__says_how_many_of_the_others_the_workbook_has(monkeypatch, in_march, said):
    monkeypatch.setattr(report_tables, "_MOST_LISTED", 3)
    rows = [
        (*row[:5], "2026-03-02", *row[6:]) if row[0] == in_march else row for row in list_lost()
    ]
    context = context_of(pipeline([*THIS_WEEK, *rows]))
    lost = context.deals[context.deals["unique_id"].str.startswith("k")]
    assert show_deals(list_deals(context, "Lost", lost)).sums[0][0] == said


@pytest.mark.slow
def test_summarize__has_figures_as_numbers_with_those_of_a_week_before(opportunities, history):
    context = context_of(opportunities, history, target=150_000)
    found = {
        figure.column: (figure.value, figure.before)
        for figure in summarize(compose(context, workbook=""), context).figures
    }
    assert found["booked"] == (70_000, 70_000)
    assert found["expected"] == (166_000, 180_000)
    assert found["pipeline_coverage"] == (1.5, pytest.approx(2.125))
