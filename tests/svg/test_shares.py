"""A whole in parts."""

from __future__ import annotations

from opp_analytics.svg.shares import Part, shares
from tests.svg import reading


def test_shares__fill_the_whole_one_after_another() -> None:
    parts = [
        Part(3.0, "hi", ("three",), "3"),
        Part(0.0, "mute", ("none",), "0"),
        Part(1.0, "pale", ("one",), "1"),
    ]
    html = shares(parts, whole=4.0, said="3 and 1")
    assert [mark["x"] for mark in reading.marks(html, "rect", "f-hi")] == [0]
    assert [mark["x"] for mark in reading.marks(html, "rect", "f-pale")] == [75]
    assert reading.texts(html) == ["three", "one"]


def test_shares__of_nothing_is_an_empty_bar() -> None:
    assert reading.texts(shares([Part(0.0, "hi", ("none",), "0")], whole=0.0, said="nothing")) == []
