"""Intervals of a share of deals and of a share of money."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import fisher_exact
from statsmodels.stats.proportion import proportion_confint

from opp_analytics.analysis.stats.intervals import (
    adjust_p_values,
    bias_interval,
    compare_pairs,
    mark_differences,
    mark_missed_chances,
    median_interval,
    value_interval,
    wilson,
)


def one_group(amounts: np.ndarray, won: np.ndarray, confidence: float = 0.95) -> list[float]:
    ends = value_interval(
        amounts, won, np.zeros(len(amounts), dtype=np.intp), 1, confidence=confidence
    )
    return [float(end[0]) for end in ends]


def test_wilson__agrees_with_statsmodels():
    hits, trials = np.array([0, 1, 5, 10, 999]), np.array([1, 7, 10, 10, 2000])
    for confidence in (0.8, 0.95):
        low, high = proportion_confint(hits, trials, alpha=1 - confidence, method="wilson")
        ours = wilson(hits, trials, confidence=confidence)
        np.testing.assert_allclose(ours, [low, high], atol=1e-12)


def test_wilson__without_trials_is_not_known():
    assert np.isnan(wilson(0, 0)).all()


@pytest.mark.parametrize("spread", [0.8, 1.2, 1.6])
@pytest.mark.parametrize("deals", [20, 60, 400])
def test_value_interval__holds_the_truth_about_as_often_as_it_says(deals, spread):
    rng, groups = np.random.default_rng(deals), 3000
    amounts, won = rng.lognormal(9, spread, groups * deals), rng.random(groups * deals) < 0.35
    low, high = value_interval(
        amounts, won, np.repeat(np.arange(groups), deals), groups, confidence=0.95
    )
    assert 0.93 <= ((low <= 0.35) & (high >= 0.35)).mean() <= 0.985


def test_value_interval__of_equal_values_is_wilsons():
    won = np.array([True] * 8 + [False] * 2)
    assert one_group(np.full(10, 250.0), won) == pytest.approx(
        [float(end) for end in wilson(8, 10)]
    )


def test_value_interval__counts_one_huge_deal_as_about_one():
    # (100 + 9)² / (100² + 9) = 1.187 effective deals, and nearly all money lost.
    amounts, won = np.array([100.0] + [1.0] * 9), np.array([False] + [True] * 9)
    effective = 109**2 / 10_009
    expected = wilson(9 / 109 * effective, effective)
    assert one_group(amounts, won) == pytest.approx([float(end) for end in expected])


def test_value_interval__is_not_known_where_a_share_of_money_means_nothing():
    amounts = np.array([0.0, -5.0, 3.0, 10.0, -2.0])
    won = np.array([True, True, False, True, False])
    # Nothing at all, a total below zero, won money beyond the total, and no deal.
    low, high = value_interval(amounts, won, np.array([0, 1, 1, 2, 2]), 4)
    assert np.isnan([low, high]).all()


@pytest.mark.parametrize("n", [6, 15, 60])
def test_median_interval__holds_as_often_as_it_says(n: int) -> None:
    rng = np.random.default_rng(n)
    held = 0
    for _ in range(800):
        middle, low, high = median_interval(rng.lognormal(3, 1, n))
        assert low <= middle <= high
        held += low <= np.exp(3) <= high
    # It holds more often than it says; at 95%, 740 or fewer of 800 come once in 1,000.
    assert held > 740


def test_median_interval__of_few_has_no_ends() -> None:
    assert np.isnan(median_interval([1.0, 2.0, 3.0, 4.0, 5.0])[1:]).all()
    assert np.isnan(median_interval([])).all()


def test_bias_interval__holds_the_bias_of_noisy_forecasts() -> None:
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(400):
        actual = rng.lognormal(3, 0.3, 12)
        _, low, high = bias_interval(1.2 * actual + rng.normal(0, 5, 12), actual)
        held += low <= 0.2 <= high
    assert 365 <= held <= 395


def test_bias_interval__without_wins_or_with_few_periods() -> None:
    assert np.isnan(bias_interval([1.0], [0.0])).all()
    assert bias_interval([1.0, 2.0], [2.0, 2.0])[0] == -0.25
    assert np.isnan(bias_interval([1.0, 2.0], [2.0, 2.0])[1:]).all()


@pytest.mark.parametrize("groups", [2, 10, pytest.param(40, marks=pytest.mark.slow)])
def test_mark_differences__of_equal_groups_rarely_marks_any(groups: int) -> None:
    rng = np.random.default_rng(groups)
    trials = 240
    wrong = sum(
        mark_differences(rng.binomial(30, 0.3, groups), np.full(groups, 30)).any()
        for _ in range(trials)
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
    assert mark_missed_chances([10, 12, 20], [0, 0, 0], [40, 40, 40], stated).tolist() == [
        True,
        True,
        False,
    ]
    assert mark_missed_chances([10, 12, 20], [25, 0, 0], [40, 40, 40], stated).tolist() == [
        False,
        True,
        False,
    ]
    assert mark_missed_chances([], [], [], []).tolist() == []


def test_compare_pairs__is_one_where_nothing_differs() -> None:
    assert compare_pairs([1.0, 2.0, 1.5, 2.5, 3.0, 1.0]) == 0.03125
    assert compare_pairs([1.0, -2.0]) == 1.0
    assert compare_pairs([]) == 1.0
