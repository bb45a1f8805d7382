"""The stages of the tenant: those that the API documents, or those of the org that the sandbox was started with.

The team works by the four open stages that it was written for (`team`). A tenant's own open stages are spread over them
in their order; one that shares its place with the stage before it is passed through on the way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from opp_analytics.sandbox.arguments import SandboxTypeError

DOCUMENTED = (
    {"name": "discovery", "kind": "open"},
    {"name": "qualification", "kind": "open"},
    {"name": "proposal", "kind": "open"},
    {"name": "negotiation", "kind": "open"},
    {"name": "closed_won", "kind": "won"},
    {"name": "closed_lost", "kind": "lost"},
)
"""The stages that the API documents."""
_WORKED = ("discovery", "qualification", "proposal", "negotiation")
"""The open stages that the team works by."""
CLOSED = {"closed_won": "won", "closed_lost": "lost"}
"""The closed stages that the team works by, and their kind."""
_FEW = {1: (3,), 2: (0, 3), 3: (0, 2, 3)}
"""Places among the worked stages of fewer open stages than those."""


@dataclass(frozen=True)
class TenantStages:
    """The stages of the tenant, and the names of its attributes."""

    stages: tuple[Mapping[str, Any], ...] = DOCUMENTED
    columns: Mapping[str, str] = field(default_factory=dict)
    """Attributes on the wire: the tenant's name to the documented one."""
    _known: dict[tuple[str, str | None], str | None] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, org: Any) -> TenantStages:
        """Read an org, or its ``to_dict()``; None gives the documented stages."""
        said = org.to_dict() if hasattr(org, "to_dict") else org
        if said is None:
            return cls()
        if not isinstance(said, Mapping) or not all(
            isinstance(stage, Mapping) for stage in said.get("stages", ())
        ):
            raise SandboxTypeError(
                f"org is a {type(org).__name__}, not an Org; use oa.Org(...), or its to_dict()"
            )
        return cls(tuple(said.get("stages", DOCUMENTED)), dict(said.get("api_columns", {})))

    def to_dict(self) -> dict[str, Any]:
        """Give plain JSON, which `of` reads."""
        return {"stages": [dict(stage) for stage in self.stages], "api_columns": dict(self.columns)}

    @cached_property
    def kinds(self) -> dict[str, str]:
        """The kind of every spelling, aliases included."""
        aliases = {alias: s["kind"] for s in self.stages for alias in s.get("aliases", ())}
        return aliases | {stage["name"]: stage["kind"] for stage in self.stages}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Every spelling that a write may have."""
        return tuple(dict.fromkeys([*(stage["name"] for stage in self.stages), *self.kinds]))

    @property
    def pipelines(self) -> tuple[str, ...]:
        """The pipelines in order; empty for a single one."""
        return tuple(dict.fromkeys(stage["pipeline"] for stage in self.stages if stage.get("pipeline")))

    def list_spellings(self, *kinds: str) -> list[str]:
        """List every spelling of the stages of these kinds."""
        return [name for name, kind in self.kinds.items() if kind in kinds]

    def list_open(self, pipeline: str | None = None) -> list[str]:
        """List the open stages of a pipeline, in order."""
        mine = (s for s in self.stages if s.get("pipeline") in (None, pipeline) or pipeline is None)
        return [stage["name"] for stage in mine if stage["kind"] == "open"]

    @property
    def first(self) -> str:
        """The stage of a new deal that says none."""
        return next(iter(self.list_open()), str(self.stages[0]["name"]))

    def find_status(self, stage: Any) -> str:
        """Find the status that follows from a stage."""
        kind = self.kinds.get(stage) if isinstance(stage, str) else None
        return kind if kind in ("won", "lost") else "inactive" if kind == "disqualified" else "active"

    def find_worked(self, stage: Any, pipeline: str | None = None) -> str | None:
        """Find the stage that the team works a deal by; None for one it does not work."""
        key = (str(stage), pipeline)
        if key not in self._known:
            self._known[key] = self._find_worked(stage, pipeline)
        return self._known[key]

    def _find_worked(self, stage: Any, pipeline: str | None) -> str | None:
        kind = self.kinds.get(stage) if isinstance(stage, str) else None
        if kind in ("won", "lost"):
            return f"closed_{kind}"
        names = self.list_open(pipeline)
        name = next((s["name"] for s in self.stages if stage in s.get("aliases", ())), stage)
        return _WORKED[_place(names.index(name), len(names))] if name in names else None

    def find_next(self, stage: str, pipeline: str | None = None) -> str | None:
        """Find the next open stage if it shares this one's place; None at the end of a place."""
        names = self.list_open(pipeline)
        after = names.index(stage) + 1 if stage in names else len(names)
        if after == len(names) or self.find_worked(names[after], pipeline) != self.find_worked(
            stage, pipeline
        ):
            return None
        return names[after]

    def find_name(self, worked: str, pipeline: str | None = None) -> str | None:
        """Find the tenant's stage for a worked one: the first of its place; None where it has none."""
        if worked in CLOSED:
            mine = (s for s in self.stages if s.get("pipeline") in (None, pipeline) or pipeline is None)
            return next((s["name"] for s in mine if s["kind"] == CLOSED[worked]), None)
        names, wanted = self.list_open(pipeline), _WORKED.index(worked)
        places = [_place(k, len(names)) for k in range(len(names))]
        return next((name for name, place in zip(names, places, strict=True) if place >= wanted), names[-1])


def _place(rank: int, count: int) -> int:
    """Find the place of an open stage among the worked stages."""
    return _FEW[count][rank] if count in _FEW else rank * len(_WORKED) // count
