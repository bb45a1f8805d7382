"""The stages of a pipeline, in order, and what each one means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

from opp_analytics.inputs import match_name

__all__ = ["CATEGORIES", "KINDS", "STAGES", "Category", "Kind", "Stage", "Stages"]

Kind = Literal["open", "won", "lost", "disqualified"]
"""The kind of a stage."""
Category = Literal["commit", "best_case", "pipeline", "omitted"]
"""The forecast category of an open stage."""
KINDS: tuple[str, ...] = get_args(Kind)
CATEGORIES: tuple[str, ...] = get_args(Category)


@dataclass(frozen=True)
class Stage:
    """One stage of a pipeline."""

    name: str
    kind: Kind
    probability: int | None = None
    """Chance of winning in percent, 0 to 100."""
    category: Category | None = None
    """Forecast category of its deals."""
    aliases: tuple[str, ...] = ()
    """Other spellings that are read as this stage."""
    pipeline: str | None = None
    """The pipeline that it belongs to, where an organization has several."""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON, as an org file writes it; what was not given is left out."""
        said = {**vars(self), "aliases": list(self.aliases)}
        return {name: value for name, value in said.items() if value not in (None, [])}


@dataclass(frozen=True)
class Stages:
    """All stages of an organization, in order.

    Examples
    --------
    >>> STAGES.open[:2], STAGES.won, STAGES.kind_of("proposal"), STAGES.kind_of("Demo")
    (('discovery', 'qualification'), ('closed_won',), 'open', None)
    """

    stages: tuple[Stage, ...]

    def __iter__(self) -> Iterator[Stage]:
        return iter(self.stages)

    def __len__(self) -> int:
        return len(self.stages)

    def __getitem__(self, place: int) -> Stage:
        return self.stages[place]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Every stage once; stages of several pipelines that share a name are one here."""
        return tuple(dict.fromkeys(stage.name for stage in self.stages))

    @cached_property
    def open(self) -> tuple[str, ...]:
        """The stages of open deals, in order."""
        return self._of_kind("open")

    @cached_property
    def won(self) -> tuple[str, ...]:
        """The stages of won deals."""
        return self._of_kind("won")

    @cached_property
    def lost(self) -> tuple[str, ...]:
        """The stages of lost deals."""
        return self._of_kind("lost")

    @cached_property
    def pipelines(self) -> tuple[str, ...]:
        """The pipelines, in order; empty when there is only one."""
        return tuple(dict.fromkeys(stage.pipeline for stage in self.stages if stage.pipeline is not None))

    @cached_property
    def kinds(self) -> Mapping[str, Kind]:
        """The kind behind every spelling: names and aliases."""
        by_alias = {alias: stage.kind for stage in self.stages for alias in stage.aliases}
        return {**by_alias, **{stage.name: stage.kind for stage in self.stages}}

    @cached_property
    def aliases(self) -> Mapping[str, str]:
        """The stage behind every alias."""
        return {alias: stage.name for stage in self.stages for alias in stage.aliases}

    def of(self, pipeline: str | None) -> Stages:
        """The stages of one pipeline; all of them where the organization has only one.

        Examples
        --------
        >>> Stages((Stage("Demo", "open", pipeline="New"), Stage("Quote", "open", pipeline="Renewal"))).of("New").names
        ('Demo',)
        """
        if not self.pipelines:
            return self
        return Stages(tuple(stage for stage in self.stages if stage.pipeline in (None, pipeline)))

    def match(self, typed: str) -> str | None:
        """Find the stage that somebody typed, whatever the case, spaces, hyphens and underscores; None for another word.

        Examples
        --------
        >>> STAGES.match("Closed-won"), STAGES.match("won")
        ('closed_won', None)
        """
        return match_name(typed, {**{stage.name: stage.name for stage in self.stages}, **self.aliases})

    def kind_of(self, name: str) -> Kind | None:
        """The kind of a stage, by its name or an alias; None for an unknown stage."""
        return self.kinds.get(name)

    def _of_kind(self, kind: Kind) -> tuple[str, ...]:
        return tuple(dict.fromkeys(stage.name for stage in self.stages if stage.kind == kind))


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
