"""Every number of every surface is that of its function, and none contradicts another."""

from __future__ import annotations

import pytest

from tests.surfaces.harness import judge
from tests.surfaces.worlds import WORLDS


@pytest.mark.parametrize("world", ["stated", "no_deals"])
def test_page_and_explorer__say_what_their_functions_give(world: str) -> None:
    assert judge(world, ("truth", "page", "digests", "explorer", "grid")).mismatches == []


@pytest.mark.slow
@pytest.mark.parametrize("world", WORLDS)
def test_surfaces__say_what_their_functions_give(world: str) -> None:
    ledger = judge(world)
    assert ledger.count > 100
    assert ledger.mismatches == []
