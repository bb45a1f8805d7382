"""`draft_from_export`: the org file that a file of deals calls for, with what is left to ask."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from opp_analytics.crm.find_shape import name_every, recognize
from opp_analytics.crm.guess_columns import Guess, guess_columns
from opp_analytics.crm.mapping import name_opportunities
from opp_analytics.crm.read_export import Export, explain_export
from opp_analytics.errors import DataError
from opp_analytics.files import SMALL, read_whole
from opp_analytics.inputs import did_you_mean, make_key
from opp_analytics.org import (
    Columns,
    Kind,
    Org,
    OrgDraft,
    Tables,
    add_columns,
    draft_org,
    get_org,
    list_names,
    parse_org,
)
from opp_analytics.schema import Json
from opp_analytics.table_files import FileTable, TableSource, read_table
from opp_analytics.text import count, printable

_ALIKE = "spelled alike"
_CLEAR = ("opportunity_id", "deal_id", "record_id")
"""Labels of the deal's id that leave nothing to ask."""
_MONEY = re.compile(r"(?<![A-Z])(?:US\$|[$€£]|(?:USD|EUR|GBP|CHF|CAD|AUD)(?![A-Za-z]))")
_CODES = {"$": "USD", "US$": "USD", "€": "EUR", "£": "GBP"}
"""What a sign of money most likely means."""


@dataclass(frozen=True)
class OpenQuestion:
    """A question that a file of deals leaves open.

    It is asked once, for one column or for all unknown stages.
    """

    about: str
    """"unique_id", "owner_name" or "stages": the argument of `Drafted.answer`."""
    asked: str
    """The question, in words."""
    guesses: Mapping[str, str]
    """What `Drafted` took: ``{"unique_id": label}``, or each unknown stage with its kind, "" where
    nothing tells it; of the owner nothing."""
    reasons: Mapping[str, str]
    """Why, by the same keys, in words."""


@dataclass(frozen=True, kw_only=True)
class Drafted:
    """An org file drafted from a file of deals, written nowhere yet.

    Its guesses are taken, and its questions are open.
    """

    file: Path
    """The org file, which may not exist."""
    old: str | None
    """The text in it; None without a file."""
    before: Org | None
    """What that text means."""
    table: FileTable
    """The table of the file."""
    preset: str | None
    known: Org
    """What was known of the file before any guess."""
    found: Sequence[Guess]
    """The columns that were guessed by their labels, and that of an id that was answered."""
    options: Json
    """Options of `explain_export`."""
    answers: Json = field(default_factory=dict)
    """Answers so far."""
    read: Export | None = None
    """The export as an earlier draft of the same columns read it."""

    @cached_property
    def first(self) -> Export:
        """The export, read by what was known before the draft."""
        columns = {guess.theirs: guess.ours for guess in self.found}
        meant = _extend(self.file, self.old, self.before, self.preset, columns)
        return self.read or explain_export(self.table, meant, draft=True, **self.options)

    @cached_property
    def _columns(self) -> list[Guess]:
        """The columns that were guessed, or answered."""
        mapping = self.first.mapping
        alike = mapping[mapping["theirs"].isin(self.table.labels) & (mapping["how"] == "guessed")]
        pairs = alike[["theirs", "ours"]].astype("str").itertuples(index=False)
        return [*self.found, *(Guess(theirs, ours, _ALIKE) for theirs, ours in pairs)]

    @property
    def guesses(self) -> tuple[Guess, ...]:
        """The columns that were guessed, the id first, each with its reason."""
        return tuple(guess for guess in self._columns if guess.theirs not in self._answered)

    @property
    def _answered(self) -> list[str]:
        """The labels that were answered."""
        return [
            self.answers[name] for name in ("unique_id", "owner_name") if self.answers.get(name)
        ]

    @property
    def questions(self) -> tuple[OpenQuestion, ...]:
        """The questions about guesses and missing columns, the id first.

        With what was answered at most two columns or lists, as a session asks for a target too.
        """
        return tuple(self._ask())[: 2 - ("unique_id" in self.answers)]

    def _ask(self) -> Iterator[OpenQuestion]:
        for guess in self.guesses:
            if (
                "unique_id" in list_names(guess.ours)
                and guess.why != _ALIKE
                and make_key(guess.theirs) not in _CLEAR
            ):
                yield OpenQuestion(
                    "unique_id",
                    "Which column identifies a deal?",
                    {"unique_id": guess.theirs},
                    {"unique_id": guess.why},
                )
        stages = {one.stage.name: one for one in self.draft.stages if one.guess}
        if stages:
            several = f"What do these {count(len(stages), 'stage')} mean?"
            yield OpenQuestion(
                "stages",
                several if len(stages) > 1 else "What does this stage mean?",
                {name: "" if one.unknown else one.stage.kind for name, one in stages.items()},
                {
                    name: f"{count(one.deals)}; {printable(one.guess)}"
                    for name, one in stages.items()
                },
            )
        # Once, where no owner was found and further columns are left.
        known = {*self.first.opportunities, *self.answers}
        has_more = (self.first.mapping["how"] == "kept").any()
        if self.old is None and has_more and "owner_name" not in known:
            yield OpenQuestion("owner_name", "Which column says who owns a deal?", {}, {})

    @cached_property
    def draft(self) -> OrgDraft:
        """Its next text, ``draft.text``, and its stages."""
        stored = self.known if self.old is not None else get_org(self.table)
        mapping = self.first.mapping
        values = mapping.loc[mapping["ours"] == "value", "theirs"]
        return draft_org(
            self.first.opportunities,
            month=f"{datetime.now(UTC):%Y-%m}",
            preset=self.preset,
            columns={guess.theirs: guess.ours for guess in self._columns},
            known=stored.stages if stored else None,
            old=self.old,
            sure=self._answered,
            kinds=self.answers.get("stages"),
            tables=self.answers.get("tables"),
            currency=_guess_currency(self.table, values[values.isin(self.table.labels)]),
        )

    @cached_property
    def org(self) -> Org:
        """The org of the next text; its tables are read beside `file`."""
        return parse_org(self.file, self.draft.text)

    @cached_property
    def export(self) -> Export:
        """The export, read by `org`: what a later command reads with the file."""
        return explain_export(self.table, self.org, **self.options)

    def answer(
        self,
        *,
        unique_id: str | None = None,
        owner_name: str | None = None,
        stages: Mapping[str, Kind] | None = None,
        tables: Tables | None = None,
    ) -> Drafted:
        """Draft again with answers: labels of the id and the owner, and kinds of unknown stages.

        An answer is no longer a guess. An empty `owner_name` says that no column has it.

        `tables` are sections to enter where the file has none: ``{"targets": "targets.csv"}`` is a
        file beside the org file, ``{"targets": [{"period": "2026-11", "target": 500000}]}`` are
        rows.
        """
        answers = dict(self.answers)
        for name, value in (("stages", stages), ("tables", tables)):
            answers[name] = {**answers.get(name, {}), **(value or {})}
        if owner_name is not None:
            answers["owner_name"] = owner_name
            if not owner_name:
                return replace(self, answers=answers, read=self.first)
            self._check_label(owner_name)
            found = [*self.found, Guess(owner_name, "owner_name", "")]
            return replace(self, found=found, answers=answers, read=None)
        if unique_id is None or unique_id == self.answers.get("unique_id"):
            return replace(self, answers=answers, read=self.first)
        self._check_label(unique_id)
        likely = [
            name
            for guess in self.found
            if guess.theirs == unique_id
            for name in list_names(guess.ours)
        ]
        named = _name_id(unique_id, self.known, likely)
        columns = {unique_id: named.ours}
        meant = _extend(self.file, self.old, self.before, self.preset, columns)
        found = [named, *guess_columns(self.table, meant)]
        answers["unique_id"] = unique_id
        return replace(self, found=found, answers=answers, read=None)

    def _check_label(self, label: str) -> None:
        if label not in self.table.labels:
            labels = list(filter(None, self.table.labels))
            near = did_you_mean(label, labels) or "use one of the file"
            raise DataError(f'there is no column "{label}"; {near}')


def read_org_text(file: Path) -> str | None:
    """Read the text of an org file; None where there is none."""
    return (
        read_whole(file, most=SMALL).decode("utf-8", "surrogateescape") if file.exists() else None
    )


def draft_from_export(
    source: TableSource, file: Path, old: str | None, *, preset: str | None = None, **options: Any
) -> Drafted:
    """Draft an org file from a file of deals: a new one, or additions to the old one.

    An existing file keeps all that it says.

    Nothing is written. A session asks the `questions`, calls `Drafted.answer` with what it hears
    (or takes the guesses by doing nothing), and writes ``draft.text`` with `cli.org.write_org`
    where it differs from `old`, the text of the `file`. A new one has the `preset`, or else that
    whose labels the export has. `options` are those of `explain_export`.
    """
    # Each step reads the same cells.
    before = None if old is None else Org.read(file)
    names = name_every({} if before is None else before.columns)
    table = read_table(source, names.know, options.get("encoding"))
    preset = recognize(table).preset if preset is None and before is None else preset
    found = guess_columns(table, before or Org(preset=preset))
    guessed = {ours for guess in found for ours in list_names(guess.ours)}
    if preset is None and before is not None and {"unique_id", "stage"} & guessed:
        # An org file that names neither column may be one without a preset.
        preset = recognize(table).preset
    known = _extend(file, old, before, preset, {})
    if before is not None and preset:
        found = guess_columns(table, known)
    return Drafted(
        file=file,
        old=old,
        before=before,
        table=table,
        preset=preset,
        known=known,
        found=found,
        options=options,
    )


def _guess_currency(table: FileTable, labels: Iterable[str]) -> str | None:
    """Guess the currency of the amounts from their sign.

    It is the one sign in the label, or else in at least half of the amounts.
    """
    for label in labels:
        amounts = table.cells[table.labels.index(label)].dropna().astype("str")
        signs = _MONEY.findall(label)
        if not signs:
            marked = [found for found in map(_MONEY.findall, amounts) if found]
            signs = (
                [sign for found in marked for sign in found]
                if 2 * len(marked) >= len(amounts)
                else []
            )
        codes: set[str] = {_CODES.get(sign, sign) for sign in signs}
        if len(codes) == 1:
            return codes.pop()
    return None


def _extend(
    file: Path, old: str | None, before: Org | None, preset: str | None, columns: Columns
) -> Org:
    """Make the org of an unwritten file, from these columns and a preset or the old file."""
    if old is None or before is None:
        return Org(preset=preset, columns=columns)
    if not preset and not columns:
        return before
    return parse_org(file, add_columns(old, before.stages, preset=preset, columns=columns))


def _name_id(label: str, known: Org, likely: Sequence[str]) -> Guess:
    """Make a column the id, beside what it is already or likely is."""
    named = name_opportunities(known.columns).find(label)
    ours = [name for name in (named[0] if named else likely) if name != "unique_id"]
    return Guess(label, ["unique_id", *ours] if ours else "unique_id", "")
