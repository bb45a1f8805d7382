"""The team at work: repeatable, restartable, respectful of edits, and as good as it is said to be."""

import json
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from opp_analytics import sandbox
from opp_analytics.sandbox.clock import from_text, midnight
from opp_analytics.sandbox.model import LEAVE_PER_DAY, NEXT, REPS, next_stages, outcomes
from opp_analytics.sandbox.store import Query

BEGIN = date(2026, 1, 5)
TEAM = 1


def _play(store: Any, simulator: Any, until: date) -> None:
    with store.transaction():
        simulator.play(until)
    store.clock.reach(midnight(until))


def _rows(store: Any) -> list[dict[str, Any]]:
    return [
        json.loads(text)
        for deleted in (False, True)
        for _, text in store.page(Query(TEAM, deleted=deleted, limit=1_000_000))[0]
    ]


def test_play__gives_the_same_data_for_the_same_seed(world: Callable[..., Any]) -> None:
    for name in ("a", "b"):
        _play(*world(name), BEGIN + timedelta(weeks=6))
    _play(*world("c", seed=2), BEGIN + timedelta(weeks=6))
    one, same, other = (_rows(world(name)[0]) for name in "abc")
    assert one == same
    assert len(one) > 20
    assert not {row["unique_id"] for row in one} & {row["unique_id"] for row in other}


def test_play__is_the_same_after_a_restart_on_the_way(world: Callable[..., Any]) -> None:
    _play(*world("whole"), BEGIN + timedelta(weeks=6))
    for weeks in (2, 3, 6):
        store, simulator = world("parts")
        _play(store, simulator, BEGIN + timedelta(weeks=weeks))
    assert _rows(world("parts")[0]) == _rows(world("whole")[0])


def test_play__is_shifted_when_it_begins_some_weeks_later(world: Callable[..., Any]) -> None:
    later = BEGIN + timedelta(weeks=52)
    _play(*world("now"), BEGIN + timedelta(weeks=5))
    _play(*world("later", begin=later), later + timedelta(weeks=5))

    def essence(store: Any, shift: timedelta) -> list[Any]:
        return [
            (row["unique_id"], row["name"], row["stage"], row["status"], from_text(row["created_at"]) - shift)
            for row in _rows(store)
        ]

    assert essence(world("later")[0], later - BEGIN) == essence(world("now")[0], timedelta(0))


def test_play__respects_an_edit_and_leaves_the_other_deals_alone(world: Callable[..., Any]) -> None:
    for name in ("plain", "edited"):
        _play(*world(name), BEGIN + timedelta(weeks=3))
    store, simulator = world("edited")
    chosen = next(row for row in _rows(store) if row["stage"] == "discovery" and row["status"] == "active")
    store.update(
        TEAM, store.get(TEAM, chosen["unique_id"]), {"stage": "closed_won", "status": "won", "name": "Mine"}
    )
    _play(store, simulator, BEGIN + timedelta(weeks=5))
    _play(*world("plain"), BEGIN + timedelta(weeks=5))
    assert store.get(TEAM, chosen["unique_id"]).attributes["name"] == "Mine"
    assert store.get(TEAM, chosen["unique_id"]).attributes["stage"] == "closed_won"

    def others(store: Any) -> list[Any]:
        # An edit may move a stamp of the same day by its own microseconds, nothing else.
        return [
            {k: v for k, v in row.items() if k != "updated_at"}
            for row in _rows(store)
            if row["unique_id"] != chosen["unique_id"]
        ]

    assert others(store) == others(world("plain")[0])


def test_play__leaves_alone_what_somebody_deleted_over_the_api(world: Callable[..., Any]) -> None:
    store, simulator = world(rate=0)
    with store.transaction():
        kept = [store.create(TEAM, {"name": f"n{number}"}) for number in range(300)]
        for record in kept:
            store.delete(TEAM, record)
    _play(store, simulator, BEGIN + timedelta(weeks=4))
    assert store.page(Query(TEAM))[1] == 0


def test_play__works_on_dirty_data(world: Callable[..., Any]) -> None:
    store, simulator = world(rate=0)
    with store.transaction():
        for stage in (*NEXT, "won!!", None):
            store.create(
                TEAM, {"name": None, "stage": stage, "close_date": "soon", "status": None, "value": "12.50"}
            )
    _play(store, simulator, BEGIN + timedelta(weeks=8))
    stages = Counter(row["stage"] for row in _rows(store))
    assert (stages["won!!"], stages[None]) == (1, 1)


def test_play__stamps_lie_in_the_played_days_and_differ(world: Callable[..., Any]) -> None:
    store, simulator = world()
    _play(store, simulator, BEGIN + timedelta(weeks=4))
    stamps = [from_text(row["updated_at"]) for row in _rows(store)]
    assert len(set(stamps)) == len(stamps)
    assert min(stamps) > midnight(BEGIN)
    assert max(stamps) < midnight(BEGIN + timedelta(weeks=4))
    assert all(row["created_at"] <= row["updated_at"] for row in _rows(store))
    assert all(stamp.weekday() < 5 for stamp in stamps)


def test_play__shows_everything_that_happens_to_pipelines(world: Callable[..., Any]) -> None:
    store, simulator = world(rate=25)
    seen: Counter[str] = Counter()
    before: dict[str, dict[str, Any]] = {}
    for week in range(1, 17):
        _play(store, simulator, BEGIN + timedelta(weeks=week))
        live = {
            row["unique_id"]: row
            for row in map(json.loads, dict(store.page(Query(TEAM, limit=10**6))[0]).values())
        }
        trash = dict(store.page(Query(TEAM, deleted=True, limit=10**6))[0])
        for key, row in live.items():
            old = before.get(key, row)
            seen["recovered"] += bool(old.get("trashed"))
            seen["reopened"] += old["status"] == "lost" and row["status"] == "active"
            seen["disqualified"] += row["status"] == "inactive" != old["status"]
            seen["undated"] += row["close_date"] is None
            seen["unvalued"] += row["value"] is None
            seen["overdue"] += (
                row["status"] == "active"
                and (row["close_date"] or "9") < store.clock.now().date().isoformat()
            )
            if row["status"] == "active" and old["close_date"] and row["close_date"]:
                seen["pushed"] += row["close_date"] > old["close_date"]
                seen["pulled"] += row["close_date"] < old["close_date"]
                seen["revalued"] += row["value"] != old["value"]
        seen["deleted"] += len(set(trash) - {k for k, row in before.items() if row.get("trashed")})
        before = live | {key: json.loads(text) | {"trashed": True} for key, text in trash.items()}
    expected = {
        "recovered", "reopened", "disqualified", "undated", "unvalued", "overdue", "pushed", "pulled", "revalued",
        "deleted",
    }  # fmt: skip
    assert {what for what, times in seen.items() if times} == expected
    assert seen["pushed"] > 3 * seen["pulled"]


def test_true_win_rate__is_what_a_long_simulation_comes_to(world: Callable[..., Any]) -> None:
    store, simulator = world(rate=200)
    _play(store, simulator, BEGIN + timedelta(weeks=5))
    store.keep(deals_per_week=0)
    _play(store, simulator, BEGIN + timedelta(weeks=60))
    won = Counter(row["owner_name"] for row in _rows(store) if row["status"] == "won")
    lost = Counter(row["owner_name"] for row in _rows(store) if row["status"] == "lost")
    closed = won.total() + lost.total()
    assert closed > 600
    assert won.total() / closed == pytest.approx(
        sandbox.TRUE_WIN_RATE, abs=3 * (sandbox.TRUE_WIN_RATE * (1 - sandbox.TRUE_WIN_RATE) / closed) ** 0.5
    )
    for rep in REPS:
        truth, n = sandbox.TRUE_WIN_RATES[rep.name], won[rep.name] + lost[rep.name]
        assert won[rep.name] / n == pytest.approx(truth, abs=3.5 * (truth * (1 - truth) / n) ** 0.5)


def test_outcomes__agree_with_the_fundamental_matrix() -> None:
    """The textbook way, (I − Q)⁻¹ R, with reopening and recovery as states of their own."""
    stages = [*NEXT, "closed_lost", *(f"deleted {stage}" for stage in NEXT)]
    for rep in REPS:
        inner, out = np.zeros((len(stages), len(stages))), np.zeros((len(stages), 2))
        for stage in NEXT:
            for target, chance in next_stages(stage, rep.skill).items():
                name = f"deleted {stage}" if target == "deleted" else target
                if name in stages:
                    inner[stages.index(stage), stages.index(name)] += chance
                elif name == "closed_won":
                    out[stages.index(stage), 0] += chance
            inner[stages.index(f"deleted {stage}"), stages.index(stage)] = 1 - 0.98**20
        inner[stages.index("closed_lost"), stages.index("negotiation")] = 1 - 0.997**20
        out[stages.index("closed_lost"), 1] = 0.997**20
        expected = np.linalg.solve(np.eye(len(stages)) - inner, out)
        for stage in NEXT:
            assert outcomes(rep.skill)[stage] == pytest.approx(
                tuple(expected[stages.index(stage)]), abs=1e-12
            )


def test_model__adds_up() -> None:
    assert sum(rep.share for rep in REPS) == pytest.approx(1)
    assert all(sum(NEXT[stage].values()) == pytest.approx(1) for stage in NEXT)
    assert set(LEAVE_PER_DAY) == set(NEXT)
    assert 0.3 < sandbox.TRUE_WIN_RATE < 0.4
    assert list(sandbox.TRUE_STAGE_RATES.values()) == sorted(sandbox.TRUE_STAGE_RATES.values())
    assert len(sandbox.TRUE_WIN_RATES) == len(REPS)


@pytest.mark.parametrize("days", [-1, 1.5, True, "7", 10_000])
def test_advance__refuses_what_is_no_number_of_days(world: Callable[..., Any], days: Any) -> None:
    with pytest.raises(ValueError, match="days must be a whole number"):
        world()[1].advance(days)
