"""Whether the target is made: the finding, its figures, and what is left to do."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.answers import will_we_make_it
from tests.pipelines import AS_OF, THIS_WEEK, context_of, pipeline


def said(context):
    answer = will_we_make_it(context)
    return " ".join(f"{answer.say(note)}." for note in answer.notes)


def test_notes__of_equal_gaps_singles_nobody_out():
    target = pd.DataFrame(
        {"owner_name": ["Ann", "Bo & Co", "Cy"], "period": "2026-04", "target": 50_000.0}
    )
    context = context_of(pipeline(THIS_WEEK), target=target, as_of="2026-04-10")
    assert said(context).endswith(" Three have 50K to go each.")
    won = ("dot", "Dogwood", 70_000.0, "closed_won", "won", "2026-04-03", 100, "Dot")
    four = pd.concat([target, target.tail(1).assign(owner_name="Dot")])
    assert said(context_of(pipeline([*THIS_WEEK, won]), target=four, as_of="2026-04-10")).endswith(
        " Three have 50K to go each, the others are 20K past target."
    )
    # On the first days nobody is late.
    seen = pipeline(THIS_WEEK)
    seen.attrs["load"] = {**seen.attrs["load"], "fetched_at": "2026-04-02T06:00:00Z"}
    begun = context_of(seen, target=target, as_of="2026-04-02")
    assert said(begun).endswith(" by one open deal. March closed at 70K.")
    closed = will_we_make_it(begun).figures[0]
    assert (closed.column, closed.words) == ("booked", "day 2 of 30")


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


def test_json__has_nothing_that_json_lacks(opportunities, history):
    answer = oa.ask("will_we_make_it", opportunities, history, as_of=AS_OF)
    told = json.dumps(answer.to_dict(), allow_nan=False)
    assert answer.sentence in json.loads(told)["sentence"]


def test_notes__tell_what_is_won_and_dated_later(history):
    later = ("oak", "Oak", 90_000.0, "closed_won", "won", "2026-04-30", 100, "Ann")
    far = ("elm", "Elm", 20_000.0, "closed_won", "won", "2026-05-29", 100, "Ann")
    one = context_of(pipeline([*THIS_WEEK, later]), history, target=150_000)
    assert "90K is won but dated Apr 30 (Oak)." in said(one)
    closed = will_we_make_it(one).figures[0]
    assert (closed.value, closed.words) == (70_000.0, "1 deal, 47% of target; 90K more dated later")
    two = context_of(pipeline([*THIS_WEEK, later, far]), history, target=150_000)
    assert "110K of 2 wins is dated after March, Oak most." in said(two)
