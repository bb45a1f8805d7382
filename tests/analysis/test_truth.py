"""Intervals hold the truth of the simulated team about as often as they say; `python -m
tests.truth` has more seeds."""

import pytest

from tests.truth import table

SEEDS = 8


@pytest.fixture(scope="module")
def claims():
    return table(SEEDS)


@pytest.mark.slow
def test_intervals__hold_the_truth_as_often_as_promised(claims):
    assert claims["n"].ge(SEEDS).all()
    assert (claims["share_low"] <= claims["promised"]).all()
    assert (claims["promised"] <= claims["share_high"]).all()
