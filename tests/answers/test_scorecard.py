"""How people compare."""

from __future__ import annotations

import pytest

import opp_analytics as oa
from tests.analysis.forecasting.histories import even_months
from tests.pipelines import AS_OF, THIS_WEEK, pipeline


@pytest.mark.slow
def test_scorecard__is_that_of_the_window_of_the_win_rates():
    history = even_months(9, owners=True)
    frame = history.as_of("2026-09-10T23:00Z")
    answer = oa.ask("scorecard", frame, history, as_of="2026-09-10")
    table = oa.scorecard(frame, history, as_of="2026-09-10", start="2025-10-01")
    (shown,) = answer.tables
    assert [row.id for row in shown.rows] == [*table.index]
    for row in shown.rows:
        known = table.loc[row.id, list(row.values)]
        assert known.to_dict() == dict(row.values)
    assert answer.lacks == ()
    frame["region"] = "North"
    later = oa.ask("scorecard", frame, as_of="2026-09-10", start="2026-09-01", by="region")
    assert [row.id for row in later.tables[0].rows] == ["North"]
    assert "from Sep 1 on" in later.say(later.notes[0])


def test_scorecard__says_what_it_lacks():
    answer = oa.ask("scorecard", pipeline(THIS_WEEK), as_of=AS_OF)
    assert "slip_rate" not in answer.tables[0].rows[0].values
    assert answer.lacks[0].what == "slip rate and forecast bias"
    nobody = oa.ask("scorecard", pipeline(THIS_WEEK).drop(columns="owner_name"), as_of=AS_OF)
    assert nobody.tables == ()
    assert nobody.sentence == "The deals name nobody to compare."
