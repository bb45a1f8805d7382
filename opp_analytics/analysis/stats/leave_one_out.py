"""How much the chance of a target hangs on each single deal."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from opp_analytics.analysis.stats.distribution import (
    ENUMERATED,
    NEGLIGIBLE,
    Grid,
    blocks,
    blur,
    distribute,
    draws,
    factors,
    grid_of,
    states,
    without_noise,
)

Floats = NDArray[np.float64]
_HALF_A_CENT = 0.005


def swings(
    amounts: Floats,
    chances: Floats,
    target: float,
    *,
    sure: float = 0.0,
    correlation: float = 0.0,
    seed: int = 0,
) -> tuple[Floats, Floats]:
    """P(total ≥ `target`) if a deal comes in, and if it does not, for each deal.

    Parameters
    ----------
    amounts, chances, sure, correlation, seed
        As for `opp_analytics.analysis.stats.distribution.distribute`.
    target : float
        Money.

    Returns
    -------
    (ndarray, ndarray)
        If won, and if lost. p·won + (1 − p)·lost is P(total ≥ target) for every deal.

    Notes
    -----
    Every outcome is written down, or the deal's own factor is left out of the characteristic function (running
    products from both sides, so that nothing is divided by a factor near zero), or the draws are counted: whichever
    way the total itself takes. A deal that is certain leaves the others as they are.

    Examples
    --------
    >>> won, lost = swings(np.array([100.0, 50.0]), np.array([0.5, 0.5]), 100.0)
    >>> won.tolist(), lost.tolist()
    ([1.0, 0.5], [0.0, 0.5])
    """
    uncertain = (chances > 0) & (chances < 1) & (amounts != 0)
    sure += float(amounts[chances >= 1].sum())
    won, lost = np.empty(len(amounts)), np.empty(len(amounts))
    parts = amounts[uncertain], chances[uncertain]
    won[uncertain], lost[uncertain] = _uncertain(*parts, target - sure, correlation, seed)
    others = np.flatnonzero(~uncertain)
    if len(others):
        total = distribute(*parts, sure=sure, correlation=correlation, seed=seed)
        given = chances[others] >= 1
        won[others] = [total.at_least(target - v) for v in np.where(given, 0.0, amounts[others])]
        lost[others] = [total.at_least(target + v) for v in np.where(given, amounts[others], 0.0)]
    return without_noise(won), without_noise(lost)


def _uncertain(
    amounts: Floats, chances: Floats, target: float, correlation: float, seed: int
) -> tuple[Floats, Floats]:
    if len(amounts) <= ENUMERATED:
        return _from_states(amounts, chances, target, correlation)
    if correlation > 0:
        return _from_draws(amounts, chances, target, correlation, seed)
    return _from_waves(amounts, chances, target)


def _from_states(
    amounts: Floats, chances: Floats, target: float, correlation: float
) -> tuple[Floats, Floats]:
    cents, mass = states(amounts, chances, correlation)
    won = (np.arange(len(cents)) >> np.arange(len(amounts))[:, None]) & 1 == 1
    return _given(won, mass, cents / 100 >= target - _HALF_A_CENT)


def _given(won: NDArray[np.bool_], mass: Floats, reached: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """P(reached | won) and P(reached | lost) of each deal (in rows), from weighted outcomes (in columns)."""
    both, wins = won @ (mass * reached), won @ mass
    return both / wins, ((mass * reached).sum() - both) / (mass.sum() - wins)


def _from_draws(
    amounts: Floats, chances: Floats, target: float, correlation: float, seed: int
) -> tuple[Floats, Floats]:
    wins, both, reach, count = np.zeros(len(amounts)), np.zeros(len(amounts)), 0, 0
    for won in draws(chances, correlation, seed):
        reached = amounts @ won >= target - _HALF_A_CENT
        wins += won.sum(axis=1)
        both += won @ reached.astype(np.float64)
        reach += int(reached.sum())
        count += len(reached)
    # A deal that no draw won, or every draw, tells nothing of the other case.
    with np.errstate(invalid="ignore"):
        return both / wins, (reach - both) / (count - wins)


def _from_waves(amounts: Floats, chances: Floats, target: float) -> tuple[Floats, Floats]:
    grid = grid_of(amounts, chances)
    weights = _weights_below(grid, target)
    won, lost = np.zeros(len(amounts)), np.zeros(len(amounts))
    for block in blocks(len(amounts), grid.cells // 2 + 1):
        shift, factor = factors(amounts, chances, grid.length, block)
        rest = _products_of_the_others(factor)
        lost += (rest @ weights[block]).real
        won += ((rest * shift) @ weights[block]).real
        if not grid.stepped and np.abs(rest).max() < NEGLIGIBLE:
            break
    # The grid's cells must not blur what is impossible or certain.
    least, most = (bound.sum() - bound for bound in (np.minimum(amounts, 0), np.maximum(amounts, 0)))
    return _possible(1 - won, target - amounts, least, most), _possible(1 - lost, target, least, most)


def _possible(chances: Floats, target: Floats | float, least: Floats, most: Floats) -> Floats:
    """P(others ≥ `target`), where the others together bring at least `least` and at most `most`."""
    certain, impossible = target - _HALF_A_CENT <= least, target - _HALF_A_CENT > most
    return np.where(certain, 1.0, np.where(impossible, 0.0, chances))


def _products_of_the_others(factor: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """For each row the product of all other rows."""
    rest = np.ones_like(factor)
    rest[1:] = np.cumprod(factor[:-1], axis=0)
    rest[:-1] *= np.cumprod(factor[:0:-1], axis=0)[::-1]
    return rest


def _weights_below(grid: Grid, target: float) -> NDArray[np.complex128]:
    """What the values of a characteristic function count for in P(total < target): Re Σ weight · value."""
    numbers = np.arange(grid.cells // 2 + 1)
    twice = np.where((numbers == 0) | (2 * numbers == grid.cells), 1.0, 2.0)
    omega = 2 * np.pi * numbers / grid.length
    start = twice * np.exp(-1j * omega * grid.first)
    omega[0] = 1.0
    if grid.stepped:
        below = int(np.clip(np.ceil((target - grid.first - _HALF_A_CENT) / grid.unit), 0, grid.cells))
        # The sum over the points below, a geometric one.
        sums = (1 - np.exp(-1j * omega * grid.unit * below)) / (1 - np.exp(-1j * omega * grid.unit))
        sums[0] = below
        return np.asarray(start * sums / grid.cells)
    reach = float(np.clip(target - grid.first, 0, grid.length))
    integrals = (1 - np.exp(-1j * omega * reach)) / (1j * omega)
    integrals[0] = reach
    return np.asarray(start * blur(numbers / grid.cells) * integrals / grid.length)
