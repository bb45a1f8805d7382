"""Who wins more or fewer of their deals than the others."""

from __future__ import annotations

import opp_analytics as oa
from tests.pipelines import AS_OF, THIS_WEEK, close, pipeline


def test_win_rates__tell_who_differs_beyond_chance():
    answer = oa.ask("win_rates", pipeline(close({"Ann": 18, "Bo": 2, "Cy": 10})), as_of=AS_OF)
    # Fisher's exact test with Holm's adjustment: 18 and 2 of 20 differ from 12 and 28 of the other
    # 40, 10 does not.
    assert answer.sentence == "Win rates beyond chance: Ann 90% and Bo 10% (50% overall)."
    assert {
        row.id: (row.values["won"], row.values["lost"], row.values["rate"], row.values["differs"])
        for row in answer.tables[0].rows
    } == {"Ann": (18, 2, 0.9, True), "Bo": (2, 18, 0.1, True), "Cy": (10, 10, 0.5, False)}
    assert answer.figures[0].value == 0.5


def test_win_rates__say_what_of_the_overall_rate_is_of_nobody():
    frame = pipeline([*close({"Ann": 18}), *THIS_WEEK[:4]])
    frame.loc[:2, "owner_name"] = None
    for key in ("win_rates", "scorecard"):
        answer = oa.ask(key, frame, as_of=AS_OF)
        assert "(none)" not in {row.id for row in answer.tables[0].rows}
        assert "the overall rate also has 3 deals of nobody" in answer.say(answer.notes[0])


def test_win_rates__of_one_person_compare_with_nobody():
    won = ("a", "A", 1.0, "closed_won", "won", "2026-03-02", 100, "Ann")
    answer = oa.ask("win_rates", pipeline([won]), as_of=AS_OF)
    assert answer.sentence == "1 of 1 deal closed from Apr 1, 2025 on was won: too few to say."
    assert answer.notes == ()


def test_win_rates__of_nothing_closed():
    answer = oa.ask("win_rates", pipeline([]), as_of=AS_OF)
    assert answer.sentence == "No deal was won or lost from Apr 1, 2025 on."
    assert answer.tables == ()


def test_code__counts_a_win_that_is_dated_later_as_the_answer_does() -> None:
    later = ("g", "Ginkgo", 40_000.0, "closed_won", "won", "2026-05-29", 100, "Ann")
    answer = oa.ask("win_rates", pipeline([*THIS_WEEK, later]), as_of=AS_OF)
    given = {"oa": oa, "deals": answer.context.opportunities}
    assert eval(answer.code, given)["won"].to_dict()["Ann"] == answer.to_frame()["won"][0] == 2
