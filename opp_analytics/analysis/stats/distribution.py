"""The distribution of a total: a certain amount plus deals that each come in whole or not at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

Floats = NDArray[np.float64]
ENUMERATED = 15
"""Up to this many uncertain deals each of the 2^n outcomes is written down."""
DRAWS = 20_000
_SINGLY = 256
"""So many deals, those of the largest variance, are drawn one by one; the others together."""
_WHALES = 10
"""So many of them get each of their joint outcomes as often as its probability says, not as often as luck has it."""
_FACTORS = 400
"""Values that the common factor takes in the draws, as many draws for each."""
_NODES = 201
"""Values at which the common factor is taken when outcomes are written down."""
_NOISE = 1e-12
"""How far from 0 or 1 the rounding of sums over a whole distribution may leave what is impossible or certain."""


@dataclass(frozen=True)
class Total:
    """A distribution of money, held as its cumulative probability at rising points."""

    points: Floats
    """Money, rising."""
    cumulative: Floats
    """P(total ≤ point)."""

    def quantile(self, q: float) -> float:
        """The least amount that the total does not exceed with probability `q`."""
        # Rounding in the last places must not push a quantile past the point that holds it.
        place = int(np.searchsorted(self.cumulative, q - _NOISE))
        return float(self.points[min(place, len(self.points) - 1)])

    def at_least(self, amount: float) -> float:
        """P(total ≥ `amount`), to the cent."""
        place = int(np.searchsorted(self.points, amount - 0.005))
        return float(_without_noise(np.asarray(1.0 - self.cumulative[place - 1] if place else 1.0)))


def distribute(
    amounts: Floats,
    chances: Floats,
    *,
    sure: float = 0.0,
    one_of: Sequence[float] = (),
    correlation: float = 0.0,
    seed: int = 0,
) -> Total:
    """The distribution of `sure` + Σ amount · Bernoulli(chance) + one of `one_of`.

    Parameters
    ----------
    amounts : ndarray of float
        Money of each deal, to the cent; none is missing, negative ones are allowed.
    chances : ndarray of float
        Probability of each deal, 0–1.
    sure : float
        Money that is certain.
    one_of : sequence of float
        Amounts of which one comes true, each as likely as the others; none adds nothing.
    correlation : float
        0 ≤ correlation < 1: between the normal variables behind the deals, through one common factor.
    seed : int
        Seed of the draws.

    Notes
    -----
    Up to 15 uncertain deals: each outcome, exact to the cent. More: 20,000 draws, so that a probability has a standard
    error of at most 0.0035, a median one of 0.9% of the standard deviation, a 10% or 90% quantile one of 1.2%. The joint outcomes of the
    ten deals with the largest variance are laid out evenly over the draws, so a single huge deal adds no noise; beyond
    the 256 largest the rest is drawn as one amount with its exact mean, variance and skewness (Cornish–Fisher).
    Correlated deals are independent given the factor z, with chance Φ((Φ⁻¹(p) + √ρ·z) / √(1 − ρ)), and the values of z
    are laid out evenly too. The order of the deals does not matter, the same seed gives
    the same answer, and each deal has luck of its own, so that two forecasts that differ in a deal compare well.

    References
    ----------
    O. Vasicek (2002), The distribution of loan portfolio value, Risk, for the factor.

    Examples
    --------
    >>> total = distribute(np.array([100.0, 50.0]), np.array([0.5, 0.5]), sure=10.0)
    >>> total.quantile(0.5), total.at_least(100.0)
    (60.0, 0.5)
    """
    deals = _uncertain(amounts, chances)
    if len(deals.cents) <= ENUMERATED:
        states, mass = _outcomes(deals.cents, deals.chances, correlation)
        cents = np.add.outer(states, _cents(one_of)).ravel()
        mass = np.repeat(mass / len(cents) * len(states), len(cents) // len(states))
    else:
        cents, mass = _draw(deals, one_of, correlation, seed).cents, np.full(DRAWS, 1 / DRAWS)
    points, place = np.unique(cents, return_inverse=True)
    cumulative = np.cumsum(np.bincount(place, weights=mass))
    sure += float(amounts[chances >= 1].sum())
    return Total(points / 100 + sure, cumulative / cumulative[-1])


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
    """P(total ≥ `target`) if a deal comes in, and if it does not, for each deal.

    The arguments are those of `distribute`, and so are the outcomes or draws. Of a draw the deal's own part is replaced,
    by coming in and by not, so that each draw tells of both. p·won + (1 − p)·lost is P(total ≥ target), within the error
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
    if len(deals.cents) <= ENUMERATED:
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


@dataclass(frozen=True)
class _Deals:
    """The uncertain deals, the largest variance first; equal deals are alike, so the rows' order is of no account."""

    place: NDArray[np.intp]
    """Row of each among all deals."""
    cents: Floats
    chances: Floats


@dataclass(frozen=True)
class _Draws:
    """What came in, draw by draw; the draws of one value of the factor follow each other."""

    cents: Floats
    """Total of the uncertain deals and of one of the further amounts."""
    won: NDArray[np.bool_]
    """Whether a deal came in: those drawn one by one, in rows."""
    given: Floats
    """Chance of each deal (in rows) at each value of the factor."""


def _uncertain(amounts: Floats, chances: Floats) -> _Deals:
    cents = np.rint(amounts * 100)
    place = np.flatnonzero((chances > 0) & (chances < 1) & (cents != 0))
    cents, chances = cents[place], chances[place]
    order = np.lexsort((chances, cents, -(cents**2) * chances * (1 - chances)))
    return _Deals(place[order], cents[order], chances[order])


def _cents(one_of: Sequence[float]) -> Floats:
    return np.rint(np.asarray(one_of if len(one_of) else [0.0], dtype=np.float64) * 100)


def _given(chances: Floats, factor: Floats, correlation: float) -> Floats:
    """Chance of each deal (in rows) at each value of the common factor."""
    if not correlation:
        return chances[:, None]
    threshold = ndtri(chances)[:, None] + np.sqrt(correlation) * factor
    return np.asarray(ndtr(threshold / np.sqrt(1 - correlation)), dtype=np.float64)


def _outcomes(cents: Floats, chances: Floats, correlation: float) -> tuple[Floats, Floats]:
    """Cents and probability of each outcome; bit k of an outcome's number says whether deal k came in."""
    factor = np.linspace(-7.5, 7.5, _NODES)
    weight = np.exp(-(factor**2) / 2) if correlation else np.ones(1)
    totals, mass = np.zeros(1), (weight / weight.sum())[None, :]
    for amount, chance in zip(cents, _given(chances, factor, correlation), strict=True):
        totals = np.concatenate([totals, totals + amount])
        mass = np.concatenate([mass * (1 - chance), mass * chance])
    return totals, mass.sum(axis=1)


def _came_in(outcomes: NDArray[np.intp], deals: int) -> NDArray[np.bool_]:
    """Whether each deal (in rows) came in, in outcomes given by their numbers."""
    return np.asarray((outcomes >> np.arange(deals)[:, None]) & 1 == 1, dtype=bool)


def _evenly(count: int) -> Floats:
    """Values of a normal variable, one in the middle of each of so many equally likely stretches."""
    return np.asarray(ndtri((np.arange(count) + 0.5) / count), dtype=np.float64)


def _draw(deals: _Deals, one_of: Sequence[float], correlation: float, seed: int) -> _Draws:
    given = _given(deals.chances, _evenly(_FACTORS), correlation)
    won = np.empty((min(len(given), _SINGLY), DRAWS), dtype=bool)
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
    if len(deals.cents) > _SINGLY:
        cents += _draw_together(deals.cents[_SINGLY:], given[_SINGLY:], _luck(seed, 0.0, 0.0, 0))
    further = _cents(one_of)
    cents += _luck(seed, 0.0, 0.0, 1).permutation(further[np.arange(DRAWS) % len(further)])
    return _Draws(cents, won, given)


def _luck(seed: int, cents: float, chance: float, number: int) -> np.random.Generator:
    """A deal's own luck, whatever other deals there are: so a change of one leaves the draws of the others alone."""
    return np.random.default_rng([seed, cents < 0, int(abs(cents)), int(chance * 2**53), number])


def _laid_out(cents: Floats, chances: Floats) -> NDArray[np.bool_]:
    """Draws that hold each joint outcome as often as its probability says."""
    # The largest deal changes last from outcome to outcome, so what it brings comes as often as it should.
    _, mass = _outcomes(cents[::-1], chances[::-1], 0.0)
    outcomes = np.searchsorted(np.cumsum(mass), (np.arange(DRAWS) + 0.5) / DRAWS)
    return _came_in(np.minimum(outcomes, len(mass) - 1), len(cents))[::-1]


def _draw_together(cents: Floats, given: Floats, rng: np.random.Generator) -> Floats:
    """Draws of the sum of many deals, none of which makes much of it."""
    spread = given * (1 - given)
    mean = (cents @ given)[:, None]
    deviation = np.sqrt(cents**2 @ spread)[:, None]
    third = (cents**3 @ (spread * (1 - 2 * given)))[:, None]
    skew = np.divide(third, deviation**3, out=np.zeros_like(third), where=deviation > 0)
    normal = rng.permutation(_evenly(DRAWS)).reshape(given.shape[1], -1)
    # Amounts that are all multiples of one sum have such totals only.
    step = float(np.gcd.reduce(np.abs(cents).astype(np.int64)))
    drawn = np.rint((mean + deviation * (normal + skew / 6 * (normal**2 - 1))) / step) * step
    most, least = np.maximum(cents, 0).sum(), np.minimum(cents, 0).sum()
    return np.asarray(np.clip(drawn, least, most).ravel(), dtype=np.float64)


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
    rest, cents = draws.given[_SINGLY:], deals.cents[_SINGLY:]
    for value, totals in enumerate(np.sort(draws.cents.reshape(shape[1], -1), axis=1)):
        # Of what is drawn together a deal's own part is known by its mean only, which is nearly all it adds.
        for found, shift in ((won, cents * (1 - rest[:, value])), (lost, -cents * rest[:, value])):
            found[_SINGLY:, value] = 1 - np.searchsorted(totals, goal - shift) / len(totals)
    return (
        (won * draws.given).sum(axis=1) / draws.given.sum(axis=1),
        (lost * (1 - draws.given)).sum(axis=1) / (1 - draws.given).sum(axis=1),
    )


def _without_noise(chances: Floats) -> Floats:
    """Probabilities between 0 and 1, where what differs from these by rounding alone is one of them."""
    return np.where(chances < _NOISE, 0.0, np.where(chances > 1 - _NOISE, 1.0, chances))
