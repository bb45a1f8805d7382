"""The calls in force for each row of a forecast by people."""

from __future__ import annotations

import pandas as pd

from opp_analytics.analysis import find_calls
from tests.analysis.forecasting.calls import call, make


def test_find_calls__of_nobody_is_empty() -> None:
    nobody = pd.DataFrame(
        columns=["target", "open_count", "booked"], index=pd.Index([], name="owner_name")
    )
    calls = make([call("2026-03-02", "Ann", 100.0)]).calls
    assert find_calls(calls, nobody, pd.Timestamp("2026-03-16"), ("", "")).empty


def test_find_calls__sums_rows_where_nobody_lacks_a_call() -> None:
    index = pd.Index(["Ann", "Bo", "(all)"], name="owner_name")
    people = pd.DataFrame(
        {"target": [50.0, 50.0, 100.0], "open_count": 1, "booked": 0.0}, index=index
    )
    rows = [
        call("2026-03-02", "Ann", 100.0),
        call("2026-03-03", "Bo", 40.0),
        call("2026-03-09", "Dee", 30.0, owner_name="Bo"),
    ]
    both = make(rows)
    found = find_calls(both.calls, people, pd.Timestamp("2026-03-16"), ("", ""))
    assert found["call"].tolist() == [100.0, 40.0, 140.0]
    assert found.loc["Bo", ["override", "overrider"]].tolist() == [30.0, "Dee"]
    # A team's call counts in place of its people's, also where teams are no rows.
    team = make(
        [*rows, call("2026-03-10", "Dee", 120.0, team="East")],
        people=[{"owner_name": "Ann", "team": "East"}, {"owner_name": "Bo", "team": "West"}],
    )
    found = find_calls(team.calls, people, pd.Timestamp("2026-03-16"), ("", ""))
    assert found["call"].tolist() == [100.0, 40.0, 160.0]
    # Some of the people have no call of their own together.
    found = find_calls(team.calls, people, pd.Timestamp("2026-03-16"), None)
    assert found["call"].tolist() == [100.0, 40.0, 140.0]
    early = find_calls(both.calls, people, pd.Timestamp("2026-03-02"), ("", ""))
    assert early["call"].isna().tolist() == [False, True, True]
