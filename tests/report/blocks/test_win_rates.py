"""Win rates by person."""

from __future__ import annotations

from opp_analytics.report.blocks.win_rates import win_rates
from opp_analytics.report.model import Chart, Note
from tests.report.pipelines import pipeline, tables_of
from tests.svg import reading


def test_win_rates__of_everybody_who_closed(opportunities):
    block = win_rates(tables_of(opportunities))
    assert block.title == "50% of the 2 deals closed since Apr 1, 2025 were won"
    (chart,) = block.parts
    assert isinstance(chart, Chart)
    assert [said.partition(",")[0] for said in reading.titles(chart.html)] == ["Ann: 100%", "Bo & Co: 0%"]


def test_win_rates__of_many_are_those_with_most_closed_deals():
    rows = [(f"{k}", "x", 1.0, "closed_won", "won", "2026-03-02", 100, f"Rep {k:02d}") for k in range(60)]
    block = win_rates(tables_of(pipeline(rows)))
    assert block.sub.endswith("The 12 with most closed deals of 60")


def test_win_rates__of_nothing_closed():
    assert isinstance(win_rates(tables_of(pipeline([]))).parts[0], Note)
