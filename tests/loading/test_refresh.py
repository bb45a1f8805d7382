"""``load(refresh="changes")``: the same frame as a full sweep gives, for less."""

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import opp_analytics as oa
from tests.support import paged, row, serving

REGIONS = ("north", 7, 2.5, 3.0, True, None, ["a"])
"""What a tenant's own attribute may hold; the rows of the beginning do not have it."""


class World:
    """A server's stock that people work on."""

    def __init__(self, count: int) -> None:
        self.rows = [row(n, created_at=f"2026-01-01T00:00:00.{n:06d}Z") for n in range(count)]
        self.trash: list[dict[str, Any]] = []
        self.made = count
        self.now = datetime(2026, 3, 1, tzinfo=UTC)

    def stamp(self) -> str:
        self.now += timedelta(minutes=7)
        return self.now.isoformat()

    def create(self, at: int) -> None:
        stamp = self.stamp()
        regions = ({}, *({"region": region} for region in REGIONS))
        self.rows.append(row(self.made, created_at=stamp, updated_at=stamp, **regions[at % len(regions)]))
        self.made += 1

    def update(self, at: int) -> None:
        if self.rows:
            changed = self.rows[at % len(self.rows)]
            self.rows[at % len(self.rows)] = changed | {
                "value": at,
                "stage": "won!!",
                "updated_at": self.stamp(),
            }

    def delete(self, at: int) -> None:
        if self.rows:
            self.trash.insert(0, self.rows.pop(at % len(self.rows)))

    def recover(self, at: int) -> None:
        """Some servers stamp a recovered row, others do not."""
        if self.trash:
            back = self.trash.pop(at % len(self.trash))
            self.rows.append(back | {"updated_at": self.stamp()} if at % 2 else back)

    def purge(self) -> None:
        self.trash.clear()

    def answer(self, asked: Any) -> Any:
        return paged(self.rows, self.trash)(asked)


WORK = ("create", "update", "delete", "recover")


def refreshed(
    client: oa.Client, refresh: Literal["changes", "full"] = "changes", page_size: int = 5
) -> pd.DataFrame:
    return oa.load(client, refresh=refresh, page_size=page_size, progress=False)


@pytest.fixture
def client_to(tmp_path):
    def client_to(server, **options):
        return oa.Client(server.url, "tok", "key", cache_dir=tmp_path / "pages", retries=0, **options)

    return client_to


@settings(max_examples=40)
@example(days=[[("update", 0)], [("delete", 0)]])
@example(days=[[("create", 1)], [("delete", 20)]])  # the only deal that had the attribute
@example(days=[[("create", 6)], [("delete", 20)]])  # which was null
@example(days=[[("create", 1), ("create", 2)], [("delete", 20)]])  # a text goes, a number stays
@example(days=[[("create", 3), ("create", 2)], [("delete", 20)]])  # a fraction goes, a whole number stays
@example(days=[[("create", 3), ("create", 5)]])  # a fraction before a boolean, and after it
@given(days=st.lists(st.lists(st.tuples(st.sampled_from(WORK), st.integers(0, 99)), max_size=5), max_size=3))
def test_load_changes__equals_a_full_sweep_whatever_people_did(tmp_path_factory, days):
    world = World(20)
    with (
        serving(world.answer) as server,
        oa.Client(server.url, "tok", "key", cache_dir=tmp_path_factory.mktemp("pages"), retries=0) as client,
    ):
        refreshed(client)
        for day in days:
            for work, at in day:
                getattr(world, work)(at)
            changes = refreshed(client)
            full = refreshed(client, refresh="full")
            assert changes.attrs["load"]["complete"]
            caught_up, swept = (f.sort_values("unique_id", ignore_index=True) for f in (changes, full))
            pd.testing.assert_frame_equal(caught_up, swept, check_like=True)


@pytest.mark.parametrize("work", WORK[:3])
def test_load_changes__reads_what_changed_only(client_to, work):
    world = World(100)
    with serving(world.answer) as server, client_to(server) as client:
        refreshed(client)
        getattr(world, work)(3)
        server.asked.clear()
        frame = refreshed(client)
        asked = len(server.asked)
    assert frame.attrs["load"]["sweeps"] == 0
    assert frame.attrs["load"]["total"] == len(frame) == len(world.rows)
    assert asked <= 8


def test_load_changes__is_kept_for_the_next_load(client_to):
    world = World(30)
    with serving(world.answer) as server, client_to(server) as client:
        refreshed(client)
        world.update(3)
        frame = refreshed(client)
        server.asked.clear()
        assert oa.load(client, progress=False).equals(frame)
        assert server.asked == []


def test_load_changes__sweeps_when_the_server_does_not_sort(client_to):
    world = World(30)

    def unsorted(asked):
        if asked.query.get("records") != "1" and asked.query.get("sort") == "-updated_at":
            asked.query["sort"] = "created_at"
        return world.answer(asked)

    with serving(unsorted) as server, client_to(server) as client:
        refreshed(client)
        world.update(3)
        frame = refreshed(client)
    assert frame.attrs["load"]["sweeps"] == 1
    assert frame.set_index("unique_id")["value"]["opp-3"] == 3


def test_load_changes__sweeps_when_most_of_it_changed(client_to):
    world = World(60)
    with serving(world.answer) as server, client_to(server) as client:
        refreshed(client)
        for at in range(60):
            world.update(at)
        assert refreshed(client).attrs["load"]["sweeps"] == 1


def test_load_changes__sweeps_when_something_changed_during_it(client_to):
    world = World(40)
    meanwhile = []

    def touching(asked):
        answer = world.answer(asked)
        if meanwhile and asked.query.get("records") != "1":
            world.update(meanwhile.pop())
        return answer

    with serving(touching) as server, client_to(server) as client:
        refreshed(client)
        world.update(3)
        meanwhile.append(5)
        frame = refreshed(client)
    assert frame.attrs["load"]["sweeps"] >= 1
    assert frame.set_index("unique_id")["value"]["opp-5"] == 5


def test_load_changes__sweeps_when_the_trash_was_emptied(client_to):
    world = World(20)
    with serving(world.answer) as server, client_to(server) as client:
        world.delete(0)
        refreshed(client)
        world.recover(0)
        world.delete(5)
        world.purge()
        frame = refreshed(client)
    assert frame.attrs["load"]["sweeps"] == 1
    assert set(frame["unique_id"]) == {row["unique_id"] for row in world.rows}


def test_load_changes__of_an_empty_tenant(client_to):
    world = World(0)
    with serving(world.answer) as server, client_to(server) as client:
        assert len(refreshed(client)) == 0
        world.create(1)
        assert refreshed(client)["unique_id"].tolist() == ["opp-0"]
