from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from opp_analytics.api import Client
from opp_analytics.org import conform
from opp_analytics.sandbox import Sandbox


def opportunities(rows: int = 6) -> pd.DataFrame:
    """Open deals `o000`, `o001`, … worth 1000, 1100, …, every one in proposal at 40 %."""
    numbers = range(rows)
    frame = pd.DataFrame(
        {
            "unique_id": [f"o{n:03d}" for n in numbers],
            "name": [f"Deal {n}" for n in numbers],
            "account_id": "acc-1",
            "value": [1000.0 + 100 * n for n in numbers],
            "stage": "proposal",
            "close_date": "2026-06-30",
            "probability": 40,
            "status": "active",
            "created_at": "2026-01-10T10:30:00Z",
            "updated_at": "2026-01-10T10:30:00Z",
        }
    )
    return conform(frame)


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
