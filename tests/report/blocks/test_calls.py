"""Call sheets on the page."""

from __future__ import annotations

import pandas as pd

from opp_analytics.report.blocks.calls import calls
from opp_analytics.report.model import Calls, Note
from tests.report.pipelines import THIS_WEEK, pipeline, tables_of

TARGETS = pd.DataFrame({"period": "2026-03", "owner_name": ["Ann", "Bo & Co"], "target": [150_000.0, 0.0]})


def _calls(block):
    (part,) = block.parts
    assert isinstance(part, Calls)
    return part.calls


def test_calls__say_what_covers_the_gap(opportunities):
    ann, *_ = _calls(calls(tables_of(opportunities, target=TARGETS)))
    assert (ann.name, ann.state, ann.advice) == (
        "Ann", "70K of 150K · 80% as stated", "You are 80K short; this one deal covers it.",
    )  # fmt: skip
    assert [(deal.text, value, chance, todo) for deal, value, chance, todo in ann.deals] == [
        ("Alder", "120,000", "80%", "negotiation, due Mar 27")
    ]


def test_calls__without_targets_of_people_say_how_to_get_them(opportunities):
    (note,) = calls(tables_of(opportunities, target=150_000)).parts
    assert isinstance(note, Note)
    assert "[targets] in the org file" in note.text


def test_calls__of_everybody_at_target_are_upside_still_due():
    block = calls(tables_of(pipeline(THIS_WEEK), target=TARGETS.head(1).assign(target=60_000.0)))
    assert block.title == "Everyone is at target: upside still due"
    (met,) = _calls(block)
    assert [(deal.text, value, todo) for deal, value, _, todo in met.deals] == [
        ("Ann", "120,000", "70K of 60K closed, 1 deal due")
    ]
