"""A history's change rows in pandas: when each deal was first seen open, and what it was at a later moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from opp_analytics import schema
from opp_analytics.analysis.outcomes import OPEN, OUTCOMES, outcome_codes
from opp_analytics.errors import ArgumentError, NotEnoughHistory

if TYPE_CHECKING:
    from opp_analytics.history import History

GONE = len(OUTCOMES)
"""Code of a deal that was deleted; it follows the codes of `OUTCOMES`."""


def change_rows(history: History, asked_by: str) -> pd.DataFrame:
    """Every change, oldest first within each deal, with ``state``: an outcome's code, or GONE.

    Raises
    ------
    ArgumentError
        When `history` is none.
    NotEnoughHistory
        When it holds no record.
    """
    if not hasattr(history, "changes") or not hasattr(history, "records"):
        raise ArgumentError(
            f"{asked_by} needs a History, not {type(history).__name__}; collect one with History(path).record(frame)"
        )
    if not len(history.records):
        raise NotEnoughHistory(
            f"{asked_by} needs records; there are none yet: History(path).record(opportunities)"
        )
    return with_state(history.changes())


def with_state(changes: pd.DataFrame) -> pd.DataFrame:
    """Change rows conformed, in order of deal and time, with ``state``."""
    rows = schema.conform(changes).sort_values(["unique_id", "seen_at"], kind="stable", ignore_index=True)
    gone = (rows["operation"].astype(schema.TEXT) == "gone").to_numpy()
    return rows.assign(state=np.where(gone, GONE, outcome_codes(rows)).astype(np.int8))


def last_record(history: History) -> pd.Timestamp:
    """The instant of the newest record."""
    return pd.Timestamp(history.records["recorded_at"].max())


def first_open(rows: pd.DataFrame) -> pd.DataFrame:
    """The first row in which each deal was seen open; chosen without looking at what became of it."""
    return rows[rows["state"] == OPEN].drop_duplicates("unique_id")


def state_at(
    rows: pd.DataFrame, ids: pd.Series[Any], moments: pd.Series[Any]
) -> np.ndarray[Any, np.dtype[np.int8]]:
    """The state of each deal of `ids` at its own moment: that of its last row seen by then."""
    asked = pd.DataFrame(
        {"unique_id": ids.to_numpy(), "seen_at": moments.to_numpy(), "_row": np.arange(len(ids))}
    )
    asked["seen_at"] = asked["seen_at"].astype(rows["seen_at"].dtype)
    known = rows[["unique_id", "seen_at", "state"]].sort_values("seen_at", kind="stable")
    found = pd.merge_asof(asked.sort_values("seen_at", kind="stable"), known, on="seen_at", by="unique_id")
    return found.sort_values("_row")["state"].to_numpy().astype(np.int8)
