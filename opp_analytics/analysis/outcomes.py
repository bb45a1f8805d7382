"""What became of each opportunity: won, lost, open, disqualified, or a contradiction."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics import periods, schema
from opp_analytics.periods import When

OUTCOMES = ("won", "lost", "open", "disqualified", "conflict")
"""Every outcome; `outcome_codes` counts along it."""
WON, LOST, OPEN, DISQUALIFIED, CONFLICT = range(5)


def outcomes(opportunities: pd.DataFrame, *, as_of: When | None = None) -> pd.Series[Any]:
    """The outcome of each opportunity.

    Parameters
    ----------
    opportunities : DataFrame
        ``stage``; ``status`` where there is one, else the outcome rests on the stage alone; ``close_date`` (date)
        with `as_of`.
    as_of : date-like, optional
        A deal won or lost with a ``close_date`` after this day counts as open: that close has yet to happen.

    Returns
    -------
    Series
        ``outcome``, category of `won`, `lost`, `open`, `disqualified`, `conflict`, on the frame's own index.
        Empty in, empty out, same dtype.

    Raises
    ------
    MissingColumnError
        When a column is missing.

    Notes
    -----
    won: stage ``closed_won`` or status ``won``. lost: stage ``closed_lost`` or status ``lost``. Both at once:
    conflict. Status ``inactive`` with an open stage: disqualified. Everything else is open, an unknown stage or
    status included. Never inferred from a probability of 0 or 100.

    Examples
    --------
    >>> frame = pd.DataFrame({"stage": ["closed_won", "proposal", "proposal"], "status": ["won", "lost", "inactive"]})
    >>> outcomes(frame).tolist()
    ['won', 'lost', 'disqualified']
    """
    wanted = ["stage", *(["close_date"] if as_of is not None else [])]
    frame = schema.require(opportunities, *wanted)
    codes = outcome_codes(frame)
    if as_of is not None:
        codes = np.where(future_dated(frame, codes, periods.as_date(as_of)), OPEN, codes)
    labels = pd.Categorical.from_codes(codes, categories=list(OUTCOMES))  # type: ignore[call-overload]
    return pd.Series(labels, index=opportunities.index, name="outcome")


def outcome_codes(frame: pd.DataFrame) -> NDArray[np.int8]:
    """The outcome of each row of a conformed frame, as a position in `OUTCOMES`."""
    stage = _table(frame["stage"], {"closed_won": 1, "closed_lost": 2})
    if "status" in frame:
        status = _table(frame["status"], {"won": 1, "lost": 2, "inactive": 4})
    else:
        status = np.zeros(len(frame), dtype=np.int8)
    verdicts: NDArray[np.int8] = _VERDICT[stage | status]
    return verdicts


# Bit 0: something says won; bit 1: something says lost; bit 2: inactive, which matters only where neither is said.
_VERDICT = np.array([OPEN, WON, LOST, CONFLICT, DISQUALIFIED, WON, LOST, CONFLICT], dtype=np.int8)


def _table(column: pd.Series[Any], marks: dict[str, int]) -> NDArray[np.int8]:
    """The mark of each row's category; 0 for the others and for missing."""
    lookup = np.array([*(marks.get(str(c), 0) for c in column.cat.categories), 0], dtype=np.int8)
    return lookup[column.cat.codes.to_numpy()]


def future_dated(frame: pd.DataFrame, codes: NDArray[np.int8], as_of: pd.Timestamp) -> NDArray[np.bool_]:
    """Which rows are won or lost with a close date after `as_of`."""
    return (codes <= LOST) & (frame["close_date"] > as_of).to_numpy()
