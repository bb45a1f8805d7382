"""One server for all tests of the API, a tenant of its own for each of them."""

import contextlib
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import requests

from opp_analytics import sandbox
from opp_analytics.sandbox.clock import Clock, midnight
from opp_analytics.sandbox.simulator import Simulator
from opp_analytics.sandbox.store import Store

ROWS: list[dict[str, Any]] = [
    {
        "unique_id": f"opp-{number:02}",
        "name": name,
        "account_id": account,
        "value": value,
        "stage": stage,
        "status": status,
        "owner_name": owner,
        "owner_unique_id": f"rep-{owner}",
        "created_at": f"2026-01-{number:02}T09:00:00Z",
        "updated_at": f"2026-02-{number:02}T09:00:00Z",
    }
    for number, name, account, value, stage, status, owner in (
        (1, "Ärzte portal", "acme", 100, "discovery", "active", "Ann"),
        (2, "Billing", "acme", 50.25, "proposal", "active", "Ben"),
        (3, "CRM rollout", "bolt", None, "closed_won", "won", "Ann"),
        (4, "Data lake", "bolt", 100, "closed_lost", "lost", "Ben"),
        (5, "100% uptime", "core", 7, "discovery", "inactive", "Ann"),
    )
]


class Caller:
    """A plain HTTP client with the credentials of one tenant."""

    def __init__(self, url: str, token: str, api_key: str) -> None:
        self.url = url
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers.update({"Authorization": f"Bearer {token}", "AppId": api_key})

    def __call__(self, method: str, path: str, **kwargs: Any) -> requests.Response:
        return self.session.request(method, self.url + path, allow_redirects=False, timeout=300, **kwargs)

    def create(self, **fields: Any) -> requests.Response:
        return self("POST", "/opportunities", json={"opportunity": fields})

    def update(self, unique_id: str, /, **fields: Any) -> requests.Response:
        return self("PUT", f"/opportunities/{unique_id}", json={"opportunity": fields})

    def get(self, unique_id: str) -> dict[str, Any]:
        answer: dict[str, Any] = self("GET", f"/opportunities/{unique_id}").json()["data"]["attributes"]
        return answer

    def ids(self, **params: Any) -> list[str]:
        return [row["id"] for row in self("GET", "/opportunities", params=params).json()["data"]]

    def trash(self) -> list[str]:
        return [row["id"] for row in self("GET", "/opportunities/trash/show").json()["data"]]


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
def world(tmp_path: Path) -> Iterator[Callable[..., tuple[Store, Simulator]]]:
    """Make stores with a team, without a server; `name` reopens one."""
    with contextlib.ExitStack() as stack:

        def make(name: str = "a", begin: date = date(2026, 1, 5), seed: int = 1, rate: float = 10) -> Any:
            store = Store(tmp_path / f"{name}.db", Clock())
            stack.callback(store.close)
            if store.is_new:
                store.add_tenant()
                store.keep(seed=seed, deals_per_week=rate)
                store.clock.reach(midnight(begin))
            return store, Simulator(store)

        yield make
