"""An org file drafted from what a frame of opportunities shows, for people to correct."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from babel.numbers import is_currency

from opp_analytics.org.file.guess import FoundStage, guess_stages
from opp_analytics.org.file.likely import empty_columns
from opp_analytics.org.presets import PRESETS
from opp_analytics.org.stages import STAGES, Stage, Stages
from opp_analytics.schema import TEXT
from opp_analytics.text import count, joined, printable

__all__ = ["Draft", "draft_org"]

_PEOPLE = 100
"""Owners that a draft lists."""


@dataclass(frozen=True)
class Draft:
    """The text of an org file, and the stages that it lists."""

    text: str
    stages: list[FoundStage]


def draft_org(
    opportunities: pd.DataFrame,
    *,
    preset: str | None = None,
    columns: Mapping[str, str] | None = None,
    month: str,
) -> Draft:
    """An org file for a frame of opportunities; each guess is marked as one.

    Parameters
    ----------
    opportunities : DataFrame
        As loaded, or as read from an export. ``stage``, ``status``, ``probability``, ``pipeline``, ``currency`` and
        ``owner_name`` are read if present.
    preset : str, optional
        The preset that the export was read with.
    columns : mapping, optional
        Labels of the export whose meaning was guessed: theirs to ours.
    month : str
        A month for the example of a target, such as "2026-11".

    Examples
    --------
    >>> frame = pd.DataFrame({"stage": ["Signed"], "value": [1.0], "close_date": ["2026-11-30"]})
    >>> [line for line in draft_org(frame, month="2026-11").text.splitlines() if "Signed" in line]
    ['  {name = "Signed", kind = "won"},  # 1 deal; guess: won by its name']
    """
    renamed = {theirs: ours for ours, theirs in empty_columns(opportunities).items() if theirs}
    frame = opportunities.drop(columns=list(renamed.values()), errors="ignore").rename(columns=renamed)
    known = (
        STAGES if preset is None else Stages(tuple(Stage(**_tuples(s)) for s in PRESETS[preset]["stages"]))
    )
    found = guess_stages(frame, known) if "stage" in frame else []
    parts = [
        _HEAD,
        *([f"preset = {_quoted(preset)}  # its columns; what follows wins"] if preset else []),
        *_currency(frame),
        _CALENDAR,
        *_stages(found),
        *_columns("columns", "Columns of an export: theirs = ours.", columns or {}, '"Deal size" = "value"'),
        *_columns(
            "api.columns",
            "Attributes of the API: theirs = ours, for reading and writing.",
            renamed,
            'total = "value"',
        ),
        *_people(frame),
        _REST.replace("MONTH", month),
    ]
    return Draft("\n".join(parts), found)


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


def _tuples(said: Mapping[str, Any]) -> dict[str, Any]:
    return {**said, "aliases": tuple(said.get("aliases", ()))}


def _quoted(text: str) -> str:
    """A text as TOML writes it."""
    # JSON does not escape this one, and TOML asks for it.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _remark(*said: str) -> str:
    return f"  # {'; '.join(part for part in said if part)}"


def _currency(frame: pd.DataFrame) -> list[str]:
    codes = frame["currency"].astype(TEXT) if "currency" in frame else pd.Series(dtype=TEXT)
    found = {str(code): int(deals) for code, deals in codes.value_counts().items() if is_currency(str(code))}
    if len(found) == 1:
        return [f"currency = {_quoted(next(iter(found)))}{_remark('of every deal that names one')}"]
    said = joined([f"{code} ({count(deals)})" for code, deals in found.items()])
    several = [f"# The deals are in {said}: convert them to one currency first."] if found else []
    return ['# currency = "USD"  # amounts have no sign without this line', *several]


def _stages(found: Sequence[FoundStage]) -> list[str]:
    lines = [f"  {_entry(one.stage)},{_remark(count(one.deals), _guessed(one))}" for one in found]
    missing = [kind for kind in ("won", "lost") if kind not in {one.stage.kind for one in found}]
    if not lines:
        return [
            "# No deal has a stage. Without this list the API's six hold.",
            '# stages = [{name = "Demo", kind = "open"}, {name = "Signed", kind = "won"}, {name = "Dead", kind = "lost"}]',
        ]
    return [
        "# The stages in the order of the sale. kind: open, won, lost, disqualified. For open ones, if you like: probability",
        "# (percent), category (commit, best_case, pipeline, omitted). Other spellings of a stage: aliases.",
        *["stages = [", *lines, *(f"  # no stage of kind {kind} was found" for kind in missing), "]"],
    ]


def _guessed(one: FoundStage) -> str:
    return f"guess: {printable(one.guess)}" if one.guess else ""


def _entry(stage: Stage) -> str:
    return f"{{{', '.join(f'{name} = {_toml(value)}' for name, value in stage.to_dict().items())}}}"


def _toml(value: str | int | list[str]) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_quoted, value))}]"
    return _quoted(value) if isinstance(value, str) else str(value)


def _columns(table: str, what: str, guessed: Mapping[str, str], example: str) -> list[str]:
    if not guessed:
        return ["", f"# {what}", f"# [{table}]", f"# {example}"]
    lines = [f"{_quoted(theirs)} = {_quoted(ours)}{_remark('guess')}" for theirs, ours in guessed.items()]
    return ["", f"# {what}", f"[{table}]", *lines]


def _people(frame: pd.DataFrame) -> list[str]:
    owners = sorted(frame["owner_name"].dropna().astype("str").unique()) if "owner_name" in frame else []
    names = [name for name in owners if name.strip()] or ["Ann"]
    rows = [f'#   {{owner_name = {_quoted(name)}, team = "East"}},' for name in names[:_PEOPLE]]
    more = [f"#   and {count(len(names) - _PEOPLE, 'owner')} more"] if len(names) > _PEOPLE else []
    return [
        *(
            "",
            "# People, for tables by team and region. A person who moves has a row more, with from_date = 2026-07-01.",
        ),
        *("# [people]", "# rows = [", *rows, *more, "# ]"),
    ]
