"""Which of many groups differs beyond chance."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import fisher_exact

from opp_analytics.analysis.stats.comparisons import (
    adjust_p_values,
    compare_pairs,
    mark_differences,
    mark_missed_chances,
)


@pytest.mark.parametrize("groups", [2, 10, pytest.param(40, marks=pytest.mark.slow)])
def test_mark_differences__of_equal_groups_rarely_marks_any(groups: int) -> None:
    rng = np.random.default_rng(groups)
    trials = 240
    wrong = sum(
        mark_differences(rng.binomial(30, 0.3, groups), np.full(groups, 30)).any() for _ in range(trials)
    )
    # At 5%, 25 or more of 240 come by chance once in 5,000.
    assert wrong < 25


def test_mark_differences__finds_the_one_that_is_different() -> None:
    rng = np.random.default_rng(1)
    won = np.append(rng.binomial(60, 0.3, 9), 45)
    assert mark_differences(won, np.full(10, 60)).tolist() == [False] * 9 + [True]


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 400)), min_size=2, max_size=2))
def test_mark_differences__agrees_with_fishers_exact_test(groups: list[tuple[int, int]]) -> None:
    trials = [sum(group) for group in groups]
    p = fisher_exact(groups).pvalue if all(trials) else 1.0
    for confidence in (1 - p + 1e-9, 1 - p - 1e-9):
        if 0 < confidence < 1:
            marked = mark_differences([group[0] for group in groups], trials, confidence=confidence)
            assert marked.tolist() == [p < 1 - confidence] * 2


def test_mark_differences__leaves_out_who_closed_nothing() -> None:
    assert mark_differences([0, 9, 1], [0, 10, 10]).tolist() == [False, True, True]
    assert mark_differences([9], [10]).tolist() == [False]
    assert mark_differences([], []).tolist() == []


@given(st.lists(st.floats(0, 1), max_size=8))
def test_adjust_p_values__is_between_one_test_and_all(p: list[float]) -> None:
    found = adjust_p_values(np.array(p))
    assert (found >= np.array(p)).all()
    assert (found <= np.minimum(np.array(p) * len(p), 1) + 1e-12).all()
    order = np.argsort(p, kind="stable")
    assert (np.diff(found[order]) >= 0).all()


@pytest.mark.parametrize("pairs", [9, 30])
def test_compare_pairs__of_equal_errors_is_rarely_below_one_in_twenty(pairs: int) -> None:
    rng = np.random.default_rng(pairs)
    told = sum(compare_pairs(rng.normal(size=pairs)) < 0.05 for _ in range(240))
    # At 5%, 25 or more of 240 come by chance once in 5,000.
    assert told < 25
    assert compare_pairs(rng.normal(1.5, 1, pairs)) < 0.05


def test_mark_missed_chances__leaves_room_for_what_is_still_open() -> None:
    stated = [0.8, 0.1, 0.5]
    assert mark_missed_chances([10, 12, 20], [0, 0, 0], [40, 40, 40], stated).tolist() == [True, True, False]
    assert mark_missed_chances([10, 12, 20], [25, 0, 0], [40, 40, 40], stated).tolist() == [
        False,
        True,
        False,
    ]
    assert mark_missed_chances([], [], [], []).tolist() == []


def test_mark_differences__needs_enough_trials() -> None:
    assert mark_differences([40, 12, 11], [50, 50, 50]).tolist() == [True, True, True]
    assert mark_differences([3, 1], [5, 5]).tolist() == [False, False]


def test_mark_missed_chances__allows_for_deals_that_are_open() -> None:
    assert mark_missed_chances([4, 12], [0, 0], [20, 40], [0.2, 0.6]).tolist() == [False, True]
    assert mark_missed_chances([4, 12], [0, 10], [20, 40], [0.2, 0.6]).tolist() == [False, False]


def test_compare_pairs__is_one_where_nothing_differs() -> None:
    assert compare_pairs([1.0, 2.0, 1.5, 2.5, 3.0, 1.0]) == 0.03125
    assert compare_pairs([1.0, -2.0]) == 1.0
    assert compare_pairs([]) == 1.0


def test_adjust_p_values__never_falls_below_a_smaller_one() -> None:
    assert adjust_p_values(np.array([0.04, 0.01, 0.03])).round(3).tolist() == [0.06, 0.03, 0.06]
