"""The outcome rule: won, lost, open, disqualified, or a conflict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics.org.frame import require
from opp_analytics.org.stages import STAGES
from opp_analytics.periods import When, as_date

if TYPE_CHECKING:
    import ibis

__all__ = [
    "CONFLICT",
    "DISQUALIFIED",
    "LOST",
    "OPEN",
    "OUTCOMES",
    "WON",
    "future_dated",
    "is_closed",
    "outcome_codes",
    "outcome_expression",
    "outcome_of",
    "outcomes",
]

OUTCOMES = ("won", "lost", "open", "disqualified", "conflict")
"""Every outcome; `outcome_codes` are positions in this list."""
WON, LOST, OPEN, DISQUALIFIED, CONFLICT = range(5)


def outcomes(opportunities: pd.DataFrame, *, as_of: When | None = None, tz: str = "UTC") -> pd.Series[Any]:
    """The outcome of each opportunity.

    Parameters
    ----------
    opportunities : DataFrame
        ``stage``; ``status`` if present (without it, the stage alone decides); ``close_date`` (date)
        with `as_of`.
    as_of : date-like, optional
        A deal won or lost with a ``close_date`` after this day counts as open.
    tz : str
        Business time zone, in which an instant given as `as_of` becomes a date.

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
    frame = require(opportunities, *wanted)
    codes = outcome_codes(frame)
    if as_of is not None:
        codes = np.where(future_dated(frame, codes, as_date(as_of, tz=tz)), OPEN, codes)
    labels = pd.Categorical.from_codes(codes, categories=list(OUTCOMES))  # type: ignore[call-overload]
    return pd.Series(labels, index=opportunities.index, name="outcome")


# Bit 0: something says won; bit 1: something says lost; bit 2: inactive, which matters only where neither is said.
_OUTCOME_OF_MARKS = (OPEN, WON, LOST, CONFLICT, DISQUALIFIED, WON, LOST, CONFLICT)
_STAGE_MARKS = {**dict.fromkeys(STAGES.won, 1), **dict.fromkeys(STAGES.lost, 2)}
_STATUS_MARKS = {"won": 1, "lost": 2, "inactive": 4}


def outcome_codes(frame: pd.DataFrame) -> NDArray[np.int8]:
    """The outcome of each row of a conformed frame, as a position in `OUTCOMES`."""
    marks = _marks(frame["stage"], _STAGE_MARKS)
    if "status" in frame:
        marks = marks | _marks(frame["status"], _STATUS_MARKS)
    codes: NDArray[np.int8] = np.array(_OUTCOME_OF_MARKS, dtype=np.int8)[marks]
    return codes


def _marks(column: pd.Series[Any], marks: dict[str, int]) -> NDArray[np.int8]:
    lookup = np.array([*(marks.get(str(c), 0) for c in column.cat.categories), 0], dtype=np.int8)
    return lookup[column.cat.codes.to_numpy()]


def outcome_of(opportunity: Mapping[str, Any]) -> str:
    """The outcome of one opportunity, from its ``stage`` and ``status``.

    Examples
    --------
    >>> outcome_of({"stage": "closed_won", "status": "active"}), outcome_of({"stage": "proposal", "status": None})
    ('won', 'open')
    """
    stage, status = (_text(opportunity.get(column)) for column in ("stage", "status"))
    return OUTCOMES[_OUTCOME_OF_MARKS[_STAGE_MARKS.get(stage, 0) | _STATUS_MARKS.get(status, 0)]]


def _text(cell: Any) -> str:
    return cell if isinstance(cell, str) else ""


def is_closed(opportunity: Mapping[str, Any]) -> bool:
    """True for an opportunity that is won, lost, or both (a conflict).

    Examples
    --------
    >>> is_closed({"stage": "proposal", "status": "lost"}), is_closed({"stage": "proposal", "status": "inactive"})
    (True, False)
    """
    return outcome_of(opportunity) in ("won", "lost", "conflict")


def outcome_expression(changes: ibis.Table) -> ibis.expr.types.StringValue:
    """The outcome of each row of an Ibis table, from its ``stage`` and ``status``."""

    def marks(column: str, known: dict[str, int]) -> ibis.expr.types.IntegerValue:
        texts = changes[column].fill_null("")
        return texts.cases(*known.items(), else_=0)

    both = marks("stage", _STAGE_MARKS) | marks("status", _STATUS_MARKS)
    return both.cases(*((mark, OUTCOMES[code]) for mark, code in enumerate(_OUTCOME_OF_MARKS)))


def future_dated(frame: pd.DataFrame, codes: NDArray[np.int8], as_of: pd.Timestamp) -> NDArray[np.bool_]:
    """Mask of rows won or lost with a close date after `as_of`."""
    return (codes <= LOST) & (frame["close_date"] > as_of).to_numpy()
