"""The simulated sales team, its true rates, and the stages that it works by.

A deal is a Markov chain on working days: it leaves each stage with a fixed daily chance
(`LEAVE_PER_DAY`), and its next stage (`NEXT`) depends only on the stage and on its owner's skill.
So the chance of a win can be computed exactly: TRUE_WIN_RATE and the other rates below are not
estimates, and estimates can be checked against them. Value, close date and stated probability
follow the deal but do not affect it.
"""

from __future__ import annotations

import tomllib
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from opp_analytics.sandbox.arguments import Json, SandboxTypeError

_ORDER = ("discovery", "qualification", "proposal", "negotiation", "closed_won")

_DATA = tomllib.loads(Path(__file__).with_name("team.toml").read_text(encoding="utf-8"))
LEAVE_PER_DAY: Mapping[str, float] = _DATA["leave_per_day"]
"""Chance that a deal leaves its stage, per working day (five a week)."""
NEXT: Mapping[str, Mapping[str, float]] = _DATA["next"]
"""Next stage of an average rep's deal, with its probability; ``inactive`` is disqualified. Sums to
1."""
AFTERMATH_DAYS = 28
"""Calendar days during which a lost deal may be reopened and a deleted one recovered: 20 working
days."""

REOPEN_PER_DAY = 0.003
"""Chance per working day that a recently lost deal comes back, into negotiation."""

RECOVER_PER_DAY = 0.02
"""Chance per working day that a deal deleted by the team comes back, into its former stage."""

_WORKING_DAYS = AFTERMATH_DAYS // 7 * 5


@dataclass(frozen=True)
class Rep:
    """One salesperson."""

    name: str
    skill: float
    """Factor on the weight of every move forward, before the weights are scaled to sum to 1."""
    optimism: float
    """Amount added to the log-odds of the true chance in a stated probability."""
    share: float
    """Fraction of new deals."""

    @property
    def unique_id(self) -> str:
        """The rep's key, the same in every sandbox."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"sandbox/rep/{self.name}"))

    @property
    def email(self) -> str:
        """An email address in a reserved domain."""
        return f"{self.name.lower().replace(' ', '.')}@sales.example"


REPS = tuple(Rep(name, **rates) for name, rates in _DATA["reps"].items())
SOMEBODY = Rep("Somebody Else", skill=1.0, optimism=0.0, share=0.0)
"""The owner of a deal whose owner is unknown."""
ACCOUNTS: Sequence[str] = _DATA["accounts"]["names"]
OFFERS = tuple(_DATA["offers"].items())
"""The products, with their value relative to an average deal."""


def account_id(account: str) -> str:
    """Make the account's key, the same in every sandbox."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"sandbox/account/{account}"))


@lru_cache
def weigh_next_stages(stage: str, skill: float) -> Mapping[str, float]:
    """Weigh `NEXT` of a stage for a rep of that skill."""
    weights = {
        target: weight
        * (skill if target in _ORDER and _ORDER.index(target) > _ORDER.index(stage) else 1.0)
        for target, weight in NEXT[stage].items()
    }
    total = sum(weights.values())
    return {target: weight / total for target, weight in weights.items()}


@lru_cache
def compute_outcomes(skill: float) -> Mapping[str, tuple[float, float]]:
    """Compute the chances of ending as won and as lost, by current stage of an open deal.

    The chain is absorbed in won, in lost and not reopened, in deleted and not recovered, or in
    inactive. With P the chances of `weigh_next_stages`, w(s) = Σ P(s, t) w(t), and the same for l;
    the fixed point is iterated, which converges geometrically because every stage leads out.
    """
    reopened = 1 - (1 - REOPEN_PER_DAY) ** _WORKING_DAYS
    recovered = 1 - (1 - RECOVER_PER_DAY) ** _WORKING_DAYS
    found = dict.fromkeys(NEXT, (0.0, 0.0))
    for _ in range(500):
        back = found["negotiation"]
        ends = {
            "closed_won": (1.0, 0.0),
            "closed_lost": (reopened * back[0], 1 - reopened + reopened * back[1]),
            "inactive": (0.0, 0.0),
        }
        for stage in NEXT:
            known = {
                **found,
                **ends,
                "deleted": (recovered * found[stage][0], recovered * found[stage][1]),
            }
            chances = weigh_next_stages(stage, skill).items()
            found[stage] = (
                sum(chance * known[target][0] for target, chance in chances),
                sum(chance * known[target][1] for target, chance in chances),
            )
    return found


def compute_win_rate(*reps: Rep) -> float:
    """Compute the long-run won / (won + lost) of the deals of `reps`, by their shares."""
    won = sum(rep.share * compute_outcomes(rep.skill)["discovery"][0] for rep in reps)
    lost = sum(rep.share * compute_outcomes(rep.skill)["discovery"][1] for rep in reps)
    return won / (won + lost)


TRUE_WIN_RATE = compute_win_rate(*REPS)
"""Long-run won / (won + lost) of all deals of the simulated team."""

TRUE_WIN_RATES: Mapping[str, float] = {rep.name: compute_win_rate(rep) for rep in REPS}
"""The same for each rep, by `owner_name`."""

TRUE_STAGE_RATES: Mapping[str, float] = {stage: compute_outcomes(1.0)[stage][0] for stage in NEXT}
"""Chance that an open deal of an average rep is eventually won, by its current stage. A
disqualified or deleted deal is not won."""

_WORKED = tuple(NEXT)
"""The open stages that the team works by."""
CLOSED = {"closed_won": "won", "closed_lost": "lost"}
"""The closed stages that the team works by, and their kind."""
_KINDS = dict.fromkeys(_WORKED, "open") | CLOSED
DOCUMENTED = tuple({"name": name, "kind": kind} for name, kind in _KINDS.items())
"""The stages that the API documents."""
_FEW = {1: (3,), 2: (0, 3), 3: (0, 2, 3)}
"""Places among the worked stages of fewer open stages than those."""


@dataclass(frozen=True)
class TenantStages:
    """The stages of the tenant, and the names of its attributes.

    The stages are documented, or of the org that the sandbox was started with.

    The team works by the four open stages that it was written for. A tenant's own open stages are
    spread over them in their order; one that shares its place with the stage before it is passed
    through on the way.
    """

    stages: tuple[Json, ...] = DOCUMENTED
    columns: Mapping[str, str] = field(default_factory=dict)
    """Attributes on the wire: the tenant's name to the documented one."""
    _known: dict[tuple[str, str | None], str | None] = field(
        default_factory=dict, compare=False, repr=False
    )

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

    def to_dict(self) -> Json:
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
        return tuple(
            dict.fromkeys(stage["pipeline"] for stage in self.stages if stage.get("pipeline"))
        )

    def list_spellings(self, *kinds: str) -> list[str]:
        """List every spelling of the stages of these kinds."""
        return [name for name, kind in self.kinds.items() if kind in kinds]

    def list_open(self, pipeline: str | None = None) -> list[str]:
        """List the open stages of a pipeline, in order."""
        return list(self._list("open", pipeline))

    def _list(self, kind: str, pipeline: str | None) -> Iterator[str]:
        mine = (s for s in self.stages if s.get("pipeline") in (None, pipeline) or pipeline is None)
        return (stage["name"] for stage in mine if stage["kind"] == kind)

    @property
    def first(self) -> str:
        """The stage of a new deal that says none."""
        return next(iter(self.list_open()), str(self.stages[0]["name"]))

    def find_status(self, stage: Any) -> str:
        """Find the status that follows from a stage."""
        kind = self.kinds.get(stage) if isinstance(stage, str) else None
        return (
            kind if kind in ("won", "lost") else "inactive" if kind == "disqualified" else "active"
        )

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
        """Find the tenant's stage for a worked one: the first of its place.

        None where it has none.
        """
        if worked in CLOSED:
            return next(self._list(CLOSED[worked], pipeline), None)
        names, wanted = self.list_open(pipeline), _WORKED.index(worked)
        places = [_place(k, len(names)) for k in range(len(names))]
        return next(
            (name for name, place in zip(names, places, strict=True) if place >= wanted), names[-1]
        )


def _place(rank: int, count: int) -> int:
    return _FEW[count][rank] if count in _FEW else rank * len(_WORKED) // count
