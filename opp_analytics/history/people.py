"""The team and region of each deal in a history, from the people of its org; read, never recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from opp_analytics.history.engine import missing
from opp_analytics.history.rows import DELETED
from opp_analytics.org import Org
from opp_analytics.periods import as_instant

if TYPE_CHECKING:
    import ibis

__all__ = ["with_people"]

_FIRST, _LAST = pd.Timestamp(1678, 1, 1), pd.Timestamp(2262, 1, 1)
"""Days before and after every other one."""


def with_people(changes: ibis.Table, org: Org, moments: pd.Series[Any]) -> ibis.Table:
    """Change rows with the ``team`` and ``region`` of each deal's owner.

    A closed deal has those of its close date, an open one those of the row's time. Where an owner moves while a deal is
    open, the deal has a further row at the first record on or after that day.

    Parameters
    ----------
    changes : ibis.Table
        Change rows; unchanged without ``owner_name``.
    org : Org
        The org with the people.
    moments : Series of instant
        Every record.
    """
    import ibis

    if not org.derived or "owner_name" not in changes.columns:
        return changes
    rows = changes.drop(*(name for name in org.derived if name in changes.columns))
    moves = _moves(org, moments)
    if len(moves):
        rows = rows.union(_moved(rows, org, moves))
    closed = org.stages.outcome_expression(rows).isin(["won", "lost"])
    rows = rows.mutate(
        _day=closed.ifelse(rows["close_date"], rows["seen_at"].date()).fill_null(rows["seen_at"].date())
    )
    stays = ibis.memtable(pa.Table.from_pandas(_stays(org), preserve_index=False))
    found = rows.left_join(
        stays,
        [
            rows["owner_name"] == stays["_person"],
            rows["_day"] >= stays["_from"].date(),
            rows["_day"] < stays["_until"].date(),
        ],
    )
    return found.select(*(name for name in rows.columns if name != "_day"), *org.derived)


def _moves(org: Org, moments: pd.Series[Any]) -> pd.DataFrame:
    """The dated moves of people inside the history: the person, the record before, and the first one in the new team."""
    people = org.people.dropna(subset=["from_date"])
    found = []
    for owner, date in zip(people["owner_name"], people["from_date"], strict=True):
        moved = as_instant(date, tz=org.zone(None))
        before, after = moments[moments < moved], moments[moments >= moved]
        if len(before) and len(after):
            found.append((owner, before.iloc[-1], after.iloc[0]))
    return pd.DataFrame(found, columns=["_person", "_last", "_moved"]).drop_duplicates(["_person", "_moved"])


def _moved(rows: ibis.Table, org: Org, moves: pd.DataFrame) -> ibis.Table:
    """A row for each move and each deal that its person has open then and that does not change at that record itself."""
    import ibis

    own = ibis.window(group_by="unique_id", order_by="seen_at")
    states = rows.mutate(
        _until=rows["seen_at"].lead().over(own), _outcome=org.stages.outcome_expression(rows)
    )
    states = states.filter(states["operation"] != DELETED, states["_outcome"] == "open")
    asked = ibis.memtable(pa.Table.from_pandas(moves, preserve_index=False))
    held = states.join(
        asked,
        [
            states["owner_name"] == asked["_person"],
            states["seen_at"] < asked["_moved"],
            missing(states["_until"]) | (states["_until"] > asked["_moved"]),
        ],
    )
    inserted = {"seen_after": held["_last"], "seen_at": held["_moved"], "operation": ibis.literal("changed")}
    return held.select(
        **{name: inserted.get(name, held[name]).cast(kind) for name, kind in rows.schema().items()}
    )


def _stays(org: Org) -> pd.DataFrame:
    """From and until when each person was in a team and region."""
    people = org.people.assign(from_date=org.people["from_date"].fillna(_FIRST))
    people = people.sort_values("from_date", kind="stable")
    until = people.groupby("owner_name")["from_date"].shift(-1).fillna(_LAST)
    kept = people[["owner_name", "from_date", *org.derived]]
    return kept.assign(_until=until).rename(columns={"owner_name": "_person", "from_date": "_from"})
