"""Amounts as bars from zero."""

from __future__ import annotations

from opp_analytics import svg
from tests.svg import reading


def test_bars__start_at_zero() -> None:
    rows = svg.bars([svg.Amount("a", 100.0, "100", "a: 100"), svg.Amount("b", 0.0, "–", "b")])
    assert [mark["x"] for mark in reading.marks(rows, "rect", "f-mute")] == [0]


def test_bars__have_one_blue_bar_where_the_title_names_one() -> None:
    rows = svg.bars(
        [svg.Amount("Ann", 3.0, "3", "Ann: 3", highlight=True), svg.Amount("Bo", 1.0, "1", "Bo: 1")]
    )
    assert [len(reading.marks(row.picture, "rect", "f-hi")) for row in rows.rows] == [1, 0]
