"""The team at work: repeatable, restartable, respectful of edits, and as good as it is said to
be."""

import json
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, TypeAlias

import pytest

from opp_analytics import sandbox
from opp_analytics.sandbox.clock import from_text, midnight
from opp_analytics.sandbox.simulator import Simulator
from opp_analytics.sandbox.store import DealStore
from opp_analytics.sandbox.team import NEXT, REPS

BEGIN = date(2026, 1, 5)
TEAM = 1
World: TypeAlias = Callable[..., tuple[DealStore, Simulator]]


def _play(store: DealStore, simulator: Simulator, until: date) -> None:
    with store.transaction():
        simulator.play(until)
    store.clock.reach(midnight(until))


def _rows(store: DealStore) -> list[dict[str, Any]]:
    return [
        json.loads(text)
        for deleted in (False, True)
        for _, text in store.read_page(TEAM, deleted=deleted, limit=1_000_000)[0]
    ]


def test_play__gives_the_same_data_for_the_same_seed(world: World) -> None:
    for name in ("a", "b"):
        _play(*world(name), BEGIN + timedelta(weeks=6))
    _play(*world("c", seed=2), BEGIN + timedelta(weeks=6))
    one, same, other = (_rows(world(name)[0]) for name in "abc")
    assert one == same
    assert len(one) > 20
    assert not {row["unique_id"] for row in one} & {row["unique_id"] for row in other}


def test_play__is_the_same_after_a_restart_on_the_way(world: World) -> None:
    _play(*world("whole"), BEGIN + timedelta(weeks=6))
    for weeks in (2, 3, 6):
        store, simulator = world("parts")
        _play(store, simulator, BEGIN + timedelta(weeks=weeks))
    assert _rows(world("parts")[0]) == _rows(world("whole")[0])


def test_play__is_shifted_when_it_begins_some_weeks_later(world: World) -> None:
    later = BEGIN + timedelta(weeks=52)
    _play(*world("now"), BEGIN + timedelta(weeks=5))
    _play(*world("later", begin=later), later + timedelta(weeks=5))

    def essence(store: DealStore, shift: timedelta) -> list[Any]:
        return [
            (
                row["unique_id"],
                row["name"],
                row["stage"],
                row["status"],
                from_text(row["created_at"]) - shift,
            )
            for row in _rows(store)
        ]

    assert essence(world("later")[0], later - BEGIN) == essence(world("now")[0], timedelta(0))


def test_play__respects_an_edit_and_leaves_the_other_deals_alone(world: World) -> None:
    for name in ("plain", "edited"):
        _play(*world(name), BEGIN + timedelta(weeks=3))
    store, simulator = world("edited")
    chosen = next(
        row for row in _rows(store) if row["stage"] == "discovery" and row["status"] == "active"
    )
    record = store.get(TEAM, chosen["unique_id"])
    assert record is not None
    store.update(TEAM, record, {"stage": "closed_won", "status": "won", "name": "Mine"})
    _play(store, simulator, BEGIN + timedelta(weeks=5))
    _play(*world("plain"), BEGIN + timedelta(weeks=5))
    after = next(row for row in _rows(store) if row["unique_id"] == chosen["unique_id"])
    assert (after["name"], after["stage"]) == ("Mine", "closed_won")

    def others(store: DealStore) -> list[Any]:
        # An edit may move a stamp of the same day by its own microseconds, nothing else.
        return [
            {k: v for k, v in row.items() if k != "updated_at"}
            for row in _rows(store)
            if row["unique_id"] != chosen["unique_id"]
        ]

    assert others(store) == others(world("plain")[0])


def test_play__leaves_alone_what_somebody_deleted_over_the_api(world: World) -> None:
    store, simulator = world(rate=0)
    with store.transaction():
        kept = [store.create(TEAM, {"name": f"n{number}"}) for number in range(300)]
        for record in kept:
            store.delete(TEAM, record)
    _play(store, simulator, BEGIN + timedelta(weeks=4))
    assert store.read_page(TEAM)[1] == 0


def test_play__works_on_dirty_data(world: World) -> None:
    store, simulator = world(rate=0)
    with store.transaction():
        for stage in (*NEXT, "won!!", None):
            store.create(
                TEAM,
                {
                    "name": None,
                    "stage": stage,
                    "close_date": "soon",
                    "status": None,
                    "value": "12.50",
                },
            )
    _play(store, simulator, BEGIN + timedelta(weeks=8))
    stages = Counter(row["stage"] for row in _rows(store))
    assert (stages["won!!"], stages[None]) == (1, 1)


def test_play__shows_everything_that_happens_to_pipelines(world: World) -> None:
    store, simulator = world(rate=25)
    seen: Counter[str] = Counter()
    before: dict[str, dict[str, Any]] = {}
    for week in range(1, 17):
        _play(store, simulator, BEGIN + timedelta(weeks=week))
        live = {
            row["unique_id"]: row
            for row in map(json.loads, dict(store.read_page(TEAM, limit=10**6)[0]).values())
        }
        trash = dict(store.read_page(TEAM, deleted=True, limit=10**6)[0])
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
        "recovered",
        "reopened",
        "disqualified",
        "undated",
        "unvalued",
        "overdue",
        "pushed",
        "pulled",
        "revalued",
        "deleted",
    }
    assert {what for what, times in seen.items() if times} == expected
    assert seen["pushed"] > 3 * seen["pulled"]


@pytest.mark.slow
def test_true_win_rate__is_what_a_long_simulation_comes_to(world: World) -> None:
    store, simulator = world(rate=200)
    _play(store, simulator, BEGIN + timedelta(weeks=5))
    store.save_settings(deals_per_week=0)
    _play(store, simulator, BEGIN + timedelta(weeks=60))
    won = Counter(row["owner_name"] for row in _rows(store) if row["status"] == "won")
    lost = Counter(row["owner_name"] for row in _rows(store) if row["status"] == "lost")
    closed = won.total() + lost.total()
    assert closed > 600
    assert won.total() / closed == pytest.approx(
        sandbox.TRUE_WIN_RATE,
        abs=3 * (sandbox.TRUE_WIN_RATE * (1 - sandbox.TRUE_WIN_RATE) / closed) ** 0.5,
    )
    for rep in REPS:
        truth, n = sandbox.TRUE_WIN_RATES[rep.name], won[rep.name] + lost[rep.name]
        assert won[rep.name] / n == pytest.approx(truth, abs=3.5 * (truth * (1 - truth) / n) ** 0.5)
