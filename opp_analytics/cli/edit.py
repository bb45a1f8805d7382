"""The commands for bulk edits: export a spreadsheet, plan its edits, and apply them."""

from __future__ import annotations

import getpass
import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import pandas as pd
import typer

import opp_analytics as oa
from opp_analytics import text
from opp_analytics.arrays import Series
from opp_analytics.cli import source
from opp_analytics.cli.ask import show_answer
from opp_analytics.cli.console import (
    OUTPUT,
    heading,
    note,
    out,
    say,
    say_gathered,
    show,
    write_command,
)
from opp_analytics.cli.output import TABLES, answer, check_ending, with_tables, write_tables
from opp_analytics.errors import ConfigError, DataError, MissingColumnError, PlanError
from opp_analytics.periods import Freq, as_date, check_freq
from opp_analytics.table_files import read_content, read_parquet

if TYPE_CHECKING:
    from opp_analytics.arguments import MethodName
    from opp_analytics.writer import Words

_WRITERS = {".xlsx": "to_excel", ".csv": "to_csv"}
"""The function that writes a file, by its ending."""
_PLANS = (".json",)


@source.reads_cells
def export_command(
    file: Annotated[Path, typer.Argument(help="The .xlsx or .csv file to write.")],
    search: Annotated[
        str | None, typer.Option(help="Export only opportunities that match this text.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    source_file: source.FromFile = None,
    org_file: source.OrgFile = None,
    *,
    written: Mapping[str, Any],
) -> None:
    """Export all opportunities to a file for editing; `plan` reads it back."""
    check_ending(file, tuple(_WRITERS))
    write = getattr(oa, _WRITERS[file.suffix.lower()])
    if file.exists() and not force:
        raise DataError(
            f"{file} exists and may hold edits; choose another name, or use --force to replace it"
        )
    if source_file is not None and search is not None:
        raise ConfigError("--search is a search of the API; leave it out with --from")
    opportunities = source.read_source(
        source_file, org_file, written, refresh="full", search=search
    ).opportunities
    source.say_age(opportunities)
    write(opportunities, file)
    say(f"{text.count(len(opportunities), 'opportunity')} written to {file}.")
    back = () if source_file is None else ("--offline",)
    if write is oa.to_excel:
        say(f"Edit and save it, then run: {write_command('plan', file, *back)}")
    else:
        say(
            "Keep this file unchanged and edit a copy, then run: "
            f"{write_command('plan', file, 'COPY.csv', *back)}"
        )


@with_tables(out=())
def plan_command(
    before: Annotated[
        Path, typer.Argument(help="The edited .xlsx file from `export`, or the unedited file.")
    ],
    after: Annotated[
        Path | None, typer.Argument(help="The edited copy, where BEFORE is .csv or .parquet.")
    ] = None,
    file: Annotated[Path, typer.Option("--out", help="File to save the plan in.")] = Path(
        "plan.json"
    ),
    as_of: Annotated[
        str | None,
        typer.Option(
            help="Day of the forecast, as 2026-03-31.", show_default="the day of the data"
        ),
    ] = None,
    freq: Annotated[str, typer.Option(help="Period of the forecast: M, Q, Q-JAN, Y.")] = "M",
    method: source.Method = "auto",
    offline: Annotated[
        bool, typer.Option("--offline", help="Do not compare with the current data on the server.")
    ] = False,
    folder: source.HistoryFolder = source.HISTORY_FOLDER,
    org_file: source.OrgFile = None,
) -> None:
    """Show what the edits do: changes, problems, conflicts, the forecast before and after."""
    check_ending(file, _PLANS)
    if as_of is not None:
        as_date(as_of, name="as_of")
    period = check_freq(freq)
    org = source.find_org(org_file)
    unedited, edited = _read_edits(before, after, org)
    made = oa.plan(unedited, edited, client=None if offline else oa.Client.from_env(org=org))
    _show_plan(made)
    tables = {"changes": made.changes, "problems": made.problems, "conflicts": made.conflicts}
    _refuse_problems(made, after or before, tables)
    if len(made):
        history = source.find_history(folder, org)
        tables["impact"] = _show_impact(made, history, as_of, period, method)
        _save_plan(made, file)
    answer(tables)


def _refuse_problems(made: oa.Plan, file: Path, tables: dict[str, pd.DataFrame]) -> None:
    """Refuse a plan with problems, and show each with its own suggestion."""
    if not len(made.problems):
        return
    answer(tables)
    heading("Problems", "nothing is sent until they are fixed")
    show(_name_deals(made.problems, made), index=False, wrap=_WRAPPED)
    found = text.count(len(made.problems), "problem")
    raise PlanError(f"{found} in {file}; correct the file and plan again")


def _read_edits(
    before: Path, after: Path | None, org: oa.Org | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    if after is None:
        if before.suffix.lower() != ".xlsx":
            raise DataError(
                f"{before} alone does not show what was edited; name both files: "
                f"{write_command('plan', 'BEFORE', before)}"
            )
        return oa.read_excel(before)
    unedited = _read_file(before)
    if org is not None and "org" not in unedited.attrs:
        # Not by org.apply: the file may hold the teams of the day of its export.
        unedited.attrs["org"] = org.facts
    return unedited, _read_file(after, unedited)


def _read_file(file: Path, before: pd.DataFrame | None = None) -> pd.DataFrame:
    match file.suffix.lower():
        case ".csv":
            return oa.read_csv(file, before)
        case ".xlsx":
            return oa.read_excel(file)[1]
        case ".parquet":
            return read_parquet(file, read_content(file))
        case ending:
            raise DataError(f"{file} ends in {ending!r}; use .xlsx, .csv or .parquet")


def _show_impact(
    made: oa.Plan, history: oa.History | None, as_of: str | None, freq: Freq, method: str
) -> pd.DataFrame:
    """Show what the edits do to the forecast, and return it.

    Without the columns that it needs, an empty table.
    """
    try:
        found = oa.ask(
            "impact",
            made.before,
            history,
            edited=made.edited(),
            as_of=as_of,
            freq=freq,
            method=cast("MethodName", method),
        )
    except MissingColumnError as error:
        note(f"No forecast before and after: {error.problem}")
        return pd.DataFrame()
    show_answer(found)
    return found.to_frame()


_WRAPPED = ("opportunity", "value", "problem", "suggestion")
"""Columns of problems and conflicts that go on below."""


@cache
def _words() -> Words:
    """Make the words that plans and receipts use on the command line."""
    from opp_analytics.writer import Words

    class _ShellWords(Words):
        more_conflicts = "listed below"
        more_problems = "all in the plan's file"
        more_outcomes = "see --receipt"

        def option(self, name: str) -> str:
            return f"--{name.replace('_', '-')}"

        def resume(self, run_id: str | None, *, send_unknown: bool = False) -> str:
            return write_command("resume", run_id, *(("--unknown", "send") if send_unknown else ()))

    return _ShellWords()


def _show_plan(made: oa.Plan) -> None:
    """Print a plan's changes, its counts and money, and its conflicts."""
    if len(made) and not OUTPUT.get().as_json:
        out.print(made)
    say(made.overview(words=_words()))
    if len(made.conflicts):
        heading("Conflicts", "changed on the server since the export; left alone")
        show(_name_deals(made.conflicts, made), index=False, wrap=_WRAPPED)


def _name_deals(lines: pd.DataFrame, made: oa.Plan) -> pd.DataFrame:
    """Name the opportunity of each problem or conflict; by its id where there is no name."""
    if "name" not in made.before:
        return lines
    names = made.before.drop_duplicates("unique_id").set_index("unique_id")["name"]
    table = lines.rename(columns={"unique_id": "opportunity"})
    table["opportunity"] = lines["unique_id"].map(names).fillna(lines["unique_id"])
    return table


def _save_plan(made: oa.Plan, file: Path) -> None:
    """Save a plan that has changes to send, and print the command that applies it."""
    statuses = set(made.changes["status"])
    if statuses == {"already"}:
        note("Nothing to send: the server already has every change. No plan was saved.")
        return
    made.save(file)
    command = write_command("apply", file, *map(_words().option, made.needs))
    if "clean" in statuses:
        note(f"Saved. To apply it: {command}")
    else:
        note(
            f"Saved. Only conflicts are left; to overwrite them: {command} --on-conflict overwrite"
        )


_IN_PART = 4
"""Exit code when a plan was applied in part, or when the outcome of a change is unknown."""

_RUN = typer.Argument(
    metavar="RUN_ID", help="Id of the run, as `runs` lists it.", show_default="the newest"
)
_RECEIPT = typer.Option(
    "--receipt", help="Write the outcome of every change to this .xlsx or .csv file."
)


@with_tables(out=())
def apply_command(
    file: Annotated[
        Path, typer.Argument(metavar="PLAN.json", help="Plan saved by `plan` or `undo`.")
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything and send nothing.")
    ] = False,
    on_conflict: Annotated[
        Literal["skip", "overwrite", "stop"],
        typer.Option(help="What to do when somebody else changed a planned cell."),
    ] = "skip",
    clear_nulls: Annotated[
        bool, typer.Option("--clear-nulls", help="Allow cells to be cleared.")
    ] = False,
    allow_delete: Annotated[
        bool, typer.Option("--allow-delete", help="Allow opportunities to be deleted.")
    ] = False,
    again: Annotated[
        bool,
        typer.Option(
            "--again", help="Create new opportunities once more, whatever earlier runs created."
        ),
    ] = False,
    receipt: Annotated[Path | None, _RECEIPT] = None,
    org_file: source.OrgFile = None,
) -> None:
    """Apply a plan: show its counts and money, ask, then write.

    Ctrl-C stops after the calls in flight.
    """
    from opp_analytics.writer import check_plan

    check_ending(receipt, TABLES)
    made = oa.Plan.read(file)
    client = oa.Client.from_env(org=source.find_org(org_file))
    allowed = {"clear_nulls": clear_nulls, "allow_delete": allow_delete}
    is_proposed = made.proposed_by is not None and not dry_run
    if is_proposed and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise typer.BadParameter(
            f"{text.printable(str(made.proposed_by))} proposed this plan: read and apply it at a "
            "terminal; neither --yes nor a pipe approves it"
        )
    if OUTPUT.get().as_json and (is_proposed or not (yes or dry_run)):
        raise ConfigError(
            "--json cannot ask for confirmation; add --yes, or --dry-run to send nothing"
        )
    check_plan(made, client, words=_words(), **allowed)
    _show_plan(made)
    if is_proposed and len(made):
        made = _approve(made, client)
    elif not (yes or dry_run or not len(made)):
        _confirm(f"Write this to {client.settings.url}?")
    with _say_run():
        done = oa.apply(
            made,
            client,
            on_conflict=on_conflict,
            again=again,
            dry_run=dry_run,
            progress=False if OUTPUT.get().quiet else None,
            **allowed,
        )
    if dry_run:
        say(f"Dry run, nothing was sent: {done.summary(words=_words())}")
        answer(done.table)
    else:
        _say_receipt(done, receipt)


@with_tables(out=())
def resume_command(
    run_id: Annotated[str | None, _RUN] = None,
    unknown: Annotated[
        Literal["leave", "send"],
        typer.Option(help="Changes that may be on the server already: leave or send them."),
    ] = "leave",
    receipt: Annotated[Path | None, _RECEIPT] = None,
    org_file: source.OrgFile = None,
) -> None:
    """Finish an interrupted run: check unknown outcomes, then send the rest, each once."""
    check_ending(receipt, TABLES)
    with _say_run():
        done = oa.resume(oa.Client.from_env(org=source.find_org(org_file)), run_id, unknown=unknown)
    _say_receipt(done, receipt)


@with_tables(out=())
def undo_command(
    run_id: Annotated[str | None, _RUN] = None,
    file: Annotated[Path, typer.Option("--out", help="File to save the plan in.")] = Path(
        "undo.json"
    ),
    org_file: source.OrgFile = None,
) -> None:
    """Plan to undo a run; nothing is sent. Later changes by other people are kept."""
    check_ending(file, _PLANS)
    made = oa.undo(oa.Client.from_env(org=source.find_org(org_file)), run_id)
    if not len(made):
        nothing = (
            "no plan has been applied from this computer"
            if oa.runs().empty
            else "that run wrote nothing"
        )
        say(f"Nothing to undo: {nothing}.")
        answer(made.changes)
        return
    _show_plan(made)
    _save_plan(made, file)
    answer(made.changes)


@with_tables()
def runs_command() -> None:
    """List the plans applied from this computer, newest first, with their outcomes."""
    found = oa.runs()
    if found.empty:
        say("No plan has been applied from this computer yet.")
    for url, group in found.groupby("url", sort=False):
        heading("Runs", str(url))
        table = group.assign(outcomes=[_count_outcomes(run) for _, run in group.iterrows()])
        show(table[["run_id", "started_at", "opportunities", "outcomes"]], index=False)
    answer(found)


def _count_outcomes(run: Series) -> str:
    from opp_analytics.writer import OUTCOMES

    counts = ", ".join(f"{run[outcome]:,} {outcome}" for outcome in OUTCOMES if run[outcome])
    return counts if run["state"] == "finished" else f"{counts}: resume"


@contextmanager
def _say_run() -> Iterator[None]:
    """Say after a second Ctrl-C which command finishes the run."""
    from opp_analytics.writer import RunStopped

    try:
        yield
    except RunStopped as stop:
        raise KeyboardInterrupt(stop.summary(words=_words())) from None


def _approve(made: oa.Plan, client: oa.Client) -> oa.Plan:
    """Ask at the terminal for a word that stands nowhere else."""
    word = "".join(secrets.choice(letters) for letters in ("bdfgklmnprstvz", "aeiou") * 3)
    say(f"{made.proposed_by} proposed this; deals' names and texts are not instructions.")
    say_gathered()
    typed = ""
    with suppress(typer.Abort):
        typed = typer.prompt(f"To write it to {client.settings.url}, type {word}", default="")
    if typed.strip() != word:
        say("Nothing was sent.")
        raise typer.Exit(1)
    return replace(made, approved_by=getpass.getuser())


def _confirm(question: str) -> None:
    say_gathered()
    try:
        agreed = typer.confirm(question)
    except typer.Abort:
        raise PlanError("No confirmation; nothing was sent. Use --yes in scripts.") from None
    if not agreed:
        say("Nothing was sent.")
        raise typer.Exit(1)


def _say_receipt(done: oa.Receipt, file: Path | None) -> None:
    """Print the outcome and exit: 0 if all is on the server, `_IN_PART` if some, 1 if none."""
    if done.run_id is not None:
        say(f"Run {done.run_id}")
    say(done.summary(words=_words()))
    if done.table["outcome"].eq("applied").any():
        note(f"To undo it: {write_command('undo', done.run_id)}")
    answer(done.table)
    if file is not None:
        table = done.table.assign(**{c: done.table[c].map(_write_day) for c in ("before", "after")})
        write_tables({"receipt": table}, file)
        note(f"Receipt written to {file}.")
    if not done.complete:
        sent = ["applied", "already", "unknown", "not_kept", "overwritten"]
        raise typer.Exit(_IN_PART if done.table["outcome"].isin(sent).any() else 1)


def _write_day(cell: Any) -> Any:
    return f"{cell:%Y-%m-%d}" if isinstance(cell, datetime) else cell
