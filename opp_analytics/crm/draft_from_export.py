"""`draft_from_export`: the org file that a file of deals calls for, with what is left to ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from opp_analytics.crm.read_export import Export, explain_export
from opp_analytics.crm.recognize import recognize
from opp_analytics.files import read_whole
from opp_analytics.org import KINDS, Draft, Kind, Org, Tables, draft_org, parse_org
from opp_analytics.text import count, printable


@dataclass(frozen=True)
class Question:
    """One thing that a file of deals does not tell: asked once, for one column or for all unknown stages."""

    about: str
    """"unique_id" or "stages": the argument of `Drafted.answer`."""
    asked: str
    """The question, in words."""
    guesses: Mapping[str, str]
    """What `Drafted` took: ``{"unique_id": label}``, or each unknown stage with its kind, "" where nothing tells it."""
    reasons: Mapping[str, str]
    """Why, by the same keys, in words."""
    choices: tuple[str, ...]
    """What may be answered: labels of the file, or kinds."""


@dataclass(frozen=True, kw_only=True)
class Drafted:
    """An org file drafted from a file of deals: written nowhere yet, with its guesses taken and its questions open."""

    file: Path
    """The org file, which may not exist."""
    old: str | None
    """The text in it; None without a file."""
    draft: Draft
    """Its next text, ``draft.text``, and its stages."""
    org: Org
    """What that text means; its tables are read beside `file`."""
    questions: tuple[Question, ...]
    """What was guessed and is worth asking, the id first; empty when all is known."""
    source: Path
    preset: str | None
    options: Mapping[str, Any]
    """Options of `explain_export`."""
    answers: Mapping[str, Any]
    """Answers so far."""
    first: Export
    """The export, read by what was known before the draft."""

    @cached_property
    def export(self) -> Export:
        """The export, read by `org`: what a later command reads with the file."""
        return explain_export(self.source, self.org, **self.options)

    def answer(
        self,
        *,
        unique_id: str | None = None,
        stages: Mapping[str, Kind] | None = None,
        tables: Tables | None = None,
    ) -> Drafted:
        """Draft again with answers, which are no guesses any more.

        Parameters
        ----------
        unique_id : str, optional
            Label of the column that identifies a deal.
        stages : mapping, optional
            The kind of each unknown stage that somebody told.
        tables : mapping, optional
            Sections to enter where the file has none: ``{"targets": "targets.csv"}`` is a file beside the org file,
            ``{"targets": [{"period": "2026-11", "target": 500000}]}`` are rows.
        """
        given = {"unique_id": unique_id, "stages": stages, "tables": tables}
        answers = dict(self.answers)
        for name, value in given.items():
            if isinstance(value, Mapping):
                answers[name] = {**answers.get(name, {}), **value}
            elif value is not None:
                answers[name] = value
        first = self.first if answers.get("unique_id") == self.answers.get("unique_id") else None
        return _draft(self.source, self.file, self.old, self.preset, self.options, answers, first)


def read_org_text(file: Path) -> str | None:
    """Read the text of an org file; None where there is none."""
    return read_whole(file).decode("utf-8", "surrogateescape") if file.exists() else None


def draft_from_export(
    source: Path, file: Path, old: str | None, *, preset: str | None = None, **options: Any
) -> Drafted:
    """Draft an org file from a file of deals: a new one, or additions to the one that exists, which keeps all it says.

    Nothing is written. A session asks the `questions`, calls `Drafted.answer` with what it hears (or takes the guesses by
    doing nothing), and writes ``draft.text`` with `cli.org.write_org` where it differs from `old`; ``drafted.export`` then holds the opportunities as
    the new file reads them, and the mapping of its columns.

    Parameters
    ----------
    source : path
        A file of opportunities; a field history is refused.
    file : path
        The org file to draft.
    old : str or None
        Its text, from `read_org_text`: its columns, stages and preset hold. None drafts a new file.
    preset : str, optional
        Preset of a new file; by default the one whose labels the export has.
    **options
        Options of `explain_export`, such as `day_first` and `decimal_comma`.

    Raises
    ------
    OrgError
        When the existing file has mistakes.
    DataError
        When the file can't be read, or no column can be the id or the stage.
    """
    return _draft(source, file, old, preset, options, {}, None)


def _draft(
    source: Path,
    file: Path,
    old: str | None,
    preset: str | None,
    options: Mapping[str, Any],
    answers: Mapping[str, Any],
    first: Export | None,
) -> Drafted:
    org = None if old is None else Org.read(file)
    if preset is None and org is None:
        preset = recognize(source).preset
    known = org or Org(preset=preset)
    export = first or explain_export(source, known, **options)
    guessed = export.mapping[export.mapping["how"] == "guessed"]
    columns = dict(zip(guessed["theirs"].astype("str"), guessed["ours"].astype("str"), strict=True))
    draft = draft_org(
        export.opportunities,
        month=f"{datetime.now(UTC):%Y-%m}",
        preset=preset,
        columns=columns,
        known=None if org is None else org.stages,
        old=old,
        kinds=answers.get("stages"),
        tables=answers.get("tables"),
    )
    return Drafted(
        file=file,
        old=old,
        draft=draft,
        org=parse_org(file, draft.text),
        questions=tuple(_ask(draft)),
        source=source,
        preset=preset,
        options=options,
        answers=answers,
        first=export,
    )


def _ask(draft: Draft) -> list[Question]:
    stages = {one.stage.name: one for one in draft.stages if one.guess}
    if not stages:
        return []
    asked = (
        f"What do these {count(len(stages), 'stage')} mean?"
        if len(stages) > 1
        else "What does this stage mean?"
    )
    return [
        Question(
            "stages",
            asked,
            {name: "" if one.unknown else one.stage.kind for name, one in stages.items()},
            {name: f"{count(one.deals)}; {printable(one.guess)}" for name, one in stages.items()},
            KINDS,
        )
    ]
