"""Whole figures that add up."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from opp_analytics.report.adding import whole_parts

amounts = st.lists(st.floats(-1e7, 1e7), max_size=12)


@given(amounts)
def test_whole_parts__add_to_their_rounded_sum_and_stay_within_one(parts):
    shown = whole_parts(parts)
    assert sum(shown) == math.floor(math.fsum(parts) + 0.5)
    assert all(
        abs(part - whole) < 1 + 1e-6 and whole == int(whole) for part, whole in zip(parts, shown, strict=True)
    )


@given(st.lists(st.integers(-(10**9), 10**9)))
def test_whole_parts__of_whole_numbers_are_themselves(parts):
    assert whole_parts(parts) == parts


def test_whole_parts__keep_what_is_missing():
    shown = whole_parts([0.5, math.nan, 0.5])
    assert shown[::2] == [1.0, 0.0]
    assert math.isnan(shown[1])
