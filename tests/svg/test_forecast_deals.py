"""What one deal does to the chance of the target."""

from __future__ import annotations

from opp_analytics import svg
from tests.svg import reading


def test_swing__says_both_chances() -> None:
    assert reading.texts(svg.swing(0.0, 0.9999, said="x")) == ["0%", ">99%"]
