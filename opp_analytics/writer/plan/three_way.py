"""Three-way comparison: the plan's starting values, its new values, and the server's current values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from opp_analytics import schema
from opp_analytics.org import Org, is_closed, outcome_of
from opp_analytics.writer.plan.cells import normalize, same
from opp_analytics.writer.plan.steps import Step

__all__ = ["CHANGED", "Drift", "Verdict", "compare_three_ways"]

CHANGED = "changed on the server since then"
_DELETED = "deleted on the server since then"


@dataclass(frozen=True)
class Drift:
    """A cell whose value on the server is not the one the plan started from."""

    field: str | None
    before: Any
    after: Any
    remote: Any
    reason: str


@dataclass(frozen=True)
class Verdict:
    """Comparison of a step with the server."""

    statuses: tuple[str, ...]
    """Status of each cell: clean (unchanged on the server), already (has the new value), conflict."""
    drifts: tuple[Drift, ...] = ()
    """The cells in conflict."""

    @property
    def conflict(self) -> bool:
        """True if any cell is in conflict."""
        return "conflict" in self.statuses

    @property
    def already(self) -> bool:
        """True if nothing is left to write."""
        return all(status == "already" for status in self.statuses)


def _all(step: Step, status: str, *drifts: Drift) -> Verdict:
    return Verdict((status,) * len(step.cells), drifts)


def _remote(field: str, remote: dict[str, Any]) -> Any:
    try:
        return normalize(field, remote.get(field))
    except schema.BadCell:
        return remote.get(field)


def _same(field: str, one: Any, other: Any, meaning: Org) -> bool:
    """True for two cells that mean the same: an alias means its stage."""
    if field == "stage":
        one, other = (
            meaning.stages.aliases.get(cell, cell) if isinstance(cell, str) else cell for cell in (one, other)
        )
    return same(field, one, other)


def _judge_update(step: Step, remote: dict[str, Any] | None, meaning: Org) -> Verdict:
    if remote is None:
        return _all(
            step, "conflict", *(Drift(c.field, c.before, c.after, None, _DELETED) for c in step.cells)
        )
    turned = _turned(step, remote, meaning)
    statuses, drifts = [], []
    for cell in step.cells:
        now = _remote(str(cell.field), remote)
        field = str(cell.field)
        if _same(field, now, cell.after, meaning):
            statuses.append("already")
        elif moved := CHANGED if not _same(field, now, cell.before, meaning) else turned:
            statuses.append("conflict")
            drifts.append(Drift(cell.field, cell.before, cell.after, now, moved))
        else:
            statuses.append("clean")
    return Verdict(tuple(statuses), tuple(drifts))


def _turned(step: Step, remote: dict[str, Any], meaning: Org) -> str | None:
    """Reason for a conflict if someone closed or reopened the deal since the plan."""
    now = {column: remote.get(column) for column in step.base}
    if is_closed(now, meaning) in (
        is_closed(step.base, meaning),
        is_closed(step.base | step.fields, meaning),
    ):
        return None
    outcome = outcome_of(now, meaning)
    what = "reopened" if not is_closed(now, meaning) else outcome if outcome in ("won", "lost") else "closed"
    return f"{what} on the server since then"


def _judge_delete(step: Step, remote: dict[str, Any] | None, meaning: Org) -> Verdict:
    if remote is None:
        return _all(step, "already")
    drifts = tuple(
        Drift(field, was, None, now, CHANGED)
        for field, was in step.base.items()
        if not _same(field, was, now := _remote(field, remote), meaning)
    )
    return _all(step, "conflict" if drifts else "clean", *drifts)


def compare_three_ways(step: Step, remote: dict[str, Any] | None, client_org: Org | None = None) -> Verdict:
    """Compare a step with the opportunity on the server (None if it does not exist), as the client's org reads it.

    If someone closed or reopened the deal since the plan, every unapplied cell of an update is in conflict.

    Examples
    --------
    >>> from opp_analytics.writer.plan.steps import Cell
    >>> step = Step("update", "a", (Cell(0, "probability", 40, 60),), {})
    >>> [compare_three_ways(step, {"probability": p}).statuses[0] for p in (40, 60, 50)]
    ['clean', 'already', 'conflict']
    """
    meaning = client_org or step.org
    if step.operation == "update":
        return _judge_update(step, remote, meaning)
    if step.operation == "delete":
        return _judge_delete(step, remote, meaning)
    return _all(step, "clean" if remote is None else "already")
