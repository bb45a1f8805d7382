"""The stages of a frame in likely order, each known or with a guess of its kind.

People correct the guesses.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

import pandas as pd

from opp_analytics.arrays import Series
from opp_analytics.inputs import fold
from opp_analytics.org.conform import check_frame
from opp_analytics.org.presets import PRESETS
from opp_analytics.org.stages import KINDS, PIPELINE, Kind, Stage, Stages
from opp_analytics.schema import TEXT
from opp_analytics.text import count

_WORDS: Mapping[Kind, str] = {
    "disqualified": r"\b(dis|un|des|des?)(qualif|calific)|diskwalif|\bduplic|dublette|doublon|"
    r"\bjunk|\bspam\b|\binvalid|ungultig",
    "lost": r"\b(closed)?los[te]\b|\bdead\b|\bchurn|verloren|perdid|perdu|\bperda\b|\bpers[oae]\b|"
    r"przegran|porazk|utracon|negativamente|\bapology\b|\babsage|abgelehnt|storniert|descartad|"
    r"rechazad|recusad|\brefusee?s?\b|afgewezen|odrzucon",
    "won": r"\b(closed)?won\b(?!['’]t)|\bsigned\b|purchased|gewonnen|unterschrieben|ganad|gagne|"
    r"\bganh[oa]\b|\bsigne|firmad|\bvint[oa]\b|wygran|sukces|positivamente|"
    r"\bauftrag (erhalten|erteilt)|beauftragt",
}
"""What names of closed stages and statuses contain, without accents, in eight languages."""
_CLOSED = (
    r"\bclosed\b|\bdone\b|\bcompleted?\b|\bfinished\b|\barchiv|geschlossen|abandon|"
    r"erledigt|\bcerrad|\bferme(e|es|s)?\b|\bclotur|\bfechad|gesloten|\bchius|zamkniet|zakoncz"
)
"""What says that a deal is over, and not how it ended."""
CLOSED = "(closed)"
"""The name under which an org file says how deals ended that are closed without a word of how."""
MARKS: Mapping[str, Kind] = {"won": "won", "lost": "lost", "inactive": "disqualified"}
"""The kind of a stage whose deals all have a status."""
_DATES: Mapping[str, Kind | None] = {
    "won_at": "won",
    "lost_at": "lost",
    "closed_at": None,
    "close_date": None,
}
"""Dates that only closed deals may have, and the kind that each says."""
_UNTOLD = "closed, and nothing says won or lost"
_ENOUGH = 3
"""Deals of a stage that tell its kind together."""
_TYPICAL = {
    fold(stage["name"]): float(stage["probability"])
    for preset in PRESETS.values()
    for stage in preset["stages"]
    if "probability" in stage
}
"""Chances in percent that CRMs give stages of these names: the place in the order of one whose
deals state none."""


class FoundStage(NamedTuple):
    """One stage of a frame."""

    stage: Stage
    deals: int
    """Deals in it."""
    guess: str
    """Its guess, with the reason; empty for a known stage."""
    unknown: bool = False
    """True where nothing tells its kind, and "open" is only a place for it."""


def guess_stages(
    opportunities: pd.DataFrame, known: Stages, kinds: Mapping[str, Kind] | None = None
) -> list[FoundStage]:
    """Guess a frame's stages in likely order: open ones, then won, lost and disqualified.

    If the frame has one of the `known` stages, all of them are given, in their own order; only the
    closed ones where its open deals are all in other stages. Of `kinds`, nothing is guessed.
    """
    check_frame(opportunities)
    names = ("stage", PIPELINE)
    deals = pd.DataFrame({name: take_texts(opportunities, name) for name in names})
    for name in ("status", "probability", *_DATES):
        deals[name] = opportunities[name].array if name in opportunities else None
    deals = deals[deals["stage"].notna()]
    spellings = _match_spellings(deals["stage"].value_counts(), known)
    deals["spelled"], deals["stage"] = deals["stage"], deals["stage"].map(spellings)
    by_stage = deals.groupby("stage")
    shares = deals[list(_DATES)].notna().groupby(deals["stage"]).mean()[by_stage.size() >= _ENOUGH]
    # A date is of closing where the deals of a stage all have one or none has, and those of some
    # stage none.
    closing = [
        name for name in _DATES if shares[name].isin([0, 1]).all() and (shares[name] == 0).any()
    ]
    kind_of = {
        name: (kind, "")
        if (kind := known.kinds.get(name) or (kinds or {}).get(name))
        else _guess_kind(name, rows, closing)
        for name, rows in ((str(name), rows) for name, rows in by_stage)
    }
    in_open = deals["stage"].isin([name for name, (kind, _) in kind_of.items() if kind == "open"])
    by_status = deals[in_open].groupby("status", observed=True)
    asked = [
        _describe(word, rows.assign(spelled=word), kind, "" if kind else _UNTOLD, None)
        for word, rows in ((str(word), rows) for word, rows in by_status)
        if _is_over(word) and not known.kinds.get(word)
        for kind in [(kinds or {}).get(word)]
    ]
    pipelines = list(map(str, deals[PIPELINE].value_counts().index))
    if len(pipelines) < 2 and not known.pipelines:
        return _order(deals, kind_of, known, None) + asked
    home = deals.dropna(subset=PIPELINE).drop_duplicates("stage").set_index("stage")[PIPELINE]
    deals[PIPELINE] = deals[PIPELINE].fillna(deals["stage"].map(home).astype(TEXT))
    stages = []
    for pipeline in pipelines:
        stages += _order(deals[deals[PIPELINE] == pipeline], kind_of, known.of(pipeline), pipeline)
    # A stage that no pipeline holds is written without one.
    rest = deals[deals[PIPELINE].isna()]
    kept = Stages(tuple(stage for stage in known if stage.name in set(rest["stage"])))
    return stages + _order(rest, kind_of, kept, None) + asked


def take_texts(opportunities: pd.DataFrame, name: str) -> Series:
    """Take a column of texts, blank ones missing; all missing without the column."""
    if name not in opportunities:
        return pd.Series(None, index=range(len(opportunities)), dtype=TEXT)
    column = opportunities[name].astype(TEXT).reset_index(drop=True)
    return column.where(column.str.strip() != "")


def _match_spellings(counts: Series, known: Stages) -> dict[str, str]:
    """Find the stage behind every spelling: a known one, else the most frequent like it.

    Spellings are alike if they differ only in case and spaces.
    """
    seen = list(map(str, counts.index))
    names: dict[str, str] = {}
    for spelling in [*known.names, *known.aliases, *seen]:
        names.setdefault(fold(spelling), known.aliases.get(spelling, spelling))
    return {name: known.aliases.get(name, names[fold(name)]) for name in seen}


def tell_kind(name: str) -> Kind | Literal["closed"] | None:
    """Tell the kind of a stage or status by its name: closed where it is over, and not how.

    None for any other.
    """
    plain = "".join(
        sign
        for sign in unicodedata.normalize("NFKD", name.casefold().replace("ł", "l"))
        if not unicodedata.combining(sign)
    ).replace("_", " ")
    for kind, words in _WORDS.items():
        if re.search(words, plain):
            return kind
    return "closed" if re.search(_CLOSED, plain) else None


def _is_over(status: object) -> bool:
    """True for a status that says closed, and not how."""
    return isinstance(status, str) and tell_kind(status) == "closed"


def _guess_kind(name: str, rows: pd.DataFrame, closing: Sequence[str]) -> tuple[Kind | None, str]:
    """Guess the kind of a stage, and why; None where it is over and nothing tells how.

    `closing`: dates of closing.
    """
    named = tell_kind(name)
    if named is not None and named != "closed":
        return named, f"{named} by its name"
    size = count(len(rows))
    marks = rows["status"].astype(TEXT).unique()
    chances = pd.to_numeric(rows["probability"], errors="coerce").astype("float64").unique()
    now = pd.Timestamp.now("UTC")
    ended = [
        date
        for date in closing
        if (pd.to_datetime(rows[date], errors="coerce", utc=True, format="ISO8601") <= now).all()
    ]
    if all(map(_is_over, marks)):
        return None, f"its {size} are {_UNTOLD}"
    if len(rows) >= _ENOUGH:
        if len(marks) == 1 and marks[0] in MARKS:
            return MARKS[str(marks[0])], f"{MARKS[str(marks[0])]}, as its {size} are marked"
        if len(chances) == 1 and chances[0] == 100:
            return "won", f"won, as the probability of its {size} is 100%"
        for name in ended:
            if meant := _DATES[name]:
                return meant, f"{meant}, as its {size} are dated so"
        if len(chances) == 1 and chances[0] == 0 and ended:
            return "lost", f"lost, as its {size} are closed with a probability of 0%"
        if ended:
            return None, f"its {size} are {_UNTOLD}"
    if named == "closed":
        return None, "closed by its name, and nothing says won or lost"
    return "open", "open, as nothing says closed"


def _order(
    rows: pd.DataFrame,
    told: Mapping[str, tuple[Kind | None, str]],
    known: Stages,
    pipeline: str | None,
) -> list[FoundStage]:
    by_name = {str(name): deals for name, deals in rows.groupby("stage", sort=False)}
    # Deals in other open stages, and in none of the known ones, go through a pipeline of their own;
    # won and lost are any's.
    own = bool({name for name in by_name if told[name][0] == "open"} - set(known.open)) and not set(
        known.open
    ) & set(by_name)
    given = [
        replace(stage, pipeline=pipeline or stage.pipeline)
        for stage in known
        if set(known.names) & set(by_name) and (stage.kind != "open" or not own)
    ]
    stages = [
        FoundStage(
            _with_aliases(stage, by_name.get(stage.name)), len(by_name.get(stage.name, ())), ""
        )
        for stage in given
    ]
    new = [
        _describe(name, deals, *told[name], pipeline)
        for name, deals in by_name.items()
        if name not in {stage.name for stage in given}
    ]
    chances = {
        one.stage.name: _find_chance(one.stage, by_name.get(one.stage.name))
        for one in [*stages, *new]
    }
    for one in sorted(new, key=lambda one: (chances[one.stage.name], one.stage.name)):
        # Behind the last one of its kind whose deals state no higher chance.
        below = [
            number
            for number, other in enumerate(stages)
            if other.stage.kind == one.stage.kind
            and chances[other.stage.name] <= chances[one.stage.name]
        ]
        stages.insert(below[-1] + 1 if below else 0, one)
    return sorted(stages, key=lambda one: (KINDS.index(one.stage.kind), one.unknown))


def _describe(
    name: str, deals: pd.DataFrame, kind: Kind | None, why: str, pipeline: str | None
) -> FoundStage:
    stated = pd.to_numeric(deals["probability"], errors="coerce").dropna().unique()
    one = (
        kind == "open"
        and len(stated) == 1
        and 0 <= stated[0] <= 100
        and float(stated[0]).is_integer()
    )
    stage = Stage(
        name, kind or "open", probability=int(stated[0]) if one else None, pipeline=pipeline
    )
    order = "; its place in the order is a guess too" if kind == "open" else ""
    return FoundStage(
        _with_aliases(stage, deals), len(deals), f"{why}{order}" if why else "", kind is None
    )


def _with_aliases(stage: Stage, deals: pd.DataFrame | None) -> Stage:
    spelled = (
        []
        if deals is None
        else [str(name) for name in deals["spelled"].unique() if name != stage.name]
    )
    return replace(stage, aliases=tuple(dict.fromkeys([*stage.aliases, *spelled])))


def _find_chance(stage: Stage, deals: pd.DataFrame | None) -> float:
    """Find the median chance that the deals of a stage state, else its own or that of CRMs.

    Above 100 where nothing tells.
    """
    if deals is not None:
        stated = pd.to_numeric(deals["probability"], errors="coerce").dropna()
        if len(stated):
            return float(stated.median())
    return _TYPICAL.get(fold(stage.name), 101.0) if stage.probability is None else stage.probability
