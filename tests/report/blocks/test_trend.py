"""The way to the target, and what to do to see it."""

from __future__ import annotations

from opp_analytics.report.blocks.trend import trend
from opp_analytics.report.model import Chart, Note
from tests.report.pipelines import tables_of
from tests.svg import reading


def test_trend__draws_each_week_up_to_today(opportunities, history):
    block = trend(tables_of(opportunities, history, target=150_000))
    assert block.title == "The March forecast is 16K above its target, down 14K since Mar 9"
    (chart,) = block.parts
    assert isinstance(chart, Chart)
    assert [said.partition(":")[0] for said in reading.titles(chart.html)] == ["Mar 1", "Mar 9", "Mar 16"]
    assert "target 150K" in reading.texts(chart.html)


def test_trend__without_history_names_the_command(opportunities):
    (note,) = trend(tables_of(opportunities)).parts
    assert isinstance(note, Note)
    assert note.command == "opp-analytics record"
