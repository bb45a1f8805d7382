"""Amounts as bars from zero."""

from __future__ import annotations

from opp_analytics import svg
from tests.svg import reading


def test_bars__start_at_zero() -> None:
    rows = svg.bars([svg.Amount("a", 100.0, "100", "a: 100"), svg.Amount("b", 0.0, "–", "b")])
    assert [mark["x"] for mark in reading.marks(rows, "rect", "f-mute")] == [0]
