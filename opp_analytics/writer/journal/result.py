"""The result of one step of a plan."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from opp_analytics.writer.plan.steps import Step

__all__ = ["OUTCOMES", "Progress", "Result", "has_work_left", "result_of"]

OUTCOMES = {
    "applied": "written by this run",
    "already": "already on the server; nothing was sent",
    "skipped": "not sent, because another cell of the same opportunity is in conflict",
    "conflict": "somebody else changed it; not sent",
    "failed": "refused, or not written after every attempt",
    "unknown": "sent, but nobody knows whether it was written; resume finds out",
    "pending": "not sent yet; resume sends it",
}
"""Every outcome of a change, with what it means."""


def has_work_left(outcomes: tuple[str, ...], *, refused: bool) -> bool:
    """Whether resume has anything to do for a step with these outcomes."""
    return any(o in ("pending", "unknown") or (o == "failed" and not refused) for o in outcomes)


@dataclass(frozen=True)
class Result:
    """The result of one step; a tuple per cell where cells can differ."""

    outcomes: tuple[str, ...]
    errors: tuple[str | None, ...]
    attempts: int = 0
    """Times something was sent that writes."""
    unique_id: str | None = None
    """The id that a create was given."""
    record: dict[str, Any] | None = None
    """The opportunity as the server answered a create or a recovery; the base for undoing it."""
    updated_before: str | None = None
    updated_after: str | None = None
    """``updated_at`` around our write, where the server sent it."""
    sent: bool = False
    """Whether a write was begun of which it is not certain how it ended."""
    refused: bool = False
    """Whether the server refused it for good (4xx), so that resume does not try again."""
    outage: bool = False
    """Whether it failed because the server could not be asked at all."""

    @property
    def left(self) -> bool:
        """Whether resume has anything to do here."""
        return has_work_left(self.outcomes, refused=self.refused)


def result_of(step: Step, outcome: str, error: str | None = None, **more: Any) -> Result:
    """A result that is the same for every cell of the step."""
    size = len(step.cells)
    return Result((outcome,) * size, (error,) * size, **more)


@dataclass(frozen=True)
class Progress:
    """How far an earlier run got with a step."""

    attempts: int = 0
    sent: bool = False
    """Whether a write was begun whose outcome may be unknown."""
    sent_at: datetime | None = None
    """When, by this computer's clock."""
