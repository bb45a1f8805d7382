"""Every number of every surface is that of its function, and none contradicts another."""

from __future__ import annotations

import pytest

from tests.surfaces.faults import FAULTS, Fault, find, put_back
from tests.surfaces.files import FILES
from tests.surfaces.harness import judge
from tests.surfaces.worlds import WORLDS


@pytest.mark.parametrize("world", ["stated", "no_deals"])
def test_page_and_explorer__say_what_their_functions_give(world: str) -> None:
    assert judge(world, ("truth", "page", "digests", "explorer", "grid")).mismatches == []


@pytest.mark.parametrize("file", FILES)
def test_files__are_read_as_what_they_hold(file: str) -> None:
    assert judge(file).mismatches == []


@pytest.mark.slow
@pytest.mark.parametrize("world", WORLDS)
def test_surfaces__say_what_their_functions_give(world: str) -> None:
    ledger = judge(world)
    assert ledger.count > 200
    assert ledger.mismatches == []


def test_faults__can_be_put_back() -> None:
    assert FAULTS
    for fault in FAULTS:
        with put_back(*fault.edits):
            pass


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_faults__are_found_when_they_are_put_back(fault: Fault) -> None:
    assert find(fault) != []
