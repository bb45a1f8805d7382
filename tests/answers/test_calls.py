"""Who makes the number better."""

from __future__ import annotations

from typing import Any

import pytest

import opp_analytics as oa
from tests.analysis.forecasting.histories import even_months
from tests.pipelines import AS_OF, THIS_WEEK, pipeline


@pytest.mark.slow
def test_calls__rank_sources_and_callers_on_the_same_days():
    history = even_months(12, owners=True)
    made: list[dict[str, Any]] = [
        {"made_on": f"2026-{month:02}-01", "period": f"2026-{month:02}", "caller": name}
        | {"owner_name": name, "commit": 60.0}
        for month in range(2, 10)
        for name in ("Ann", "Bo")
    ]
    org = oa.Org(calls=made)
    history = history.read_by(org)
    frame = history.as_of("2026-11-20T12:00Z")
    answer = oa.ask("calls", frame, history, as_of="2026-11-20", org=org)
    sources, callers = answer.tables
    table = oa.forecast_value_added(history, org=org)
    assert [row.id for row in sources.rows] == [
        *table["wape"].dropna().sort_values(kind="stable").index
    ]
    for row in sources.rows:
        assert row.values["wape"] == table["wape"][row.id]
        assert ("better" in row.values) == (row.id != "model")
    assert {row.id for row in callers.rows} <= {"Ann", "Bo"}
    assert answer.sentence == oa.sentence(table)


def test_calls__of_no_ended_month_say_so_once(history):
    calls = [{"made_on": "2026-03-05", "period": "2026-03", "caller": "Ann", "commit": 9e3}]
    org = oa.Org(calls=calls)
    written = oa.ask("calls", pipeline(THIS_WEEK), history, as_of=AS_OF, org=org).write()
    assert written.count("too few to say") == 1


def test_calls__nobody_made_say_how_to_make_one():
    answer = oa.ask("calls", pipeline(THIS_WEEK), as_of=AS_OF)
    assert answer.tables == ()
    assert answer.lacks[0].shell_way == "opp-analytics call NAME 2026-12 450k"
