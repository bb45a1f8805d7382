"""The blocks of the page, and its figures."""

from __future__ import annotations

import pandas as pd

from opp_analytics.answers import Figure, forecasts
from opp_analytics.report.blocks import BLOCKS, make_tile, tiles
from opp_analytics.report.model import Chart, Goals, Note, PageTable
from tests.analysis.forecasting.histories import even_months
from tests.pipelines import (
    THIS_WEEK,
    context_of,
    pipeline,
)
from tests.report.reading import list_lines
from tests.svg import reading


def test_trend__draws_each_week_up_to_today(opportunities, history):
    block = BLOCKS["trend"](context_of(opportunities, history, target=150_000))
    assert block.title == "March’s forecast is 16K above target, down 14K since Mar 9"
    (chart,) = block.parts
    assert isinstance(chart, Chart)
    assert [said.partition(":")[0] for said in reading.titles(chart.html)] == [
        "Mar 1",
        "Mar 9",
        "Mar 16",
    ]
    assert "target 150K" in reading.texts(chart.html)


def test_trend__shows_closed_money_from_records_that_the_method_cannot_forecast_from():
    history = even_months(5)
    now = history.as_of("2026-05-21T12:00Z")
    block = BLOCKS["trend"](
        context_of(now, history, as_of="2026-05-21", method="run_rate", target=500)
    )
    assert (
        ". The run rate method can forecast from May 11 on. Thin gray: closed in the last three "
        "months. "
    ) in block.sub
    assert block.sub.endswith("closed by May 21: the last three months had 130 by then")
    (chart,) = block.parts
    assert isinstance(chart, Chart)
    said = reading.titles(chart.html)
    assert [words for words in said if "forecast –" in words] == [
        "Mar 21: closed 0, forecast –, target 500",
        "Apr 10: closed 0, forecast –, target 500",
        "Apr 20: closed 0, forecast –, target 500",
    ]
    assert "forecast 130" in said[3]
    assert "nan" not in chart.html


def test_trend__of_one_forecast_is_a_line_of_text():
    history = even_months(5)
    now = history.as_of("2026-05-11T12:00Z")
    block = BLOCKS["trend"](
        context_of(now, history, as_of="2026-05-11", method="run_rate", target=500)
    )
    assert [part.text for part in block.parts if isinstance(part, Note)] == [
        "The run rate method can forecast May from May 11 on; the trend starts with the next "
        "record."
    ]
    assert len(block.parts) == 1


def test_trend__without_history_draws_what_closed_and_names_the_command(opportunities):
    block = BLOCKS["trend"](context_of(opportunities, target=150_000))
    assert block.title == "70K closed by Mar 16; no earlier month to compare with"
    assert block.sub == "Closed in March, by day"
    chart, note = block.parts
    assert isinstance(chart, Chart)
    assert "closed 70K" in reading.texts(chart.html)
    assert {"Mar 1", "Mar 16"} <= set(reading.texts(chart.html))
    assert "nan" not in chart.html
    assert isinstance(note, Note)
    assert note.command == "opp-analytics record"
    assert "how the forecast moved and why, what slipped and what was created" in note.text


def test_trend__ends_at_the_forecast_of_the_page_where_the_last_record_is_older(
    opportunities, history
):
    context = context_of(opportunities, history, as_of="2026-03-18", target=150_000)
    days = [str(moment.date()) for moment in forecasts.fan(context).index]
    assert days[-2:] == [
        "2026-03-09",
        "2026-03-18",
    ]  # Of each week the last: the record of Mar 16 gives way.
    assert forecasts.fan(context)["expected"].iloc[-1] == forecasts.current(context)["expected"]
    (chart,) = BLOCKS["trend"](context).parts
    assert isinstance(chart, Chart)
    assert f"forecast {context.money(forecasts.current(context)['expected'])}" in reading.texts(
        chart.html
    )


ALDER, BIRCH, CEDAR, DAMSON, ELDER, FIR = THIS_WEEK


def _said(context):
    return {
        tile.name: (tile.figure, tile.change and (tile.change.sign, tile.change.text), tile.note)
        for tile in tiles(context)
    }


def test_tiles__of_a_period_that_is_decided_name_it_as_table_and_trend_do(opportunities, history):
    context = context_of(opportunities, history, target=60_000)
    assert _said(context) == {
        "Closed won, Mar": ("70K", (0, "no change"), "1 deal, 117% of target"),
        "Forecast, Mar": ("166K", (-1, "14K"), "one deal: all or nothing"),
        "Coverage, Mar": ("met", None, "120K due"),
    }
    people, trend = (BLOCKS[key](context) for key in ("people", "trend"))
    assert people is not None
    assert people.sub.startswith("March. ")
    assert trend is not None
    assert trend.title.startswith("March’s forecast is 106K above target")
    assert [*_said(context_of(pipeline([CEDAR])))] == [
        "Closed won, Mar",
        "Forecast, Mar",
        "Open and due, Mar",
    ]


def test_tiles__nothing_due_is_a_dash_and_never_zero():
    assert _said(context_of(pipeline([ELDER]), target=90_000))["Coverage, Mar"] == (
        "–",
        None,
        "none due, 20K to go",
    )
    assert _said(context_of(pipeline([ELDER])))["Open and due"] == ("–", None, "none due")


def test_chance__moved_by_the_difference_of_the_figures_beside_it(opportunities, history):
    context = context_of(opportunities, history)
    chance = Figure("Chance of target", "p_target", 0.264, "2026-03", "was 29%", then=0.2857)
    tile = make_tile(context, chance)
    assert tile.change is not None
    assert (tile.figure, tile.note, tile.change.text, tile.change.sign) == (
        "26%",
        "was 29%",
        "3 pts",
        -1,
    )


PERSONAL = pd.DataFrame(
    {"period": "2026-03", "owner_name": ["Ann", "Bo & Co"], "target": [150_000.0, 0.0]}
)


def test_people__show_each_figure_in_full_and_open_to_deals(opportunities, history):
    (table,) = BLOCKS["people"](context_of(opportunities, history)).parts
    assert isinstance(table, PageTable)
    heads = [column.title for column in table.columns]
    assert heads == ["Rep", "Closed", "Commit", "Best case", "Forecast", "", "Due", "Since Mar 9"]
    assert list_lines(table) == {
        "Ann": ["70,000", "190,000", "190,000", "166,000", "120,000", "16,000"],
        "Bo & Co": ["0", "0", "0", "0", "0", "20,000"],
        "(none)": ["0", "0", "0", "0", "0", "10,000"],
        "All": ["70,000", "190,000", "190,000", "166,000", "120,000", "14,000"],
    }
    opened = table.groups[0].lines[0].opens
    assert opened is not None
    assert [(deal.name, deal.stated, deal.amounts) for deal in opened.deals] == [
        ("Alder", "80%", ("120,000", "96,000")),
        ("Elder", "won", ("70,000", "70,000")),
    ]
    # What the stated method expects of deals that are not due is nothing.
    assert opened.sums == (("Forecast", "166,000"),)


def test_to_win__is_a_card_for_each_person(opportunities):
    (part,) = BLOCKS["to_win"](context_of(opportunities, target=PERSONAL)).parts
    assert isinstance(part, Goals)
    ann, *_ = part.goals
    assert (ann.name, ann.state, ann.advice) == (
        "Ann",
        "70K of 150K",
        "Needs 80K; win Alder.",
    )
    task, *_ = ann.tasks
    assert (task.name.text, task.value, task.stated, task.history, task.todo) == (
        *("Alder", "120,000", "80%", "", "Win, due Mar 27"),
    )
