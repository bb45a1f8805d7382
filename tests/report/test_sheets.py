"""The sheets: what each of them holds."""

from __future__ import annotations

import pytest

from opp_analytics.report.sheets import figures, sheets
from tests.report.pipelines import tables_of


def test_sheets__are_the_page_s_tables_and_every_deal(opportunities, history):
    found = {sheet.name: sheet.table for sheet in sheets(tables_of(opportunities, history, target=150_000))}
    assert list(found) == [
        "People", "Periods", "Deals", "Change", "Categories", "Slippage", "Due deals", "Pushed", "Stage flow", "Stage entries", "Win rates", "Findings", "Records",
    ]  # fmt: skip
    assert found["Change"]["expected"].sum() == -14_000
    deals = found["Deals"].set_index("unique_id")
    assert found["Deals"].columns[-1] == "unique_id"
    shown = ["outcome", "period", "value", "probability", "expected_value"]
    assert deals.loc["a", shown].tolist() == ["open", "2026-03", 120_000, 80, 96_000]
    # Stated chances are none from history.
    assert deals["chance"].isna().all()
    assert deals.loc["d", "period"] == "overdue"
    assert deals.loc["c", ["period", "expected_value"]].tolist() == ["2026-04", 6_000]
    assert deals.loc["d", ["risk", "reasons"]].tolist() == [1, "3 days overdue"]
    assert deals.index.is_unique
    assert found["People"]["expected"].sum() == found["Periods"].set_index("period")["expected"]["2026-03"]


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
