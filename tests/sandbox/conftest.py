"""One server for all tests of the API, a tenant of its own for each of them."""

import contextlib
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from opp_analytics import sandbox
from opp_analytics.sandbox.clock import Clock, midnight
from opp_analytics.sandbox.simulator import Simulator
from opp_analytics.sandbox.store import DealStore
from tests.sandbox.callers import ROWS, Caller


@pytest.fixture(scope="session")
def server() -> Iterator[sandbox.Sandbox]:
    """A server without data of its own."""
    with sandbox.start(opportunities=[], today=date(2026, 3, 2)) as running:
        yield running


@pytest.fixture
def connect() -> Iterator[Callable[..., Caller]]:
    """Make callers that are closed after the test."""
    with contextlib.ExitStack() as stack:

        def make(*credentials: str) -> Caller:
            caller = Caller(*credentials)
            stack.callback(caller.session.close)
            return caller

        yield make


@pytest.fixture
def api(server: sandbox.Sandbox, connect: Callable[..., Caller]) -> Caller:
    """A new tenant with `ROWS`."""
    return connect(server.url, *server.add_tenant(ROWS))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Callable[..., tuple[DealStore, Simulator]]]:
    """Make stores with a team, without a server; `name` reopens one."""
    with contextlib.ExitStack() as stack:

        def make(
            name: str = "a", begin: date = date(2026, 1, 5), seed: int = 1, rate: float = 10
        ) -> Any:
            store = DealStore(tmp_path / f"{name}.db", Clock())
            stack.callback(store.close)
            if store.is_new:
                store.add_tenant()
                store.save_settings(seed=seed, deals_per_week=rate)
                store.clock.reach(midnight(begin))
            return store, Simulator(store)

        yield make


@pytest.fixture
def faults(server: sandbox.Sandbox) -> Iterator[sandbox.FaultSettings]:
    """The server's faults, switched off again afterwards."""
    yield server.faults
    server.faults.reset()
