"""Why the forecast moved: the steps, what is said of them, and their deals."""

from __future__ import annotations

import pytest

import opp_analytics as oa
from opp_analytics import History, Org
from opp_analytics.analysis import list_steps
from tests.analysis.forecasting.histories import even_months
from tests.pipelines import AS_OF, LAST_WEEK, THIS_WEEK, pipeline, recorded


def _ask(frame, history, day=AS_OF, **asked):
    return oa.ask("why_it_moved", frame, history, as_of=day, **{"method": "stated"} | asked)


def _notes(answer):
    return [answer.say(note) for note in answer.notes]


def test_why_it_moved__goes_by_steps_from_then_to_now(opportunities, history):
    answer = _ask(opportunities, history)
    (table,) = answer.tables
    then, *steps, now = table.rows
    assert then.values["expected"] + sum(step.values["change"] for step in steps) == pytest.approx(
        now.values["expected"]
    )
    for step in steps:
        moved = answer.opens(step).tables[0].rows
        assert step.values["deals"] == len(moved)
        assert sum(deal.values["change"] for deal in moved) == pytest.approx(step.values["change"])
    assert answer.opens(then) is None
    assert answer.opens(now) is None


def test_why_it_moved__names_a_deal_that_was_removed(tmp_path):
    gone = [row for row in THIS_WEEK if row[0] != "a"]
    history = recorded(History(tmp_path / "h"), {"2026-03-09": LAST_WEEK, "2026-03-16": gone})
    answer = _ask(pipeline(gone), history)
    (deal,) = answer.opens(answer.tables[0].rows[1]).tables[0].rows
    assert deal.name.value == "Alder"
    assert (deal.values["stage"], deal.values["change"]) == ("removed", -80_000.0)


def test_why_it_moved__says_what_the_last_record_does_not_hold(history):
    later = [(*row[:2], row[2] + 1_000, *row[3:]) for row in THIS_WEEK]
    notes = _notes(_ask(pipeline(later), history))
    assert notes[-1] == "Changes after the record of Mar 16 are not in it"


def test_why_it_moved__says_that_the_method_changed():
    history = even_months(9)
    frame = history.as_of("2026-07-21T23:00Z")
    asked = {"day": "2026-07-21", "method": "auto"}
    assert _notes(_ask(frame, history, since="2026-06-10", **asked))[-1] == (
        "The method changed from run rate to learned; both forecasts are by learned"
    )
    with_more = _ask(frame, history, since="2026-02-08", **asked)
    assert with_more.sentence == (
        "The method changed: learned had too few records on Feb 8, so that day’s forecast "
        "cannot be compared."
    )


@pytest.mark.parametrize(
    ("method", "name"), [("run_rate", "a higher run rate"), ("learned", "more new business")]
)
def test_list_steps__names_what_no_deal_explains_by_its_method(method, name):
    history = even_months(9)
    table = oa.forecast_change(
        history, start="2026-07-11", end="2026-07-21", period="2026-07", method=method
    )
    table.loc["new_business", "expected"] = 5.0
    assert name in [step.name for step in list_steps(table)]


def test_why_it_moved__says_that_no_record_is_later_than_the_one_compared_with(history):
    frame = history.as_of("2026-03-16")
    answer = _ask(frame, history, "2026-03-23", since="2026-03-20")
    assert answer.sentence == (
        "As last seen on Mar 16, 2026: Nothing was recorded after Mar 16, so the deals that moved "
        "are not known."
    )


def test_why_it_moved__after_a_single_record_says_when(opportunities, tmp_path):
    history = recorded(History(tmp_path / "h"), {"2026-03-16": THIS_WEEK})
    answer = _ask(opportunities, history)
    assert answer.sentence == (
        "The first record is from Mar 16; a comparison is possible from Mar 20 on."
    )
    assert (answer.tables, len(answer.lacks)) == ((), 1)


def test_why_it_moved__is_in_the_money_of_the_org(opportunities, history):
    answer = _ask(Org(currency="CHF").apply(opportunities), history)
    assert _notes(answer)[0] == "March is down CHF\u00a014K since Mar 9, to CHF\u00a0166K"
