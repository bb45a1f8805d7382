"""The sheets: what each of them holds."""

from __future__ import annotations

import pytest

from opp_analytics.report.sheets import figures, sheets
from tests.report.pipelines import THIS_WEEK, pipeline, tables_of


def test_sheets__are_the_page_s_tables_and_its_deals(opportunities, history):
    found = {sheet.name: sheet.table for sheet in sheets(tables_of(opportunities, history, target=150_000))}
    assert list(found) == [
        "People", "Periods", "Deals", "Change", "Categories", "Slippage", "Due deals", "Pushed", "Stage flow", "Stage entries", "Win rates", "Findings", "Records",
    ]  # fmt: skip
    assert found["Change"]["expected"].sum() == -14_000
    deals = found["Deals"].set_index("unique_id")
    assert found["Deals"].columns[-1] == "unique_id"
    shown = ["outcome", "period", "value", "probability", "expected_value"]
    assert deals.loc["a", shown].tolist() == ["open", "2026-03", 120_000, 80, 96_000]
    # Stated chances are none from history, and a column without a value is left out.
    assert "chance" not in deals
    assert deals.loc["d", "period"] == "overdue"
    assert deals.loc["c", ["period", "expected_value"]].tolist() == ["2026-04", 6_000]
    assert deals.loc["d", ["risk", "reasons"]].tolist() == [1, "3 days overdue"]
    assert deals.index.is_unique
    assert found["People"]["expected"].sum() == found["Periods"].set_index("period")["expected"]["2026-03"]


def test_sheets__of_deals_leave_out_those_closed_before_the_window_of_the_win_rates_and_say_so():
    rows = [
        ("g", "Gorse", 1.0, "closed_won", "won", "2025-03-31", 100, "Ann"),
        ("h", "Hazel", 2.0, "closed_lost", "lost", "2025-04-01", 0, "Ann"),
        ("i", "Iris", 3.0, "proposal", "active", "2025-03-31", 20, "Ann"),
        ("j", "Juniper", 4.0, "closed_lost", "lost", None, 0, "Ann"),
    ]
    sheet = next(sheet for sheet in sheets(tables_of(pipeline([*THIS_WEEK, *rows]))) if sheet.name == "Deals")
    assert sorted(sheet.table["unique_id"]) == list("abcdefhij")
    assert (
        sheet.note
        == "Leaves out 1 deal closed before Apr 1, 2025. All deals: opp-analytics export deals.xlsx"
    )


def test_sheets__without_history_leave_out_what_needs_one(opportunities):
    assert [sheet.name for sheet in sheets(tables_of(opportunities))] == [
        "People",
        "Periods",
        "Deals",
        "Categories",
        "Win rates",
        "Findings",
    ]


def test_figures__are_numbers_with_those_of_a_week_before(opportunities, history):
    found = {
        figure.column: (figure.value, figure.before)
        for figure in figures(tables_of(opportunities, history, target=150_000))
    }
    assert found["booked"] == (70_000, 70_000)
    assert found["expected"] == (166_000, 180_000)
    assert found["pipeline_coverage"] == (1.5, pytest.approx(2.125))
