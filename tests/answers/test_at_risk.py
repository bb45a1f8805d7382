"""Which deals to question first: one answer, and each of its forms."""

from __future__ import annotations

import json

import pytest

import opp_analytics as oa
from opp_analytics.errors import ArgumentValueError
from tests.pipelines import AS_OF, THIS_WEEK, pipeline


@pytest.fixture
def answer(opportunities, history):
    return oa.ask("at_risk", opportunities, history, as_of=AS_OF, method="stated")


def test_ask__at_risk_lists_each_deal_with_its_flags_and_the_overdue_ones_apart(answer):
    flagged, late = answer.tables
    assert [(row.id, row.values.get("value")) for row in flagged.rows] == [
        ("a", 120_000.0),
        ("d", 20_000.0),
        ("f", 10_000.0),
    ]
    assert [row.id for row in late.rows] == ["d"]
    assert answer.sentence == "3 of 4 open deals flagged, 150K of 180K."


def test_ask__of_a_person_has_their_deals_alone(opportunities, history):
    hers = oa.ask("at_risk", opportunities, history, as_of=AS_OF, part="Ann")
    assert {row.values["owner_name"] for row in hers.tables[0].rows} == {"Ann"}


def test_ask__answers_as_of_the_day_of_the_data(opportunities, history):
    assert oa.ask("at_risk", opportunities, history).to_dict()["as_of"] == AS_OF


def test_ask__of_a_later_day_says_when_the_data_were_last_seen(opportunities, history):
    now = oa.ask("at_risk", opportunities, history)
    later = oa.ask("at_risk", opportunities, history, as_of="2026-03-24")
    assert later.sentence == f"As last seen on Mar 16, 2026: {now.sentence}"
    assert [row.id for row in later.tables[0].rows] == [row.id for row in now.tables[0].rows]
    told = later.to_dict()
    assert (told["as_of"], told["seen_at"][:10]) == ("2026-03-24", AS_OF)


def test_to_dict__is_json_with_exact_numbers_and_says_where_it_goes_on(answer):
    told = json.loads(json.dumps(answer.to_dict(most=2)))
    assert [row["id"] for row in told["rows"]] == ["a", "d"]
    assert (told["rows_total"], told["more_after"]) == (3, "d")
    assert told["rows"][0]["value"] == 120_000.0
    assert told["rows"][0]["reasons"].startswith("Pushed twice")
    assert answer.to_dict()["more_after"] is None


def test_html__shows_names_as_text(history):
    rows = [("x", "<b>Bold</b>", 9.0, "proposal", "active", "2026-03-01", 50, "Ann")]
    shown = oa.ask("at_risk", pipeline(rows), as_of=AS_OF)._repr_html_()
    assert "&lt;b&gt;Bold&lt;/b&gt;" in shown
    assert "<b>Bold" not in shown


def test_ask__without_a_flag_says_so_and_lists_nothing():
    answer = oa.ask("at_risk", pipeline(THIS_WEEK[2:3]), as_of=AS_OF)
    assert answer.tables == ()
    assert answer.sentence == "0 of 1 open deal flagged."


def test_ask__refuses_a_question_that_nobody_listed(opportunities):
    with pytest.raises(ArgumentValueError, match="key='risks' is not a question"):
        oa.ask("risks", opportunities)
    with pytest.raises(ArgumentValueError, match="it is the command of 'why_it_moved'"):
        oa.ask("changes", opportunities)
    assert "at_risk" in oa.questions().index


def test_at_risk__says_each_deal_in_a_sentence_with_what_is_known_of_it(opportunities, history):
    def said(frame, **asked):
        answer = oa.ask("at_risk", frame, history, as_of=AS_OF, method="stated", **asked)
        rows = answer.tables[0].rows
        return [row.name.value + answer.say(row.says) for row in rows if row.says]

    assert said(opportunities) == [
        "Alder, 120K, Ann: pushed twice, 17 days in all; in Negotiation",
        "Damson, 20K: 3 days overdue, in Proposal",
        "Fir, 10K, Ann: no close date, in Discovery",
    ]
    hers = said(opportunities.assign(value=None), part="Ann")
    assert "Cedar: no amount, in Discovery" in hers
