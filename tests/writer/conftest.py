from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from opp_analytics.api import Client
from opp_analytics.sandbox import Sandbox
from tests.writer.frames import opportunities


@pytest.fixture
def server(shared_sandbox: Sandbox) -> Iterator[Sandbox]:
    """The server of all tests, its faults off before and after."""
    shared_sandbox.faults.reset()
    yield shared_sandbox
    shared_sandbox.faults.reset()


@pytest.fixture
def before() -> pd.DataFrame:
    return opportunities()


@pytest.fixture
def client(server: Sandbox, before: pd.DataFrame, tmp_path: Path) -> Iterator[Client]:
    """A client of a tenant of its own that holds `before`."""
    tenant = server.add_tenant(before)
    with Client(server.url, tenant.token, tenant.api_key, cache_dir=tmp_path / "cache") as asking:
        yield asking


@pytest.fixture
def asking(server: Sandbox, tmp_path: Path) -> Iterator[Callable[..., Client]]:
    """Makes clients of one new tenant that holds the opportunities given first."""
    clients: list[Client] = []
    tenant: list[Any] = []

    def make(
        before: pd.DataFrame | None = None, kind: type[Client] = Client, **options: Any
    ) -> Client:
        tenant[:] = tenant or [server.add_tenant(before)]
        clients.append(
            kind(server.url, *tenant[0], cache_dir=tmp_path / f"cache{len(clients)}", **options)
        )
        return clients[-1]

    yield make
    for client in clients:
        client.close()
