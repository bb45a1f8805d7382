"""What a history remembers of its records."""

import pandas as pd

from opp_analytics.history import History


def test_remember__makes_once_until_the_next_record(tmp_path):
    frame = pd.DataFrame({"unique_id": ["a", "b"], "stage": "proposal"})
    history = History(tmp_path)
    history.record(frame, at="2026-03-02")
    made: list[int] = []

    def make() -> int:
        made.append(1)
        return len(made)

    assert [history.remember(("x",), make) for _ in range(3)] == [1, 1, 1]
    assert history.where(stage="proposal").remember(("x",), make) == 2
    history.record(frame, at="2026-03-09")
    assert history.remember(("x",), make) == 3
    # Of more than eight keys the one that was used last of all is made anew.
    for key in range(8):
        history.remember((key,), make)
    assert history.remember((0,), make) == 4
    assert history.remember(("x",), make) == 12
