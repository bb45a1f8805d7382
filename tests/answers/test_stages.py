"""Where deals end: by stage, what entered it, else what is open in it."""

from __future__ import annotations

import opp_analytics as oa
from tests.pipelines import AS_OF, THIS_WEEK, pipeline


def test_stages__with_history_open_to_their_entries(opportunities, history):
    answer = oa.ask("stages", opportunities, history, as_of=AS_OF)
    assert not answer.lacks
    assert answer.code.startswith('oa.stage_flow(history, start="2026-03-01T06:00:00+00:00"')
    for row in answer.tables[0].rows:
        entries = [one for table in answer.opens(row).tables for one in table.rows]
        assert len(entries) == row.values["entries"]


def test_stages__without_history_are_what_is_open_in_each(opportunities):
    answer = oa.ask("stages", opportunities, as_of=AS_OF)
    assert answer.sentence == "Of 180K in the open pipeline, 67% is in Negotiation."
    assert [(row.id, *row.values.values()) for row in answer.tables[0].rows][::3] == [
        ("discovery", 2, 40_000.0),
        ("negotiation", 1, 120_000.0),
    ]
    assert [one.shell_way for one in answer.lacks] == ["opp-analytics record"]


def test_stages__without_an_open_deal_say_so():
    answer = oa.ask("stages", pipeline(THIS_WEEK[4:5]), as_of=AS_OF)
    assert (answer.sentence, answer.tables) == ("No deal is open in any stage.", ())
