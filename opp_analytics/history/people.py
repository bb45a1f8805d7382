"""The team and region of each deal in a history, from the people of its org; read, never recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from opp_analytics.history.engine import missing
from opp_analytics.history.rows import DELETED
from opp_analytics.org import Org, outcome_expression
from opp_analytics.periods import as_instant

if TYPE_CHECKING:
    import ibis

__all__ = ["with_people"]

_Move = tuple[str, pd.Timestamp, pd.Timestamp]
"""An owner who moves: the record before, and the first record in the new team."""


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
    if not org.derived or "owner_name" not in changes.columns:
        return changes
    rows = changes.drop(*(name for name in org.derived if name in changes.columns))
    for move in _moves(org, moments):
        rows = rows.union(_moved(rows, org, *move))
    closed = outcome_expression(rows, org).isin(["won", "lost"])
    day = closed.ifelse(rows["close_date"], rows["seen_at"].date()).fill_null(rows["seen_at"].date())
    return rows.mutate(**{name: _label(rows["owner_name"], day, org, name) for name in org.derived})


def _moves(org: Org, moments: pd.Series[Any]) -> list[_Move]:
    """The dated moves of people that lie inside the history."""
    people = org.people.dropna(subset=["from_date"])
    found: dict[tuple[str, pd.Timestamp], _Move] = {}
    for owner, date in zip(people["owner_name"], people["from_date"], strict=True):
        moved = as_instant(date, tz=org.zone(None))
        before, after = moments[moments < moved], moments[moments >= moved]
        if len(before) and len(after):
            at = pd.Timestamp(after.iloc[0])
            found[owner, at] = (owner, pd.Timestamp(before.iloc[-1]), at)
    return list(found.values())


def _moved(rows: ibis.Table, org: Org, owner: str, last: pd.Timestamp, moved: pd.Timestamp) -> ibis.Table:
    """A row for each deal that its owner has open at the move and that does not change there itself."""
    import ibis

    at, before = (ibis.literal(when.to_pydatetime(), type="timestamp('UTC')") for when in (moved, last))
    own = ibis.window(group_by="unique_id", order_by="seen_at")
    dated = rows.filter(rows["seen_at"] <= at)
    dated = dated.mutate(_later=dated["seen_at"].lead().over(own), _outcome=outcome_expression(dated, org))
    held = dated.filter(
        missing(dated["_later"]),
        dated["seen_at"] < at,
        dated["operation"] != DELETED,
        dated["owner_name"] == owner,
        dated["_outcome"] == "open",
    )
    inserted = {"seen_after": before, "seen_at": at, "operation": ibis.literal("changed")}
    typed = {name: cell.cast(rows[name].type()) for name, cell in inserted.items()}
    return held.mutate(**typed).select(rows.columns)


def _label(owner: Any, day: Any, org: Org, name: str) -> Any:
    """The team or region of an owner on a day."""
    import ibis

    people = org.people.sort_values("from_date", ascending=False, na_position="last", kind="stable")
    cases = []
    for person, since, label in zip(people["owner_name"], people["from_date"], people[name], strict=True):
        mine = owner == person
        if not pd.isna(since):
            mine = mine & (day >= ibis.literal(pd.Timestamp(since).date(), type="date"))
        cases.append((mine, ibis.null("string") if pd.isna(label) else ibis.literal(label)))
    return ibis.cases(*cases, else_=ibis.null("string"))
