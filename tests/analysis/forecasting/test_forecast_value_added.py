"""Who makes the number better: months worked by hand, and simulated teams recomputed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics.note import note_of
from tests import worlds
from tests.analysis.forecasting.calls import (
    CALLS,
    World,
    call,
    flip,
    holm,
    known,
    make,
    play,
    ratio_ends,
)

HISTORY = play()
NAMES = ["model", "weighted", "last_period", "reps", "manager", "blend"]


def compare(
    rows: list[dict[str, Any]], settings: dict[str, Any] | None = None, **asked: Any
) -> pd.DataFrame:
    return oa.forecast_value_added(HISTORY, org=make(rows, **settings or {}), **asked)


def test_forecast_value_added__of_three_months_is_worked_by_hand() -> None:
    table = compare(CALLS)
    assert table.index.tolist() == NAMES
    assert (table["n"] == 3).all()
    # In all 150 + 100 + 150 came. The model, too young to learn, and the weighted pipeline say 75:
    # 75, 25, 75 off. The month before: 0, 150, 100. Reps: Bo counts 25 where he has not called, Ann
    # 50 before March 12, so 125 in January; 165, 165, 145, 145 in February; 50 + 60, then 80 + 60
    # in March: 25, 55, 25 off. Max turns 120 into 110: February is 65, 65, 35, 35 off. Blend: Bo
    # and Ann were 150/125 = 1.2 of their call in January, so that February has b = (4 + 1.2)/5 =
    # 1.04. Of both months they were 250/290 at the first two days and 250/270 at the others, so
    # that March has (4 + 2 · 250/290)/6.
    february = (2 * abs(37.5 + 0.52 * 165 - 100) + 2 * abs(37.5 + 0.52 * 145 - 100)) / 4
    late = [
        37.5 + (4 + 500 / (125 + said)) / 12 * now - 150 for said, now in ((165, 110), (145, 140))
    ]
    blend = 150 - (37.5 + 0.5 * 125) + february + sum(map(abs, late)) / 2
    errors_ = {
        "model": 175,
        "weighted": 175,
        "last_period": 250,
        "reps": 105,
        "manager": 100,
        "blend": blend,
    }
    assert table["wape"].to_dict() == pytest.approx(
        {name: off / 400 for name, off in errors_.items()}
    )
    assert table["error_ratio"].to_dict() == pytest.approx(
        {name: off / 175 for name, off in errors_.items()}
    )
    assert table.loc["reps", "bias"] == pytest.approx((-25 + 55 - 25) / 400)
    # Of the six people and days in January and February without Bo's call, and in March without
    # Ann's.
    assert note_of(table).figures["without_call"] == 4 + 4 + 2
    assert note_of(table).figures["called"] == {"": pytest.approx(7 / 12)}
    assert not table["differs"].any()
    # Only February differs: both signs are as far from 0.
    assert note_of(table).figures["override"] == {"": 1.0}


def test_forecast_value_added__judges_all_sources_on_the_same_days() -> None:
    # Ann calls in February and March only: January is lost to all.
    later = [one for one in CALLS if one["made_on"] > "2025-01-31"]
    table = oa.forecast_value_added(play(4), org=make([*later, call("2025-04-02", "Ann", 100)]))
    assert (table["n"] == 3).all()
    # The 2nd of April is after its first day: from the second day on.
    assert table.loc["model", "wape"] == pytest.approx((25 + 75 + 25) / 350)


def test_forecast_value_added__a_source_with_few_periods_does_not_shrink_the_rest() -> None:
    rows = [call(f"2025-0{m}-01", "Eva", 140, whole="") for m in (1, 2, 3)]
    table = compare([*rows, call("2025-02-10", "Bo", 40)])
    assert table["n"].to_dict() == {**dict.fromkeys(NAMES, 3), "reps": 1, "blend": 1}
    assert table["wape"].isna().to_dict() == {
        **dict.fromkeys(NAMES, False),
        "reps": True,
        "blend": True,
    }
    assert table.loc["manager", "wape"] == pytest.approx((10 + 40 + 10) / 400)
    assert compare(CALLS[:1])["wape"].isna().all()
    assert oa.sentence(compare(CALLS[:1])) == "Calls can be judged in 1 month: too few to say."


@pytest.mark.slow
def test_forecast_value_added__takes_an_override_for_what_it_is_named_for() -> None:
    own = [call(f"2025-0{m}-01", name, 100) for m in (1, 2, 3) for name in ("Ann", "Bo")]
    people = [
        {"owner_name": "Ann", "team": "East"},
        {"owner_name": "Bo", "team": "West"},
        {"owner_name": "Ann", "team": "West", "from_date": "2025-03-01"},
        {"owner_name": "Cy", "team": "East"},
        {"owner_name": "Cy", "region": "North", "from_date": "2025-01-01"},
    ]
    team = [call(f"2025-0{m}-01", "Eva", 70, team="East") for m in (1, 2, 3)]
    table = compare([*own, *team], {"people": people})
    # 70 for Ann's 100 beside Bo's 100 in January and February; in March nobody is in East, so that
    # 70 comes on top.
    assert table.loc["manager", "bias"] == pytest.approx((170 + 170 + 270 - 400) / 400)
    assert table.loc["reps", "bias"] == pytest.approx((600 - 400) / 400)
    whole = [call("2025-01-01", "Eva", 30, whole="")]
    # The whole's override stands for all.
    assert compare([*own, *team, *whole], {"people": people}).loc[
        "manager", "bias"
    ] == pytest.approx((30 + 170 + 270 - 400) / 400)
    # Without people nobody is in a team, and a team's call stands for nobody.
    alone = compare([*own, *team])
    assert alone.loc["manager", "n"] == 0
    by_team = compare([*own, *team], {"people": people}, by="team")
    # In February, East called 70 where Ann had called 100 and got 100.
    assert by_team.loc[("West", "reps"), "bias"] == pytest.approx(
        (100 + 100 + 200 - 50 - 0 - 150) / 200
    )


def sum_calls(
    world: World, month: pd.Period, day: pd.Timestamp, made: pd.Timestamp
) -> tuple[float, float]:
    """The whole's numbers of reps and manager on a day, added person by person; NaN without a
    call."""
    found = known(world.rows, str(month), day)
    team = dict(zip(world.org.people["owner_name"], world.org.people["team"], strict=True))
    own = {
        owner: commit
        for (caller, owner, _), (_, commit) in found.items()
        if owner and caller == owner
    }
    over: dict[tuple[str, str], Any] = {}
    for (caller, owner, of), one in found.items():
        if caller != owner and ((owner, of) not in over or over[owner, of][0] < one[0]):
            over[owner, of] = one
    reps, manager = (
        0.0,
        sum(commit for (owner, of), (_, commit) in over.items() if of and not owner),
    )
    for person in {*team, *own}:
        stated = world.ask(month, made, "stated", "owner_name", person)
        reps += own.get(person, stated)
        if ("", team[person]) not in over:
            manager += over[person, ""][1] if (person, "") in over else own.get(person, stated)
    if ("", "") in over:
        manager = over["", ""][1]
    return reps if own else np.nan, manager if own or over else np.nan


@pytest.mark.slow
def test_forecast_value_added__is_that_recomputed_from_calls_records_and_forecasts() -> None:
    world, rows = World(3, worlds.Kind("calls", weeks=36, step=1)), []
    past: dict[int, list[tuple[float, float]]] = {}
    for month, place, day, made in world.points:
        reps, manager = sum_calls(world, month, day, made)
        actual, model = world.won(month), world.ask(month, made, "auto")
        table = world.made[month, made, "auto", ""]
        last = max(world.won(month - 1), float(table["booked"].get(str(month), 0.0)))
        before = past.setdefault(place, [])
        came, said = (
            (sum(amounts) for amounts in zip(*before, strict=True)) if before else (1.0, 1.0)
        )
        scale = min(max((4 + len(before) * came / said) / (4 + len(before)), 0.5), 2)
        blend = 0.5 * model + 0.5 * scale * reps
        if not np.isnan(reps):
            before.append((actual, reps))
        stated = world.ask(month, made, "stated")
        rows.append(
            [
                str(month),
                *(one - actual for one in (model, stated, last, reps, manager, blend)),
                actual,
            ]
        )
    cells = pd.DataFrame(rows, columns=["period", *NAMES, "actual"]).dropna()
    months = cells.assign(**cells[NAMES].abs()).groupby("period").mean()
    signed = cells.groupby("period").mean()
    table = oa.forecast_value_added(world.history)
    assert (table["n"] == len(months)).all()
    assert table["wape"].to_dict() == pytest.approx(
        (months[NAMES].sum() / months["actual"].sum()).to_dict()
    )
    assert table["bias"].to_dict() == pytest.approx(
        (signed[NAMES].sum() / months["actual"].sum()).to_dict()
    )
    base = months["model"]
    assert table["error_ratio"].to_dict() == pytest.approx(
        (months[NAMES].sum() / base.sum()).to_dict()
    )
    ends = {name: ratio_ends(months[name].tolist(), base.tolist()) for name in NAMES}
    assert table["ratio_low"].to_dict() == pytest.approx(
        {name: low for name, (low, _) in ends.items()}, nan_ok=True
    )
    assert table["ratio_high"].to_dict() == pytest.approx(
        {name: high for name, (_, high) in ends.items()}, nan_ok=True
    )
    p = {name: flip((months[name] - base).tolist()) for name in NAMES[1:]}
    assert set(table.index[table["differs"]]) == holm(p)
    assert note_of(table).figures["override"][""] == pytest.approx(
        flip((months["manager"] - months["reps"]).tolist())
    )


@pytest.mark.parametrize("by", [None, "owner_name", "team"])
def test_forecast_value_added__of_periods_that_are_not_over_has_no_figures(by):
    org = make([call("2025-03-01", "Ann", 100.0)], people=[{"owner_name": "Ann", "team": "East"}])
    table = oa.forecast_value_added(play(2), org=org, by=by)
    assert table["n"].sum() == 0
    assert table["wape"].isna().all()
