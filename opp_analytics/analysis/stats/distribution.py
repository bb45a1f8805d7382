"""The distribution of a total: a certain amount plus deals that are each won whole or not at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

Floats = NDArray[np.float64]
ENUMERATED = 15
"""Largest number of uncertain deals for which all 2^n outcomes are enumerated."""
DRAWS = 20_000
_SINGLY = 256
"""Largest number of deals that are drawn one by one, those with the largest variance first; the others are drawn together."""
_SMALL = 1 / 8
"""Deals are drawn together once none of them has more than this share of the standard deviation of their sum."""
_WHALES = 10
"""Number of deals whose joint outcomes are stratified: each occurs in proportion to its probability."""
_FACTORS = 400
"""Values of the common factor in the draws, with equally many draws for each."""
_NODES = 201
"""Values of the common factor when outcomes are enumerated."""
_NOISE = 1e-12
"""Rounding error of sums over a distribution; probabilities this close to 0 or 1 become 0 or 1."""


@dataclass(frozen=True)
class Total:
    """A distribution of money: its cumulative probability at increasing points."""

    points: Floats
    """Money, increasing."""
    cumulative: Floats
    """P(total ≤ point)."""

    def quantile(self, q: float) -> float:
        """The smallest amount that the total does not exceed with probability `q`."""
        # Rounding must not move a quantile to the next point.
        place = int(np.searchsorted(self.cumulative, q - _NOISE))
        return float(self.points[min(place, len(self.points) - 1)])

    def at_least(self, amount: float) -> float:
        """P(total ≥ `amount`), to the cent."""
        place = int(np.searchsorted(self.points, amount - 0.005))
        return float(_without_noise(np.asarray(1.0 - self.cumulative[place - 1] if place else 1.0)))

    def stretched(self, factor: float, least: float) -> Total:
        """The distribution with every distance from its median times `factor`, and nothing below `least`."""
        median = self.quantile(0.5)
        points = np.maximum(median + factor * (self.points - median), min(least, self.points[0]))
        return Total(points, self.cumulative)


def distribute(
    amounts: Floats,
    chances: Floats,
    *,
    counts: Floats | None = None,
    sure: float = 0.0,
    one_of: Sequence[float] = (),
    correlation: float = 0.0,
    seed: int = 0,
) -> Total:
    """The distribution of `sure` + Σ amount · Bernoulli(chance) + one of `one_of`.

    Parameters
    ----------
    amounts : ndarray of float
        Money of each deal, to the cent; negative amounts are allowed, missing ones are not.
    chances : ndarray of float
        Probability of each deal, 0–1.
    counts : ndarray of float, optional
        Number of deals with each amount and chance, 1 or more; default: one of each.
    sure : float
        Certain money.
    one_of : sequence of float
        Equally likely amounts, exactly one of which is added; empty adds nothing.
    correlation : float
        Correlation of the normal variables behind the deals (one common factor), at least 0 and below 1.
    seed : int
        Seed of the draws.

    Notes
    -----
    Up to 15 uncertain deals: each outcome, exact to the cent. More: 20,000 draws, so that a probability has a standard
    error of at most 0.0035, a median one of 0.9% of the standard deviation, a 10% or 90% quantile one of 1.2%. The joint outcomes of the
    ten deals with the largest variance are laid out evenly over the draws, so a single huge deal adds no noise. Beyond
    the 256 largest, or once no amount is above 1/8 of the standard deviation of the rest, the rest is drawn as one amount
    with its exact mean, variance and skewness (Cornish–Fisher).
    Correlated deals are independent given the factor z, with chance Φ((Φ⁻¹(p) + √ρ·z) / √(1 − ρ)), and the values of z
    are laid out evenly too. The order of the deals does not matter, the same seed gives
    the same answer, and each deal has its own random numbers, so that forecasts that differ in one deal compare well.

    References
    ----------
    O. Vasicek (2002), The distribution of loan portfolio value, Risk, for the factor.

    Examples
    --------
    >>> total = distribute(np.array([100.0, 50.0]), np.array([0.5, 0.5]), sure=10.0)
    >>> total.quantile(0.5), total.at_least(100.0)
    (60.0, 0.5)
    """
    deals = _uncertain(amounts, chances, counts)
    certain = chances >= 1
    sure += float((amounts[certain] if counts is None else amounts[certain] * counts[certain]).sum())
    if not deals.few:
        return from_draws(_draw(deals, one_of, correlation, seed).cents / 100 + sure)
    states, mass = _outcomes(deals.cents, deals.chances, correlation)
    cents = np.add.outer(states, _cents(one_of)).ravel()
    mass = np.repeat(mass / len(cents) * len(states), len(cents) // len(states))
    points, place = np.unique(cents, return_inverse=True)
    cumulative = np.cumsum(np.bincount(place, weights=mass))
    return Total(points / 100 + sure, cumulative / cumulative[-1])


def from_draws(draws: Floats) -> Total:
    """The distribution of equally likely amounts."""
    points, count = np.unique(draws, return_counts=True)
    return Total(points, np.cumsum(count) / len(draws))


def condition_on_each(
    amounts: Floats,
    chances: Floats,
    target: float,
    *,
    sure: float = 0.0,
    one_of: Sequence[float] = (),
    correlation: float = 0.0,
    seed: int = 0,
) -> tuple[Floats, Floats]:
    """P(total ≥ `target`) if a deal is won, and if it is not, for each deal.

    The arguments, outcomes and draws are those of `distribute`. In each draw, the deal is set to won and to not won, so
    every draw counts for both. p·won + (1 − p)·lost is P(total ≥ target), within the error
    of the draws.

    Examples
    --------
    >>> won, lost = condition_on_each(np.array([100.0, 50.0]), np.array([0.5, 0.5]), 100.0)
    >>> won.tolist(), lost.tolist()
    ([1.0, 0.5], [0.0, 0.5])
    """
    deals = _uncertain(amounts, chances)
    goal = float(np.ceil(100 * (target - sure - float(amounts[chances >= 1].sum())) - 0.5))
    won, lost = np.empty(len(amounts)), np.empty(len(amounts))
    if deals.few:
        parts = _condition_outcomes(deals, one_of, goal, correlation)
    else:
        parts = _condition_draws(deals, _draw(deals, one_of, correlation, seed), goal)
    won[deals.place], lost[deals.place] = parts
    others = np.setdiff1d(np.arange(len(amounts)), deals.place)
    if len(others):
        total = distribute(amounts, chances, sure=sure, one_of=one_of, correlation=correlation, seed=seed)
        given = chances[others] >= 1
        won[others] = [total.at_least(target - v) for v in np.where(given, 0.0, amounts[others])]
        lost[others] = [total.at_least(target + v) for v in np.where(given, amounts[others], 0.0)]
    return _without_noise(won), _without_noise(lost)


def sample_totals(
    amounts: Floats,
    chances: Floats,
    codes: NDArray[np.intp],
    size: int,
    *,
    counts: Floats,
    one_of: Floats,
    draws: int = 1_000,
) -> Floats:
    """Draws of the totals of many groups at once, for ranges of which only the width is needed.

    Parameters
    ----------
    amounts, chances, codes : ndarray
        Money, probability and group (0 … size − 1) of each kind of deal.
    counts : ndarray of float
        Deals of each kind.
    one_of : ndarray of float
        Equally likely amounts (rows) by group (columns), one of which is added.

    Returns
    -------
    ndarray
        Groups in rows, draws in columns. The seed is fixed.
    """
    rng = np.random.default_rng(0)
    order = np.lexsort((counts, amounts, chances, codes))
    amounts, chances, codes, counts = amounts[order], chances[order], codes[order], counts[order]
    variance = amounts**2 * chances * (1 - chances)
    largest = np.argsort(-variance, kind="stable")[: 2 * _SINGLY]
    each = np.sort(np.repeat(largest, counts[largest].astype(np.intp))[: 2 * _SINGLY])
    left = counts - np.bincount(each, minlength=len(counts))
    totals = np.zeros((size, draws))
    if len(each):
        came_in = rng.random((len(each), draws), np.float32) < chances[each, None]
        first = np.flatnonzero(np.diff(codes[each], prepend=-1))
        totals[codes[each[first]]] = np.add.reduceat(amounts[each, None] * came_in, first, axis=0)
    if left.any():
        mean, spread = (
            np.bincount(codes, weights=part * left, minlength=size) for part in (amounts * chances, variance)
        )
        totals += mean[:, None] + np.sqrt(spread)[:, None] * rng.standard_normal((size, draws))
    if len(one_of):
        totals += one_of[rng.permutation(draws) % len(one_of)].T
    return totals


@dataclass(frozen=True)
class _Deals:
    """The uncertain deals, largest variance first, so that the order of the rows does not matter."""

    place: NDArray[np.intp]
    """Row of each among all deals."""
    cents: Floats
    chances: Floats
    counts: Floats
    """Number of deals that each stands for: 1 for those drawn one by one."""
    singly: int
    """Number of those drawn one by one; the others are drawn together."""

    @property
    def few(self) -> bool:
        """True if all outcomes are enumerated."""
        return self.singly == len(self.cents) <= ENUMERATED


@dataclass(frozen=True)
class _Draws:
    """The draws; those with the same value of the factor are consecutive."""

    cents: Floats
    """Total of the uncertain deals and of one of the further amounts."""
    won: NDArray[np.bool_]
    """True where a deal was won, for the deals drawn one by one (in rows)."""
    given: Floats
    """Chance of each deal (in rows) at each value of the factor."""


def _uncertain(amounts: Floats, chances: Floats, counts: Floats | None = None) -> _Deals:
    cents = np.rint(amounts * 100)
    place = np.flatnonzero((chances > 0) & (chances < 1) & (cents != 0))
    cents, chances = cents[place], chances[place]
    counts = np.ones(len(place)) if counts is None else counts[place]
    variance = cents**2 * chances * (1 - chances)
    order = np.lexsort((chances, cents, -variance))
    rows, left = _divide(np.abs(cents[order]), variance[order], counts[order])
    rest = np.flatnonzero(left)
    every = order[np.concatenate([rows, rest])]
    counts = np.concatenate([np.ones(len(rows)), left[rest]])
    return _Deals(place[every], cents[every], chances[every], counts, len(rows))


def _divide(sizes: Floats, variance: Floats, counts: Floats) -> tuple[NDArray[np.intp], Floats]:
    """The row of each deal drawn one by one, and the deals of each row left to be drawn together."""
    first = counts[:_SINGLY].astype(np.intp)
    rows = np.repeat(np.arange(len(first)), first)[:_SINGLY]
    left = counts - np.bincount(rows, minlength=len(counts))
    # Of each deal and all that follow: the largest amount, and the variance of the sum.
    largest = np.maximum.accumulate(np.append(sizes[left > 0].max(initial=0.0), sizes[rows[::-1]]))[:0:-1]
    spread = np.cumsum(np.append((variance * left).sum(), variance[rows[::-1]]))[:0:-1]
    small = np.flatnonzero(largest[_WHALES:] < _SMALL * np.sqrt(spread[_WHALES:]))
    rows = rows[: _WHALES + small[0]] if len(small) else rows
    return rows, counts - np.bincount(rows, minlength=len(counts))


def _cents(one_of: Sequence[float]) -> Floats:
    return np.rint(np.asarray(one_of if len(one_of) else [0.0], dtype=np.float64) * 100)


def _given(chances: Floats, factor: Floats, correlation: float) -> Floats:
    """Chance of each deal (in rows) at each value of the common factor."""
    if not correlation:
        return chances[:, None]
    threshold = ndtri(chances)[:, None] + np.sqrt(correlation) * factor
    return np.asarray(ndtr(threshold / np.sqrt(1 - correlation)), dtype=np.float64)


def _outcomes(cents: Floats, chances: Floats, correlation: float) -> tuple[Floats, Floats]:
    """Cents and probability of each outcome; bit k of an outcome's number is set if deal k is won."""
    factor = np.linspace(-7.5, 7.5, _NODES)
    weight = np.exp(-(factor**2) / 2) if correlation else np.ones(1)
    totals, mass = np.zeros(1), (weight / weight.sum())[None, :]
    for amount, chance in zip(cents, _given(chances, factor, correlation), strict=True):
        totals = np.concatenate([totals, totals + amount])
        mass = np.concatenate([mass * (1 - chance), mass * chance])
    return totals, mass.sum(axis=1)


def _came_in(outcomes: NDArray[np.intp], deals: int) -> NDArray[np.bool_]:
    """True where a deal (in rows) is won, in outcomes given by number."""
    return np.asarray((outcomes >> np.arange(deals)[:, None]) & 1 == 1, dtype=bool)


def _evenly(count: int) -> Floats:
    """Values of a normal variable, one in the middle of each of equally likely intervals."""
    return np.asarray(ndtri((np.arange(count) + 0.5) / count), dtype=np.float64)


def _draw(deals: _Deals, one_of: Sequence[float], correlation: float, seed: int) -> _Draws:
    given = _given(deals.chances, _evenly(_FACTORS), correlation)
    won = np.empty((deals.singly, DRAWS), dtype=bool)
    if not correlation:
        won[:_WHALES] = _laid_out(deals.cents[:_WHALES], deals.chances[:_WHALES])
    cents = np.zeros(DRAWS)
    drawn: Counter[tuple[float, float]] = Counter()
    for deal, came_in in enumerate(won):
        own = (float(deals.cents[deal]), float(deals.chances[deal]))
        if correlation or deal >= _WHALES:
            luck = _luck(seed, *own, drawn[own]).random((given.shape[1], DRAWS // given.shape[1]), np.float32)
            np.less(luck, given[deal, :, None], out=came_in.reshape(luck.shape))
        drawn[own] += 1
        cents += own[0] * came_in
    if len(deals.cents) > deals.singly:
        k, rng = deals.singly, _luck(seed, 0.0, 0.0, 0)
        cents += _draw_together(deals.cents[k:], given[k:], deals.counts[k:], rng)
    further = _cents(one_of)
    cents += _luck(seed, 0.0, 0.0, 1).permutation(further[np.arange(DRAWS) % len(further)])
    return _Draws(cents, won, given)


def _luck(seed: int, cents: float, chance: float, number: int) -> np.random.Generator:
    """Random numbers of a deal, independent of the other deals, so that a change of one deal leaves the others' draws unchanged."""
    return np.random.default_rng([seed, cents < 0, int(abs(cents)), int(chance * 2**53), number])


def _laid_out(cents: Floats, chances: Floats) -> NDArray[np.bool_]:
    """Draws with each joint outcome in proportion to its probability."""
    # The largest deal changes last from outcome to outcome, so that its value has the right frequency.
    _, mass = _outcomes(cents[::-1], chances[::-1], 0.0)
    outcomes = np.searchsorted(np.cumsum(mass), (np.arange(DRAWS) + 0.5) / DRAWS)
    return _came_in(np.minimum(outcomes, len(mass) - 1), len(cents))[::-1]


def _draw_together(cents: Floats, given: Floats, counts: Floats, rng: np.random.Generator) -> Floats:
    """Draws of the sum of many small deals."""
    spread = given * (1 - given)
    whole = cents * counts
    mean = _summed(whole, given)
    deviation = np.sqrt(_summed(whole * cents, spread))
    third = _summed(whole * cents * cents, spread * (1 - 2 * given))
    skew = np.divide(third, deviation**3, out=np.zeros_like(third), where=deviation > 0)
    normal = rng.permutation(_evenly(DRAWS)).reshape(given.shape[1], -1)
    # If all amounts are multiples of one sum, so are the totals.
    step = _common_step(np.abs(cents).astype(np.int64))
    drawn = np.rint((mean + deviation * (normal + skew / 6 * (normal**2 - 1))) / step) * step
    most, least = np.maximum(whole, 0).sum(), np.minimum(whole, 0).sum()
    return np.asarray(np.clip(drawn, least, most).ravel(), dtype=np.float64)


def _summed(weights: Floats, rows: Floats) -> Floats:
    """Σ weight · row, as a column: in one order, whatever the number of threads."""
    return np.asarray(np.einsum("i,ij->j", weights, rows)[:, None], dtype=np.float64)


def _common_step(cents: NDArray[np.int64]) -> float:
    """The largest amount of which all are multiples."""
    few = np.gcd.reduce(cents[:100])
    return float(few if few == 1 else np.gcd.reduce(cents))


def _condition_outcomes(
    deals: _Deals, one_of: Sequence[float], goal: float, correlation: float
) -> tuple[Floats, Floats]:
    totals, mass = _outcomes(deals.cents, deals.chances, correlation)
    reached = mass * (np.add.outer(totals, _cents(one_of)) >= goal).mean(axis=1)
    won = _came_in(np.arange(len(totals)), len(deals.cents))
    return won @ reached / (won @ mass), (~won) @ reached / ((~won) @ mass)


def _condition_draws(deals: _Deals, draws: _Draws, goal: float) -> tuple[Floats, Floats]:
    shape = draws.given.shape
    won, lost = np.empty(shape), np.empty(shape)
    for deal, (cents, came_in) in enumerate(zip(deals.cents, draws.won, strict=False)):
        without = draws.cents - cents * came_in
        won[deal] = (without + cents >= goal).reshape(shape[1], -1).mean(axis=1)
        lost[deal] = (without >= goal).reshape(shape[1], -1).mean(axis=1)
    rest, cents = draws.given[deals.singly :], deals.cents[deals.singly :]
    for value, totals in enumerate(np.sort(draws.cents.reshape(shape[1], -1), axis=1)):
        # For deals drawn together, only the mean of a deal's part is known, which is nearly all of its effect.
        for found, shift in ((won, cents * (1 - rest[:, value])), (lost, -cents * rest[:, value])):
            found[deals.singly :, value] = 1 - np.searchsorted(totals, goal - shift) / len(totals)
    return (
        (won * draws.given).sum(axis=1) / draws.given.sum(axis=1),
        (lost * (1 - draws.given)).sum(axis=1) / (1 - draws.given).sum(axis=1),
    )


def _without_noise(chances: Floats) -> Floats:
    """Probabilities between 0 and 1; those within rounding error of 0 or 1 become 0 or 1."""
    return np.where(chances < _NOISE, 0.0, np.where(chances > 1 - _NOISE, 1.0, chances))
