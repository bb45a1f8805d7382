"""The way to the target, and what to do to see it."""

from __future__ import annotations

from opp_analytics import History
from opp_analytics.report.blocks.trend import trend
from opp_analytics.report.model import Chart, Note
from tests.report.pipelines import THIS_WEEK, recorded, tables_of
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
    assert "how the forecast moved and why, what slipped and what was created" in note.text


def test_trend__of_one_record_says_when_it_begins(opportunities, tmp_path):
    one = recorded(History(tmp_path / "h"), {"2026-03-16": THIS_WEEK})
    (note,) = trend(tables_of(opportunities, one)).parts
    assert isinstance(note, Note)
    assert note.text == "The first record is from Mar 16; the trend starts with the next one."


def test_trend__of_a_day_before_the_records_says_so(opportunities, history):
    (note,) = trend(tables_of(opportunities, history, as_of="2026-02-10")).parts
    assert isinstance(note, Note)
    assert note.text.startswith("The history begins on Mar 1, 2026, after the day of this page, ")


def test_trend__ends_at_the_forecast_of_the_page_where_the_last_record_is_older(opportunities, history):
    tables = tables_of(opportunities, history, as_of="2026-03-18", target=150_000)
    days = [str(moment.date()) for moment in tables.fan.index]
    assert days[-2:] == ["2026-03-09", "2026-03-18"]  # Of each week the last: the record of Mar 16 gives way.
    assert tables.fan["expected"].iloc[-1] == tables.current["expected"]
    (chart,) = trend(tables).parts
    assert isinstance(chart, Chart)
    assert f"forecast {tables.inputs.money(tables.current['expected'])}" in reading.texts(chart.html)
