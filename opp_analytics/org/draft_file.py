"""An org file drafted from what a frame of opportunities shows, for people to correct."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from babel.numbers import is_currency

from opp_analytics.org.guess_stages import MARKS, FoundStage, guess_stages, take_texts
from opp_analytics.org.presets import LIKELY, PRESETS, Columns, spell
from opp_analytics.org.stages import PIPELINE, STAGES, Kind, Stage, Stages
from opp_analytics.org.update_file import (
    Additions,
    Tables,
    quote,
    update_text,
    write_columns,
    write_preset,
    write_remark,
    write_stage,
    write_table,
)
from opp_analytics.schema import COLUMNS, TEXT
from opp_analytics.text import count, joined

_PEOPLE = 100
"""Owners that a draft lists."""

_NEEDED = {
    "value": LIKELY["value"],
    "stage": (*LIKELY["stage"], "state"),
    "close_date": LIKELY["close_date"],
}
"""Columns that every number rests on, and likely names of theirs; in a file, a state is rather a
place."""


@dataclass(frozen=True)
class OrgDraft:
    """The text of an org file, the stages that it lists, and what it can't say."""

    text: str
    stages: list[FoundStage]
    guesses: int
    """Stages, columns and a currency that the text says by a guess."""
    without_stage: str = ""
    """The deals without a stage, in words; empty where each has one."""


def draft_org(
    opportunities: pd.DataFrame,
    *,
    month: str,
    preset: str | None = None,
    columns: Columns | None = None,
    known: Stages | None = None,
    old: str | None = None,
    sure: Collection[str] = (),
    kinds: Mapping[str, Kind] | None = None,
    tables: Tables | None = None,
    currency: str | None = None,
) -> OrgDraft:
    """Draft an org file for a frame of opportunities; each guess is marked as one.

    `month` is for the example of a target. `columns` are the export's labels whose meaning was
    guessed, or said by a person: then they are among `sure`. `kinds` are those of stages that a
    person said, `tables` further sections, `currency` is the one that the signs of the amounts say.
    `old` is the text of a file, with the `known` stages of its org, which is then updated: all that
    it says stays.
    """
    renamed = {theirs: ours for ours, theirs in find_empty_columns(opportunities).items() if theirs}
    frame = opportunities.drop(columns=list(renamed.values()), errors="ignore").rename(
        columns=renamed
    )
    if old is not None and known is not None and not known.pipelines:
        frame = frame.drop(columns=PIPELINE, errors="ignore")
    if known is None:
        named = STAGES if set(STAGES.names) & set(take_texts(frame, "stage")) else Stages(())
        known = Stages(tuple(map(Stage.from_dict, PRESETS[preset]["stages"]))) if preset else named
    found = guess_stages(frame, known, kinds) if "stage" in frame else []
    without = _count_without_stage(frame) if found else ""
    names: dict[str, dict[str, tuple[str | Sequence[str], str]]] = {
        "columns": {
            label: (ours, "" if label in sure else "guess")
            for label, ours in (columns or {}).items()
        },
        "api.columns": {label: (ours, "guess") for label, ours in renamed.items()},
    }
    new = Additions(preset, found, names, tables or {})
    money = _draft_currency(frame, new.tables, currency) if old is None else []
    text = (
        _write_new(new, frame, without, month, money)
        if old is None
        else update_text(old, new, known)
    )
    remarks = [remark for columns in names.values() for _, remark in columns.values()]
    remarks += [line for line in money if "guess" in line]
    marked = [*remarks, *(one.guess for one in found if not one.unknown)]
    return OrgDraft(text, found, sum(map(bool, marked)), without)


def add_columns(old: str, known: Stages, *, preset: str | None, columns: Columns) -> str:
    """Add a preset and labels to the text of an org file with the `known` stages.

    All that it says stays.
    """
    names = {"columns": {theirs: (ours, "") for theirs, ours in columns.items()}}
    return update_text(old, Additions(preset, (), names, {}), known)


def _write_new(
    new: Additions, frame: pd.DataFrame, without: str, month: str, money: Sequence[str]
) -> str:
    parts = [
        _HEAD,
        *([write_preset(new.preset)] if new.preset else []),
        *money,
        _CALENDAR,
        *_draft_stages(new.stages, without),
    ]
    for section, (what, example) in _COLUMNS.items():
        lines = write_columns(new.columns[section])
        absent = [f"# [{section}]", f"# {example}"]
        parts += ["", f"# {what}", *([f"[{section}]", *lines] if lines else absent)]
    sections = {
        "people": _draft_people(frame),
        "targets": _TARGETS.replace("MONTH", month).splitlines(),
        "calls": [_CALLS.replace("MONTH", month)],
    }
    sections |= {name: write_table(name, content) for name, content in new.tables.items()}
    parts += [line for each in sections.values() for line in ("", *each)]
    return "\n".join([*parts, _REPORT])


_HEAD = """\
# What your organization means by its data. Commands read this file in their folder, or with --org;
# in Python: org = oa.Org.read("opp-analytics.toml"). Correct what is marked "guess", then run:
# opp-analytics org check
# A line that begins with # is not read.
"""
_CALENDAR = """\
# timezone = "America/Chicago"  # in which times become days; UTC without this line
# fiscal_year_start = 2  # first month of the fiscal year; January without this line
# Link of each deal on the weekly page:
# record_url = "https://crm.example.com/opportunities/{unique_id}"
"""
_COLUMNS = {
    "columns": ("Columns of an export: theirs = ours.", '"Deal size" = "value"'),
    "api.columns": (
        "Attributes of the API: theirs = ours, for reading and writing.",
        'total = "value"',
    ),
}
_TARGETS = """\
# Targets: of the whole, of a team or of an owner_name, for a month, a quarter ("2027Q4", fiscal)
# or a year.
# [targets]
# rows = [
#   {period = "MONTH", target = 500000},
# ]
"""
_CALLS = (
    "# Calls, the numbers that people submit: opp-analytics call Ann MONTH 450k adds their "
    "section and file."
)
_REPORT = """\

# The weekly page. `report` ends with exit code 3 while a condition of alert_when or
# alert_deals_when holds.
# [report]
# by = "owner_name"
# freq = "M"
# alert_when = "p_target < 0.5"
# alert_deals_when = "win_chance < 0.5 and value > 50000"
# milestones = [0.5, 0.9, 1]

# Who gets the page: `report --send`. A person's own page goes to the email of [people].
# [deliver]
# mail_from = "forecast@example.com"
# mail_to = ["sales@example.com"]
"""


def _draft_currency(frame: pd.DataFrame, tables: Tables, signed: str | None) -> list[str]:
    codes = frame["currency"].astype(TEXT) if "currency" in frame else pd.Series(dtype=TEXT)
    found = [
        (str(code), int(deals))
        for code, deals in codes.value_counts().items()
        if is_currency(str(code))
    ]
    most = found[0][0] if found else signed
    if len(found) == 1:
        remark = "of every deal that names one"
    elif not found and signed:
        remark = "guess: by the sign of the amounts"
    elif found and "currency_rates" in tables:
        remark = "guess: of the most deals; the rates lead to it"
    else:
        lines = ['# currency = "USD"  # amounts have no sign without this line']
        said = joined([f"{code} ({count(deals)})" for code, deals in found])
        several = f"# The deals are in {said}: choose one, and give rates of the others under "
        return [*lines, *([f"{several}[currency_rates]."] if found else [])]
    return [f"currency = {quote(most)}{write_remark(remark)}"]


def _count_without_stage(frame: pd.DataFrame) -> str:
    """Count the deals without a stage, in words; empty where there are none."""
    blank = take_texts(frame, "stage").isna().to_numpy()
    if "status" in frame:
        blank = blank & ~frame["status"].astype(TEXT).isin(list(MARKS)).to_numpy()
    if not blank.any():
        return ""
    return (
        f"{count(int(blank.sum()))} without a stage, nor a status won, lost or inactive: left "
        "out of every rate and sum"
    )


def _draft_stages(found: Sequence[FoundStage], without: str) -> list[str]:
    kinds = {one.stage.kind for one in found if not one.unknown}
    missing = [kind for kind in ("won", "lost") if kind not in kinds]
    lines = [f"  {line},{remark}" for line, remark in map(write_stage, found)]
    if not kinds:
        return [
            "# No deal has a stage whose kind is clear. Without this list the API's six hold.",
            (
                '# stages = [{name = "Demo", kind = "open"}, {name = "Signed", kind = "won"}, '
                "{name "
                '= "Dead", kind = "lost"}]'
            ),
            *lines,
        ]
    return [
        (
            "# The stages in the order of the sale. kind: open, won, lost, disqualified. For open "
            "ones, if you like: probability"
        ),
        (
            "# (percent), category (commit, best_case, pipeline, omitted). Other spellings of a "
            "stage: aliases."
        ),
        *["stages = [", *lines, *(f"  # no stage of kind {kind} was found" for kind in missing)],
        *([f"  # {without}"] if without else []),
        "]",
    ]


def _draft_people(frame: pd.DataFrame) -> list[str]:
    owners = (
        sorted(frame["owner_name"].dropna().astype("str").unique()) if "owner_name" in frame else []
    )
    names = [name for name in owners if name.strip()] or ["Ann"]
    rows = [f'#   {{owner_name = {quote(name)}, team = "East"}},' for name in names[:_PEOPLE]]
    more = [f"#   and {count(len(names) - _PEOPLE, 'owner')} more"] if len(names) > _PEOPLE else []
    return [
        (
            "# People, for tables by team and region. A person who moves has a row more, with "
            "from_date = 2026-07-01."
        ),
        *("# [people]", "# rows = [", *rows, *more, "# ]"),
    ]


def find_empty_columns(opportunities: pd.DataFrame) -> dict[str, str | None]:
    """Find the columns that numbers need but every row leaves empty.

    Each comes with a column of the CRM that may be it.
    """
    return {
        ours: next(
            (
                name
                for word in likely
                for name in map(str, opportunities)
                if spell(name) == word and name not in COLUMNS
            ),
            None,
        )
        for ours, likely in _NEEDED.items()
        if len(opportunities)
        and (ours not in opportunities or not opportunities[ours].notna().any())
    }
