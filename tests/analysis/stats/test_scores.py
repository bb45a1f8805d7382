"""Scores of ranges and distributions, held against the package scoringrules."""

import numpy as np
import pytest
import scoringrules

from opp_analytics.analysis.stats.scores import score_quantiles, score_ranges


def test_score_ranges__agrees_with_scoringrules():
    rng = np.random.default_rng(1)
    actual, ends = rng.normal(0, 2, 200), np.sort(rng.normal(0, 2, (2, 200)), axis=0)
    for confidence in (0.5, 0.8, 0.95):
        theirs = scoringrules.interval_score(actual, *ends, 1 - confidence)
        np.testing.assert_allclose(score_ranges(actual, *ends, confidence=confidence), theirs)


def test_score_quantiles__agrees_with_scoringrules():
    rng, levels = np.random.default_rng(2), np.arange(1, 100) / 100
    actual, quantiles = rng.gamma(2, 100, 50), np.sort(rng.gamma(2, 100, (50, 99)), axis=1)
    theirs = scoringrules.crps_quantile(actual, quantiles, levels)
    np.testing.assert_allclose(score_quantiles(actual, quantiles, levels), theirs)


def test_score_quantiles__is_near_the_crps_of_the_distribution():
    levels = np.arange(1, 100) / 100
    draws = np.random.default_rng(3).normal(0, 1, 200_000)
    for actual in (-1.0, 0.0, 2.5):
        found = score_quantiles([actual], [np.quantile(draws, levels)], levels)[0]
        assert found == pytest.approx(scoringrules.crps_normal(actual, 0, 1), abs=0.02)


def test_scores__of_a_forecast_without_a_distribution_are_not_known():
    assert np.isnan(score_ranges([1.0], [np.nan], [np.nan], confidence=0.8)).all()
    assert np.isnan(score_quantiles([1.0], [[np.nan, np.nan]], [0.3, 0.6])).all()
    assert len(score_quantiles([], np.zeros((0, 2)), [0.3, 0.6])) == 0


def test_score_ranges__of_a_worked_example() -> None:
    assert score_ranges([5.0, 12.0], [4.0, 4.0], [10.0, 10.0], confidence=0.8).round(6).tolist() == [
        6.0,
        26.0,
    ]


def test_score_quantiles__of_a_worked_example() -> None:
    assert score_quantiles([10.0], [[6.0, 10.0, 12.0]], [0.25, 0.5, 0.75]).round(6).tolist() == [1.0]
