"""Whether the target is made: the finding, its figures, and what is left to do."""

from __future__ import annotations

from typing import Any

import pytest

import opp_analytics as oa
from opp_analytics.answers import will_we_make_it
from tests.pipelines import AS_OF, THIS_WEEK, context_of, pipeline


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
    assert (closed.value, closed.words) == (70_000.0, "1 deal, 47% of target; 90K more dated later")
    two = context_of(pipeline([*THIS_WEEK, later, far]), history, target=150_000)
    assert "110K of 2 wins is dated after March, Oak most." in said(two)
