"""The commands that apply, resume and undo edits."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

import opp_analytics as oa
from opp_analytics.cli.console import heading, say, show
from opp_analytics.cli.org_file import find_org
from opp_analytics.cli.output import write_csv
from opp_analytics.cli.plan_view import SHELL, save_plan, show_plan
from opp_analytics.cli.source import OrgFile
from opp_analytics.errors import PlanError
from opp_analytics.writer import check_plan

__all__ = ["apply_command", "resume_command", "runs_command", "undo_command"]

IN_PART = 4
"""Exit code when a plan was applied in part, or when the outcome of a change is unknown."""

_RUN = typer.Argument(metavar="RUN_ID", help="Id of the run, as `runs` lists it.", show_default="the newest")
_RECEIPT = typer.Option(
    "--receipt", help="Write the outcome of every change to this .csv file.", show_default=False
)


class OnConflict(StrEnum):
    """What to do when somebody else changed a planned cell."""

    skip = "skip"
    overwrite = "overwrite"
    stop = "stop"


def apply_command(
    file: Annotated[
        Path, typer.Argument(metavar="PLAN.json", help="Plan saved by `plan` or `undo`.", show_default=False)
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything and send nothing.")] = False,
    on_conflict: Annotated[
        OnConflict, typer.Option(help="What to do when somebody else changed a planned cell.")
    ] = OnConflict.skip,
    clear_nulls: Annotated[bool, typer.Option("--clear-nulls", help="Allow cells to be cleared.")] = False,
    allow_delete: Annotated[
        bool, typer.Option("--allow-delete", help="Allow opportunities to be deleted.")
    ] = False,
    again: Annotated[
        bool,
        typer.Option("--again", help="Create new opportunities once more, whatever earlier runs created."),
    ] = False,
    receipt: Annotated[Path | None, _RECEIPT] = None,
    org_file: OrgFile = None,
) -> None:
    """Apply a plan: show its counts and money, ask, then write. Ctrl-C stops after the calls in flight."""
    made = oa.Plan.read(file)
    client = oa.Client.from_env(org=find_org(org_file))
    check_plan(made, client, clear_nulls=clear_nulls, allow_delete=allow_delete, words=SHELL)
    show_plan(made)
    if not (yes or dry_run or not len(made)):
        _confirm(f"Write this to {client.settings.url}?")
    done = oa.apply(
        made,
        client,
        on_conflict=on_conflict.value,
        dry_run=dry_run,
        clear_nulls=clear_nulls,
        allow_delete=allow_delete,
        again=again,
    )
    if dry_run:
        say(f"Dry run, nothing was sent: {done.summary(words=SHELL)}")
        return
    _finish(done, receipt)


class Unknown(StrEnum):
    """What to do with a new opportunity that may or may not be on the server."""

    leave = "leave"
    send = "send"


def resume_command(
    run_id: Annotated[str | None, _RUN] = None,
    unknown: Annotated[
        Unknown, typer.Option(help="New opportunities that may be on the server already: leave or send them.")
    ] = Unknown.leave,
    receipt: Annotated[Path | None, _RECEIPT] = None,
    org_file: OrgFile = None,
) -> None:
    """Finish an interrupted run: check unknown outcomes on the server, then send the rest, each change once."""
    done = oa.resume(oa.Client.from_env(org=find_org(org_file)), run_id, unknown=unknown.value)
    _finish(done, receipt)


def undo_command(
    run_id: Annotated[str | None, _RUN] = None,
    file: Annotated[Path, typer.Option("--out", help="File to save the plan in.")] = Path("undo.json"),
    org_file: OrgFile = None,
) -> None:
    """Plan to undo a run; nothing is sent. Later changes by other people are kept."""
    made = oa.undo(oa.Client.from_env(org=find_org(org_file)), run_id)
    if not len(made):
        nothing = (
            "no plan has been applied from this computer" if oa.runs().empty else "that run wrote nothing"
        )
        say(f"Nothing to undo: {nothing}.")
        return
    show_plan(made)
    save_plan(made, file)


def runs_command() -> None:
    """List the plans applied from this computer, newest first, with their outcomes."""
    found = oa.runs()
    if found.empty:
        say("No plan has been applied from this computer yet.")
        return
    for url, group in found.groupby("url", sort=False):
        heading("Runs", str(url))
        table = group.assign(outcomes=[_outcomes(run) for _, run in group.iterrows()])
        show(table[["run_id", "started_at", "opportunities", "outcomes"]], index=False)


def _outcomes(run: pd.Series[Any]) -> str:
    """The count of each outcome, in one cell."""
    from opp_analytics.writer import OUTCOMES

    counts = ", ".join(f"{run[outcome]:,} {outcome}" for outcome in OUTCOMES if run[outcome])
    return counts if run["state"] == "finished" else f"{counts}: resume"


def _confirm(question: str) -> None:
    try:
        agreed = typer.confirm(question)
    except typer.Abort:
        raise PlanError("No confirmation; nothing was sent. Use --yes in scripts.") from None
    if not agreed:
        say("Nothing was sent.")
        raise typer.Exit(1)


def _finish(done: oa.Receipt, file: Path | None) -> None:
    """Print the outcome and exit: 0 if all of it is on the server, `IN_PART` if some, 1 if none."""
    if done.run_id is not None:
        say(f"Run {done.run_id}")
    say(done.summary(words=SHELL))
    if file is not None:
        table = done.table.assign(**{c: done.table[c].map(_plain) for c in ("before", "after")})
        write_csv(table, file)
        say(f"Receipt written to {file}.")
    if not done.complete:
        raise typer.Exit(
            IN_PART if done.table["outcome"].isin(["applied", "already", "unknown"]).any() else 1
        )


def _plain(cell: Any) -> Any:
    return f"{cell:%Y-%m-%d}" if isinstance(cell, datetime) else cell
