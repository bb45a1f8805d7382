"""What each person must win, on the page."""

from __future__ import annotations

import pandas as pd

from opp_analytics.report.blocks.to_win import to_win
from opp_analytics.report.model import Goals, Note
from tests.report.pipelines import THIS_WEEK, pipeline, tables_of

TARGETS = pd.DataFrame({"period": "2026-03", "owner_name": ["Ann", "Bo & Co"], "target": [150_000.0, 0.0]})


def _goals(block):
    (part,) = block.parts
    assert isinstance(part, Goals)
    return part.goals


def test_to_win__say_what_covers_the_gap(opportunities):
    ann, *_ = _goals(to_win(tables_of(opportunities, target=TARGETS)))
    assert (ann.name, ann.state, ann.advice) == (
        "Ann", "70K of 150K · 80% as stated", "You are 80K short; this one deal covers it.",
    )  # fmt: skip
    assert [(deal.text, *said) for deal, *said in ann.deals] == [
        ("Alder", "120,000", "80%", "–", "negotiation, due Mar 27")
    ]


def test_to_win__without_targets_of_people_say_how_to_get_them(opportunities):
    (note,) = to_win(tables_of(opportunities, target=150_000)).parts
    assert isinstance(note, Note)
    assert "[targets] in the org file" in note.text


def test_to_win__of_everybody_at_target_are_upside_still_due():
    block = to_win(tables_of(pipeline(THIS_WEEK), target=TARGETS.head(1).assign(target=60_000.0)))
    assert block.title == "Everyone is at target: upside still due"
    (met,) = _goals(block)
    assert [(deal.text, value, todo) for deal, value, _, _, todo in met.deals] == [
        ("Ann", "120,000", "70K of 60K closed, 1 deal due")
    ]


def test_to_win__of_everybody_at_target_without_a_deal_due_say_so():
    won = [("g", "Gorse", 10.0, "closed_won", "won", "2026-03-02", 100, "Ann")]
    block = to_win(tables_of(pipeline(won), target=TARGETS.head(1).assign(target=5.0)))
    assert block.title == "Everyone is at target: no more deals due"


def test_to_win__of_many_people_begin_with_those_who_have_deals():
    people = [f"Rep {place:02d}" for place in range(14)]
    rows = [("a", "Alder", 9.0, "proposal", "active", "2026-03-20", 50, "Rep 13")]
    targets = pd.DataFrame({"period": "2026-03", "owner_name": people, "target": 100.0})
    first, stuck = _goals(to_win(tables_of(pipeline(rows), target=targets)))
    assert (first.name, first.state) == ("Rep 13", "0 of 100")  # What it cannot cover has no chance of 0%.
    assert (stuck.state, stuck.advice) == (
        "1.3K short",
        "No open deal of theirs could close in time; 5 more are short.",
    )
    assert [(deal.text, value) for deal, value, *_ in stuck.deals] == [(name, "100") for name in people[:8]]


def test_to_win__at_target_name_those_with_deals_due():
    rows = [*THIS_WEEK, ("g", "Gorse", 10.0, "closed_won", "won", "2026-03-02", 100, "Bo & Co")]
    targets = TARGETS.assign(target=5.0)
    (met,) = _goals(to_win(tables_of(pipeline(rows), target=targets)))
    assert met.advice == "Upside still due this month; 1 more is at target."
    assert [deal.text for deal, *_ in met.deals] == ["Ann"]
    (none,) = _goals(to_win(tables_of(pipeline(rows[-1:]), target=targets.tail(1))))
    assert none.advice == "No more deals due this month."
    assert [(deal.text, value, todo) for deal, value, _, _, todo in none.deals] == [
        ("Bo & Co", "", "10 of 5 closed")
    ]
