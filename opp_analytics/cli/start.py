"""The `start` command: from somebody's files to org file, history and Monday's page."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tomllib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast

import pandas as pd
import typer

import opp_analytics as oa
from opp_analytics import crm, text
from opp_analytics.certificate import Certificate
from opp_analytics.cli.console import complain, heading, note, say, show, write_command
from opp_analytics.cli.import_crm import KINDS, begin_history, choose_preset, say_notes, sort_files
from opp_analytics.cli.org import (
    describe_calls,
    describe_join,
    describe_people,
    describe_rates,
    describe_targets,
    write_org,
)
from opp_analytics.cli.output import check_ending
from opp_analytics.cli.report import say_alerts
from opp_analytics.cli.source import (
    HISTORY_FOLDER,
    AsOf,
    OrgFile,
    find_history,
    parse_amount,
    reads_cells,
)
from opp_analytics.errors import DataError
from opp_analytics.files import say_failure, stage_folder, sync_folder
from opp_analytics.inputs import did_you_mean, fold, make_key
from opp_analytics.org import (
    FILE,
    PRESETS,
    Columns,
    Kind,
    Org,
    find_day,
    list_names,
    name_table,
    parse_org,
)
from opp_analytics.org import KINDS as STAGE_KINDS
from opp_analytics.periods import as_date, as_instant
from opp_analytics.schema import COLUMNS, Json
from opp_analytics.table_files import FileTable
from opp_analytics.text import count

_T = TypeVar("_T")
_PAGE = Path("weekly.html")
_BESIDE: dict[str, tuple[str, Callable[[Org], str]]] = {
    "people": ("people", describe_people),
    "targets": ("targets", describe_targets),
    "calls": ("calls", describe_calls),
    "currency_rates": ("currency_rates", describe_rates),
    "accounts": ("join.accounts", partial(describe_join, name="accounts")),
    "activities": ("join.activities", partial(describe_join, name="activities")),
}
"""Kinds of file that the org file names: the section, and what the org then says of them."""
_TOLD = ("owner_name", "created_at")
"""Columns that some answers need; a page can be made without them."""
_MOST_FURTHER = 8
_LABELS = {"unique_id": "deal ID", "done_on": "date", "what": "kind"}
"""Names of ours that say little to a newcomer."""


@reads_cells
def start_command(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="An export of deals, and what else you have: a field history, targets, people, in "
            "any order; .csv, .xlsx, .parquet or .jsonl.",
        ),
    ],
    unique_id: Annotated[
        str | None,
        typer.Option(
            "--id", metavar="COLUMN", help="Column that identifies a deal.", show_default="asked"
        ),
    ] = None,
    owner: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN", help="Column that says who owns a deal.", show_default="asked"
        ),
    ] = None,
    stage: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=KIND",
            help="What a stage means: open, won, lost or disqualified; repeat it for more.",
            show_default="asked",
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            metavar="AMOUNT",
            help="Sales target of the current period, as 500k.",
            show_default="asked",
        ),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Ask nothing: take the guesses.")
    ] = False,
    as_of: AsOf = None,
    org_file: OrgFile = None,
    encoding: Annotated[
        str | None,
        typer.Option(
            help="Encoding of CSV files, such as cp1252.", show_default="found in the file"
        ),
    ] = None,
    *,
    written: Json,
) -> None:
    """Read your files, ask up to three questions, write org file, history and weekly page."""
    from opp_analytics.report import check_report

    named = org_file is not None and str(org_file) in PRESETS and not org_file.exists()
    place = Path(FILE) if org_file is None or named else org_file
    check_ending(place, (".toml",))
    old = crm.read_org_text(place)
    known = (
        parse_org(place, old) if old is not None else Org(preset=str(org_file)) if named else None
    )
    found = {file: crm.recognize(file, known, encoding=encoding) for file in files}
    kinds = sort_files(found, ("opportunities", "history", *_BESIDE))
    preset = str(org_file) if named else None if known else choose_preset(found.values())
    known = known or Org(preset=preset)
    past = find_history(HISTORY_FOLDER, None)
    file, log_file = kinds.get("opportunities"), kinds.get("history")
    with stage_folder(Path(), "opp-analytics-start") as staging:
        log = found[log_file].table if log_file else None
        first = (
            found[file].table if file else _read_last(None if past else log, past, known, written)
        )
        drafted = crm.draft_from_export(first, place, old, preset=preset, **written)
        tables = _list_tables(kinds, found, drafted)
        drafted = _answer_column(drafted.answer(tables=tables), "unique_id", unique_id, yes)
        drafted = _answer_column(drafted, "owner_name", owner, yes)
        if file is not None:
            _say_deals(file, drafted, found[file])
            way_out = f"add it to the export, or name its column under [columns] of {place}"
            _check_columns(drafted.export.opportunities, file, way_out)
        drafted = _answer_stages(drafted, stage or (), yes)
        for kind, (section, describe) in _BESIDE.items():
            if section in tables:
                heading(f"{kinds[kind].name}: {KINDS[kind][0]}")
                names = name_table(kind, found[kinds[kind]].labels, drafted.org.columns)
                key = tables[section]["key"] if kind == "activities" else {}
                # An account is told by its id or its name.
                _say_columns(
                    {
                        theirs: "account" if kind == "accounts" else key.get(theirs, ours)
                        for theirs, ours in names.items()
                    }
                )
                note(f"{describe(drafted.org)}.")
        update = (
            _Update(drafted.org, found[file].table, drafted.export.opportunities)
            if file
            else _Update(drafted.org)
        )
        if as_of is not None:
            update.set_day(as_of)
        update.read_log(log_file, log, past, written)
        history = update.stage(staging / HISTORY_FOLDER)
        day = update.find_day(history)
        drafted = _answer_target(drafted, day, target, yes or past is not None)
        deals = _take_last(history) if update.deals is None else update.deals
        options: Json = {"as_of": day, "org": drafted.org}
        check_report(deals, history, out=_PAGE, **options)
        page = oa.weekly_report(deals, history, out=staging / _PAGE, **options)
        moved = _move(drafted, update, staging, (page.xlsx, page.html))
    _say_written(moved, drafted, update, day)
    say_alerts(page)


def _read_last(
    log: FileTable | None, past: oa.History | None, org: Org, written: Json
) -> pd.DataFrame:
    """Read the deals as a field history, or else the records so far, show them last."""
    if log is not None:
        past = begin_history(crm.read_changes(log, org, **written), None, org)
    if past is None or not len(past.records):
        raise DataError(
            "no file holds deals; start with an export of them, or with their field history"
        )
    deals = _take_last(past)
    _check_columns(deals, log.file if log else HISTORY_FOLDER, "give an export of the deals too")
    deals.attrs.pop("org", None)
    return deals


def _check_columns(deals: pd.DataFrame, source: Path | str, way_out: str) -> None:
    if lacking := [text.label(name) for name in ("value", "close_date") if name not in deals]:
        raise DataError(
            f"{source} has no {text.joined(lacking)}, which the page rests on; {way_out}"
        )


def _take_last(history: oa.History) -> pd.DataFrame:
    return history.as_of(history.records["recorded_at"].iloc[-1])


# Questions


def _ask(question: str, hint: str, option: str, read: Callable[[str], _T]) -> _T:
    """Ask until the answer can be read; without a terminal say which option answers."""
    way = f"use {option}, or --yes for the guesses. Nothing was written."
    if not sys.stdin.isatty():
        complain(f"{question} No terminal to answer in: {way}")
        raise typer.Exit(2)
    say("")
    while True:
        note(f"{question} {hint}")
        try:
            return read(input("> ").strip())
        except EOFError:
            complain(f"No answer: {way}")
            raise typer.Exit(2) from None
        except KeyboardInterrupt:
            raise KeyboardInterrupt("stopped; nothing was written") from None
        except (DataError, typer.BadParameter) as error:
            said = text.capital(str(error))
            say(said if said.endswith("?") else f"{said}.")


def _find_question(drafted: crm.Drafted, about: str) -> crm.OpenQuestion | None:
    return next((one for one in drafted.questions if one.about == about), None)


def _answer_column(drafted: crm.Drafted, about: str, given: str | None, yes: bool) -> crm.Drafted:
    """Take the label of a column that the command line gives, or ask for it."""

    def answer(label: str) -> crm.Drafted:
        named: Json = {about: label}
        return drafted.answer(**named)

    question = _find_question(drafted, about)
    if given is not None:
        return answer(given)
    if question is None or yes:
        return drafted
    guess = question.guesses.get(about, "")
    if guess:
        note(f'Guess: "{guess}", {question.reasons[about]}.')
    return _ask(
        question.asked,
        f'Enter for "{guess}".' if guess else "Enter for none.",
        "--id COLUMN" if guess else "--owner COLUMN",
        lambda typed: answer(typed or guess),
    )


def _answer_stages(drafted: crm.Drafted, given: Sequence[str], yes: bool) -> crm.Drafted:
    names = [one.stage.name for one in drafted.draft.stages]
    question = _find_question(drafted, "stages")
    if given:
        drafted = drafted.answer(stages=_read_stages(", ".join(given), names, question))
        question = _find_question(drafted, "stages")
    if question is None:
        return drafted
    guesses = question.guesses
    rows = [[name, guess or "unknown", question.reasons[name]] for name, guess in guesses.items()]
    heading("Stages", "guessed, since nothing says what they mean")
    table = pd.DataFrame(rows, columns=["stage", "guess", "why"])
    show(table, index=False, most=100, wrap=("why",))
    known = {one.stage.kind for one in drafted.draft.stages} | {*guesses.values()}
    if missing := [kind for kind in ("won", "lost") if kind not in known]:
        kinds = text.joined(missing, last="or")
        say(f"No stage is {kinds}: say which with --stage NAME=KIND.")
    if yes:
        return drafted
    kinds = text.joined(STAGE_KINDS, last="or")
    answers = _ask(
        question.asked,
        f"Enter takes the guesses; else NAME=KIND, NAME=KIND, … with {kinds}.",
        "--stage NAME=KIND",
        lambda typed: _read_stages(typed, names, question),
    )
    told = {name: cast("Kind", kind) for name, kind in guesses.items() if kind}
    return drafted.answer(stages=told | answers)


def _read_stages(
    typed: str, names: Collection[str], question: crm.OpenQuestion | None
) -> dict[str, Kind]:
    """Read ``NAME=KIND, NAME=KIND``, or the kind alone where one stage is asked about."""
    asked = [] if question is None else list(question.guesses)
    if len(asked) == 1 and typed and "=" not in typed:
        typed = f"{asked[0]}={typed}"
    spelled = {fold(name): name for name in names}
    found: dict[str, Kind] = {}
    # A name may hold a comma, a kind does not.
    for part in re.findall(r"[^=]+=[^=,]*", typed) or ([typed] if typed else []):
        name, _, kind = (word.strip(" ,") for word in part.rpartition("="))
        if kind not in STAGE_KINDS:
            kinds = text.joined(STAGE_KINDS, last="or")
            raise DataError(f"{kind!r} is no kind of stage; write NAME=KIND, with {kinds}")
        if fold(name) not in spelled:
            near = did_you_mean(name, names) or f"the stages are {text.joined(names)}"
            raise DataError(f"no deal is in a stage {name!r}; {near}")
        found[spelled[fold(name)]] = kind
    return found


def _answer_target(
    drafted: crm.Drafted, day: pd.Timestamp, given: str | None, quiet: bool
) -> crm.Drafted:
    """Enter the target of the current period, if the org has no targets."""
    org = drafted.org
    if len(org.targets):
        if given is not None:
            raise DataError(
                f"{drafted.file} has targets already; change them there, without --target"
            )
        return drafted
    freq = org.freq(org.report.get("freq", "M"))
    # A week has no target of its own.
    freq = freq if freq[0] in "MQY" else "M"
    label = str(day.to_period(freq))
    comma = drafted.export.decimal_comma
    amount = parse_amount(given, org, comma)
    if given is None and not quiet:
        amount = _ask(
            f"What is the sales target for {text.period_name(label, freq, today=day)}?",
            "Such as 500k; Enter for none.",
            "--target AMOUNT",
            lambda typed: parse_amount(typed or None, org, comma),
        )
    if amount is None:
        return drafted
    return drafted.answer(tables={"targets": [{"period": label, "target": amount}]})


# Files


def _list_tables(
    kinds: Mapping[str, Path], found: Mapping[Path, crm.Recognized], drafted: crm.Drafted
) -> Json:
    """List the sections that the org file gains for tables beside the deals.

    A section that the file has stays.
    """
    place, old = drafted.file, drafted.old
    written = tomllib.loads(old.removeprefix("\ufeff")) if old is not None else {}
    tables: Json = {}
    for kind, file in ((kind, kinds[kind]) for kind in _BESIDE if kind in kinds):
        section, name = _BESIDE[kind][0], _relate(file, place.parent)
        has = written
        for part in section.split("."):
            has = has.get(part, {})
        if not has:
            tables[section] = _describe_table(kind, name, found[file].labels, drafted)
        elif has.get("file") != name:
            note(
                f"{file} is not used: {place} has [{section}] already. To use it, put file = "
                f"{json.dumps(name)} there in place of what it has."
            )
    return tables


def _describe_table(kind: str, name: str, labels: Sequence[str], drafted: crm.Drafted) -> Any:
    """Describe a table for its section of the org file: its name, and how it joins the deals."""
    ours = {name: label for label, name in name_table(kind, labels, drafted.org.columns).items()}
    if kind == "accounts":
        taken = {
            make_key(each) for each in (*drafted.first.opportunities, *COLUMNS, "team", "region")
        }
        kept = [
            label
            for label in labels
            if label and label not in ours.values() and make_key(label) not in taken
        ]
        return {"file": name, "columns": kept}
    if kind == "activities":
        key = "account_id" if "account" in ours["key"].casefold() else "unique_id"
        return {"file": name, "key": {ours["key"]: key}, "date": ours["done_on"]}
    return name


def _relate(file: Path, folder: Path) -> str:
    """Write the path of a file from a folder on; whole where another drive holds it."""
    try:
        return Path(os.path.relpath(file, folder)).as_posix()
    except ValueError:
        return file.resolve().as_posix()


@dataclass
class _Update:
    """The parts of a new history: a field history, then the deals if they changed.

    A field history goes only into an empty history.
    """

    org: Org
    table: FileTable | None = None
    """The table of the deals."""
    deals: pd.DataFrame | None = None
    log: crm.ChangeLog | None = None
    at: pd.Timestamp | None = None
    """The moment of the record; None where the last record holds the deals already."""
    dated: bool = False
    """True if the caller gave the day of the deals."""

    def set_day(self, as_of: str) -> None:
        """Take the deals to be of this day."""
        if self.deals is None or Certificate.moment_of(self.deals) is not None:
            raise DataError(
                "--as-of is the day of an export that does not tell its own; start without it"
            )
        day = as_date(as_of, tz=self.org.zone(None), name="as_of")
        self.deals.attrs["seen_on"], self.dated = f"{day:%Y-%m-%d}", True

    def read_log(
        self,
        file: Path | None,
        log: FileTable | None,
        past: oa.History | None,
        written: Json,
    ) -> None:
        """Read a field history, where there are no records."""
        if past is not None:
            if file is not None:
                note(
                    f"{file} is not used: {HISTORY_FOLDER} has "
                    f"{count(len(past.records), 'record')} already. To begin again "
                    f"with it, move {HISTORY_FOLDER} away."
                )
        elif file is not None and log is not None:
            self.log = crm.read_changes(log, self.org, opportunities=self.deals, **written)
            changes = self.log.changes
            deals = count(changes["unique_id"].nunique())
            heading(f"{file.name}: {count(len(changes), 'value')} of {deals}", self.log.read_as)
        if self.log is not None:
            say_notes(self.log)

    def stage(self, folder: Path) -> oa.History:
        """Put it into a copy of the history."""
        from opp_analytics.history import tell_problems

        if HISTORY_FOLDER.exists():
            with say_failure(f"cannot read {HISTORY_FOLDER}"):
                shutil.copytree(HISTORY_FOLDER, folder)
        history = self.apply(folder)
        if self.log is not None:
            for said in tell_problems(history.check()):
                note(said)
        return history

    def apply(self, folder: Path) -> oa.History:
        """Put it into the history of a folder."""
        from opp_analytics.history import holds

        if self.log is not None:
            begin_history(self.log, folder, self.org)
        history = oa.History(folder, org=self.org)
        # That an export shows the same as its history is known only once it is recorded.
        if self.deals is not None and (self.log is not None or not holds(history, self.deals)):
            self.at = self.at or self._choose_moment(history, self.deals)
            history.record(self.deals, at=self.at, allow_deleted=self.log is not None)
        return history

    def _choose_moment(self, history: oa.History, deals: pd.DataFrame) -> pd.Timestamp:
        """Choose the moment of the record: when the deals were loaded.

        For an export, it is the end of its newest day, or now while that day lasts. A day before
        the last record is refused.
        """
        loaded = Certificate.moment_of(deals)
        if loaded is not None:
            return as_instant(loaded)
        now, zone = pd.Timestamp.now("UTC").as_unit("us"), self.org.zone(None)
        moments, day = history.records["recorded_at"], find_day(deals)
        at = now if day >= as_date(now, tz=zone) else as_instant(day, tz=zone, end=True)
        if moments.empty:
            return at
        last = as_date(moments.iloc[-1], tz=zone)
        if day < last and self.log is None and self.table is not None:
            raise DataError(
                f"{self.table.file} is of {day:%Y-%m-%d}, older than the last record, of "
                f"{last:%Y-%m-%d}; a history takes exports in the order of their days"
            )
        # Two exports may show the same newest day.
        after: pd.Timestamp = moments.iloc[-1] + pd.Timedelta(seconds=1)
        return max(at, after)

    def find_day(self, history: oa.History) -> pd.Timestamp:
        """Find the page's day: the deals' day, or the last record's if that is later."""
        moments = history.records["recorded_at"]
        days = [as_date(moments.iloc[-1], tz=self.org.zone(None))] if len(moments) else []
        return max([*days, *([] if self.deals is None else [find_day(self.deals)])])


def _move(drafted: crm.Drafted, update: _Update, staging: Path, page: Sequence[Path]) -> list[str]:
    """Move what was made to its place: after each step, the next start completes the rest."""
    written = []
    if drafted.draft.text != drafted.old:
        write_org(drafted.file, drafted.draft.text, drafted.old)
        written.append(str(drafted.file))
    if update.log is not None or update.at is not None:
        if HISTORY_FOLDER.exists():
            update.apply(HISTORY_FOLDER)
        else:
            with say_failure(f"cannot write {HISTORY_FOLDER}"):
                (staging / HISTORY_FOLDER).rename(HISTORY_FOLDER)
            sync_folder(Path())
        written.append(
            f"{HISTORY_FOLDER}/ ({count(len(oa.History(HISTORY_FOLDER).records), 'record')})"
        )
    for made in page:
        with say_failure(f"cannot write {made.name}", "; is it open in Excel?"):
            made.replace(made.name)
    sync_folder(Path())
    return [*written, *(made.name for made in reversed(page))]


# What is said


def _say_deals(file: Path, drafted: crm.Drafted, one: crm.Recognized) -> None:
    """Say what each column became, the guesses marked, and what was left out."""
    export = drafted.export
    heading(f"{file.name}: {count(len(export.opportunities))}", export.read_as)
    lines = export.mapping.fillna("")
    own = lines[lines["theirs"].isin(one.labels)]
    is_date = own["ours"].eq("stage") & own["note"].ne("")
    read = own[own["how"].isin(["mapped", "guessed"]) & ~is_date]
    names = {str(theirs): list(ours) for theirs, ours in read.groupby("theirs", sort=False)["ours"]}
    # A label that is our name in other letters is hardly a guess.
    guesses = [
        one.theirs for one in drafted.guesses if make_key(one.theirs) not in list_names(one.ours)
    ]
    _say_columns(names, guesses)
    if drafted.preset:
        note(f"Read with the preset {drafted.preset}: its columns and stages.")
    if len(further := own.loc[own["how"].isin(["kept", "dropped"]) | is_date, "theirs"]):
        note(
            f"Further columns: {text.joined(list(further.drop_duplicates()), most=_MOST_FURTHER)}."
        )
    if absent := [name for name in _TOLD if name not in export.opportunities]:
        line = f'"Its label" = "{absent[0]}"'
        lacking = text.joined(list(map(text.label, absent)), last="or")
        note(f"No column for {lacking}: to name one, put {line} under [columns] of {drafted.file}.")
    for why in lines.loc[lines["theirs"] == "", "note"]:
        note(f"{text.capital(why)}.")
    say_notes(export)


def _say_columns(names: Columns, guesses: Collection[str] = ()) -> None:
    rows = []
    for theirs, ours in names.items():
        read_as = text.joined(_LABELS.get(name) or text.label(name) for name in list_names(ours))
        rows.append(
            {
                "your column": theirs,
                "read as": f"{read_as}{' (a guess)' if theirs in guesses else ''}",
            }
        )
    show(pd.DataFrame(rows), index=False, most=100, wrap=("your column", "read as"))


def _say_written(
    written: Sequence[str], drafted: crm.Drafted, update: _Update, day: pd.Timestamp
) -> None:
    """Say what was written, as of which day, and the next command."""
    heading("Written", f"as of {text.day(day, year=True)}")
    note(f"{text.joined(written)}.")
    today = as_date(pd.Timestamp.now("UTC"), tz=update.org.zone(None))
    if day < today and not update.dated:
        note(f"The page is as of {text.day(day, year=True)}: nothing in the data is newer.")
    if update.at is None and update.log is None:
        note(f"{HISTORY_FOLDER} has no new record: nothing changed since its last one.")
    if drafted.draft.guesses and str(drafted.file) in written:
        note(f"Guesses are marked in {drafted.file}: correct them there, then run this again.")
    opener = {"darwin": "open", "win32": "start"}.get(sys.platform, "xdg-open")
    note(f"Next: {opener} {_PAGE}")
    owned = update.deals is None or "owner_name" in update.deals
    asked = write_command("forecast", *(("--by", "owner_name") if owned else ()))
    # One record shows no move.
    moves = ["slippage", "scorecard"] if len(oa.History(HISTORY_FOLDER).records) > 1 else []
    further = text.joined(["win-rate", "funnel", *moves, "risk"])
    note(f"More answers: {asked}; also {further}.")
    again = write_command("start", "new-export.csv")
    note(f"On Monday: {again} adds a record and writes the page anew.")
