from pathlib import Path

import pandas as pd
import pytest

from tests.history.logs import history_of


def read_rows(name: str) -> pd.DataFrame:
    """The rows of a file beside this one."""
    return pd.read_csv(Path(__file__).with_name(f"{name}.csv"))


@pytest.fixture(scope="module")
def january():
    """Nine deals as known on 5 January, eight of them due in January."""
    return history_of(read_rows("january"), deleted=[("deleted", 3), ("idle", 4)], owner_name="Ann")


@pytest.fixture(scope="module")
def moved():
    """Deals whose dates move."""
    return history_of(read_rows("moved"), deleted=[("left", 1)])


@pytest.fixture(scope="module")
def history():
    """One deal for each way in and out of what is due in February."""
    return history_of(read_rows("history"), deleted=[("back", 1), ("dated", 3)], name="Deal")
