"""The stages that a frame of opportunities shows, with a guess of what each one means."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import pandas as pd

from opp_analytics.inputs import fold
from opp_analytics.org.conformed import check_frame
from opp_analytics.org.stages import KINDS, Kind, Stage, Stages
from opp_analytics.schema import TEXT
from opp_analytics.text import count

__all__ = ["FoundStage", "guess_stages"]

_WORDS: Mapping[Kind, str] = {
    "disqualified": r"disqualif|unqualified|duplicate|dublette|junk|spam|invalid",
    "lost": r"\blost\b|\bdead\b|churn|verloren|perdid|perdu",
    "won": r"\bwon\b|\bsigned\b|purchased|gewonnen|unterschrieben|ganad|gagn",
}
"""What names of closed stages contain."""
_MARKS: Mapping[str, Kind] = {"won": "won", "lost": "lost", "inactive": "disqualified"}
_ENOUGH = 3
"""Deals of a stage that tell its kind together."""


class FoundStage(NamedTuple):
    """One stage of a frame."""

    stage: Stage
    deals: int
    """Deals in it."""
    guess: str
    """What was guessed of it, and why; empty for a stage that is known."""


def guess_stages(opportunities: pd.DataFrame, known: Stages) -> list[FoundStage]:
    """The stages of a frame in their likely order: open ones, then won, lost and disqualified.

    Parameters
    ----------
    opportunities : DataFrame
        ``stage``; ``status``, ``probability`` (percent) and ``pipeline`` if present.
    known : Stages
        Stages whose meaning is known. If the frame has one of them, all of them are given, in their own order.

    Examples
    --------
    >>> from opp_analytics.org.stages import STAGES
    >>> frame = pd.DataFrame({"stage": ["Verbal", "Demo", "Signed", "demo"], "probability": [80, 20, 100, 20]})
    >>> [(found.stage.name, found.stage.kind, found.stage.aliases) for found in guess_stages(frame, STAGES)]
    [('Demo', 'open', ('demo',)), ('Verbal', 'open', ()), ('Signed', 'won', ())]
    """
    check_frame(opportunities)
    deals = pd.DataFrame(
        {"stage": _texts(opportunities, "stage"), "pipeline": _texts(opportunities, "pipeline")}
    )
    for name in ("status", "probability"):
        deals[name] = opportunities[name].array if name in opportunities else None
    deals = deals[deals["stage"].notna()]
    spellings = _spellings(deals["stage"].value_counts(), known)
    deals["spelled"], deals["stage"] = deals["stage"], deals["stage"].map(spellings)
    kinds = {str(name): _kind(str(name), rows, known) for name, rows in deals.groupby("stage")}
    pipelines = list(deals["pipeline"].value_counts().index)
    if len(pipelines) < 2:
        return _ordered(deals, kinds, known, None)
    home = deals.dropna(subset="pipeline").drop_duplicates("stage").set_index("stage")["pipeline"]
    deals["pipeline"] = deals["pipeline"].fillna(deals["stage"].map(home))
    # A stage that no pipeline holds is written without one.
    parts = [(name, deals[deals["pipeline"] == name]) for name in map(str, pipelines)]
    return [
        found
        for pipeline, rows in [*parts, (None, deals[deals["pipeline"].isna()])]
        for found in _ordered(rows, kinds, _only(known, rows), pipeline)
    ]


def _only(known: Stages, rows: pd.DataFrame) -> Stages:
    """The known stages that the rows have."""
    return Stages(tuple(stage for stage in known if stage.name in set(rows["stage"])))


def _texts(opportunities: pd.DataFrame, name: str) -> pd.Series[Any]:
    if name not in opportunities:
        return pd.Series(None, index=range(len(opportunities)), dtype=TEXT)
    column = opportunities[name].astype(TEXT).reset_index(drop=True)
    return column.where(column.str.strip() != "")


def _spellings(counts: pd.Series[Any], known: Stages) -> dict[str, str]:
    """The stage behind every spelling: a known one, else the most frequent one that differs only in case and spaces."""
    names: dict[str, str] = {}
    for name in [*known.names, *map(str, counts.index)]:
        names.setdefault(fold(name), name)
    return {name: known.aliases.get(name, names[fold(name)]) for name in map(str, counts.index)}


def _kind(name: str, rows: pd.DataFrame, known: Stages) -> tuple[Kind, str]:
    """The kind of a stage, and why; no reason where it is known."""
    meant = known.kind_of(name)
    if meant is not None:
        return meant, ""
    for kind, words in _WORDS.items():
        if re.search(words, name.casefold().replace("_", " ")):
            return kind, f"{kind} by its name"
    marks = rows["status"].astype(TEXT).unique()
    if len(rows) >= _ENOUGH and len(marks) == 1 and marks[0] in _MARKS:
        return _MARKS[str(marks[0])], f"{_MARKS[str(marks[0])]}, as the status of its {count(len(rows))}"
    return "open", "open"


def _ordered(
    rows: pd.DataFrame, kinds: Mapping[str, tuple[Kind, str]], known: Stages, pipeline: str | None
) -> list[FoundStage]:
    by_name = {str(name): deals for name, deals in rows.groupby("stage", sort=False)}
    given = [replace(stage, pipeline=pipeline) for stage in known if set(known.names) & set(by_name)]
    found = [
        FoundStage(_with_aliases(stage, by_name.get(stage.name)), len(by_name.get(stage.name, ())), "")
        for stage in given
    ]
    new = [
        _found(name, deals, kinds, pipeline)
        for name, deals in by_name.items()
        if name not in {stage.name for stage in given}
    ]
    chances = {str(name): _chance(deals) for name, deals in by_name.items()}
    for one in sorted(new, key=lambda one: (chances[one.stage.name], one.stage.name)):
        found.insert(_place(one, found, chances), one)
    return sorted(found, key=lambda one: KINDS.index(one.stage.kind))


def _found(
    name: str, deals: pd.DataFrame, kinds: Mapping[str, tuple[Kind, str]], pipeline: str | None
) -> FoundStage:
    kind, why = kinds[name]
    stated = pd.to_numeric(deals["probability"], errors="coerce").dropna().unique()
    one = kind == "open" and len(stated) == 1 and 0 <= stated[0] <= 100 and float(stated[0]).is_integer()
    stage = Stage(name, kind, probability=int(stated[0]) if one else None, pipeline=pipeline)
    order = ", and its place in the order" if kind == "open" else ""
    return FoundStage(_with_aliases(stage, deals), len(deals), f"{why}{order}" if why else "")


def _with_aliases(stage: Stage, deals: pd.DataFrame | None) -> Stage:
    spelled = [] if deals is None else [str(name) for name in deals["spelled"].unique() if name != stage.name]
    return replace(stage, aliases=tuple(dict.fromkeys([*stage.aliases, *spelled])))


def _chance(deals: pd.DataFrame) -> float:
    """What the deals of a stage state; above 100 where they state nothing."""
    stated = pd.to_numeric(deals["probability"], errors="coerce").dropna()
    return float(stated.median()) if len(stated) else 101.0


def _place(one: FoundStage, found: list[FoundStage], chances: Mapping[str, float]) -> int:
    """Behind the last stage of its kind whose deals state no higher chance."""
    below = [
        place
        for place, other in enumerate(found)
        if other.stage.kind == one.stage.kind
        and chances.get(other.stage.name, math.inf) <= chances[one.stage.name]
    ]
    return below[-1] + 1 if below else 0
