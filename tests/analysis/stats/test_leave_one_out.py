"""What each deal means for a target, against brute force."""

from itertools import product

import numpy as np
import pytest

from opp_analytics.analysis.stats import leave_one_out as module
from opp_analytics.analysis.stats.distribution import distribute
from opp_analytics.analysis.stats.leave_one_out import swings


def _brute(amounts, chances, target):
    """P(target | won) and P(target | lost) of each deal, from every outcome of the others."""
    won, lost = [], []
    for deal in range(len(amounts)):
        others = np.delete(amounts, deal), np.delete(chances, deal)
        reached = np.zeros(2)
        for taken in product([0, 1], repeat=len(amounts) - 1):
            hit = np.array(taken)
            mass = np.prod(np.where(hit, others[1], 1 - others[1]))
            total = hit @ others[0]
            reached += mass * (np.array([total, total + amounts[deal]]) >= target - 0.005)
        lost.append(reached[0])
        won.append(reached[1])
    return np.array(won), np.array(lost)


@pytest.fixture
def no_enumeration(monkeypatch):
    monkeypatch.setattr(module, "ENUMERATED", 0)
    monkeypatch.setattr("opp_analytics.analysis.stats.distribution.ENUMERATED", 0)


def _deals(seed, count=8):
    rng = np.random.default_rng(seed)
    return np.round(rng.lognormal(8, 1, count), 2) * rng.choice([1, 1, 1, -1], count), rng.uniform(
        0.05, 0.95, count
    )


@pytest.mark.parametrize("seed", range(3))
def test_swings__agree_with_every_outcome(seed):
    amounts, chances = _deals(seed)
    target = float(amounts @ chances)
    for ours, truth in zip(swings(amounts, chances, target), _brute(amounts, chances, target), strict=True):
        np.testing.assert_allclose(ours, truth, atol=1e-9)


def test_swings__on_a_lattice_agree_with_every_outcome(no_enumeration):
    amounts, chances = np.array([500.0, 500, 1000, 1500, 500, -500]), np.array([0.5, 0.2, 0.5, 0.9, 0.5, 0.3])
    for target in (1000.0, 1500.0, 1750.0):
        for ours, truth in zip(
            swings(amounts, chances, target), _brute(amounts, chances, target), strict=True
        ):
            np.testing.assert_allclose(ours, truth, atol=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_swings__by_waves_agree_with_leaving_each_deal_out(seed):
    amounts, chances = _deals(seed, 60)
    target, sure = float(amounts @ chances) + 5000, 5000.0
    won, lost = swings(amounts, chances, target, sure=sure)
    for deal in (0, 17, 59):
        others = np.delete(amounts, deal), np.delete(chances, deal)
        rest = distribute(*others, sure=sure)
        assert won[deal] == pytest.approx(rest.at_least(target - amounts[deal]), abs=2e-3)
        assert lost[deal] == pytest.approx(rest.at_least(target), abs=2e-3)
    whole = distribute(amounts, chances, sure=sure).at_least(target)
    np.testing.assert_allclose(chances * won + (1 - chances) * lost, whole, atol=2e-3)


def test_swings__of_correlated_deals_are_those_of_their_outcomes(no_enumeration, monkeypatch):
    amounts, chances = np.round(np.random.default_rng(3).lognormal(8, 0.5, 10), 2), np.linspace(0.2, 0.8, 10)
    target = float(amounts @ chances)
    drawn = swings(amounts, chances, target, correlation=0.3, seed=1)
    monkeypatch.undo()
    exact = swings(amounts, chances, target, correlation=0.3)
    for ours, truth in zip(drawn, exact, strict=True):
        np.testing.assert_allclose(ours, truth, atol=0.02)
    # The news of one win lifts the others.
    alone = swings(amounts, chances, target)
    assert (exact[0] - exact[1]).mean() > (alone[0] - alone[1]).mean() + 0.1


def test_swings__certain_deals_say_what_the_other_case_would_be():
    amounts, chances = np.array([100.0, 60.0, 50.0, 0.0]), np.array([1.0, 0.0, 0.5, 0.5])
    won, lost = swings(amounts, chances, 150.0)
    assert won.tolist() == [0.5, 1.0, 1.0, 0.5]
    assert lost.tolist() == [0.0, 0.5, 0.0, 0.5]


def test_swings__ten_thousand_deals_are_shares_of_one_chance():
    rng = np.random.default_rng(0)
    amounts, chances = rng.lognormal(9, 1, 10_000), rng.random(10_000)
    target = float(amounts @ chances)
    won, lost = swings(amounts, chances, target)
    np.testing.assert_allclose(
        chances * won + (1 - chances) * lost, distribute(amounts, chances).at_least(target), atol=1e-3
    )
    assert (won >= lost - 1e-9).all()


def test_swings__what_rounding_leaves_is_no_chance():
    for count in (10, 16, 40):
        amounts = np.array([1_000_000.0, *np.arange(1, count) * 17.37])
        chances = np.full(count, 0.3)
        # Only the large deal can bring so much, and it alone does.
        won, lost = swings(amounts, chances, 900_000.0, sure=12.34)
        assert (won[0], lost[0]) == (1.0, 0.0)
        assert distribute(amounts, chances).at_least(2e6) == 0
        assert distribute(amounts, chances).at_least(0.0) == 1
