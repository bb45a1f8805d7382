"""Three ways: what the plan started from, what it wants, and what the server holds now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from opp_analytics import org, schema
from opp_analytics.writer.plan.cells import normalize, same
from opp_analytics.writer.plan.steps import Step

__all__ = ["CHANGED", "Drift", "Verdict", "compare_three_ways"]

CHANGED = "changed on the server since then"
_DELETED = "deleted on the server since then"


@dataclass(frozen=True)
class Drift:
    """One cell that the server holds otherwise than the plan assumed."""

    field: str | None
    before: Any
    after: Any
    remote: Any
    reason: str


@dataclass(frozen=True)
class Verdict:
    """How a step compares with the server."""

    statuses: tuple[str, ...]
    """Per cell of the step: clean (still as planned from), already (already as wanted), conflict."""
    drifts: tuple[Drift, ...] = ()
    """The cells in conflict."""

    @property
    def conflict(self) -> bool:
        """Whether any cell is in conflict."""
        return "conflict" in self.statuses

    @property
    def already(self) -> bool:
        """Whether nothing is left to write."""
        return all(status == "already" for status in self.statuses)


def _all(step: Step, status: str, *drifts: Drift) -> Verdict:
    return Verdict((status,) * len(step.cells), drifts)


def _remote(field: str, remote: dict[str, Any]) -> Any:
    try:
        return normalize(field, remote.get(field))
    except schema.BadCell:
        return remote.get(field)


def _judge_update(step: Step, remote: dict[str, Any] | None) -> Verdict:
    if remote is None:
        return _all(
            step, "conflict", *(Drift(c.field, c.before, c.after, None, _DELETED) for c in step.cells)
        )
    turned = _turned(step, remote)
    statuses, drifts = [], []
    for cell in step.cells:
        now = _remote(str(cell.field), remote)
        if same(str(cell.field), now, cell.after):
            statuses.append("already")
        elif moved := CHANGED if not same(str(cell.field), now, cell.before) else turned:
            statuses.append("conflict")
            drifts.append(Drift(cell.field, cell.before, cell.after, now, moved))
        else:
            statuses.append("clean")
    return Verdict(tuple(statuses), tuple(drifts))


def _turned(step: Step, remote: dict[str, Any]) -> str | None:
    """How the deal was closed or reopened since the plan, other than as the plan itself would have it."""
    now = {column: remote.get(column) for column in step.base}
    if org.is_closed(now) in (org.is_closed(step.base), org.is_closed(step.base | step.fields)):
        return None
    outcome = org.outcome_of(now)
    what = "reopened" if not org.is_closed(now) else outcome if outcome in ("won", "lost") else "closed"
    return f"{what} on the server since then"


def _judge_delete(step: Step, remote: dict[str, Any] | None) -> Verdict:
    if remote is None:
        return _all(step, "already")
    drifts = tuple(
        Drift(field, was, None, now, CHANGED)
        for field, was in step.base.items()
        if not same(field, was, now := _remote(field, remote))
    )
    return _all(step, "conflict" if drifts else "clean", *drifts)


def compare_three_ways(step: Step, remote: dict[str, Any] | None) -> Verdict:
    """How a step compares with the opportunity as the server holds it (None: it does not).

    An update of a deal that somebody closed or reopened since the plan is a conflict in all of its cells: what was
    meant for an open deal is not meant for a closed one.

    Examples
    --------
    >>> from opp_analytics.writer.plan.steps import Cell
    >>> step = Step("update", "a", (Cell(0, "probability", 40, 60),), {})
    >>> [compare_three_ways(step, {"probability": p}).statuses[0] for p in (40, 60, 50)]
    ['clean', 'already', 'conflict']
    """
    if step.operation == "update":
        return _judge_update(step, remote)
    if step.operation == "delete":
        return _judge_delete(step, remote)
    return _all(step, "clean" if remote is None else "already")
