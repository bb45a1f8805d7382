"""Whole figures that add up: a table whose parts sum to its total in what is shown, not only in what is meant."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["whole_parts"]


def whole_parts(parts: Sequence[float], total: float | None = None) -> list[float]:
    """The parts as whole numbers that sum to the rounded total, each less than 1 from its own.

    Parameters
    ----------
    parts : list of float
        Parts of a sum; a missing one stays missing.
    total : float, optional
        The whole number that they sum to, where it is known already: that of a wider total. By default their sum, rounded.

    Returns
    -------
    list of float
        Whole numbers. Where parts and total are further apart than rounding explains, each part is just rounded.

    Notes
    -----
    Each part is rounded down; what is missing to the total goes, one each, to the parts that lost most.

    Examples
    --------
    >>> whole_parts([0.4, 0.4, 0.4]), whole_parts([1.5, -0.5]), whole_parts([10.0, 5.0], 16.0)
    ([1.0, 0.0, 0.0], [2.0, -1.0], [11.0, 5.0])
    """
    known = [place for place, part in enumerate(parts) if math.isfinite(part)]
    floors = {place: math.floor(parts[place] + 1e-9) for place in known}
    exact = math.fsum(parts[place] for place in known)
    goal = math.floor(exact + 0.5) if total is None else total
    short = goal - sum(floors.values())
    if not 0 <= short <= len(known):
        return [math.floor(part + 0.5) if math.isfinite(part) else part for part in parts]
    lost = sorted(known, key=lambda place: (floors[place] - parts[place], place))
    raised = set(lost[: int(short)])
    return [
        float(floors[place] + (place in raised)) if place in floors else part
        for place, part in enumerate(parts)
    ]
