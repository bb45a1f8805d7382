"""Whether the target is made: the finding, its figures, and what is left to do."""

from __future__ import annotations

from typing import Any

import pytest

import opp_analytics as oa
from opp_analytics.answers import forecasts, people, trend, why_it_moved, will_we_make_it
from opp_analytics.report.compose import compose
from opp_analytics.report.digest import make_digest, write_chat
from tests.pipelines import AS_OF, LAST_WEEK, THIS_WEEK, context_of, pipeline, recorded
from tests.scratch import scratch_history


def said(context):
    answer = will_we_make_it(context)
    return " ".join(f"{answer.say(note)}." for note in answer.notes)


def test_notes__without_targets_of_people_says_what_is_to_go(opportunities):
    assert (
        said(context_of(opportunities, target=150_000))
        == "80K to go, covered 1.5× by one open deal."
    )


def test_rows__are_those_of_the_forecast_and_the_figures_its_numbers(opportunities, history):
    asked: dict[str, Any] = {"as_of": AS_OF, "target": 150_000.0, "method": "stated"}
    answer = oa.ask("will_we_make_it", opportunities, history, **asked)
    table = oa.forecast(opportunities, history=history, **asked)
    row = table.loc["2026-03"]
    (now,) = answer.tables[0].rows
    assert now.values == {name: pytest.approx(row[name]) for name in now.values}
    assert {"booked", "expected", "target", "gap"} <= set(now.values)
    figures = {figure.column: figure.value for figure in answer.figures}
    assert figures == {name: pytest.approx(row[name]) for name in figures}


def test_notes__tell_what_is_won_and_dated_later(history):
    later = ("oak", "Oak", 90_000.0, "closed_won", "won", "2026-04-30", 100, "Ann")
    far = ("elm", "Elm", 20_000.0, "closed_won", "won", "2026-05-29", 100, "Ann")
    one = context_of(pipeline([*THIS_WEEK, later]), history, target=150_000)
    assert "90K is won but dated Apr 30 (Oak)." in said(one)
    closed = will_we_make_it(one).figures[0]
    assert (closed.value, closed.remark) == (
        70_000.0,
        "1 deal, 47% of target; 90K more dated later",
    )
    two = context_of(pipeline([*THIS_WEEK, later, far]), history, target=150_000)
    assert "Wins of 110K are dated after March, Oak most." in said(two)


@pytest.mark.slow
def test_figures__a_win_that_is_dated_later_is_no_fall():
    _, *others = THIS_WEEK
    won = ("a", "Alder", 120_000.0, "closed_won", "won", "2026-04-30", 100, "Ann")
    history = recorded(scratch_history(), {"2026-03-09": LAST_WEEK, "2026-03-17": [won, *others]})
    frame = pipeline([won, *others])
    frame.attrs["load"]["fetched_at"] = "2026-03-17T06:00:00+00:00"
    context = context_of(frame, history, as_of="2026-03-17", target=150_000)
    forecast = next(one for one in will_we_make_it(context).figures if one.column == "expected")
    later = 80_000.0  # Alder was 100K at 80%; nothing else of March moved but a loss of 20K.
    assert forecast.then == pytest.approx(
        forecasts.earlier(context).figure("2026-03", "expected") - later
    )
    assert "apart from 80K won but dated later" in forecast.remark
    (ann,) = [row for row in people(context).tables[0].rows if row.name.value == "Ann"]
    assert (ann.values.get("change", 0.0), ann.words["change"].write(None)) == (
        pytest.approx(0.0),
        "80K won, dated later",
    )
    steps = why_it_moved(context)
    assert "down" in steps.say(steps.notes[0])
    assert "apart from 80K" in steps.say(steps.notes[0])
    assert "apart from 80K" in trend(context).say(trend(context).notes[0])
    page = compose(context, workbook="x.xlsx")
    assert "apart from 80K won but dated later" in write_chat(make_digest(page, context))
