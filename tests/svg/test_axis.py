"""Axes: straight, from zero, with round ticks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from opp_analytics import svg


@given(st.floats(1e-3, 1e13), st.integers(1, 6))
def test_ticks__are_round_few_and_inside(top: float, most: int) -> None:
    ticks = svg.Axis(top).ticks(most)
    assert ticks[0] == 0
    assert len(ticks) <= most + 1
    assert ticks[-1] <= top * (1 + 1e-9)


@given(st.lists(st.integers(0, 10**12), max_size=5))
def test_axis__holds_every_amount_in_order(amounts: list[int]) -> None:
    scale = svg.axis(amounts)
    places = [scale.at(amount) for amount in sorted(amounts)]
    assert places == sorted(places)
    assert all(0 <= place < 100 for place in places)
