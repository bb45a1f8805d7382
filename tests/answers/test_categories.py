"""How much rests on commit: closed money and each category of the deals due."""

from __future__ import annotations

import opp_analytics as oa
from tests.pipelines import AS_OF, pipeline


def test_categories__add_up_to_closed_and_what_is_due(opportunities):
    answer = oa.ask("categories", opportunities, as_of=AS_OF, target=150_000)
    table, _ = answer.tables
    assert [(row.id, *row.values.values()) for row in table.rows] == [
        ("closed", 70_000.0, 70_000.0),
        ("commit", 120_000.0, 190_000.0),
        ("best_case", 0.0, 190_000.0),
        ("pipeline", 0.0, 190_000.0),
    ]
    assert answer.sentence == "March: 70K closed, 190K with Commit; target 150K."


def test_categories__of_nothing_say_so():
    answer = oa.ask("categories", pipeline([]), as_of=AS_OF)
    assert (answer.sentence, answer.tables) == ("Nothing is closed or due in March.", ())
