"""The result of one step of a plan."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from opp_analytics.writer.plan.steps import Step

__all__ = ["OUTCOMES", "Result", "StepProgress", "Twin", "has_work_left", "result_of"]

OUTCOMES = {
    "applied": "written by this run",
    "already": "already on the server; nothing was sent",
    "skipped": "not sent, because another cell of the same opportunity is in conflict",
    "conflict": "somebody else changed it; not sent",
    "failed": "refused, or not written after every attempt",
    "unknown": "sent, but nobody knows whether it was written; resume finds out",
    "pending": "not sent yet; resume sends it",
}
"""Outcomes of a change and their meanings."""


def has_work_left(outcomes: tuple[str, ...], *, refused: bool) -> bool:
    """True if resume has work to do on a step with these outcomes."""
    return any(o in ("pending", "unknown") or (o == "failed" and not refused) for o in outcomes)


@dataclass(frozen=True)
class Twin:
    """An equal create of another run."""

    run_id: str
    number: int
    unique_id: str | None
    """The id it was given; None while its outcome is unknown."""

    @property
    def place(self) -> str:
        """Its place in the journal."""
        return f"{self.run_id}/{self.number}"


@dataclass(frozen=True)
class Result:
    """The result of one step; a tuple per cell where cells can differ."""

    outcomes: tuple[str, ...]
    errors: tuple[str | None, ...]
    attempts: int = 0
    """Number of writes sent."""
    unique_id: str | None = None
    """The id of the opportunity; for a create, the new id."""
    record: dict[str, Any] | None = None
    """The server's answer to a create or recovery; the base for undoing it."""
    updated_before: str | None = None
    updated_after: str | None = None
    """``updated_at`` around our write, where the server sent it."""
    sent: bool = False
    """True if a write was sent and its outcome is uncertain."""
    refused: bool = False
    """True if the server rejected it (4xx); resume does not try again."""
    outage: bool = False
    """True if it failed because the server was unavailable."""
    twin: Twin | None = None
    """The equal create of another run whose unknown outcome keeps this one from being sent."""

    @property
    def left(self) -> bool:
        """True if resume has work to do on this step."""
        return has_work_left(self.outcomes, refused=self.refused)


def result_of(step: Step, outcome: str, error: str | None = None, **more: Any) -> Result:
    """A result with the same outcome for every cell of the step."""
    size = len(step.cells)
    return Result((outcome,) * size, (error,) * size, **more)


@dataclass(frozen=True)
class StepProgress:
    """An earlier run's progress on a step."""

    attempts: int = 0
    sent: bool = False
    """True if a write was sent and its outcome may be unknown."""
    sent_at: datetime | None = None
    """Time of that write, by this computer's clock."""
    looked_for: bool = False
    """True if it is a create that was looked for on the server and can be sent again."""
