"""The distribution of a total: a certain amount plus deals won whole or not at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from opp_analytics.schema import HALF_CENT

Floats = NDArray[np.float64]
ENUMERATED = 15
"""Largest number of uncertain deals whose 2^n outcomes are enumerated: 2^15 are about as many as
the draws."""
DRAWS = 20_000
"""Draws for more deals: a probability then has a standard error of at most √(¼ / 20,000) =
0.0035."""
_SINGLY = 256
"""Largest number of deals that are drawn one by one, those with the largest variance first; the
others are drawn together."""
_SMALL = 1 / 8
"""Deals are drawn together once none of them has more than this share of the standard deviation of
their sum."""
_WHALES = 10
"""Number of deals whose joint outcomes are stratified: each occurs in proportion to its
probability."""
_SAMPLED = 1_000
"""Draws of `sample_totals`."""
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
        """Find the smallest amount that the total does not exceed with probability `q`."""
        # Rounding must not move a quantile to the next point.
        place = int(np.searchsorted(self.cumulative, q - _NOISE))
        return float(self.points[min(place, len(self.points) - 1)])

    def at_least(self, amount: float) -> float:
        """Compute P(total ≥ `amount`), to the cent."""
        place = int(np.searchsorted(self.points, amount - HALF_CENT))
        return float(_remove_noise(np.asarray(1.0 - self.cumulative[place - 1] if place else 1.0)))


def distribute(
    amounts: Floats,
    chances: Floats,
    *,
    sure: float = 0.0,
    one_of: Sequence[float] = (),
    seed: int = 0,
) -> Total:
    """Compute the distribution of `sure` + Σ amount · Bernoulli(chance) + one of `one_of`.

    The values of `one_of` are equally likely.

    Amounts are money to the cent; negative ones are allowed, missing ones are not.

    Up to 15 uncertain deals: each outcome, exact to the cent. More: 20,000 draws, so that a
    probability has a standard error of at most 0.0035, a median one of 0.9% of the standard
    deviation, a 10% or 90% quantile one of 1.2%. The joint outcomes of the ten deals with the
    largest variance are laid out evenly over the draws, so a single huge deal adds no noise. Beyond
    the 256 largest, or once no amount is above 1/8 of the standard deviation of the rest, the rest
    is drawn as one amount with its exact mean, variance and skewness (Cornish–Fisher). The order of
    the deals does not matter, the same seed gives the same answer, and each deal has its own random
    numbers, so that forecasts that differ in one deal compare well.
    """
    deals = _pick_uncertain(amounts, chances)
    sure += float(amounts[chances >= 1].sum())
    if not deals.few:
        return from_draws(_draw(deals, one_of, seed).cents / 100 + sure)
    states, mass = _enumerate(deals.cents, deals.chances)
    order, further = np.argsort(states), np.sort(_as_cents(one_of))
    # Runs in order, which a stable sort merges.
    cents = np.add.outer(further, states[order]).ravel()
    merged = np.argsort(cents, kind="stable")
    cents, last = cents[merged], np.ones(len(cents), dtype=bool)
    last[:-1] = cents[1:] != cents[:-1]
    cumulative = np.cumsum(np.tile(mass[order], len(further))[merged])[last]
    return Total(cents[last] / 100 + sure, cumulative / cumulative[-1])


def from_draws(draws: Floats) -> Total:
    """Make the distribution of equally likely amounts."""
    points, count = np.unique(draws, return_counts=True)
    return Total(points, np.cumsum(count) / len(draws))


def condition_on_each(
    amounts: Floats,
    chances: Floats,
    target: float,
    *,
    sure: float = 0.0,
    one_of: Sequence[float] = (),
    seed: int = 0,
) -> tuple[Floats, Floats]:
    """Compute P(total ≥ `target`) if a deal is won, and if it is not, for each deal.

    With the draws of `distribute`.

    In each draw, the deal is set to won and to not won, so every draw counts for both. p·won + (1 −
    p)·lost is P(total ≥ target), within the error of the draws.
    """
    deals = _pick_uncertain(amounts, chances)
    goal = float(np.ceil(100 * (target - sure - float(amounts[chances >= 1].sum())) - 0.5))
    won, lost = np.empty(len(amounts)), np.empty(len(amounts))
    if deals.few:
        parts = _condition_outcomes(deals, one_of, goal)
    else:
        parts = _condition_draws(deals, _draw(deals, one_of, seed), goal)
    won[deals.place], lost[deals.place] = parts
    others = np.setdiff1d(np.arange(len(amounts)), deals.place)
    if len(others):
        total = distribute(amounts, chances, sure=sure, one_of=one_of, seed=seed)
        given = chances[others] >= 1
        won[others] = [total.at_least(target - v) for v in np.where(given, 0.0, amounts[others])]
        lost[others] = [total.at_least(target + v) for v in np.where(given, amounts[others], 0.0)]
    return _remove_noise(won), _remove_noise(lost)


def sample_totals(
    amounts: Floats,
    kinds: NDArray[np.intp],
    chances: Floats,
    codes: NDArray[np.intp],
    size: int,
    *,
    one_of: Floats,
) -> Floats:
    """Draw the totals of many groups (rows) at once, for ranges of which only the width is needed.

    The seed is fixed.

    The `amounts` increase. `kinds` has the place of each deal in `chances`, `codes` its group; one
    of the rows of `one_of`, equally likely amounts by group, is added.
    """
    bits = np.random.PCG64(0)
    rng = np.random.Generator(bits)
    # Numbers of few bits are sorted several times as fast as chances are.
    rank = np.unique(chances, return_inverse=True)[1].astype(np.min_scalar_type(len(chances)))
    order = np.lexsort((rank[kinds], codes.astype(np.min_scalar_type(size))))
    amounts, chances, codes = amounts[order], chances[kinds[order]], codes[order]
    variance = amounts**2 * chances * (1 - chances)
    each = np.arange(len(codes))
    if len(each) > 2 * _SINGLY:
        large = np.flatnonzero(variance >= np.partition(variance, -2 * _SINGLY)[-2 * _SINGLY])
        each = np.sort(large[np.argsort(-variance[large], kind="stable")[: 2 * _SINGLY]])
    together = np.ones(len(codes))
    together[each] = 0
    totals = np.zeros((size, _SAMPLED))
    if len(each):
        # Luck has 24 bits: a chance rounded up to as many compares alike.
        limits = (np.ceil(chances[each, None] * 2**24) / 2**24).astype(np.float32)
        came_in = _draw_luck()[: len(each)] < limits
        bits.advance(len(each) * _SAMPLED // 2)  # each step gives two numbers of 32 bits
        first = np.flatnonzero(np.diff(codes[each], prepend=-1))
        totals[codes[each[first]]] = np.add.reduceat(amounts[each, None] * came_in, first, axis=0)
    if together.any():
        mean, spread = (
            np.bincount(codes, weights=part * together, minlength=size)
            for part in (amounts * chances, variance)
        )
        drawn = rng.standard_normal((size, _SAMPLED))
        drawn *= np.sqrt(spread)[:, None]
        drawn += mean[:, None]
        totals += drawn
    if len(one_of):
        totals += one_of[rng.permutation(_SAMPLED) % len(one_of)].T
    return totals


def find_quantiles(draws: Floats, levels: Sequence[float]) -> Floats:
    """Find quantiles below 1 (rows) of each row of draws, as `numpy.quantile` does.

    This takes a seventh of the time.
    """
    ordered, place = np.sort(draws, axis=1), np.array(levels) * (draws.shape[1] - 1)
    below = np.floor(place).astype(np.intp)
    low, high, part = ordered[:, below], ordered[:, below + 1], place - below
    step = high - low
    return np.asarray(np.where(part < 0.5, low + step * part, high - step * (1 - part)).T)


@cache
def _draw_luck() -> NDArray[np.float32]:
    """Draw the luck of the deals that `sample_totals` draws one by one (rows).

    The seed is fixed.
    """
    return np.random.default_rng(0).random((2 * _SINGLY, _SAMPLED), np.float32)


@dataclass(frozen=True)
class _Deals:
    """The uncertain deals, first those drawn one by one, in order of variance.

    So the order of the rows does not matter.
    """

    place: NDArray[np.intp]
    """Row of each among all deals."""
    cents: Floats
    chances: Floats
    singly: int
    """Number of those drawn one by one; the others are drawn together."""

    @property
    def few(self) -> bool:
        """True if all outcomes are enumerated."""
        return self.singly == len(self.cents) <= ENUMERATED


@dataclass(frozen=True)
class _Draws:
    """Seeded draws of the total."""

    cents: Floats
    """Total of the uncertain deals and of one of the further amounts."""
    won: NDArray[np.bool_]
    """True where a deal was won, for the deals drawn one by one (in rows)."""


def _pick_uncertain(amounts: Floats, chances: Floats) -> _Deals:
    cents = np.rint(amounts * 100)
    place = np.flatnonzero((chances > 0) & (chances < 1) & (cents != 0))
    cents, chances = cents[place], chances[place]
    with np.errstate(over="ignore"):  # an amount that no currency holds is first as well
        variance = cents**2 * chances * (1 - chances)
    increasing = np.sort(variance)
    # Only the deals that may be drawn one by one need an order.
    large = variance >= increasing[-_SINGLY:].min(initial=np.inf)
    first = np.flatnonzero(large)
    first = first[np.lexsort((chances[first], cents[first], -variance[first]))]
    order = np.concatenate([first, np.flatnonzero(~large)])
    singly = _count_singly(np.abs(cents[order]), increasing)
    return _Deals(place[order], cents[order], chances[order], singly)


def _count_singly(sizes: Floats, variance: Floats) -> int:
    """Count the deals to draw one by one, at most 256; `variance` increases.

    Each of the other deals is small beside the spread of their sum.
    """
    largest = np.maximum.accumulate(sizes[::-1])[::-1]
    spread = np.cumsum(variance)[::-1]
    small = np.flatnonzero((largest < _SMALL * np.sqrt(spread))[_WHALES:_SINGLY])
    return _WHALES + int(small[0]) if len(small) else min(len(sizes), _SINGLY)


def _as_cents(one_of: Sequence[float]) -> Floats:
    return np.rint(np.asarray(one_of if len(one_of) else [0.0], dtype=np.float64) * 100)


def _enumerate(cents: Floats, chances: Floats) -> tuple[Floats, Floats]:
    """List cents and probability of each outcome.

    Bit k of an outcome's number is set if deal k is won.
    """
    totals, mass = np.zeros(1), np.ones(1)
    for amount, chance in zip(cents, chances, strict=True):
        totals = np.concatenate([totals, totals + amount])
        mass = np.concatenate([mass * (1 - chance), mass * chance])
    return totals, mass


def _mark_wins(outcomes: NDArray[np.intp], deals: int) -> NDArray[np.bool_]:
    """Mark the deals (in rows) that are won in each outcome, given by number."""
    return np.asarray((outcomes >> np.arange(deals)[:, None]) & 1 == 1, dtype=bool)


def _draw(deals: _Deals, one_of: Sequence[float], seed: int) -> _Draws:
    won = np.empty((deals.singly, DRAWS), dtype=bool)
    won[:_WHALES] = _lay_out(deals.cents[:_WHALES], deals.chances[:_WHALES])
    k, drawn = deals.singly, Counter[tuple[float, float]]()
    # A number of 32 bits is lucky if its first 24, as a fraction, are below the chance.
    limits = (np.ceil(deals.chances[:k] * 2**24) * 2**8 - 1).astype(np.uint32)
    for deal, own in enumerate(
        zip(deals.cents[:k].tolist(), deals.chances[:k].tolist(), strict=True)
    ):
        if deal >= _WHALES:
            luck = _seed_luck(seed, *own, drawn[own]).random_raw(DRAWS // 2).view(np.uint32)
            np.less_equal(luck, limits[deal], out=won[deal])
        drawn[own] += 1
    # Whole cents add up exactly in any order.
    cents = np.einsum("i,ij->j", deals.cents[:k], won)
    if len(deals.cents) > k:
        rng = np.random.Generator(_seed_luck(seed, 0.0, 0.0, 0))
        cents += _draw_together(deals.cents[k:], deals.chances[k:], rng)
    further, rng = _as_cents(one_of), np.random.Generator(_seed_luck(seed, 0.0, 0.0, 1))
    cents += rng.permutation(further[np.arange(DRAWS) % len(further)])
    return _Draws(cents, won)


def _seed_luck(seed: int, cents: float, chance: float, number: int) -> np.random.PCG64:
    """Seed a deal's own random bits, so a change of one deal leaves other draws unchanged."""
    # Rounded, so that the draws do not hang on the last bit of a chance.
    return np.random.PCG64([seed, cents < 0, int(abs(cents)), round(chance * 1e9), number])


def _lay_out(cents: Floats, chances: Floats) -> NDArray[np.bool_]:
    """Draw each joint outcome in proportion to its probability."""
    # The largest deal changes last from outcome to outcome, so that its value has the right
    # frequency.
    _, mass = _enumerate(cents[::-1], chances[::-1])
    outcomes = np.searchsorted(np.cumsum(mass), (np.arange(DRAWS) + 0.5) / DRAWS)
    return _mark_wins(np.minimum(outcomes, len(mass) - 1), len(cents))[::-1]


def _draw_together(cents: Floats, chances: Floats, rng: np.random.Generator) -> Floats:
    """Draw the sum of many small deals by its mean, variance and skewness (Cornish–Fisher)."""
    spread = chances * (1 - chances)
    mean = _sum_in_order(cents * chances)
    deviation = _sum_in_order(cents**2 * spread) ** 0.5
    third = _sum_in_order(cents**3 * spread * (1 - 2 * chances))
    skew = third / deviation**3 if deviation > 0 else 0.0
    # Values of a normal variable in the middle of equally likely intervals.
    normal = rng.permutation(ndtri((np.arange(DRAWS) + 0.5) / DRAWS))
    # If all amounts are multiples of one sum, so are the totals.
    step = _find_common_step(np.abs(cents).astype(np.int64))
    drawn = np.rint((mean + deviation * (normal + skew / 6 * (normal**2 - 1))) / step) * step
    most, least = np.maximum(cents, 0).sum(), np.minimum(cents, 0).sum()
    return np.asarray(np.clip(drawn, least, most), dtype=np.float64)


def _sum_in_order(amounts: Floats) -> float:
    """Sum in one order, whatever that of the deals and the number of threads."""
    return float(np.einsum("i->", np.sort(amounts)))


def _find_common_step(cents: NDArray[np.int64]) -> float:
    """Find the largest amount of which all are multiples."""
    few = np.gcd.reduce(cents[:100])
    return float(few if few == 1 else np.gcd.reduce(cents))


def _condition_outcomes(
    deals: _Deals, one_of: Sequence[float], goal: float
) -> tuple[Floats, Floats]:
    totals, mass = _enumerate(deals.cents, deals.chances)
    reached = mass * (np.add.outer(totals, _as_cents(one_of)) >= goal).mean(axis=1)
    won = _mark_wins(np.arange(len(totals)), len(deals.cents))
    return won @ reached / (won @ mass), (~won) @ reached / ((~won) @ mass)


def _condition_draws(deals: _Deals, draws: _Draws, goal: float) -> tuple[Floats, Floats]:
    won, lost = np.empty(len(deals.cents)), np.empty(len(deals.cents))
    for deal, (cents, came_in) in enumerate(zip(deals.cents, draws.won, strict=False)):
        without = draws.cents - cents * came_in
        won[deal] = (without + cents >= goal).mean()
        lost[deal] = (without >= goal).mean()
    totals, k = np.sort(draws.cents), deals.singly
    # For deals drawn together, only the mean of a deal's part is known, which is nearly all of its
    # effect.
    for found, shift in (
        (won, deals.cents[k:] * (1 - deals.chances[k:])),
        (lost, -deals.cents[k:] * deals.chances[k:]),
    ):
        found[k:] = 1 - np.searchsorted(totals, goal - shift) / len(totals)
    return won, lost


def _remove_noise(chances: Floats) -> Floats:
    """Round probabilities within rounding error of 0 or 1 to 0 or 1."""
    return np.where(chances < _NOISE, 0.0, np.where(chances > 1 - _NOISE, 1.0, chances))
