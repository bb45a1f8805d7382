"""The distribution of a total, and what each deal means for it, against brute force and known
distributions."""

import tracemalloc
from itertools import product
from typing import Any

import numpy as np
import pytest
from scipy import stats

from opp_analytics.analysis.stats import distribution
from opp_analytics.analysis.stats.distribution import (
    Total,
    condition_on_each,
    distribute,
    find_quantiles,
)

ERROR = 4 * 0.5 / np.sqrt(distribution.DRAWS)
"""Four standard errors of a probability estimated from the draws, at most."""


def _brute(amounts, chances, sure=0.0):
    """Every outcome with its probability, sorted by money."""
    outcomes = []
    for taken in product([0, 1], repeat=len(amounts)):
        hit = np.array(taken)
        outcomes.append(
            (sure + float(hit @ amounts), float(np.prod(np.where(hit, chances, 1 - chances))))
        )
    return np.array(sorted(outcomes)).T


def _brute_given(amounts, chances, target):
    """P(target | won) and P(target | lost) of each deal, from every outcome of the others."""
    won, lost = [], []
    for deal in range(len(amounts)):
        points, mass = _brute(np.delete(amounts, deal), np.delete(chances, deal))
        won.append(mass[points + amounts[deal] >= target - 0.005].sum())
        lost.append(mass[points >= target - 0.005].sum())
    return np.array(won), np.array(lost)


def _deals(seed, count):
    rng = np.random.default_rng(seed)
    signs = rng.choice([1, 1, 1, -1], count)
    return np.round(rng.lognormal(8, 1, count), 2) * signs, rng.uniform(0.05, 0.95, count)


def _largest_error(total: Total, points, mass):
    exact = np.cumsum(mass[::-1])[::-1]
    return max(
        abs(total.at_least(point) - chance) for point, chance in zip(points, exact, strict=True)
    )


@pytest.fixture
def drawn(monkeypatch):
    """Draws however few deals there are."""
    monkeypatch.setattr(distribution, "ENUMERATED", 0)


@pytest.mark.parametrize("seed", range(4))
def test_distribute__agrees_with_every_outcome(seed):
    amounts, chances = _deals(seed, 11)
    points, mass = _brute(amounts, chances, sure=500.0)
    total = distribute(amounts, chances, sure=500.0)
    for q in (0.1, 0.5, 0.9):
        assert total.quantile(q) == pytest.approx(
            points[np.searchsorted(np.cumsum(mass), q)], abs=0.01
        )
    for target in points[[3, 200, 1000, 2000]]:
        assert total.at_least(target) == pytest.approx(
            mass[points >= target - 0.005].sum(), abs=1e-9
        )


@pytest.mark.parametrize("seed", range(4))
def test_distribute__draws_agree_with_every_outcome_within_their_error(seed, drawn):
    amounts, chances = _deals(seed, 14)
    assert (
        _largest_error(distribute(amounts, chances, seed=seed), *_brute(amounts, chances)) < ERROR
    )


def test_distribute__what_is_drawn_together_agrees_with_every_outcome(drawn, monkeypatch):
    monkeypatch.setattr(distribution, "_SINGLY", 20)
    chances = np.random.default_rng(0).uniform(0.05, 0.3, 400)
    total = distribute(np.full(400, 2500.0), chances)
    assert (np.diff(total.points) % 2500 == 0).all()
    wins = np.arange(40, 100)
    exact = stats.poisson_binom.sf(wins - 1, chances)
    ours = [total.at_least(2500.0 * count) for count in wins]
    np.testing.assert_allclose(ours, exact, atol=ERROR)


def test_distribute__many_deals_have_the_moments_of_their_sum():
    rng = np.random.default_rng(1)
    amounts, chances = rng.lognormal(9, 1, 10_000), rng.random(10_000)
    total = distribute(amounts, chances)
    mean, deviation = amounts @ chances, np.sqrt((amounts**2 * chances * (1 - chances)).sum())
    mass = np.diff(np.append(0, total.cumulative))
    assert mass @ total.points == pytest.approx(
        mean, abs=4 * deviation / np.sqrt(distribution.DRAWS)
    )
    assert np.sqrt(mass @ (total.points - mean) ** 2) == pytest.approx(deviation, rel=0.02)
    for q in (0.025, 0.1, 0.5, 0.9, 0.975):
        place = stats.norm.ppf(q)
        error = 4 * np.sqrt(q * (1 - q) / distribution.DRAWS) / stats.norm.pdf(place)
        assert total.quantile(q) == pytest.approx(mean + place * deviation, abs=error * deviation)


@pytest.mark.filterwarnings("error")
def test_distribute__takes_an_amount_that_no_currency_holds():
    assert distribute(np.array([1.0, -4e169]), np.array([0.5, 0.1])).quantile(1.0) >= 0


def test_distribute__memory_is_bounded():
    rng = np.random.default_rng(1)
    amounts, chances = rng.lognormal(9, 1, 10_000), rng.random(10_000)
    tracemalloc.start()
    condition_on_each(amounts, chances, float(amounts @ chances))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 300e6


@pytest.mark.parametrize("count", [12, 40, 600])
def test_distribute__order_does_not_matter_and_the_seed_decides(count):
    amounts, chances = _deals(1, count)
    order = np.random.default_rng(2).permutation(count)
    options: dict[str, Any] = {"one_of": [0.0, 100.0], "seed": 3}
    one, other = (
        distribute(amounts, chances, **options),
        distribute(amounts[order], chances[order], **options),
    )
    np.testing.assert_array_equal(one.points, other.points)
    np.testing.assert_allclose(one.cumulative, other.cumulative, atol=1e-12)
    won, _ = condition_on_each(amounts, chances, 5000.0, **options)
    shuffled, _ = condition_on_each(amounts[order], chances[order], 5000.0, **options)
    np.testing.assert_allclose(won[order], shuffled, atol=1e-12)
    again = distribute(amounts, chances, **options | {"seed": 4})
    assert (count <= distribution.ENUMERATED) == np.array_equal(one.points, again.points)


def test_distribute__a_further_deal_leaves_the_luck_of_the_others_alone():
    amounts, chances = _deals(1, 40)
    some = distribute(amounts, chances)
    more = distribute(np.append(amounts, 0.5), np.append(chances, 0.5))
    for q in (0.1, 0.5, 0.9):
        assert 0 <= more.quantile(q) - some.quantile(q) <= 0.5


def test_distribute__equal_deals_have_luck_of_their_own(drawn):
    total = distribute(np.full(30, 100.0), np.full(30, 0.5))
    for wins in (10, 15, 20):
        assert total.at_least(100.0 * wins) == pytest.approx(
            stats.binom.sf(wins - 1, 30, 0.5), abs=ERROR
        )


@pytest.mark.parametrize("chance", [0.001, 0.004, 0.1, 0.6])
def test_distribute__many_deals_alike_agree_with_the_binomial(chance):
    total = distribute(np.full(3000, 2500.0), np.full(3000, chance))
    wins = np.unique(stats.binom.ppf([0.01, 0.1, 0.5, 0.9, 0.99], 3000, chance))
    ours = [total.at_least(2500.0 * count) for count in wins]
    np.testing.assert_allclose(ours, stats.binom.sf(wins - 1, 3000, chance), atol=ERROR)


def test_distribute__a_rare_huge_deal_spoils_nothing():
    amounts, chances = np.append(np.full(300, 7.13), 1e6), np.append(np.full(300, 0.5), 0.001)
    total = distribute(amounts, chances)
    assert total.at_least(1e6) == pytest.approx(0.001, abs=1 / distribution.DRAWS)
    for wins in (140, 150, 160):
        chance = 0.999 * stats.binom.sf(wins - 1, 300, 0.5) + 0.001
        assert total.at_least(wins * 7.13) == pytest.approx(chance, abs=ERROR)


def test_distribute__joint_outcomes_of_the_largest_deals_are_laid_out_evenly():
    whales = np.array([4e6, 2e6, 1e6])
    amounts, chances = (
        np.append(np.full(50, 1.0), whales),
        np.append(np.full(50, 0.5), [0.3, 0.2, 0.1]),
    )
    total = distribute(amounts, chances)
    points, mass = _brute(whales, chances[-3:])
    for point, chance in zip(points, np.cumsum(mass[::-1])[::-1], strict=True):
        assert total.at_least(point) == pytest.approx(chance, abs=2 / distribution.DRAWS)


@pytest.mark.parametrize("count", [3, 30])
def test_distribute__one_of_several_amounts_comes_on_top(count):
    amounts, chances = np.full(count, 100.0), np.full(count, 0.5)
    total = distribute(amounts, chances, one_of=[0.0, 30.0, 50.0])
    for target in (100.0, 130.0, 140.0, 1000.0):
        exact = np.mean(
            [stats.binom.sf(np.ceil((target - x) / 100) - 1, count, 0.5) for x in (0, 30, 50)]
        )
        assert total.at_least(target) == pytest.approx(exact, abs=1e-12 if count == 3 else ERROR)


def test_distribute__sure_and_impossible_deals_move_no_band():
    total = distribute(np.array([5.0, 7.0]), np.array([1.0, 0.0]), sure=10.0)
    assert [total.quantile(q) for q in (0.1, 0.5, 0.9)] == [15, 15, 15]
    assert (total.at_least(15.0), total.at_least(15.01)) == (1, 0)


@pytest.mark.parametrize("seed", range(3))
def test_condition_on_each__agrees_with_every_outcome(seed):
    amounts, chances = _deals(seed, 8)
    target = float(amounts @ chances)
    for ours, truth in zip(
        condition_on_each(amounts, chances, target),
        _brute_given(amounts, chances, target),
        strict=True,
    ):
        np.testing.assert_allclose(ours, truth, atol=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_condition_on_each__draws_agree_with_every_outcome_within_their_error(seed, drawn):
    amounts, chances = _deals(seed, 10)
    target = float(amounts @ chances)
    for ours, truth in zip(
        condition_on_each(amounts, chances, target),
        _brute_given(amounts, chances, target),
        strict=True,
    ):
        np.testing.assert_allclose(ours, truth, atol=ERROR)


def test_condition_on_each__of_many_deals_knows_those_drawn_together(monkeypatch):
    monkeypatch.setattr(distribution, "_SINGLY", 20)
    amounts, chances = np.round(np.random.default_rng(4).lognormal(8, 0.5, 60), 2), np.full(60, 0.4)
    target, sure = float(amounts @ chances) + 5000, 5000.0
    won, lost = condition_on_each(amounts, chances, target, sure=sure)
    monkeypatch.undo()
    for deal in (0, 17, 59):
        others = np.delete(amounts, deal), np.delete(chances, deal)
        rest = distribute(*others, sure=sure, seed=9)
        assert won[deal] == pytest.approx(rest.at_least(target - amounts[deal]), abs=2 * ERROR)
        assert lost[deal] == pytest.approx(rest.at_least(target), abs=2 * ERROR)


@pytest.mark.parametrize("count", [10, 60, 1_000])
def test_condition_on_each__adds_up_to_the_chance_of_the_total(count):
    amounts, chances = _deals(6, count)
    options: dict[str, Any] = {"one_of": [0.0, 1000.0]}
    target = float(amounts @ chances)
    won, lost = condition_on_each(amounts, chances, target, **options)
    whole = distribute(amounts, chances, **options).at_least(target)
    error = 1e-9 if count == 10 else ERROR
    np.testing.assert_allclose(chances * won + (1 - chances) * lost, whole, atol=error)
    assert (won - lost)[amounts > 0].min() >= 0 >= (won - lost)[amounts < 0].max()


def test_condition_on_each__certain_deals_say_what_the_other_case_would_be():
    amounts, chances = np.array([100.0, 60.0, 50.0, 0.0]), np.array([1.0, 0.0, 0.5, 0.5])
    won, lost = condition_on_each(amounts, chances, 150.0)
    assert won.tolist() == [0.5, 1.0, 1.0, 0.5]
    assert lost.tolist() == [0.0, 0.5, 0.0, 0.5]


@pytest.mark.parametrize("count", [10, 16, 40, 400])
def test_condition_on_each__what_is_impossible_or_certain_is_exactly_so(count):
    amounts = np.array([1_000_000.0, *np.arange(1, count) * 1.37])
    chances = np.full(count, 0.3)
    # Only the large deal can bring so much, and it alone does.
    won, lost = condition_on_each(amounts, chances, 900_000.0, sure=12.34)
    assert (won[0], lost[0]) == (1.0, 0.0)
    assert distribute(amounts, chances).at_least(2e6) == 0
    assert distribute(amounts, chances).at_least(0.0) == 1


def test_condition_on_each__of_two_deals() -> None:
    won, lost = condition_on_each(np.array([100.0, 50.0]), np.array([0.5, 0.5]), 100.0)
    assert won.tolist() == [1.0, 0.5]
    assert lost.tolist() == [0.0, 0.5]


def test_find_quantiles__are_those_of_numpy_to_the_last_bit():
    draws = np.random.default_rng(0).lognormal(10, 1, (50, 1_000))
    levels = [(1 - 0.8) / 2, 0.25, 0.5, (1 + 0.8) / 2, 0.999]
    np.testing.assert_array_equal(find_quantiles(draws, levels), np.quantile(draws, levels, axis=1))
