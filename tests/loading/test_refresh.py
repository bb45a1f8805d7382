"""``load(refresh="changes")``: the same frame as a full sweep gives, for less."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import opp_analytics as oa
from opp_analytics import schema
from opp_analytics.api import Kept
from tests.examples import examples
from tests.loading.world import WORK, World
from tests.support import row, serving


def refreshed(
    client: oa.Client, refresh: Literal["changes", "full"] = "changes", page_size: int = 5
) -> pd.DataFrame:
    return oa.load(client, refresh=refresh, page_size=page_size, progress=False)


@pytest.fixture
def client_to(tmp_path):
    def client_to(server, **options):
        return oa.Client(
            server.url, "tok", "key", cache_dir=tmp_path / "pages", retries=0, **options
        )

    return client_to


@pytest.mark.slow
@examples(15)
@example(days=[[("update", 0)], [("delete", 0)]])
@example(days=[[("create", 1)], [("delete", 20)]])  # the only deal that had the attribute
@example(days=[[("create", 6)], [("delete", 20)]])  # which was null
@example(days=[[("create", 1), ("create", 2)], [("delete", 20)]])  # a text goes, a number stays
@example(
    days=[[("create", 3), ("create", 2)], [("delete", 20)]]
)  # a fraction goes, a whole number stays
@example(days=[[("create", 3), ("create", 5)]])  # a fraction before a boolean, and after it
@given(
    days=st.lists(
        st.lists(st.tuples(st.sampled_from(WORK), st.integers(0, 99)), max_size=5), max_size=3
    )
)
def test_load_changes__equals_a_full_sweep_whatever_people_did(tmp_path_factory, days):
    world = World(20)
    with (
        serving(world.answer) as server,
        oa.Client(
            server.url, "tok", "key", cache_dir=tmp_path_factory.mktemp("pages"), retries=0
        ) as client,
    ):
        refreshed(client)
        for day in days:
            for work, at in day:
                getattr(world, work)(at)
            changes = refreshed(client)
            full = refreshed(client, refresh="full")
            assert changes.attrs["load"]["complete"]
            caught_up, swept = (
                f.sort_values("unique_id", ignore_index=True) for f in (changes, full)
            )
            assert further_cells(caught_up) == further_cells(swept)
            known = [*schema.COLUMNS]
            pd.testing.assert_frame_equal(caught_up[known], swept[known])


def further_cells(opportunities: pd.DataFrame) -> list[str | None]:
    """The cells of the tenant's own attribute in one spelling, whatever type the column has."""
    cells = (
        opportunities["region"].tolist()
        if "region" in opportunities
        else [None] * len(opportunities)
    )
    return [None if pd.isna(cell) else str(cell).lower().removesuffix(".0") for cell in cells]


ONE_HOLDER: dict[str, Callable[[int], dict[str, Any]]] = {
    "a text": lambda n: {"region": "north"} if n == 3 else {},
    "a text beside numbers": lambda n: {"region": "north" if n == 3 else n},
    "a fraction": lambda n: {"region": 0.5 if n == 3 else float(n)},
}


@pytest.mark.parametrize("kind", ONE_HOLDER)
@pytest.mark.parametrize("work", ["delete", "update", "create"])
def test_load_changes__reads_as_little_after_own_writes_with_a_further_column(
    shared_sandbox, tmp_path, kind, work
):
    tenant = shared_sandbox.add_tenant([row(n, **ONE_HOLDER[kind](n)) for n in range(500)])
    with oa.Client(shared_sandbox.url, *tenant, cache_dir=tmp_path) as client:
        refreshed(client, page_size=20)
        if work == "create":
            client.create(name="New")
        else:
            getattr(client, work)(
                "opp-3", **({"fields": {"region": None}} if work == "update" else {})
            )
        asked = shared_sandbox.requests
        frame = refreshed(client, page_size=20)
        assert shared_sandbox.requests - asked <= 4
        assert frame.attrs["load"]["sweeps"] == 0
        assert further_cells(frame) == further_cells(
            refreshed(client, refresh="full", page_size=500)
        )


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


def kept_certificate(client: oa.Client, **changes: Any) -> None:
    """Change the certificate of the frame that the client keeps."""
    key = next(client.frames.folder.glob("frame-*")).stem.removeprefix("frame-")
    kept = client.frames.read(key)
    assert kept is not None
    said = {name: value.isoformat() for name, value in changes.items()}
    client.frames.write(key, Kept(kept.table, kept.certificate | said), client.frames.epoch())


@pytest.mark.parametrize(("hours", "sweeps"), [(23, 0), (25, 1), (-1, 1)])
def test_load_changes__reads_everything_once_a_day(client_to, hours, sweeps):
    with serving(World(10).answer) as server, client_to(server) as client:
        swept = refreshed(client)
        assert swept.attrs["load"]["assumes_stamps_within"] is None
        kept_certificate(client, swept_at=datetime.now(UTC) - timedelta(hours=hours))
        again = refreshed(client)
    assert again.attrs["load"]["sweeps"] == sweeps
    assert again.attrs["load"]["assumes_stamps_within"] == (None if sweeps else 5)


def test_load__takes_no_frame_from_the_future_for_fresh(client_to):
    """As after a clock was set back."""
    with serving(World(10).answer) as server, client_to(server) as client:
        refreshed(client)
        kept_certificate(client, read_at=datetime.now(UTC) + timedelta(minutes=10))
        server.asked.clear()
        oa.load(client, progress=False)
        assert server.asked


@pytest.mark.parametrize(("late", "seen"), [(240, True), (600, False)])
def test_load_changes__sees_late_stamps_within_the_minutes_it_names(
    tenant, shared_sandbox, late, seen
):
    reader = tenant(100)
    assert oa.load(reader, page_size=5, progress=False).attrs["load"]["complete"]
    for number in range(50, 65):
        reader.update(f"opp-{number}", value=1)
    shared_sandbox.faults.late_stamps = 400
    for number in range(20, 30):
        reader.update(f"opp-{number}", value=2)
    oa.load(reader, refresh="full", page_size=5, progress=False)
    shared_sandbox.faults.late_stamps = late
    reader.update("opp-3", value=3)
    frame = oa.load(reader, refresh="changes", page_size=5, progress=False)
    assert frame.attrs["load"]["assumes_stamps_within"] * 60 >= late or not seen
    assert (frame.set_index("unique_id")["value"]["opp-3"] == 3) == seen
    full = oa.load(reader, refresh="full", page_size=5, progress=False)
    assert full.set_index("unique_id")["value"]["opp-3"] == 3
