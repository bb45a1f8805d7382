"""What a history's records show of one deal, as both widgets tell it."""

from __future__ import annotations

from typing import Any, NamedTuple

import pandas as pd

from opp_analytics import text
from opp_analytics.history import History
from opp_analytics.org import DEFAULT
from opp_analytics.schema import is_blank


class Move(NamedTuple):
    """A record that shows a change of a deal."""

    day: str
    """Its day in words, in the org's zone."""
    operation: str
    """new, changed, deleted or returned."""
    cells: dict[str, tuple[Any, Any]]
    """The value before and after of each field that changed."""
    run: str
    """The run of this package that wrote the change; empty for others."""


def list_moves(
    history: History, unique_id: str, own_writes: pd.DataFrame | None = None
) -> list[Move]:
    """List the records that changed a deal, the oldest first."""
    changes = history.deal(unique_id, own_writes=own_writes)
    zone = (history.org or DEFAULT).zone(None)
    moves = []
    for _, record in changes.groupby("seen_at", sort=False):
        rows = record[["field", "before", "after"]].itertuples(index=False)
        cells = {
            str(field): (before, after) for field, before, after in rows if not is_blank(field)
        }
        at, operation, run = record[["seen_at", "operation", "run_id"]].iloc[0]
        day = text.day(at.tz_convert(zone), year=True)
        moves.append(Move(day, str(operation), cells, "" if is_blank(run) else str(run)))
    return moves
