"""The stages of a pipeline in order, and the rule for the outcome of a deal.

The outcome follows from the deal's stage and status.

Frames, tables of a database and single deals all follow this one rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pandas as pd

from opp_analytics.arrays import Codes, Floats, Series
from opp_analytics.inputs import match_name
from opp_analytics.schema import Json

if TYPE_CHECKING:
    import ibis

Kind = Literal["open", "won", "lost", "disqualified"]
"""The kind of a stage."""
Category = Literal["commit", "best_case", "pipeline", "omitted"]
"""The forecast category of an open stage."""
PIPELINE = "pipeline"
"""Column with a deal's pipeline."""
KINDS: tuple[str, ...] = get_args(Kind)
CATEGORIES: tuple[str, ...] = get_args(Category)

NOT_RECORDED = "(not recorded)"
"""The stage of a deal where an imported history does not hold its stage: open in every org, without
rank or chance."""

OUTCOMES = ("won", "lost", "open", "disqualified", "conflict", "unknown")
"""Every outcome; outcome codes are positions in this list."""
WON, LOST, OPEN, DISQUALIFIED, CONFLICT, UNKNOWN = range(6)

_WON, _LOST, _OUT, _UNKNOWN = 1, 2, 4, 8
_STAGE_MARK = {"open": 0, "won": _WON, "lost": _LOST, "disqualified": _OUT}
_STATUS_MARKS = {"won": _WON, "lost": _LOST, "inactive": _OUT, "unknown": _UNKNOWN}


def _decide_outcome(marks: int) -> int:
    """Decide the outcome of a set of marks: won and lost, then inactive, then unknown.

    A missing stage counts as unknown.
    """
    if marks & _WON:
        return CONFLICT if marks & _LOST else WON
    if marks & _LOST:
        return LOST
    return DISQUALIFIED if marks & _OUT else UNKNOWN if marks & _UNKNOWN else OPEN


_OUTCOME_OF_MARKS = tuple(_decide_outcome(marks) for marks in range(16))
_CODES = np.array(_OUTCOME_OF_MARKS, dtype=np.int8)


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
    criteria: tuple[str, ...] = ()
    """Conditions that a deal meets before it leaves the stage, as `read_condition` reads them."""

    @classmethod
    def from_dict(cls, settings: Json) -> Stage:
        """Make a stage of checked settings, as in an org file."""
        return cls(
            **{
                **settings,
                **{name: tuple(settings.get(name, ())) for name in ("aliases", "criteria")},
            }
        )

    def to_dict(self) -> dict[str, Any]:
        """Write plain JSON, as in an org file; entries without a value are left out."""
        entries = {**vars(self), "aliases": list(self.aliases), "criteria": list(self.criteria)}
        return {name: value for name, value in entries.items() if value not in (None, [])}


_Number = Callable[["Stages"], Mapping[str, float]]
"""Numbers stages by name."""


@dataclass(frozen=True)
class Stages:
    """All stages of an organization, in order."""

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
        return tuple(
            dict.fromkeys(stage.pipeline for stage in self.stages if stage.pipeline is not None)
        )

    @cached_property
    def kinds(self) -> Mapping[str, Kind]:
        """The kind behind every spelling: names and aliases, and `NOT_RECORDED`."""
        by_alias = {alias: stage.kind for stage in self.stages for alias in stage.aliases}
        return {
            NOT_RECORDED: "open",
            **by_alias,
            **{stage.name: stage.kind for stage in self.stages},
        }

    @cached_property
    def aliases(self) -> Mapping[str, str]:
        """The stage behind every alias."""
        return {alias: stage.name for stage in self.stages for alias in stage.aliases}

    @cached_property
    def spellings(self) -> Mapping[str, str]:
        """The stage behind every spelling: its name and its aliases."""
        return {**self.aliases, **{stage.name: stage.name for stage in self.stages}}

    def of(self, pipeline: str | None) -> Stages:
        """Keep the stages of one pipeline; all of them where the organization has only one."""
        if not self.pipelines:
            return self
        return Stages(tuple(stage for stage in self.stages if stage.pipeline in (None, pipeline)))

    def _by_pipeline(self, read: _Number) -> dict[tuple[str | None, str], float]:
        """Number the stages of each pipeline by `read`.

        Under None, of deals without a known pipeline, where all agree.
        """
        if len(self.pipelines) < 2:
            return {(None, name): number for name, number in read(self).items()}
        parts = {pipeline: self.of(pipeline) for pipeline in self.pipelines}
        found: dict[tuple[str | None, str], float] = {
            (pipeline, name): number
            for pipeline, part in parts.items()
            for name, number in read(part).items()
        }
        for name in self.names:
            said = {
                found.get((pipeline, name))
                for pipeline, part in parts.items()
                if name in part.names
            }
            if len(said) == 1 and (number := said.pop()) is not None:
                found[None, name] = number
        return found

    def look_up(self, frame: pd.DataFrame, read: _Number) -> Floats:
        """Look up a number of each row's stage in its own pipeline, never in another.

        NaN where there is none.
        """
        given, codes, names = self._by_pipeline(read), *pd.factorize(frame["stage"])
        pipelines = self.pipelines if len(self.pipelines) > 1 and PIPELINE in frame else ()
        # The last row is that of an unknown pipeline, the last column that of a missing stage.
        table = np.array(
            [
                [*(given.get((one, name), np.nan) for name in names), np.nan]
                for one in (*pipelines, None)
            ]
        )
        place = pd.Index(pipelines).get_indexer(pd.Index(frame[PIPELINE])) if pipelines else -1
        found: Floats = table[place, codes]
        return found

    def rank_expression(self, table: ibis.Table, rank: _Number) -> ibis.expr.types.IntegerValue:
        """Rank each row's stage in its own pipeline, as `rank_open` does; −1 for none.

        `table` is an Ibis table.
        """
        import ibis

        several = len(self.pipelines) > 1
        if several and PIPELINE not in table.columns:
            return ibis.literal(-1)
        key = (
            table[PIPELINE].cast("string").fill_null("") + _APART + table["stage"].fill_null("")
            if several
            else table["stage"]
        )
        ranks = [
            (f"{pipeline}{_APART}{name}" if several else name, int(place))
            for (pipeline, name), place in self._by_pipeline(rank).items()
            if pipeline is not None or not several
        ]
        return key.cases(*ranks, else_=-1)

    def match(self, typed: str) -> str | None:
        """Find the stage that somebody typed, whatever the case, spaces, hyphens and underscores.

        None for another word.
        """
        return match_name(typed, self.spellings)

    @cached_property
    def _marks(self) -> Mapping[str, int]:
        """The mark of every spelling of a stage."""
        return {name: _STAGE_MARK[kind] for name, kind in self.kinds.items()}

    def outcome_codes(self, frame: pd.DataFrame) -> Codes:
        """Tell the outcome of each row of a conformed frame, as a position in `OUTCOMES`."""
        marks = _mark_rows(frame["stage"], self._marks, _UNKNOWN)
        if "status" in frame:
            marks = marks | _mark_rows(frame["status"], _STATUS_MARKS, 0)
        codes: Codes = _CODES[marks]
        return codes

    def outcome(self, opportunity: Json) -> str:
        """Tell the outcome of one opportunity, from its ``stage`` and ``status``."""
        stage, status = (
            cell if isinstance(cell, str) else ""
            for cell in map(opportunity.get, ("stage", "status"))
        )
        return OUTCOMES[
            _OUTCOME_OF_MARKS[self._marks.get(stage, _UNKNOWN) | _STATUS_MARKS.get(status, 0)]
        ]

    def is_closed(self, opportunity: Json) -> bool:
        """True for an opportunity that is won, lost, or both (a conflict)."""
        return self.outcome(opportunity) in ("won", "lost", "conflict")

    def outcome_expression(self, table: ibis.Table) -> ibis.expr.types.StringValue:
        """Tell the outcome of each row of an Ibis table, from its ``stage`` and ``status``."""

        def marks(
            column: str, known: Mapping[str, int], other: int
        ) -> ibis.expr.types.IntegerValue:
            return table[column].fill_null("").cases(*known.items(), else_=other)

        both = marks("stage", self._marks, _UNKNOWN) | marks("status", _STATUS_MARKS, 0)
        return both.cases(*((mark, OUTCOMES[code]) for mark, code in enumerate(_OUTCOME_OF_MARKS)))

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

_APART = "\x1f"
"""Between pipeline and stage; in no name."""


def rank_open(stages: Stages) -> dict[str, int]:
    """Rank the open stages of a pipeline, the first one 0."""
    return {name: rank for rank, name in enumerate(stages.open)}


def list_probabilities(stages: Stages) -> dict[str, float]:
    """List the probabilities (percent) of the stages that have one."""
    return {stage.name: stage.probability for stage in stages if stage.probability is not None}


def _mark_rows(column: Series, marks: Mapping[str, int], other: int) -> Codes:
    """Mark each row by its text; `other` is the mark of any other text and of an empty cell."""
    found = [marks.get(str(name), other) for name in column.cat.categories]
    return np.array([*found, other], dtype=np.int8)[column.cat.codes.to_numpy()]
