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
    honest = claims[~claims.index.str.contains("misleads")]
    assert honest["n"].ge(SEEDS).all()
    assert (honest["share_low"] <= honest["promised"]).all()
    assert (honest["promised"] <= honest["share_high"]).all()


def test_definitions__that_mislead_do_so(claims):
    curve = claims.loc["win-rate curve, eventual, young pipeline", "share"]
    assert claims.loc["closed deals only, young pipeline (misleads)", "share"] < curve
