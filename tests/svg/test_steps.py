"""A waterfall's rows: every bar begins where the one before ended."""

from __future__ import annotations

import pytest

from opp_analytics.svg.steps import Step, steps
from tests.svg import reading


def test_steps__begin_where_the_one_before_ended() -> None:
    moves = [Step("Won", 60.0, 2, "won"), Step("Lost", -40.0, 1, "lost")]
    rows = steps(("Then", 100.0), moves, ("Now", 120.0), str, target=100.0)
    drawn = [
        reading.marks(row.picture, "rect", kind)
        for row, kind in zip(rows.rows, ("f-bar", "f-hi", "f-mute", "f-bar"), strict=True)
    ]
    ends = [(bar["x"], bar["x"] + bar["width"]) for (bar,) in drawn]
    assert ends[1][0] == pytest.approx(ends[0][1], abs=0.01)
    assert ends[2][1] == pytest.approx(ends[1][1], abs=0.01)
    assert ends[3][1] == pytest.approx(ends[2][0], abs=0.01)
