"""What became of the deals that were due, and which keep moving."""

from __future__ import annotations

import opp_analytics as oa
from tests.pipelines import AS_OF


def test_slippage__opens_each_period_to_what_became_of_its_deals(opportunities, history):
    answer = oa.ask("slippage", opportunities, history, as_of=AS_OF)
    periods, pushed = answer.tables
    assert answer.sentence == "3 deals were due in March so far: too few to say."
    assert [(row.id, dict(row.values)) for row in periods.rows] == [
        (
            "Mar to date",
            {
                "period": "2026-03",
                "deals": 3,
                "value": 170_000.0,
                "slipped_value": 120_000.0,
                "won_value": 0.0,
                "lost_value": 50_000.0,
                "pulled_out_value": 0.0,
                "removed_value": 0.0,
                "still_due_value": 0.0,
                "slip_rate": 2 / 3,
            },
        )
    ]
    assert [
        (row.id, row.values["outcome"], row.values["value"])
        for row in answer.opens(periods.rows[0]).tables[0].rows
    ] == [("a", "slipped", 100_000.0), ("b", "lost", 50_000.0), ("d", "slipped", 20_000.0)]
    assert [(row.id, row.values["pushes"], row.values["days_pushed"]) for row in pushed.rows] == [
        ("a", 2, 17)
    ]
    assert answer.opens(pushed.rows[0]) is None
