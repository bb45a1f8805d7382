"""The distribution of a total: a sure amount plus deals that each come in whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from opp_analytics.errors import ArgumentTypeError, DataError

Floats = NDArray[np.float64]
ENUMERATED = 15
"""Up to this many uncertain deals every one of the 2^n outcomes is written down."""
_CELLS = 2**13
"""Cells of the money grid, unless the amounts have a common divisor that needs fewer."""
_LATTICE = 2**14
"""Most cells of a grid on which every amount falls exactly."""
_LATTICE_WORK = 4e6
"""Most deals × cells for which that grid is worth its time: beyond, one point of it holds next to no mass."""
_NODES = 201
"""Points at which the common factor is taken when outcomes are written down."""
_SIMULATED_CELLS = 2e7
_NATS = 30.0
"""Mass outside the grid is below 2·exp(−30)."""
NEGLIGIBLE = 1e-13
"""A characteristic function below this has nothing more to say."""
_CENT = 0.01
_NOISE = 1e-12
"""How far from 0 or 1 the rounding of sums over a whole distribution may leave what is impossible or certain."""


@dataclass(frozen=True)
class Total:
    """A distribution of money, held as its cumulative probability at rising points."""

    points: Floats
    """Money, rising."""
    cumulative: Floats
    """P(total ≤ point)."""
    stepped: bool
    """Whether all mass sits on the points (True) or is spread evenly between them (False)."""
    unit: float
    """Resolution of the answers in money; 0.01 when they are exact to the cent."""
    method: str
    """"enumerated", "convolved" or "simulated"."""

    def quantile(self, q: float) -> float:
        """The least amount that the total does not exceed with probability `q`."""
        if self.stepped:
            # Rounding in the last places must not push a quantile past the atom that holds it.
            place = int(np.searchsorted(self.cumulative, q - 1e-12))
            return float(self.points[min(place, len(self.points) - 1)])
        return float(np.interp(q, self.cumulative, self.points))

    def at_least(self, amount: float) -> float:
        """P(total ≥ `amount`)."""
        if self.stepped:
            place = int(np.searchsorted(self.points, amount - 0.005))
            below = self.cumulative[place - 1] if place else 0.0
        else:
            below = np.interp(amount - _CENT / 2, self.points, self.cumulative, left=0.0, right=1.0)
        return float(without_noise(np.asarray(1.0 - below)))


@dataclass(frozen=True)
class Shifted:
    """A total plus an amount of which one of several values comes true, each as likely."""

    total: Total
    amounts: tuple[float, ...]

    def at_least(self, amount: float) -> float:
        """P(total + amount ≥ `amount`)."""
        return float(np.mean([self.total.at_least(amount - shift) for shift in self.amounts]))

    def quantile(self, q: float) -> float:
        """The least sum that is not exceeded with probability `q`, to the cent."""
        low = float(self.total.points[0]) + min(self.amounts)
        high = float(self.total.points[-1]) + max(self.amounts)
        while high - low > 0.005:
            middle = (low + high) / 2
            # One cent above the middle must be out of reach often enough.
            below = 1 - self.at_least(middle + 0.01) >= q - 1e-12
            low, high = (low, middle) if below else (middle, high)
        return round(high, 2)


def distribute(
    amounts: Floats, chances: Floats, *, sure: float = 0.0, correlation: float = 0.0, seed: int = 0
) -> Total:
    """The distribution of `sure` + Σ amount · Bernoulli(chance).

    Parameters
    ----------
    amounts : ndarray of float
        Money of each deal, none missing; negative ones are allowed. Amounts are taken to the cent.
    chances : ndarray of float
        Probability of each deal, 0–1.
    sure : float
        Money that is certain.
    correlation : float
        0 ≤ correlation < 1: of the normal variables behind the outcomes, through one common factor.
    seed : int
        Of the simulation, which runs only for more than 15 correlated deals.

    Returns
    -------
    Total
        Its ``unit`` and ``method`` say how finely and how it was computed.

    Notes
    -----
    Up to 15 uncertain deals: every outcome. More: the convolution is carried out as a product of characteristic
    functions, Π (1 − p + p·exp(iωv)), with the amounts unrounded, and turned back on a grid that spans all but
    2·exp(−30) of the mass (Bernstein's inequality). Where all amounts are multiples of one sum of money, the grid
    has its points there and the answer is exact; elsewhere the answer is exact to the grid's unit. With
    correlation, each outcome's probability is integrated over the factor z, given which the deals are
    independent with chance Φ((Φ⁻¹(p) + √ρ·z) / √(1 − ρ)); above 15 deals it is simulated.

    References
    ----------
    Y. Hong (2013), On computing the distribution function for the Poisson binomial distribution, CSDA 59, 41–51,
    for the characteristic function; O. Vasicek (2002), The distribution of loan portfolio value, Risk, for the factor.

    Examples
    --------
    >>> total = distribute(np.array([100.0, 50.0]), np.array([0.5, 0.5]), sure=10.0)
    >>> total.quantile(0.5), total.at_least(100.0)
    (60.0, 0.5)
    """
    check_correlation(correlation)
    sure += float(amounts[chances >= 1].sum())
    open_ = (chances > 0) & (chances < 1) & (amounts != 0)
    amounts, chances = amounts[open_], chances[open_]
    if len(amounts) <= ENUMERATED:
        return _enumerated(amounts, chances, sure, correlation)
    if correlation > 0:
        return _simulated(amounts, chances, sure, correlation, seed)
    return _convolved(amounts, chances, sure)


def without_noise(chances: Floats) -> Floats:
    """Probabilities between 0 and 1, where what differs from these by rounding alone is one of them."""
    clipped = np.where(chances < _NOISE, 0.0, np.where(chances > 1 - _NOISE, 1.0, chances))
    return np.asarray(np.where(np.isnan(chances), np.nan, clipped), dtype=np.float64)


def check_correlation(correlation: float) -> float:
    """`correlation` itself, after a check that it is at least 0 and below 1."""
    if isinstance(correlation, bool) or not isinstance(correlation, (int, float, np.number)):
        raise ArgumentTypeError(f"correlation={correlation!r} is not a number; use 0.0 to 0.9")
    if not 0 <= correlation < 1:
        raise DataError(f"correlation={correlation!r} is not at least 0 and below 1; 0.1 to 0.3 is common")
    return float(correlation)


def _thresholds(chances: Floats, factor: Floats, correlation: float) -> Floats:
    """What a deal's own normal variable must stay below to be won: deals in rows, values of the factor in columns."""
    threshold = ndtri(chances)[:, None] + np.sqrt(correlation) * factor
    return np.asarray(threshold / np.sqrt(1 - correlation), dtype=np.float64)


def states(amounts: Floats, chances: Floats, correlation: float) -> tuple[Floats, Floats]:
    """Cents and probability of every outcome; bit k of an outcome's place says whether deal k is in it."""
    if correlation > 0:
        factor = np.linspace(-7.5, 7.5, _NODES)
        weight = np.exp(-(factor**2) / 2)
        given = np.asarray(ndtr(_thresholds(chances, factor, correlation)), dtype=np.float64)
    else:
        weight, given = np.ones(1), chances[:, None]
    cents = np.zeros(1)
    mass = (weight / weight.sum())[None, :]
    for amount, chance in zip(np.rint(amounts * 100), given, strict=True):
        cents = np.concatenate([cents, cents + amount])
        mass = np.concatenate([mass * (1 - chance), mass * chance])
    return cents, mass.sum(axis=1)


def _enumerated(amounts: Floats, chances: Floats, sure: float, correlation: float) -> Total:
    cents, mass = states(amounts, chances, correlation)
    points, place = np.unique(cents, return_inverse=True)
    cumulative = _cumulated(np.bincount(place, weights=mass).astype(np.float64))[1:]
    return Total(points / 100 + sure, cumulative, stepped=True, unit=0.01, method="enumerated")


def draws(chances: Floats, correlation: float, seed: int) -> Iterator[NDArray[np.bool_]]:
    """Which deals are won, deals in rows, in blocks of draws that fit into memory."""
    count = int(np.clip(_SIMULATED_CELLS / len(chances), 4_000, 40_000))
    rng = np.random.default_rng(seed)
    # The factor is laid out evenly over its quantiles, which leaves only the deals' own luck to chance.
    factor = np.asarray(ndtri((np.arange(count) + 0.5) / count), dtype=np.float64)
    step = max(1, int(2e6 / len(chances)))
    for part in (factor[k : k + step] for k in range(0, count, step)):
        yield rng.standard_normal((len(chances), len(part))) < _thresholds(chances, part, correlation)


def _simulated(amounts: Floats, chances: Floats, sure: float, correlation: float, seed: int) -> Total:
    totals = np.concatenate([amounts @ won for won in draws(chances, correlation, seed)])
    points, counts = np.unique(totals + sure, return_counts=True)
    spread = float(np.subtract(*np.quantile(points, [0.9, 0.1])))
    unit = spread / np.sqrt(len(totals))
    return Total(points, np.cumsum(counts) / len(totals), stepped=True, unit=unit, method="simulated")


def _window(amounts: Floats, chances: Floats) -> tuple[float, float]:
    """Bounds that hold all but 2·exp(−30) of the mass (Bernstein), never wider than what is possible."""
    mean = float(amounts @ chances)
    variance = float(amounts**2 @ (chances * (1 - chances)))
    third = _NATS * float(np.abs(amounts).max()) / 3
    reach = third + np.sqrt(third**2 + 2 * _NATS * variance)
    return max(float(np.minimum(amounts, 0).sum()), mean - reach), min(
        float(np.maximum(amounts, 0).sum()), mean + reach
    )


@dataclass(frozen=True)
class Grid:
    """Where on the money axis a characteristic function is turned back into mass."""

    first: float
    """The first point (stepped) or edge."""
    length: float
    """What the points or cells span, after which the characteristic function repeats itself."""
    cells: int
    stepped: bool
    """Whether every possible total falls on a point."""

    @property
    def unit(self) -> float:
        """Money from one point or edge to the next."""
        return self.length / self.cells


def grid_of(amounts: Floats, chances: Floats) -> Grid:
    """The coarsest grid that is exact, where that is affordable, else one of fixed fineness."""
    low, high = _window(amounts, chances)
    divisor = _common_divisor(amounts)
    cells = int((high - low) / divisor) + 3 if divisor else 0
    if 0 < cells <= _LATTICE and cells * len(amounts) <= _LATTICE_WORK:
        return Grid(float(np.floor(low / divisor) * divisor), cells * divisor, cells, stepped=True)
    return Grid(low - 0.02 * (high - low), 1.04 * (high - low), _CELLS, stepped=False)


def _convolved(amounts: Floats, chances: Floats, sure: float) -> Total:
    grid = grid_of(amounts, chances)
    frequencies = grid.cells // 2 + 1
    start = grid.first + sure
    if grid.stepped:
        waves = _characteristic(amounts, chances, grid.length, frequencies, until=0.0)
        mass = _turned_back(waves, grid.length, grid.first, grid.cells)
        points: Floats = start + grid.unit * np.arange(grid.cells, dtype=np.float64)
        return Total(points, _cumulated(mass)[1:], True, max(grid.unit, 0.01), "convolved")
    waves = _characteristic(amounts, chances, grid.length, frequencies, until=NEGLIGIBLE)
    turns = np.arange(len(waves)) / grid.cells
    if len(waves) == frequencies:
        waves = waves * blur(turns)
    mass = _turned_back(waves * np.sinc(turns), grid.length, grid.first + grid.unit / 2, grid.cells)
    edges: Floats = start + grid.unit * np.arange(grid.cells + 1, dtype=np.float64)
    points, cumulative = _with_ends(edges, _cumulated(mass), amounts, chances, sure)
    return Total(points, cumulative, False, grid.unit, "convolved")


def _with_ends(
    edges: Floats, cumulative: Floats, amounts: Floats, chances: Floats, sure: float
) -> tuple[Floats, Floats]:
    """The two ends of what is possible with their exact chance, which the blurring spread beyond them."""
    gains = amounts > 0
    least, most = sure + float(amounts[~gains].sum()), sure + float(amounts[gains].sum())
    at_least, at_most = (float(np.prod(np.where(ends, 1 - chances, chances))) for ends in (gains, ~gains))
    inside = (edges > least) & (edges < most - _CENT)
    between = np.clip(cumulative[inside], at_least, 1 - at_most)
    return (
        np.concatenate(
            [[least - 0.4 * _CENT, least], edges[inside], most - _CENT * np.array([0.6, 0.4, 0.0])]
        ),
        np.concatenate([[0.0, at_least], between, [1 - at_most, 1 - at_most, 1.0]]),
    )


def blur(turns: Floats) -> Floats:
    """What takes lumps narrower than a grid out of a characteristic function, or they would ring all over it."""
    return np.asarray(np.exp(-2 * (2 * np.pi * turns) ** 2))


def _common_divisor(amounts: Floats) -> float:
    """The largest sum of money of which every amount is a multiple; 0 where there is none of at least a cent."""
    cents = np.rint(amounts * 100)
    if np.abs(cents).max() > 2**53 or np.abs(amounts * 100 - cents).max() > 1e-3:
        return 0.0
    return float(np.gcd.reduce(np.abs(cents).astype(np.int64))) / 100


def _characteristic(
    amounts: Floats, chances: Floats, length: float, most: int, *, until: float
) -> NDArray[np.complex128]:
    """E exp(iωX) at ω = 0, 2π/length, …: `most` values, or fewer once a block of them lies below `until`."""
    parts: list[NDArray[Any]] = []
    for block in blocks(len(amounts), most):
        parts.append(factors(amounts, chances, length, block)[1].prod(axis=0))
        if np.abs(parts[-1]).max() < until:
            break
    return np.concatenate(parts)


def factors(
    amounts: Floats, chances: Floats, length: float, block: NDArray[np.int64]
) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """exp(iωv) and 1 − p + p·exp(iωv) of each deal (in rows) at the frequencies of a block."""
    shift = np.exp(2j * np.pi * np.outer(amounts / length, block))
    factor = shift * chances[:, None]
    factor += 1 - chances[:, None]
    return shift, factor


def blocks(deals: int, most: int) -> Iterator[NDArray[np.int64]]:
    """The numbers 0 … `most` − 1 in blocks that keep deals × frequencies in the processor's cache."""
    width = int(np.clip(2e5 / deals, 16, 512))
    for first in range(0, most, width):
        yield np.arange(first, min(first + width, most))


def _turned_back(waves: NDArray[np.complex128], length: float, first: float, cells: int) -> Floats:
    """Mass at `first`, `first` + length / cells, … from the characteristic function."""
    phase = np.exp(-2j * np.pi * np.arange(len(waves)) * (first / length))
    return np.fft.irfft(np.conj(waves * phase), n=cells)


def _cumulated(mass: Floats) -> Floats:
    total: Floats = np.concatenate([[0.0], np.cumsum(np.maximum(mass, 0.0))])
    total /= total[-1]
    return total
