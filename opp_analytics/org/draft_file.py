"""An org file drafted from what a frame of opportunities shows, for people to correct."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import pandas as pd
from babel.numbers import is_currency

from opp_analytics.inputs import fold
from opp_analytics.org.conform import check_frame
from opp_analytics.org.presets import PRESETS
from opp_analytics.org.stages import KINDS, STAGES, Kind, Stage, Stages
from opp_analytics.schema import TEXT
from opp_analytics.text import count, joined, printable

_PEOPLE = 100
"""Owners that a draft lists."""

_LIKELY = {
    "value": ("total", "budget", "amount", "deal_value"),
    "stage": ("stage_name", "pipeline_stage", "phase", "state"),
    "close_date": ("expected_close_date", "closing_date", "closed_on", "due_date"),
}
"""Columns that every number rests on, and likely names of theirs."""
_WORDS: Mapping[Kind, str] = {
    "disqualified": r"disqualif|unqualified|duplicate|dublette|junk|spam|invalid",
    "lost": r"\blost\b|\bdead\b|churn|verloren|perdid|perdu",
    "won": r"\bwon\b|\bsigned\b|purchased|gewonnen|unterschrieben|ganad|gagn",
}
"""What names of closed stages contain."""
_MARKS: Mapping[str, Kind] = {"won": "won", "lost": "lost", "inactive": "disqualified"}
_ENOUGH = 3
"""Deals of a stage that tell its kind together."""


@dataclass(frozen=True)
class Draft:
    """The text of an org file, the stages that it lists, and what it can't say."""

    text: str
    stages: list[FoundStage]
    without_stage: str = ""
    """The deals without a stage, in words; empty where each has one."""


def draft_org(
    opportunities: pd.DataFrame,
    *,
    preset: str | None = None,
    columns: Mapping[str, str] | None = None,
    month: str,
) -> Draft:
    """Draft an org file for a frame of opportunities; each guess is marked as one.

    `columns` are the export's labels whose meaning was guessed; `month` is for the example of a target.
    """
    renamed = {theirs: ours for ours, theirs in find_empty_columns(opportunities).items() if theirs}
    frame = opportunities.drop(columns=list(renamed.values()), errors="ignore").rename(columns=renamed)
    known = STAGES if preset is None else Stages(tuple(map(Stage.from_dict, PRESETS[preset]["stages"])))
    found = guess_stages(frame, known) if "stage" in frame else []
    without = _count_without_stage(frame) if found else ""
    parts = [
        _HEAD,
        *([f"preset = {_quote(preset)}  # its columns; what follows wins"] if preset else []),
        *_draft_currency(frame),
        _CALENDAR,
        *_draft_stages(found, without),
        *_draft_columns(
            "columns", "Columns of an export: theirs = ours.", columns or {}, '"Deal size" = "value"'
        ),
        *_draft_columns(
            "api.columns",
            "Attributes of the API: theirs = ours, for reading and writing.",
            renamed,
            'total = "value"',
        ),
        *_draft_people(frame),
        _REST.replace("MONTH", month),
    ]
    return Draft("\n".join(parts), found, without)


_HEAD = """\
# What your organization means by its data. The commands read this file in the folder that they run in, or with --org;
# in Python: org = oa.Org.read("opp-analytics.toml"). Correct what is marked "guess", then run: opp-analytics org check
# A line that begins with # is not read.
"""
_CALENDAR = """\
# timezone = "America/Chicago"  # in which times become days; UTC without this line
# fiscal_year_start = 2  # first month of the fiscal year; January without this line
# record_url = "https://crm.example.com/opportunities/{unique_id}"  # link of each deal on the weekly page
"""
_REST = """\

# Targets: of the whole, or of a team or an owner_name; a month, a quarter ("2027Q4", fiscal) or a year.
# [targets]
# rows = [
#   {period = "MONTH", target = 500000},
# ]

# The weekly page; `report` ends with exit code 3 when alert_when holds.
# [report]
# by = "owner_name"
# freq = "M"
# alert_when = "p_target < 0.5"
"""


def _quote(value: str | int | list[str]) -> str:
    """Write a value as TOML does."""
    # JSON does not escape this one, and TOML asks for it.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _write_remark(*parts: str) -> str:
    return f"  # {'; '.join(part for part in parts if part)}"


def _draft_currency(frame: pd.DataFrame) -> list[str]:
    codes = frame["currency"].astype(TEXT) if "currency" in frame else pd.Series(dtype=TEXT)
    found = {str(code): int(deals) for code, deals in codes.value_counts().items() if is_currency(str(code))}
    if len(found) == 1:
        return [f"currency = {_quote(next(iter(found)))}{_write_remark('of every deal that names one')}"]
    currencies = joined([f"{code} ({count(deals)})" for code, deals in found.items()])
    several = [f"# The deals are in {currencies}: convert them to one currency first."] if found else []
    return ['# currency = "USD"  # amounts have no sign without this line', *several]


def _count_without_stage(frame: pd.DataFrame) -> str:
    """Count the deals without a stage, in words; empty where there are none."""
    blank = _take_texts(frame, "stage").isna().to_numpy()
    if "status" in frame:
        blank = blank & ~frame["status"].astype(TEXT).isin(list(_MARKS)).to_numpy()
    if not blank.any():
        return ""
    return f"{count(int(blank.sum()))} without a stage, nor a status won, lost or inactive: left out of every rate and sum"


def _draft_stages(found: Sequence[FoundStage], without: str) -> list[str]:
    lines = []
    for one in found:
        settings = ", ".join(f"{name} = {_quote(value)}" for name, value in one.stage.to_dict().items())
        remark = _write_remark(count(one.deals), one.guess and f"guess: {printable(one.guess)}")
        lines.append(f"  {{{settings}}},{remark}")
    missing = [kind for kind in ("won", "lost") if kind not in {one.stage.kind for one in found}]
    if not lines:
        return [
            "# No deal has a stage. Without this list the API's six hold.",
            '# stages = [{name = "Demo", kind = "open"}, {name = "Signed", kind = "won"}, {name = "Dead", kind = "lost"}]',
        ]
    return [
        "# The stages in the order of the sale. kind: open, won, lost, disqualified. For open ones, if you like: probability",
        "# (percent), category (commit, best_case, pipeline, omitted). Other spellings of a stage: aliases.",
        *["stages = [", *lines, *(f"  # no stage of kind {kind} was found" for kind in missing)],
        *([f"  # {without}"] if without else []),
        "]",
    ]


def _draft_columns(table: str, what: str, guessed: Mapping[str, str], example: str) -> list[str]:
    if not guessed:
        return ["", f"# {what}", f"# [{table}]", f"# {example}"]
    lines = [f"{_quote(theirs)} = {_quote(ours)}{_write_remark('guess')}" for theirs, ours in guessed.items()]
    return ["", f"# {what}", f"[{table}]", *lines]


def _draft_people(frame: pd.DataFrame) -> list[str]:
    owners = sorted(frame["owner_name"].dropna().astype("str").unique()) if "owner_name" in frame else []
    names = [name for name in owners if name.strip()] or ["Ann"]
    rows = [f'#   {{owner_name = {_quote(name)}, team = "East"}},' for name in names[:_PEOPLE]]
    more = [f"#   and {count(len(names) - _PEOPLE, 'owner')} more"] if len(names) > _PEOPLE else []
    return [
        "",
        "# People, for tables by team and region. A person who moves has a row more, with from_date = 2026-07-01.",
        *("# [people]", "# rows = [", *rows, *more, "# ]"),
    ]


class FoundStage(NamedTuple):
    """One stage of a frame."""

    stage: Stage
    deals: int
    """Deals in it."""
    guess: str
    """Its guess, with the reason; empty for a known stage."""


def guess_stages(opportunities: pd.DataFrame, known: Stages) -> list[FoundStage]:
    """Guess the stages of a frame in their likely order: open ones, then won, lost and disqualified.

    If the frame has one of the `known` stages, all of them are given, in their own order.

    >>> frame = pd.DataFrame({"stage": ["Verbal", "Demo", "Signed", "demo"], "probability": [80, 20, 100, 20]})
    >>> [(found.stage.name, found.stage.kind, found.stage.aliases) for found in guess_stages(frame, STAGES)]
    [('Demo', 'open', ('demo',)), ('Verbal', 'open', ()), ('Signed', 'won', ())]
    """
    check_frame(opportunities)
    deals = pd.DataFrame(
        {"stage": _take_texts(opportunities, "stage"), "pipeline": _take_texts(opportunities, "pipeline")}
    )
    for name in ("status", "probability"):
        deals[name] = opportunities[name].array if name in opportunities else None
    deals = deals[deals["stage"].notna()]
    spellings = _match_spellings(deals["stage"].value_counts(), known)
    deals["spelled"], deals["stage"] = deals["stage"], deals["stage"].map(spellings)
    kinds = {str(name): _guess_kind(str(name), rows, known) for name, rows in deals.groupby("stage")}
    pipelines = list(deals["pipeline"].value_counts().index)
    if len(pipelines) < 2:
        return _order(deals, kinds, known, None)
    home = deals.dropna(subset="pipeline").drop_duplicates("stage").set_index("stage")["pipeline"]
    deals["pipeline"] = deals["pipeline"].fillna(deals["stage"].map(home))
    # A stage that no pipeline holds is written without one.
    parts = [(name, deals[deals["pipeline"] == name]) for name in map(str, pipelines)]
    found = []
    for pipeline, rows in [*parts, (None, deals[deals["pipeline"].isna()])]:
        kept = Stages(tuple(stage for stage in known if stage.name in set(rows["stage"])))
        found += _order(rows, kinds, kept, pipeline)
    return found


def _take_texts(opportunities: pd.DataFrame, name: str) -> pd.Series[Any]:
    if name not in opportunities:
        return pd.Series(None, index=range(len(opportunities)), dtype=TEXT)
    column = opportunities[name].astype(TEXT).reset_index(drop=True)
    return column.where(column.str.strip() != "")


def _match_spellings(counts: pd.Series[Any], known: Stages) -> dict[str, str]:
    """Find the stage behind every spelling: a known one, else the most frequent one that differs only in case and spaces."""
    names: dict[str, str] = {}
    for name in [*known.names, *map(str, counts.index)]:
        names.setdefault(fold(name), name)
    return {name: known.aliases.get(name, names[fold(name)]) for name in map(str, counts.index)}


def _guess_kind(name: str, rows: pd.DataFrame, known: Stages) -> tuple[Kind, str]:
    """Guess the kind of a stage, and why; no reason where it is known."""
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


def _order(
    rows: pd.DataFrame, kinds: Mapping[str, tuple[Kind, str]], known: Stages, pipeline: str | None
) -> list[FoundStage]:
    by_name = {str(name): deals for name, deals in rows.groupby("stage", sort=False)}
    given = [replace(stage, pipeline=pipeline) for stage in known if set(known.names) & set(by_name)]
    found = [
        FoundStage(_with_aliases(stage, by_name.get(stage.name)), len(by_name.get(stage.name, ())), "")
        for stage in given
    ]
    new = [
        _describe(name, deals, kinds, pipeline)
        for name, deals in by_name.items()
        if name not in {stage.name for stage in given}
    ]
    chances = {str(name): _median_chance(deals) for name, deals in by_name.items()}
    for one in sorted(new, key=lambda one: (chances[one.stage.name], one.stage.name)):
        found.insert(_find_place(one, found, chances), one)
    return sorted(found, key=lambda one: KINDS.index(one.stage.kind))


def _describe(
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


def _median_chance(deals: pd.DataFrame) -> float:
    """Take the median chance that the deals of a stage state; above 100 where they state none."""
    stated = pd.to_numeric(deals["probability"], errors="coerce").dropna()
    return float(stated.median()) if len(stated) else 101.0


def _find_place(one: FoundStage, found: list[FoundStage], chances: Mapping[str, float]) -> int:
    """Place a stage behind the last one of its kind whose deals state no higher chance."""
    below = [
        place
        for place, other in enumerate(found)
        if other.stage.kind == one.stage.kind
        and chances.get(other.stage.name, math.inf) <= chances[one.stage.name]
    ]
    return below[-1] + 1 if below else 0


def find_empty_columns(opportunities: pd.DataFrame) -> dict[str, str | None]:
    """Find the columns that numbers rest on but that are empty in every row, each with a column of theirs that may be it.

    >>> find_empty_columns(pd.DataFrame({"value": [None], "total": [5.0], "stage": ["Demo"], "close_date": [None]}))
    {'value': 'total', 'close_date': None}
    """
    return {
        ours: next((name for name in likely if name in opportunities), None)
        for ours, likely in _LIKELY.items()
        if len(opportunities) and (ours not in opportunities or not opportunities[ours].notna().any())
    }
