"""The distribution of a total, and what each deal means for it, against brute force and known
distributions."""

import tracemalloc
from itertools import product

import numpy as np
import pytest
from scipy import stats

from opp_analytics.analysis.stats import distribution
from opp_analytics.analysis.stats.distribution import (
    Total,
    compound,
    condition_on_each,
    distribute,
    measure_ranges,
)

ERROR = 0.004
"""The most by which cells of money move a probability."""


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
    """The largest error of a probability, beyond what a step of one cell of money explains."""
    exact = np.append(np.cumsum(mass[::-1])[::-1], 0.0)
    cell = np.diff(total.points).max()
    least, most = (exact[np.searchsorted(points, points + way - 0.005)] for way in (cell, -cell))
    ours = total.reach(points)
    return np.maximum(ours - most, least - ours).max()


@pytest.fixture
def in_cells(monkeypatch):
    """Cells of money however few deals there are."""
    monkeypatch.setattr(distribution, "_ENUMERATED", 0)


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
def test_distribute__cells_agree_with_every_outcome(seed, in_cells):
    amounts, chances = _deals(seed, 14)
    assert _largest_error(distribute(amounts, chances), *_brute(amounts, chances)) < ERROR


def test_distribute__what_moves_it_together_agrees_with_every_outcome(in_cells, monkeypatch):
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
    assert mass @ total.points == pytest.approx(mean, abs=0.005 * deviation)
    assert np.sqrt(mass @ (total.points - mean) ** 2) == pytest.approx(deviation, rel=0.005)
    for q in (0.025, 0.1, 0.5, 0.9, 0.975):
        exact = mean + stats.norm.ppf(q) * deviation
        assert total.quantile(q) == pytest.approx(exact, abs=0.02 * deviation)


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


def test_distribute__equal_deals_agree_with_the_binomial(in_cells):
    total = distribute(np.full(30, 100.0), np.full(30, 0.5))
    for wins in (10, 15, 20):
        assert total.at_least(100.0 * wins) == pytest.approx(
            stats.binom.sf(wins - 1, 30, 0.5), abs=1e-9
        )


def test_distribute__joint_outcomes_of_huge_deals_are_laid_over_the_others():
    whales = np.array([4e6, 2e6, 1e6])
    amounts, chances = (
        np.append(np.full(50, 1.0), whales),
        np.append(np.full(50, 0.5), [0.3, 0.2, 0.1]),
    )
    total = distribute(amounts, chances)
    points, mass = _brute(whales, chances[-3:])
    for point, chance in zip(points, np.cumsum(mass[::-1])[::-1], strict=True):
        assert total.at_least(point) == pytest.approx(chance, abs=1e-9)


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
def test_condition_on_each__cells_agree_with_every_outcome(seed, in_cells):
    amounts, chances = _deals(seed, 10)
    target, cell = float(amounts @ chances), np.diff(distribute(amounts, chances).points).max()
    ours = condition_on_each(amounts, chances, target)
    least, most = (_brute_given(amounts, chances, target + way) for way in (cell, -cell))
    for found, low, high in zip(ours, least, most, strict=True):
        assert (low - ERROR <= found).all()
        assert (found <= high + ERROR).all()


def test_condition_on_each__of_many_deals_knows_those_that_move_it_together(monkeypatch):
    monkeypatch.setattr(distribution, "_SINGLY", 20)
    amounts, chances = np.round(np.random.default_rng(4).lognormal(8, 0.5, 60), 2), np.full(60, 0.4)
    target, sure = float(amounts @ chances) + 5000, 5000.0
    won, lost = condition_on_each(amounts, chances, target, sure=sure)
    monkeypatch.undo()
    for deal in (0, 17, 59):
        others = np.delete(amounts, deal), np.delete(chances, deal)
        rest = distribute(*others, sure=sure)
        assert won[deal] == pytest.approx(rest.at_least(target - amounts[deal]), abs=2 * ERROR)
        assert lost[deal] == pytest.approx(rest.at_least(target), abs=2 * ERROR)


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


def test_distribute__many_huge_deals_spoil_nothing():
    """More than can be listed, of one size and of several."""
    amounts, chances = _deals(3, 60)
    amounts = np.abs(amounts)
    small = distribute(amounts, chances)
    for huge in (np.full(30, 1e9), 1e9 + 1e7 * np.arange(30)):
        total = distribute(np.append(amounts, huge), np.append(chances, np.full(30, 0.004)))
        assert total.at_least(9e8) == pytest.approx(1 - 0.996**30, abs=1e-5)
        chance = 1 - 0.996**30 * (1 - small.at_least(100_000.0))
        assert total.at_least(100_000.0) == pytest.approx(chance, abs=ERROR)


def test_measure_ranges__are_those_of_each_group_alone():
    random = np.random.default_rng(0)
    amounts, chances = np.round(random.lognormal(10, 1, 300), 2), random.uniform(0.05, 0.6, 300)
    codes, further = random.integers(0, 12, 300), np.round(random.lognormal(9, 1, (5, 13)), 2)
    amounts[codes == 5], chances[codes == 5] = -5_000.0, 0.99
    found, cell = measure_ranges(amounts, chances, codes, 13, (0.1, 0.5, 0.9), one_of=further)
    for group in range(13):
        mine = codes == group
        total = distribute(amounts[mine], chances[mine], one_of=further[:, group].tolist())
        for q, ours in zip((0.1, 0.5, 0.9), found[:, group], strict=True):
            assert 1 - total.at_least(ours + 2 * cell[group]) >= q - ERROR
            assert 1 - total.at_least(ours - cell[group]) <= q + ERROR


@pytest.mark.parametrize("rough", [False, True])
def test_compound__has_the_moments_of_a_random_number_of_amounts(rough):
    values, number, shape = np.array([1_000.0, 2_500.0, 40_000.0]), 6.0, 3.0
    total = compound(values, number, shape, rough=rough)
    mass = np.diff(np.append(0, total.cumulative))
    mean = number * values.mean()
    assert mass @ total.points == pytest.approx(mean, rel=1e-3)
    spread = number * (values**2).mean() + mean**2 / shape
    assert np.sqrt(mass @ (total.points - mean) ** 2) == pytest.approx(np.sqrt(spread), rel=0.01)
    assert 1 - total.at_least(1.0) == pytest.approx((1 + number / shape) ** -shape, abs=1e-3)
