"""What planned edits do to the forecast, as a plan says it."""

from __future__ import annotations

import pytest

import opp_analytics as oa
from tests.pipelines import AS_OF, THIS_WEEK, pipeline


def test_impact__is_that_of_the_plan_by_period(opportunities):
    edited = pipeline(THIS_WEEK)
    edited.loc[edited["unique_id"] == "a", "value"] += 10_000.0
    answer = oa.ask("impact", opportunities, as_of=AS_OF, edited=edited)
    assert answer.sentence == "The edits add 8K to the forecast of Mar: 174K."
    table = answer.to_frame().set_index("id")
    plan = oa.plan(opportunities, edited).impact(as_of=AS_OF)
    for name in ("expected_before", "expected_after"):
        assert table[name].to_dict() == pytest.approx(plan[name].reindex(table.index).to_dict())


def test_impact__of_no_edits_says_so(opportunities):
    answer = oa.ask("impact", opportunities, as_of=AS_OF)
    assert answer.sentence == "No forecast changes."
    assert {row.values["change"] for row in answer.tables[0].rows} == {0.0}
