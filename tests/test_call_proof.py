"""Simulated callers, the short form of the proof of calls, and the whole path through an org's
calls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.analysis.forecasting.call_samples import Errors
from tests import call_proof
from tests.benchmarks._proof_page import copy_proof, read_part
from tests.call_proof import (
    COUNTS,
    EQUAL,
    FLAWED,
    Team,
    judge_sources,
    promises,
    sum_blends,
    write,
)
from tests.worlds import CALLERS, HELPS, HURTS, Caller, call, expect, override, submit

EQUAL_CALLER, INFORMED, OPTIMIST, _, NOISE = CALLERS


def known_of(periods: int = 12, owners: tuple[str, ...] = ()) -> pd.DataFrame:
    """What came and the model's forecasts, whose errors all differ; one day in four has no
    record."""
    rng = np.random.default_rng(1)
    rows = [
        (f"{pd.Period('2024-01', 'M') + k}", place, *owner, 1000 + 100 * k + off, 1000 + 100 * k)
        for k in range(periods)
        for place in range(4)
        for owner in ([[name] for name in owners] or [[]])
        for off in [rng.normal(0, 300)]
        if (k + place) % 4
    ]
    keys = ["period", "place", *(["owner_name"] if owners else [])]
    return pd.DataFrame(rows, columns=[*keys, "model", "actual"]).set_index(keys)


def draw(known: pd.DataFrame, caller: Caller, turns: int = 300) -> pd.DataFrame:
    rng = np.random.default_rng(2)
    return pd.concat(
        {turn: call(known, [caller], rng)[caller.name] for turn in range(turns)}, axis=1
    )


def test_call__errs_as_the_model_did_in_other_periods_at_the_same_place() -> None:
    known = known_of()
    error, drawn = (
        known["model"] - known["actual"],
        draw(known, EQUAL_CALLER).sub(known["actual"], axis=0),
    )
    for place, part in drawn.groupby("place"):
        own = pd.Series(error.xs(place, level="place")).round(6)
        for period, row in part.droplevel("place").round(6).iterrows():
            assert set(row) == set(own.drop(str(period)))
    assert drawn.abs().to_numpy().mean() == pytest.approx(error.abs().mean(), rel=0.03)
    # Errors early and late in a period are often those of one other period: by chance alone, of 1
    # draw in 8.
    whence = dict(zip(error.round(6), error.index.get_level_values("period"), strict=True))
    first, last = (
        [whence[off] for off in drawn.round(6).loc[("2024-02", place)]] for place in (0, 1)
    )
    assert np.mean([early == late for early, late in zip(first, last, strict=True)]) > 0.35


def test_call__skill_bias_and_likeness_are_as_named() -> None:
    known = known_of()
    error = known["model"] - known["actual"]
    informed = draw(known, INFORMED).sub(known["actual"], axis=0)
    assert informed.abs().to_numpy().mean() == pytest.approx(0.7 * error.abs().mean(), rel=0.03)
    optimist = draw(known, OPTIMIST)
    assert optimist.div(1.3).to_numpy().mean() == pytest.approx(
        (known["actual"] + error.mean()).mean(), rel=0.03
    )
    assert optimist.mean(axis=1).to_numpy() == pytest.approx(
        expect(known, OPTIMIST).to_numpy(), rel=0.05
    )
    alike = call(known, [Caller("alike", 0.5, alike=1.0)], np.random.default_rng(3))["alike"]
    assert (alike - known["actual"]).to_numpy() == pytest.approx(0.5 * error.to_numpy())
    said = draw(known, NOISE, 50).loc["2024-05"].to_numpy()
    assert set(np.unique(said)) <= set(known["actual"]) - {known.loc["2024-05", "actual"].iloc[0]}


def test_call__below_zero_errs_as_far_the_other_way() -> None:
    known = known_of().assign(actual=lambda rows: rows["actual"] / 100)
    error, said = (
        (known["model"] - known["actual"]).abs(),
        draw(known.assign(model=0.0), EQUAL_CALLER),
    )
    assert (said >= 0).all(axis=None)
    far = said.sub(known["actual"], axis=0).abs()
    assert set(np.unique(far.round(6))) <= {*known["actual"].round(6)}
    assert len(error) == len(far)


def test_call__each_person_errs_alone() -> None:
    known = known_of(owners=("Ada", "Ben"))
    said = call(known, CALLERS, np.random.default_rng(4))
    assert said.index.equals(known.index)
    assert list(said) == [caller.name for caller in CALLERS]
    for name in ("Ada", "Ben"):
        mine = known.xs(name, level="owner_name")
        off = said["equal"].xs(name, level="owner_name") - mine["actual"]
        assert set(off.round(6)) <= set((mine["model"] - mine["actual"]).round(6))


def test_override__leaves_a_share_of_the_error() -> None:
    known = known_of()
    reps = call(known, [INFORMED], np.random.default_rng(5))["informed"]
    for left in (HELPS, HURTS):
        far = (override(known, reps, left) - known["actual"]).abs()
        assert far.to_numpy() == pytest.approx(left * (reps - known["actual"]).abs().to_numpy())


def test_submit__calls_are_made_on_the_days_of_their_period() -> None:
    people = known_of(owners=("Ada", "Ben"))
    org = oa.Org(calls=[*submit(people["model"], "M"), *submit(known_of()["model"], "M", "Boss")])
    calls = oa.calls(org)
    assert len(calls) == len(people) + len(known_of())
    assert set(calls["caller"]) == {"Ada", "Ben", "Boss"}
    assert calls["owner_name"].fillna("").isin(["Ada", "Ben", ""]).all()
    march = calls[(calls["period"] == "2024-03") & (calls["caller"] == "Ada")]
    assert [f"{day:%d}" for day in march["made_on"]] == ["01", "11", "24"]


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return call_proof.judge_teams(
        20_260_101, teams=1, kinds=("right", "weeks", "rep shocks", "break"), workers=1
    )


@pytest.mark.slow
def test_call_proof__short_form_finds_who_is_better_and_marks_no_equals(rows: pd.DataFrame) -> None:
    alone = rows[rows["what"] == "alone"]
    power = alone.groupby(["error", "periods"])["right"].mean()
    # Sixteen worlds and two kinds of callers each.
    assert power[0.5, 24] > 0.7
    assert power[2.0, 24] > 0.7
    assert power[0.5, 24] > power[0.5, 6]
    assert alone["wrong"].mean() < 0.02
    equal = rows[rows["what"].isin(EQUAL)].groupby("what")["marked"].mean()
    # Of 80 worlds each 5% are 4; more than 9 come in fewer than 1 of 100 tables.
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
def test_call_proof__the_page_says_what_was_kept_and_what_was_not(
    rows: pd.DataFrame, tmp_path: Path
) -> None:
    docs = copy_proof(tmp_path)
    judged = write(rows, 7, docs).splitlines()
    kept = promises(rows)
    assert len(judged) == len(kept)
    part, written = read_part(docs, "calls")
    for caller in FLAWED:
        assert f"{caller.name}, {COUNTS[-1]} periods" in set(written["row"])
    for kind in ("right", "weeks", "break"):
        assert f"{kind}, noise" in set(written["row"])
    assert part.count("**missed**") == sum(not promise.kept for promise in kept)
    assert "nan" not in part + " ".join(written["value"])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["right", "few big deals"])
def test_call_proof__an_orgs_calls_are_judged_as_the_draws_are(kind: str) -> None:
    team, rng = Team(kind, 5), np.random.default_rng(6)
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
