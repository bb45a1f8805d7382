"""Whatever comes in, what comes out is a result or an error of ours: every target, half a minute in
all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fuzz import from_servers
from tests.fuzz.__main__ import TARGETS
from tests.fuzz.targets import fuzz

# Slow: half a minute in all.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def _servers() -> Iterator[None]:
    yield
    from_servers.close_servers()


@pytest.mark.parametrize("name", TARGETS)
def test_target__gives_results_or_errors_of_ours(name: str) -> None:
    found = fuzz(TARGETS[name], TARGETS[name].examples // 2)
    assert found.calls > 0
    assert not found.raw
