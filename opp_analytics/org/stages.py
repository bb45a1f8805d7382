"""The stages of a pipeline, in order, and the kind of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["STAGES", "Kind", "Stage", "Stages"]

Kind = Literal["open", "won", "lost"]
"""The kind of a stage."""


@dataclass(frozen=True)
class Stage:
    """One stage of a pipeline."""

    name: str
    kind: Kind


@dataclass(frozen=True)
class Stages:
    """All stages of a pipeline, in order.

    Examples
    --------
    >>> STAGES.open[:2], STAGES.won, STAGES.kind_of("proposal"), STAGES.kind_of("Demo")
    (('discovery', 'qualification'), ('closed_won',), 'open', None)
    """

    stages: tuple[Stage, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Every stage."""
        return tuple(stage.name for stage in self.stages)

    @property
    def open(self) -> tuple[str, ...]:
        """The stages of open deals, in order."""
        return self._of_kind("open")

    @property
    def won(self) -> tuple[str, ...]:
        """The stages of won deals."""
        return self._of_kind("won")

    @property
    def lost(self) -> tuple[str, ...]:
        """The stages of lost deals."""
        return self._of_kind("lost")

    def kind_of(self, name: str) -> Kind | None:
        """The kind of a stage; None for an unknown stage."""
        return next((stage.kind for stage in self.stages if stage.name == name), None)

    def _of_kind(self, kind: Kind) -> tuple[str, ...]:
        return tuple(stage.name for stage in self.stages if stage.kind == kind)


STAGES = Stages(
    (
        Stage("discovery", "open"),
        Stage("qualification", "open"),
        Stage("proposal", "open"),
        Stage("negotiation", "open"),
        Stage("closed_won", "won"),
        Stage("closed_lost", "lost"),
    )
)
"""The stages that the API documents."""
