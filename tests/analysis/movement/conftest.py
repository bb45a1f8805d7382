import pytest

from tests.history.logs import history_of


@pytest.fixture(scope="module")
def january():
    """Nine deals as known on 5 January, eight of them due in January."""
    rows = [
        ("won", 0, 100.0, "proposal", "2026-01-20", "active"),
        ("won", 1, 150.0, "closed_won", "2026-02-03", "won"),
        ("lost", 0, 200.0, "proposal", "2026-01-31", "active"),
        ("lost", 2, 200.0, "proposal", "2026-01-31", "lost"),
        ("pushed", 0, 400.0, "discovery", "2026-01-05", "active"),
        ("pushed", 3, 1.0, "discovery", "2026-03-05", "active"),
        ("idle", 0, 800.0, "negotiation", "2026-01-10", "active"),
        ("pulled", 0, None, "proposal", "2026-01-25", "active"),
        ("pulled", 1, None, "proposal", "2026-01-04", "active"),
        ("deleted", 0, 1600.0, "proposal", "2026-01-25", "active"),
        ("parked", 0, 3200.0, "proposal", "2026-01-25", "active"),
        ("parked", 1, 3200.0, "proposal", "2026-01-25", "inactive"),
        ("later", 0, 9.0, "proposal", "2026-04-01", "active"),
        ("closed", 0, 9.0, "closed_won", "2026-01-06", "won"),
        ("undated", 0, 9.0, "proposal", None, "active"),
        ("fresh", 1, 9.0, "proposal", "2026-01-20", "active"),
        ("reopens", 0, 6400.0, "proposal", "2026-01-25", "active"),
        ("reopens", 1, 6400.0, "closed_lost", "2026-01-25", "lost"),
        ("reopens", 2, 6400.0, "proposal", None, "active"),
        ("after", 4, 1.0, "proposal", "2026-01-25", "active"),
    ]
    return history_of(rows, deleted=[("deleted", 3), ("idle", 4)], owner_name="Ann")


@pytest.fixture(scope="module")
def moved():
    """Deals whose dates move."""
    rows = [
        ("twice", 0, 1.0, "proposal", "2026-03-31", "active"),
        ("twice", 1, 1.0, "proposal", "2026-04-30", "active"),
        ("twice", 2, 1.0, "proposal", "2026-04-20", "active"),
        ("twice", 3, 1.0, "proposal", "2026-05-20", "active"),
        ("closes", 0, 1.0, "proposal", "2026-03-31", "active"),
        ("closes", 1, 1.0, "proposal", "2026-04-01", "active"),
        ("closes", 2, 1.0, "closed_won", "2026-01-18", "won"),
        ("closes", 3, 1.0, "closed_won", "2026-01-17", "won"),
        ("undated", 0, 1.0, "proposal", None, "active"),
        ("set", 1, 1.0, "proposal", None, "active"),
        ("set", 2, 1.0, "proposal", "2026-03-01", "active"),
        ("set", 3, 1.0, "proposal", None, "active"),
        ("left", 0, 1.0, "proposal", "2026-03-01", "active"),
        ("still", 0, 1.0, "proposal", "2026-03-01", "active"),
    ]
    return history_of(rows, deleted=[("left", 1)])


@pytest.fixture(scope="module")
def history():
    """One deal for each way in and out of what is due in February."""
    rows = [
        ("stays", 0, 0.1, "proposal", "2026-02-10", "active"),
        ("grows", 0, 10.0, "proposal", "2026-02-10", "active"),
        ("grows", 1, 10.2, "proposal", "2026-02-10", "active"),
        ("grows", 2, 9.9, "closed_won", "2026-03-10", "won"),
        ("fresh", 1, 20.0, "discovery", "2026-02-20", "active"),
        ("fresh", 3, 20.0, "discovery", None, "active"),
        ("brief", 2, 40.0, "closed_lost", "2026-02-20", "lost"),
        ("old", 0, 7.0, "closed_lost", "2026-01-01", "lost"),
        ("old", 1, 7.0, "proposal", "2026-02-02", "active"),
        ("old", 2, 7.0, "proposal", "2026-02-02", "inactive"),
        ("in", 0, 1.0, "proposal", "2026-03-01", "active"),
        ("in", 1, 2.0, "proposal", "2026-02-28", "active"),
        ("in", 2, 3.0, "proposal", "2026-03-01", "active"),
        ("up", 0, 5.0, "proposal", "2026-01-31", "active"),
        ("up", 1, 5.0, "proposal", "2026-02-01", "active"),
        ("up", 2, 5.0, "proposal", "2026-01-31", "active"),
        ("dated", 0, 6.0, "proposal", None, "active"),
        ("dated", 1, 6.0, "proposal", "2026-02-14", "active"),
        ("back", 0, None, "proposal", "2026-02-14", "active"),
        ("back", 2, 3.0, "proposal", "2026-02-14", "active"),
        ("odd", 0, 4.0, "proposal", "2026-02-14", "active"),
        ("odd", 1, 4.0, "closed_won", "2026-02-14", "lost"),
    ]
    return history_of(rows, deleted=[("back", 1), ("dated", 3)], name="Deal")
