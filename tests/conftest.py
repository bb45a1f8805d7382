"""What every test stands on: no settings from outside, own cache and state folders, one shared sandbox."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, settings

import opp_analytics as oa
from opp_analytics.api import TOKEN_COMMAND, VARIABLES
from tests.support import row

# How fast the machine is today must not decide a test.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


@pytest.fixture(autouse=True)
def _own_surroundings(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    if "live" not in request.keywords:
        for name in (*VARIABLES, TOKEN_COMMAND):
            monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def shared_sandbox() -> Iterator[oa.sandbox.Sandbox]:
    """One server process for all tests that only need a tenant of their own."""
    with oa.sandbox.start(weeks=0, deals_per_week=0) as server:
        yield server


@pytest.fixture
def tenant(shared_sandbox: oa.sandbox.Sandbox, tmp_path: Path) -> Iterator[Callable[..., oa.Client]]:
    """Makes a client of a new tenant that holds the given rows; faults are off again afterwards."""

    def make(opportunities: pd.DataFrame | int = 0, **options: object) -> oa.Client:
        if isinstance(opportunities, int):
            opportunities = pd.DataFrame([row(number) for number in range(opportunities)])
        token, api_key = shared_sandbox.add_tenant(opportunities)
        return oa.Client(shared_sandbox.url, token, api_key, cache_dir=tmp_path / "pages", **options)  # type: ignore[arg-type]

    yield make
    shared_sandbox.faults.reset()
