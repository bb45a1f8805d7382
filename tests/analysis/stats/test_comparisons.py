"""Which of many groups differs beyond chance."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opp_analytics.analysis.stats.comparisons import differ_from_rest, holm


@pytest.mark.parametrize("groups", [2, 10, pytest.param(40, marks=pytest.mark.slow)])
def test_differ_from_rest__of_equal_groups_rarely_marks_any(groups: int) -> None:
    rng = np.random.default_rng(groups)
    trials = 240
    wrong = sum(
        differ_from_rest(rng.binomial(30, 0.3, groups), np.full(groups, 30)).any() for _ in range(trials)
    )
    # At 5%, 25 or more of 240 come by chance once in 5,000.
    assert wrong < 25


def test_differ_from_rest__finds_the_one_that_is_different() -> None:
    rng = np.random.default_rng(1)
    won = np.append(rng.binomial(60, 0.3, 9), 45)
    assert differ_from_rest(won, np.full(10, 60)).tolist() == [False] * 9 + [True]


def test_differ_from_rest__leaves_out_who_closed_nothing() -> None:
    assert differ_from_rest([0, 9, 1], [0, 10, 10]).tolist() == [False, True, True]
    assert differ_from_rest([9], [10]).tolist() == [False]
    assert differ_from_rest([], []).tolist() == []


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm__is_between_one_test_and_all(p: list[float]) -> None:
    found = holm(np.array(p))
    assert (found >= np.array(p)).all()
    assert (found <= np.minimum(np.array(p) * len(p), 1) + 1e-12).all()
    order = np.argsort(p, kind="stable")
    assert (np.diff(found[order]) >= 0).all()
