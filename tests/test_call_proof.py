"""The short form of the proof of calls, and the whole path through an org's calls."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.analysis.forecasting.call_samples import Errors
from tests import call_proof
from tests.call_proof import (
    EQUAL,
    FLAWED,
    Team,
    judge_sources,
    sum_blends,
)
from tests.worlds import CALLERS, call, submit

INFORMED, OPTIMIST = CALLERS[1:3]


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return call_proof.judge_teams(20_260_101, teams=1, kinds=("right", "rep shocks"), workers=1)


@pytest.mark.slow
def test_call_proof__short_form_finds_who_is_better_and_marks_no_equals(rows: pd.DataFrame) -> None:
    alone = rows[rows["what"] == "alone"]
    power = alone.groupby(["error", "periods"])["right"].mean()
    # Eight worlds and two kinds of callers each.
    assert power[0.5, 24] > 0.7
    assert power[2.0, 24] > 0.7
    assert power[0.5, 24] > power[0.5, 6]
    assert alone["wrong"].mean() < 0.02
    equal = rows[rows["what"].isin(EQUAL)].groupby("what")["marked"].mean()
    # Of 40 worlds each 5% are 2; more than 4 come in fewer than 1 of 20 tables.
    assert (equal < 0.12).all()


@pytest.mark.slow
def test_call_proof__short_form_of_the_blend_and_of_bias(rows: pd.DataFrame) -> None:
    blends = sum_blends(rows, "caller")
    assert set(blends.index) == {caller.name for caller in FLAWED}
    assert (blends["blend"] < blends["parts"]).all()
    assert (blends.loc[["equal", "slightly informed"], "blend"] < 0.95).all()
    for optimistic in ("optimist", "informed optimist"):
        assert (blends["blend"] / blends["parts"])[optimistic] < 0.75
    assert 0.90 < rows[rows["what"] == "bias"]["held"].mean() < 0.995


@pytest.mark.slow
def test_call_proof__an_orgs_calls_are_judged_as_the_draws_are() -> None:
    team, rng = Team("right", 5), np.random.default_rng(6)
    window = team.draw_window(14, rng)
    whole, people = team.whole.loc[window], team.people.loc[window]
    reps, boss = call(people, [INFORMED], rng)["informed"], call(whole, [OPTIMIST], rng)["optimist"]
    org = oa.Org(calls=[*submit(reps, "M"), *submit(boss, "M", "Boss")])
    own = {
        name: Errors.of(part, ["said", "model"])
        for name, part in people.assign(said=reps).groupby("owner_name")
    }
    own["Boss"] = Errors.of(whole.assign(said=boss), ["said", "model"])
    check(
        oa.call_accuracy(team.history, org=org, freq="M"),
        {name: (errors, "said") for name, errors in own.items()},
    )
    summed = reps.groupby(level=["period", "place"]).sum()
    errors = judge_sources(whole.assign(reps=summed, manager=boss))
    added = oa.forecast_value_added(team.history, org=org, freq="M")
    check(added, {name: (errors, name) for name in added.index})
    marked = call_proof.mark(errors, [name for name in added.index if name != "model"])
    assert {name: bool(side) for name, side in marked.items()} == added["differs"].drop(
        "model"
    ).to_dict()


def check(table: pd.DataFrame, wanted: dict[Any, tuple[Errors, str]]) -> None:
    """The figures of a table are those of the errors, to the cent."""
    assert set(table.index) == set(wanted)
    for name, (errors, source) in wanted.items():
        judged = errors.judge(source, confidence=0.95)
        row = table.loc[name]
        assert row["n"] == 14
        for figure in row.index.intersection(list(judged)):
            assert row[figure] == pytest.approx(judged[figure], rel=1e-6, nan_ok=True), (
                name,
                figure,
            )
