"""Changes since the earlier record, as people read them: an arrow, and the size."""

from __future__ import annotations

import math
from collections.abc import Callable

from opp_analytics.report.model import Cell
from opp_analytics.text import MISSING

__all__ = ["change"]


def change(now: float, then: float, show: Callable[[float], str]) -> Cell | None:
    """The difference as a cell; None where either is not known.

    Parameters
    ----------
    show : function
        The size in words; it gets a number at or above 0.

    Examples
    --------
    >>> change(5.0, 3.0, str), change(1.0, 1.0, str).text, change(float("nan"), 1.0, str)
    (Cell(text='2.0', tone='', sign=1, lead='', small='', picture='', name=False, link=''), 'no change', None)
    """
    if not (math.isfinite(now) and math.isfinite(then)):
        return None
    size = show(abs(now - then))
    if now == then or size in ("0", MISSING):
        return Cell("no change", sign=0)
    return Cell(size, sign=1 if now > then else -1)
