"""The distribution of a total, against brute force and known distributions."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from opp_analytics import errors
from opp_analytics.analysis.stats.distribution import distribute


def _brute(amounts, chances, sure=0.0):
    """Every outcome with its probability, sorted by money."""
    outcomes = []
    for taken in product([0, 1], repeat=len(amounts)):
        hit = np.array(taken)
        outcomes.append((sure + float(hit @ amounts), float(np.prod(np.where(hit, chances, 1 - chances)))))
    return np.array(sorted(outcomes)).T


def _convolved(*arguments, monkeypatch, **options):
    monkeypatch.setattr("opp_analytics.analysis.stats.distribution.ENUMERATED", 0)
    return distribute(*arguments, **options)


@pytest.mark.parametrize("seed", range(4))
def test_distribute__agrees_with_every_outcome(seed):
    rng = np.random.default_rng(seed)
    amounts, chances = np.round(rng.lognormal(8, 1, 11), 2) * rng.choice([1, 1, -1], 11), rng.random(11)
    points, mass = _brute(amounts, chances, sure=500.0)
    total = distribute(amounts, chances, sure=500.0)
    for q in (0.1, 0.5, 0.9):
        assert total.quantile(q) == pytest.approx(points[np.searchsorted(np.cumsum(mass), q)], abs=0.01)
    for target in points[[3, 200, 1000, 2000]]:
        assert total.at_least(target) == pytest.approx(mass[points >= target - 0.005].sum(), abs=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_distribute__convolution_agrees_with_every_outcome_to_its_unit(seed, monkeypatch):
    rng = np.random.default_rng(seed)
    amounts, chances = np.round(rng.lognormal(8, 1, 11), 2), rng.random(11)
    points, mass = _brute(amounts, chances)
    total = _convolved(amounts, chances, monkeypatch=monkeypatch)
    assert total.method == "convolved"
    reach = 8 * total.unit
    for target in rng.uniform(points[0], points[-1], 30):
        most, least = mass[points >= target - reach].sum(), mass[points >= target + reach].sum()
        assert least - 1e-4 <= total.at_least(target) <= most + 1e-4


def test_distribute__is_exact_on_a_common_divisor(monkeypatch):
    chances = np.full(40, 0.3)
    total = _convolved(np.full(40, 2500.0), chances, monkeypatch=monkeypatch)
    assert total.unit == 2500
    for wins in (0, 8, 12, 20, 40):
        assert total.at_least(wins * 2500.0) == pytest.approx(stats.binom.sf(wins - 1, 40, 0.3), abs=1e-12)
    assert total.quantile(0.5) == 2500 * stats.binom.ppf(0.5, 40, 0.3)


def test_distribute__many_deals_have_the_moments_of_their_sum():
    rng = np.random.default_rng(1)
    amounts, chances = rng.lognormal(9, 1, 10_000), rng.random(10_000)
    total = distribute(amounts, chances)
    deviation = np.sqrt((amounts**2 * chances * (1 - chances)).sum())
    assert total.quantile(0.5) == pytest.approx(amounts @ chances, abs=0.02 * deviation)
    width = total.quantile(0.9) - total.quantile(0.1)
    assert width == pytest.approx(2 * stats.norm.ppf(0.9) * deviation, rel=0.01)


def test_distribute__a_rare_huge_deal_stays_where_it_is():
    amounts, chances = np.append(np.full(300, 7.13), 1e6), np.append(np.full(300, 0.5), 0.001)
    total = distribute(amounts, chances)
    assert total.at_least(1e6) == pytest.approx(0.001, rel=1e-3)
    assert total.quantile(0.5) == pytest.approx(1069.5, rel=0.2)


def test_distribute__sure_and_impossible_deals_move_no_band():
    total = distribute(np.array([5.0, 7.0]), np.array([1.0, 0.0]), sure=10.0)
    assert [total.quantile(q) for q in (0.1, 0.5, 0.9)] == [15, 15, 15]
    assert (total.at_least(15.0), total.at_least(15.01)) == (1, 0)


def test_distribute__nothing_uncertain_is_the_sure_amount():
    assert distribute(np.array([]), np.array([]), sure=3.0).quantile(0.5) == 3


def test_distribute__correlation_keeps_the_chances_and_widens_the_range():
    amounts, chances = np.full(12, 100.0), np.full(12, 0.4)
    alone, together = distribute(amounts, chances), distribute(amounts, chances, correlation=0.5)
    mean = np.diff(np.append(0, together.cumulative)) @ together.points
    assert mean == pytest.approx(480, abs=1e-6)
    assert together.quantile(0.9) - together.quantile(0.1) > alone.quantile(0.9) - alone.quantile(0.1)


def test_distribute__simulated_correlation_agrees_with_the_enumerated_one(monkeypatch):
    rng = np.random.default_rng(2)
    amounts, chances = np.round(rng.lognormal(8, 0.5, 10), 2), rng.uniform(0.2, 0.8, 10)
    exact = distribute(amounts, chances, correlation=0.3)
    monkeypatch.setattr("opp_analytics.analysis.stats.distribution.ENUMERATED", 0)
    drawn = distribute(amounts, chances, correlation=0.3, seed=1)
    assert drawn.method == "simulated"
    for target in np.quantile(exact.points, [0.2, 0.5, 0.8]):
        assert drawn.at_least(target) == pytest.approx(exact.at_least(target), abs=0.012)


def test_distribute__refuses_a_correlation_out_of_range():
    with pytest.raises(errors.DataError, match="below 1"):
        distribute(np.array([1.0]), np.array([0.5]), correlation=1.0)
    with pytest.raises(errors.ArgumentError, match="not a number"):
        distribute(np.array([1.0]), np.array([0.5]), correlation="high")  # type: ignore[arg-type]


def test_distribute__the_ends_of_what_is_possible_have_their_exact_chance():
    # Amounts without a common divisor, on a grid whose cells are far wider than the smallest of them.
    amounts = np.array([1_000_000.0, *np.arange(1, 16) * 17.37, -33.33])
    for chance in (0.3, 0.97):
        chances = np.full(len(amounts), chance)
        total = distribute(amounts, chances, sure=12.34)
        assert not total.stepped
        least, most = 12.34 - 33.33, 12.34 + amounts[:-1].sum()
        none, every = (1 - chance) ** 16 * chance, chance**16 * (1 - chance)
        assert total.at_least(least) == 1
        assert total.at_least(least + 0.01) == pytest.approx(1 - none, abs=1e-4)
        assert total.at_least(most) == pytest.approx(every, abs=1e-6)
        assert total.at_least(most + 0.01) == 0
        assert least - 0.01 <= total.quantile(0.1) <= total.quantile(0.9) <= most
