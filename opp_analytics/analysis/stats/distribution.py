"""The distribution of a total, without draws: a sure amount plus deals won whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from opp_analytics.arrays import Floats, Places
from opp_analytics.schema import HALF_CENT

_ENUMERATED = 15
"""Largest number of uncertain deals whose 2^n outcomes are listed."""
_CELLS, _PAST_CELLS = 4_096, 1_024
"""Cells of money of a distribution, and of one of which only the width is needed."""
_BAND = 64
"""Frequencies whose factors are computed at once."""
_SINGLY = 256
"""Largest number of deals that move a distribution one by one, those with the largest variance; the
others move it together."""
_SMALL = 1 / 8
"""Deals move a distribution together once none of them has more than this share of the standard
deviation of their sum."""
_WHALES = 10
"""Deals that are always taken one by one."""
_HUGE = 30.0
"""Standard deviations of all smaller deals beyond which no cells resolve a deal beside them."""
_REACH = 8.0
"""Standard deviations that a distribution reaches from its mean."""
_TOGETHER = 512
"""Points of the distribution of deals that move it together."""
_MOST_POINTS = 2**19
"""Points of a distribution in two layers."""
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
        return float(self.reach(np.array([amount]))[0])

    def reach(self, amounts: Floats) -> Floats:
        """Compute P(total ≥ amount) for each amount, to the cent."""
        place = np.searchsorted(self.points, amounts - HALF_CENT)
        return _remove_noise(1.0 - np.append(0.0, self.cumulative)[place])


def distribute(
    amounts: Floats, chances: Floats, *, sure: float = 0.0, one_of: Sequence[float] = ()
) -> Total:
    """Compute the distribution of `sure` + Σ amount · Bernoulli(chance) + one of `one_of`.

    The values of `one_of` are equally likely. Amounts are money to the cent; negative ones are
    allowed, missing ones are not.

    Up to 15 uncertain deals: each outcome, exact to the cent. More: each of the at most 256 deals
    of largest variance moves a distribution of 4,096 cells of money; the others, none of them above
    1/8 of the standard deviation of their sum, move it together by their mean, variance and
    skewness (Cornish–Fisher). Deals over 30 standard deviations of all smaller ones are laid over
    it. Quantiles are within 0.5% of the width of the 80% range, 1% beside one huge deal. Amounts
    that are multiples of one sum keep that lattice.
    """
    return _Parts.of(amounts, chances, one_of).add_up(sure)


def condition_on_each(
    amounts: Floats,
    chances: Floats,
    target: float,
    *,
    sure: float = 0.0,
    one_of: Sequence[float] = (),
) -> tuple[Floats, Floats]:
    """Compute P(total ≥ `target`) if a deal is won, and if it is not, for each deal.

    p·won + (1 − p)·lost is P(total ≥ target).
    """
    parts = _Parts.of(amounts, chances, one_of)
    total = parts.add_up(sure)
    given = chances >= 1
    won = total.reach(target - np.where(given, 0.0, amounts))
    lost = total.reach(target + np.where(given, amounts, 0.0))
    for rows, if_won, if_lost in parts.condition(total, target, sure):
        turned = amounts[rows] < 0
        won[rows] = np.where(turned, if_lost, if_won)
        lost[rows] = np.where(turned, if_won, if_lost)
    return _remove_noise(won), _remove_noise(lost)


@dataclass(frozen=True)
class _Few:
    """The distribution of a few deals: every outcome, by number; bit k is set if deal k is won."""

    rows: Places
    """Place of each deal among all."""
    points: Floats
    """Cents of each outcome."""
    mass: Floats

    @classmethod
    def of(cls, rows: Places, cents: Floats, chances: Floats) -> _Few:
        """List every outcome."""
        points, mass = np.zeros(1), np.ones(1)
        for amount, chance in zip(cents[rows], chances[rows], strict=True):
            points = np.concatenate([points, points + amount])
            mass = np.concatenate([mass * (1 - chance), mass * chance])
        return cls(rows, points, mass)

    def condition(self, goal: float, other: _Layer) -> tuple[Floats, Floats]:
        """Compute the chance of the goal if each deal is won, and if not, beside another layer."""
        reached = self.mass * other.reach(goal - self.points)
        won = (np.arange(len(self.mass)) >> np.arange(len(self.rows))[:, None]) & 1 == 1
        return won @ reached / (won @ self.mass), ~won @ reached / (~won @ self.mass)

    def reach(self, cents: Floats) -> Floats:
        """Compute the chance of at least so many cents."""
        order = np.argsort(self.points, kind="stable")
        above = np.append(np.cumsum(self.mass[order][::-1])[::-1], 0.0)
        return above[np.searchsorted(self.points[order], cents - 0.5)]


@dataclass(frozen=True)
class _Many:
    """The distribution of many deals in cells of money."""

    rows: Places
    """Place of each deal that moves it alone, among all."""
    cells: Places
    """How far each moves it."""
    chances: Floats
    base: float
    """Cents of the first cell."""
    step: float
    mass: Floats

    @property
    def points(self) -> Floats:
        """Cents of each cell."""
        return np.asarray(self.base + self.step * np.arange(len(self.mass)))

    @cached_property
    def above(self) -> Floats:
        """The chance of each cell or more, and of more than all."""
        return np.append(np.cumsum(self.mass[::-1])[::-1] / self.mass.sum(), 0.0)

    def find(self, cents: Floats) -> Places:
        """Find the first cell of at least so many cents; 0 where all are."""
        place = np.ceil((cents - 0.5 - self.base) / self.step)
        return np.asarray(np.clip(place, 0, len(self.mass)), dtype=np.intp)

    def reach(self, cents: Floats) -> Floats:
        """Compute the chance of at least so many cents."""
        return self.above[self.find(cents)]

    def condition(self, goal: float, other: _Layer) -> tuple[Floats, Floats]:
        """Compute the chance of the goal if each deal is won, and if not, beside another layer."""
        seen = other.mass > _NOISE
        at, place = np.unique(self.find(goal - other.points[seen]), return_inverse=True)
        share = np.bincount(place, weights=other.mass[seen], minlength=len(at))
        found = [
            [
                (share @ [self._leave_out(int(k) - moved, cells, chance) for k in at])
                for moved in (cells, 0)
            ]
            for cells, chance in zip(self.cells.tolist(), self.chances.tolist(), strict=True)
        ]
        won, lost = np.array(found).reshape(-1, 2).T
        return won, lost

    def _leave_out(self, at: int, cells: int, chance: float) -> float:
        """Compute the chance of a cell or more without one deal.

        S = (1 − p)·R + p·(R moved by the deal), solved for R from below, or for p > ½ from above.
        """
        if at <= 0 or cells == 0:
            return float(self.above[max(at, 0)])
        if chance > 0.5:
            ratio, part = -(1 - chance) / chance, self.above[at + cells :: cells]
            return float(ratio ** np.arange(len(part)) @ part / chance)
        part = self.above[at:0:-cells]
        powers = (-chance / (1 - chance)) ** np.arange(len(part) + 1)
        return float(powers[:-1] @ part / (1 - chance) + powers[-1])


_Layer = _Few | _Many
"""One of the two independent parts of a total."""


@dataclass(frozen=True)
class _Parts:
    """A total in two layers: deals laid over the others, and the others."""

    few: _Layer
    many: _Layer
    small: Places
    """Places of the deals that move the others together."""
    cents: Floats
    """Of each deal; a negative one is turned round: a gain if it is not won."""
    chances: Floats
    sure: float
    """Cents that are certain."""

    @classmethod
    def of(cls, amounts: Floats, chances: Floats, one_of: Sequence[float]) -> _Parts:
        """Sort the deals into layers."""
        cents = np.rint(amounts * 100)
        uncertain = (chances > 0) & (chances < 1) & (cents != 0)
        turned = uncertain & (cents < 0)
        sure = cents[turned | (chances >= 1)].sum()
        cents, chances = np.abs(cents), np.where(turned, 1 - chances, chances)
        further = np.rint(np.asarray(one_of if len(one_of) else [0.0], dtype=np.float64) * 100)
        rows, none = np.flatnonzero(uncertain), np.zeros(0, dtype=np.intp)
        if len(rows) <= _ENUMERATED:
            outcomes = _Few.of(rows, cents, chances)
            rest = _Few(none, further, np.full(len(further), 1 / len(further)))
            return cls(outcomes, rest, none, cents, chances, sure)
        alone, small = _pick_large(rows, cents, chances)
        huge, large = _pick_huge(alone, small, cents, chances, further)
        if len(huge) <= _ENUMERATED:
            over: _Layer = _Few.of(huge, cents, chances)
        else:
            over = _move(huge, none, cents, chances, np.zeros(1))
        return cls(over, _move(large, small, cents, chances, further), small, cents, chances, sure)

    def add_up(self, sure: float) -> Total:
        """Distribute the total."""
        seen = [layer.mass > _NOISE * isinstance(layer, _Many) for layer in (self.few, self.many)]
        over, over_mass = self.few.points[seen[0]], self.few.mass[seen[0]]
        below, below_mass = self.many.points[seen[1]], self.many.mass[seen[1]]
        # Beside many sums of huge deals, cells of the others need not be as narrow.
        merged = np.arange(0, len(below), -(-len(over) * len(below) // _MOST_POINTS))
        if len(merged) < len(below):
            whole = np.add.reduceat(below_mass, merged)
            below = np.add.reduceat(below * below_mass, merged) / whole
            below_mass = whole
        points = np.add.outer(over, below).ravel()
        mass = np.multiply.outer(over_mass, below_mass).ravel()
        order = np.argsort(points, kind="stable")
        cumulative = np.cumsum(mass[order])
        return Total((points[order] + self.sure) / 100 + sure, cumulative / cumulative[-1])

    def condition(
        self, total: Total, target: float, sure: float
    ) -> Iterator[tuple[Places, Floats, Floats]]:
        """Compute the chance of a target if deals are won, and if not, with their places.

        `total` is that of `add_up`.
        """
        goal = 100 * (target - sure) - self.sure
        for one, other in ((self.few, self.many), (self.many, self.few)):
            if len(one.rows):
                yield one.rows, *one.condition(goal, other)
        if len(self.small):
            # What one of many small deals moves is as steep as the total is there.
            assert isinstance(self.many, _Many)
            amounts, chances = self.cents[self.small] / 100, self.chances[self.small]
            reach = np.maximum(amounts, self.many.step / 100)
            fall = total.reach(target - reach) - total.reach(target + reach)
            change, chance = fall * amounts / (2 * reach), total.at_least(target)
            yield self.small, chance + (1 - chances) * change, chance - chances * change


def measure_ranges(
    amounts: Floats,
    chances: Floats,
    codes: Places,
    size: int,
    levels: Sequence[float],
    *,
    one_of: Floats,
) -> tuple[Floats, Floats]:
    """Find quantiles (rows) of the totals of many groups at once, and the width of their cells.

    `codes` has the group of each deal; one of the rows of `one_of`, equally likely amounts by
    group, is added. By characteristic functions on 1,024 cells of money; beyond the 512 deals of
    largest variance, a group's other deals are one normal amount.
    """
    if size > 1:
        order = np.argsort(codes, kind="stable")
        amounts, chances, codes = amounts[order], chances[order], codes[order]
    # A negative amount is lost for sure, unless its size comes back.
    sure = np.bincount(codes, np.minimum(amounts, 0.0), minlength=size)
    amounts, chances = np.abs(amounts), np.where(amounts < 0, 1 - chances, chances)
    variance = amounts**2 * chances * (1 - chances)
    alone = np.arange(len(codes))
    if len(alone) > 2 * _SINGLY:
        alone = np.sort(np.argpartition(variance, -2 * _SINGLY)[-2 * _SINGLY :])
    together = np.ones(len(codes))
    together[alone] = 0.0
    mean, spread, rest_mean, rest_spread, most = (
        np.bincount(codes, weights=part, minlength=size)
        for part in (
            *(amounts * chances, variance),
            *(amounts * chances * together, variance * together),
            amounts,
        )
    )
    base, largest = one_of.min(axis=0), np.zeros(size)
    np.maximum.at(largest, codes, amounts)
    reach = np.minimum(most, mean + _REACH * np.sqrt(spread) + largest)
    step = np.maximum((reach + one_of.max(axis=0) - base) / (_PAST_CELLS - 2), 0.01)
    place = np.rint((one_of - base) / step).astype(np.intp)
    share = np.zeros((size, _PAST_CELLS))
    np.add.at(share, (np.arange(size), place), 1 / len(one_of))
    turns = np.fft.rfft(share, axis=1)
    if together.any():
        angle = 2 * np.pi / _PAST_CELLS * np.arange(_PAST_CELLS // 2 + 1)
        middle, width = (rest_mean / step)[:, None], (rest_spread / step**2)[:, None]
        turns *= np.exp(-1j * angle * middle - angle**2 * width / 2)
    waves, codes = _list_waves(), codes[alone]
    moved, odds = amounts[alone] / step[codes], chances[alone, None]
    cells = np.floor(moved).astype(np.intp)
    split = odds * (moved - cells)[:, None]
    for start in range(0, turns.shape[1], _BAND):
        band = slice(start, start + _BAND)
        # What the normal amount has left nothing of needs no factors.
        rows = np.flatnonzero((np.abs(turns[:, band]).max(axis=1) > 1e-15)[codes])
        if len(rows):
            factors = waves[cells[rows], band]
            factors *= odds[rows] + split[rows] * (waves[1, band] - 1)
            factors += 1 - odds[rows]
            first = np.flatnonzero(np.diff(codes[rows], prepend=-1))
            turns[codes[rows[first]], band] *= np.multiply.reduceat(factors, first, axis=0)
    cumulative = np.cumsum(np.fft.irfft(turns, _PAST_CELLS, axis=1), axis=1)
    found = [(cumulative < level - 1e-9).sum(axis=1) for level in levels]
    return sure + base + step * np.minimum(found, _PAST_CELLS - 1), step


@cache
def _list_waves() -> NDArray[np.complex128]:
    """List what each cell (rows) adds to a characteristic function."""
    angle = np.outer(np.arange(_PAST_CELLS), np.arange(_PAST_CELLS // 2 + 1)) % _PAST_CELLS
    return np.asarray(np.exp(-2j * np.pi / _PAST_CELLS * angle))


def compound(values: Floats, number: float, shape: float, *, rough: bool = False) -> Total:
    """Compute the distribution of the sum of a random number of amounts.

    Each is one of `values`, none negative. Their number is negative binomial with mean `number` and
    variance number + number² / shape. `rough` takes fewer cells.
    """
    cells = _PAST_CELLS if rough else _CELLS
    mean = number * values.mean()
    deviation = (number * (values**2).mean() + mean**2 / shape) ** 0.5
    step = max((mean + 1.5 * _REACH * deviation + values.max()) / (cells - 2), 0.01)
    turns = (1 + number / shape * (1 - np.fft.rfft(_split(values / step, cells)))) ** -shape
    cumulative = np.cumsum(np.maximum(np.fft.irfft(turns, cells), 0.0))
    return Total(step * np.arange(cells), cumulative / cumulative[-1])


def _pick_large(rows: Places, cents: Floats, chances: Floats) -> tuple[Places, Places]:
    """Pick the deals that move a distribution one by one, by falling variance, and the others."""
    with np.errstate(over="ignore"):  # an amount that no currency holds is first as well
        variance = (cents**2 * chances * (1 - chances))[rows]
    large = np.ones(len(rows), dtype=bool)
    if len(rows) > _SINGLY:
        large = variance >= np.partition(variance, -_SINGLY)[-_SINGLY]
    first = np.flatnonzero(large)
    first = first[np.lexsort((chances[rows[first]], cents[rows[first]], -variance[first]))]
    order = np.concatenate([first, np.flatnonzero(~large)])
    sizes = np.maximum.accumulate(cents[rows[order]][::-1])[::-1]
    spread = np.sqrt(np.cumsum(variance[order][::-1])[::-1])
    small = np.flatnonzero((sizes < _SMALL * spread)[_WHALES:_SINGLY])
    count = _WHALES + int(small[0]) if len(small) else min(len(rows), _SINGLY)
    return rows[order[:count]], rows[order[count:]]


def _pick_huge(
    alone: Places,
    small: Places,
    cents: Floats,
    chances: Floats,
    further: Floats,
) -> tuple[Places, Places]:
    """Pick the deals that no cells resolve beside all smaller ones, and the others."""
    order = alone[np.argsort(-cents[alone], kind="stable")]
    with np.errstate(over="ignore", invalid="ignore"):
        variance = cents**2 * chances * (1 - chances)
        below = variance[order][::-1].cumsum()[::-1] - variance[order]
        left = np.sqrt(np.maximum(below, 0.0) + variance[small].sum() + further.var())
        is_huge = (left > 0) & (cents[order] > _HUGE * np.maximum(left, 100.0))
    count = int(np.flatnonzero(is_huge).max(initial=-1)) + 1
    return order[:count], order[count:]


def _move(
    alone: Places,
    small: Places,
    cents: Floats,
    chances: Floats,
    further: Floats,
) -> _Many:
    """Move a distribution of `further` amounts by each deal alone, and by small ones together."""
    values, odds, base = cents[alone], chances[alone], float(further.min())
    together, odds_together = cents[small], chances[small]
    mean, spread = float(together @ odds_together), odds_together * (1 - odds_together)
    deviation = float(together**2 @ spread) ** 0.5
    least = max(0.0, mean - _REACH * deviation)
    top = (
        float(values @ odds)
        + mean
        + _REACH * float(np.sqrt(values**2 @ (odds * (1 - odds)) + deviation**2))
    )
    top = min(float(values.sum() + together.sum()), top + float(values.max(initial=0.0)))
    step = max((top - least + float(further.max()) - base) / (_CELLS - 2), 1.0)
    common = _find_common_step(np.concatenate([values, together, further - base]))
    if common >= step:
        step, least = common, np.floor(least / common) * common
    mass = np.zeros(_CELLS)
    np.add.at(mass, np.rint((further - base) / step).astype(np.intp), 1 / len(further))
    cells, carry = [], 0.0
    for size, chance in zip((values / step).tolist(), odds.tolist(), strict=True):
        # Whole cells, up or down so that the mean of all stays.
        moved = int(size + 0.5 + max(-0.5, min(0.5, carry / chance)))
        carry += chance * (size - moved)
        cells.append(moved)
        moved_mass = chance * mass[: _CELLS - moved]
        mass = (1 - chance) * mass
        mass[moved:] += moved_mass
    if deviation > 0:
        skew = float(together**3 @ (spread * (1 - 2 * odds_together))) / deviation**3
        normal = _list_normal()
        drawn = mean + deviation * (normal + skew / 6 * (normal**2 - 1))
        drawn = (np.clip(drawn, 0, together.sum()) - least) / step
        drawn = np.rint(drawn) if step == common else drawn
        kernel, double = _split(drawn, _CELLS), 2 * _CELLS
        mass = np.fft.irfft(np.fft.rfft(mass, double) * np.fft.rfft(kernel, double), double)
        mass = np.maximum(mass[:_CELLS], 0.0)
    return _Many(alone, np.array(cells, dtype=np.intp), odds, base + least, step, mass)


def _split(amounts: Floats, cells: int) -> Floats:
    """Give equally likely amounts, in cells, to the two cells beside each, so that the mean stays.

    What lies beyond the ends is given to them.
    """
    place = np.clip(amounts.astype(np.intp), 0, cells - 2)
    mass, part = np.zeros(cells), np.clip(amounts - place, 0.0, 1.0)
    np.add.at(mass, place, (1 - part) / len(amounts))
    np.add.at(mass, place + 1, part / len(amounts))
    return mass


@cache
def _list_normal() -> Floats:
    """List the middles of equally likely intervals of a normal variable, with variance 1."""
    normal = ndtri((np.arange(_TOGETHER) + 0.5) / _TOGETHER)
    return np.asarray(normal / normal.std())


def _find_common_step(cents: Floats) -> float:
    """Find the largest amount of which all are multiples; 0 where an amount is too large."""
    if cents.max(initial=0.0) >= 2**62:
        return 0.0
    whole = cents.astype(np.int64)
    few = np.gcd.reduce(whole[:100])
    return float(few if few == 1 else np.gcd.reduce(whole))


def _remove_noise(chances: Floats) -> Floats:
    """Round probabilities within rounding error of 0 or 1 to 0 or 1."""
    return np.where(chances < _NOISE, 0.0, np.where(chances > 1 - _NOISE, 1.0, chances))
