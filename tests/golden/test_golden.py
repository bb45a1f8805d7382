"""The figures of this build are those that are stored; ``python -m tests.golden`` shows each
difference."""

from __future__ import annotations

import pytest

from tests.golden.files import compute, differences
from tests.golden.histories import HISTORIES

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("history", HISTORIES)
def test_figures__are_as_stored(history: str) -> None:
    assert not "\n".join(differences(compute([history])))
