"""The rule that gives a deal's outcome from its stage and status; frames, tables and single deals all follow it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics.org.stages import Stages

if TYPE_CHECKING:
    import ibis

__all__ = [
    "CONFLICT",
    "DISQUALIFIED",
    "LOST",
    "OPEN",
    "OUTCOMES",
    "UNKNOWN",
    "WON",
    "future_dated",
    "outcome_codes_of",
    "outcome_expression_of",
    "outcome_of_one",
]

OUTCOMES = ("won", "lost", "open", "disqualified", "conflict", "unknown")
"""Every outcome; outcome codes are positions in this list."""
WON, LOST, OPEN, DISQUALIFIED, CONFLICT, UNKNOWN = range(6)

_WON, _LOST, _OUT, _UNKNOWN = 1, 2, 4, 8
_STAGE_MARK = {"open": 0, "won": _WON, "lost": _LOST, "disqualified": _OUT}
_STATUS_MARKS = {"won": _WON, "lost": _LOST, "inactive": _OUT}


def _outcome_of_marks(marks: int) -> int:
    """Won and lost decide; then inactive; then a stage that nobody knows."""
    if marks & _WON:
        return CONFLICT if marks & _LOST else WON
    if marks & _LOST:
        return LOST
    return DISQUALIFIED if marks & _OUT else UNKNOWN if marks & _UNKNOWN else OPEN


_OUTCOME_OF_MARKS = tuple(_outcome_of_marks(marks) for marks in range(16))
_CODES = np.array(_OUTCOME_OF_MARKS, dtype=np.int8)


@lru_cache(maxsize=64)
def _stage_marks(stages: Stages) -> Mapping[str, int]:
    """The mark of every spelling of a stage."""
    return {name: _STAGE_MARK[kind] for name, kind in stages.kinds.items()}


def outcome_codes_of(frame: pd.DataFrame, stages: Stages) -> NDArray[np.int8]:
    """The outcome of each row of a conformed frame, as a position in `OUTCOMES`."""
    marks = _marks(frame["stage"], _stage_marks(stages), _UNKNOWN)
    if "status" in frame:
        marks = marks | _marks(frame["status"], _STATUS_MARKS, 0)
    codes: NDArray[np.int8] = _CODES[marks]
    return codes


def _marks(column: pd.Series[Any], marks: Mapping[str, int], other: int) -> NDArray[np.int8]:
    """The mark of each row; none where the cell is empty."""
    # An empty text is an empty cell.
    found = [marks.get(str(name), other if str(name) else 0) for name in column.cat.categories]
    return np.array([*found, 0], dtype=np.int8)[column.cat.codes.to_numpy()]


def outcome_of_one(opportunity: Mapping[str, Any], stages: Stages) -> str:
    """The outcome of one opportunity, from its ``stage`` and ``status``."""
    stage, status = (_text(opportunity.get(column)) for column in ("stage", "status"))
    known = _stage_marks(stages).get(stage, _UNKNOWN if stage else 0)
    return OUTCOMES[_OUTCOME_OF_MARKS[known | _STATUS_MARKS.get(status, 0)]]


def _text(cell: Any) -> str:
    return cell if isinstance(cell, str) else ""


def outcome_expression_of(changes: ibis.Table, stages: Stages) -> ibis.expr.types.StringValue:
    """The outcome of each row of an Ibis table, from its ``stage`` and ``status``."""

    def marks(column: str, known: Mapping[str, int], other: int) -> ibis.expr.types.IntegerValue:
        texts = changes[column].fill_null("")
        return texts.cases(("", 0), *known.items(), else_=other)

    both = marks("stage", _stage_marks(stages), _UNKNOWN) | marks("status", _STATUS_MARKS, 0)
    return both.cases(*((mark, OUTCOMES[code]) for mark, code in enumerate(_OUTCOME_OF_MARKS)))


def future_dated(frame: pd.DataFrame, codes: NDArray[np.int8], as_of: pd.Timestamp) -> NDArray[np.bool_]:
    """Mask of rows won or lost with a close date after `as_of`."""
    return (codes <= LOST) & (frame["close_date"] > as_of).to_numpy()
