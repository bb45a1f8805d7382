"""`oa.demo`: a team to try everything on, gone when the interpreter is."""

from __future__ import annotations

import datetime
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.sandbox import simulator, team

module = import_module("opp_analytics.demo")  # The package has the function by this name.


@pytest.fixture(scope="module")
def demo() -> tuple[oa.Client, oa.History]:
    return oa.demo(weeks=3, seed=2)


@pytest.mark.slow
def test_demo__records_every_week_until_today(demo: tuple[oa.Client, oa.History]) -> None:
    _, history = demo
    recorded = history.records["recorded_at"]
    assert recorded.dt.date.diff().dropna().eq(pd.Timedelta(days=7)).all()
    assert len(recorded) == 4
    assert abs(recorded.iloc[-1] - pd.Timestamp.now("UTC")) < pd.Timedelta(days=2)
    assert history.records["complete"].all()


@pytest.mark.slow
def test_demo__has_two_teams_with_targets_and_calls(demo: tuple[oa.Client, oa.History]) -> None:
    client, history = demo
    org = client.org
    assert org is not None
    assert org == history.org
    assert org.currency == "USD"
    assert set(org.people["owner_name"]) == {rep.name for rep in team.REPS}
    assert oa.load(client).groupby("team")["owner_name"].nunique().tolist() == [3, 4]
    this_month = str(pd.Period(history.records["recorded_at"].iloc[-1].date(), "M"))
    assert len(org.targets[org.targets["period"] == this_month]) == len(team.REPS)
    calls = oa.calls(history)
    own = calls["caller"] == calls["owner_name"]
    assert calls["made_on"].nunique() == 4
    assert set(calls.loc[own, "caller"]) <= set(org.people["owner_name"])
    assert set(calls.loc[calls["team"].notna(), "team"]) == {"East", "West"}
    assert set(calls.loc[~own & calls["team"].isna(), "owner_name"]) <= {"Dmitri Volkov"}


def test_demo__sets_targets_near_what_each_wins_in_the_long_run() -> None:
    offered = np.mean([size for _, size in team.OFFERS])
    value = simulator._TYPICAL_VALUE * offered * np.exp(simulator._VALUE_SPREAD**2 / 2)
    for rep in team.REPS:
        won = (
            module._DEALS_PER_WEEK
            * 52
            / 12
            * rep.share
            * team.compute_outcomes(rep.skill)["discovery"][0]
        )
        assert module._PEOPLE[rep.name][1] == pytest.approx(won * value, rel=0.2)


@pytest.mark.slow
def test_demo__plays_days_to_come_without_calls() -> None:
    _, history = oa.demo(weeks=1, today="2126-11-18")
    assert oa.calls(history).empty


@pytest.mark.slow
def test_demo__serves_what_was_recorded_last(demo: tuple[oa.Client, oa.History]) -> None:
    client, history = demo
    opportunities = oa.load(client, refresh="full")
    last = history.as_of(history.records["recorded_at"].iloc[-1])
    served, recorded = (
        frame.set_index("unique_id")["value"].sort_index() for frame in (opportunities, last)
    )
    pd.testing.assert_series_equal(served, recorded)


@pytest.mark.slow
def test_demo__of_a_fixed_day_is_the_same_on_any_day() -> None:
    client, history = oa.demo(weeks=1, today="2026-11-23")
    assert history.records["recorded_at"].dt.date.map(str).tolist() == ["2026-11-16", "2026-11-23"]
    again, _ = oa.demo(weeks=1, today=datetime.date(2026, 11, 23))
    columns = ["unique_id", "name", "value", "stage", "close_date"]
    pd.testing.assert_frame_equal(oa.load(client)[columns], oa.load(again)[columns])


@pytest.mark.slow
def test_demo__ends_with_the_interpreter() -> None:
    code = (
        "import opp_analytics as oa\n"
        "client, history = oa.demo(weeks=1)\n"
        "import gc; gc.collect()\n"
        "print(len(client.list(1, 1).rows), client.settings.url, client.cache_folder)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    rows, url, folder = done.stdout.split()
    assert rows == "1"
    assert done.stderr == ""
    with (
        oa.Client(url, "token", "key", retries=0) as client,
        pytest.raises(oa.errors.ConnectionFailed),
    ):
        client.list(1, 1)
    assert not Path(folder).exists()


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"weeks": 0}, ValueError),
        ({"weeks": 1.5}, TypeError),
        ({"seed": "a"}, TypeError),
        ({"seed": -1}, ValueError),
        ({"today": "yesterday"}, ValueError),
    ],
)
def test_demo__refuses_what_it_cannot_play(
    arguments: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(oa.errors.ArgumentError) as raised:
        oa.demo(**arguments)  # type: ignore[arg-type]
    assert isinstance(raised.value, error)
