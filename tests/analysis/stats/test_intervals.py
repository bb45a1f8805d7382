"""Win rates and their intervals."""

import numpy as np
import pandas as pd
import pandas.testing as pdt
import pytest
from statsmodels.stats.proportion import proportion_confint

from opp_analytics.analysis import win_rate
from opp_analytics.analysis.stats.intervals import value_interval, wilson
from tests.analysis.rates.test_win_rate import FRAME


def test_wilson__agrees_with_statsmodels():
    hits, trials = np.array([0, 1, 5, 10, 999]), np.array([1, 7, 10, 10, 2000])
    for confidence in (0.8, 0.95):
        low, high = proportion_confint(hits, trials, alpha=1 - confidence, method="wilson")
        ours = wilson(hits, trials, confidence=confidence)
        np.testing.assert_allclose(ours, [low, high], atol=1e-12)


def test_value_interval__agrees_with_a_plain_bootstrap():
    rng = np.random.default_rng(5)
    amounts, won = rng.lognormal(3, 0.5, 80), rng.random(80) < 0.4
    draws = rng.integers(0, 80, (4000, 80))
    rates = (amounts * won)[draws].sum(1) / amounts[draws].sum(1)
    low, high = value_interval(amounts, won, np.zeros(80, dtype=np.intp), 1, confidence=0.95, seed=0)
    assert [low[0], high[0]] == pytest.approx(np.quantile(rates, [0.025, 0.975]), abs=0.012)


def test_value_interval__linearised_agrees_with_the_bootstrap_when_n_is_large():
    rng = np.random.default_rng(6)
    amounts, won = rng.lognormal(3, 0.5, 800), rng.random(800) < 0.4
    draws = rng.integers(0, 800, (2000, 800))
    rates = (amounts * won)[draws].sum(1) / amounts[draws].sum(1)
    low, high = value_interval(amounts, won, np.zeros(800, dtype=np.intp), 1, confidence=0.95, seed=0)
    assert [low[0], high[0]] == pytest.approx(np.quantile(rates, [0.025, 0.975]), abs=0.006)


def test_value_interval__a_group_among_many_is_that_group_alone():
    rng = np.random.default_rng(7)
    codes = np.repeat(np.arange(1200), rng.integers(2, 5, 1200))
    amounts, won = np.round(rng.lognormal(3, 1, len(codes)), 2), rng.random(len(codes)) < 0.5
    low, high = value_interval(amounts, won, codes, 1200, confidence=0.9, seed=1)
    for group in (0, 599, 1199):
        mine = codes == group
        alone = value_interval(amounts[mine], won[mine], codes[mine] * 0, 1, confidence=0.9, seed=1)
        assert [low[group], high[group]] == pytest.approx([alone[0][0], alone[1][0]], nan_ok=True)


def test_value_interval__skips_resamples_that_hold_no_money():
    low, high = value_interval(
        np.array([0.0, 10.0, 30.0]), np.array([True, True, False]), np.zeros(3, dtype=np.intp), 1, confidence=0.9, seed=0
    )  # fmt: skip
    assert 0 <= low[0] < 0.25 < high[0] <= 1


@pytest.mark.parametrize(("deals", "least"), [(15, 0.87), (90, 0.91), (200, 0.92)])
def test_value_interval__holds_the_truth_about_as_often_as_it_says(deals, least):
    rng, groups = np.random.default_rng(2), 400
    amounts, won = rng.lognormal(9, 0.8, groups * deals), rng.random(groups * deals) < 0.35
    low, high = value_interval(
        amounts, won, np.repeat(np.arange(groups), deals), groups, confidence=0.95, seed=1
    )
    assert least <= ((low <= 0.35) & (high >= 0.35)).mean() <= 0.985


def test_value_interval__is_not_sure_when_every_deal_was_won():
    table = win_rate(pd.DataFrame({"stage": ["closed_won"] * 3, "value": [1.0, 1.0, 1.0]}))
    assert table["value_rate_high"].iloc[0] == 1
    assert table["value_rate_low"].iloc[0] == pytest.approx(table["rate_low"].iloc[0])


def test_value_interval__is_the_same_for_the_same_seed():
    pdt.assert_frame_equal(win_rate(FRAME, seed=3), win_rate(FRAME[::-1], seed=3))
