"""The engines beside the history's own, each started once."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opp_analytics.history import History
from tests.history.engines import play_history, start_postgres, start_spark


@pytest.fixture(scope="session")
def eventful() -> History:
    """A history in which everything happens."""
    return play_history()


@pytest.fixture(scope="session")
def spark() -> Iterator[Any]:
    yield from start_spark()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Any]:
    # The path of a socket has a limit of a hundred characters, which pytest's folders come close
    # to.
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        yield from start_postgres(Path(folder))
