"""The `record` command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import opp_analytics as oa
from opp_analytics.cli.console import say
from opp_analytics.cli.source import FromFile, OrgFile, read_source
from opp_analytics.text import count, number

__all__ = ["record_command"]


def record_command(
    folder: Annotated[Path, typer.Option("--history", help="Folder of the history.")] = Path("opp-history"),
    source_file: FromFile = None,
    org_file: OrgFile = None,
    at: Annotated[
        str | None,
        typer.Option(
            help="Time that the file shows, as 2026-03-31T18:00.", show_default="now, or the time of the load"
        ),
    ] = None,
    allow_deleted: Annotated[
        bool,
        typer.Option(
            "--allow-deleted",
            help="Record many deals as deleted, where a file without them is not a partial export.",
        ),
    ] = False,
) -> None:
    """Load all opportunities and add what changed to the history (the API keeps none)."""
    source = read_source(source_file, org_file, refresh="full")
    history = oa.History(folder, org=source.org)
    history.record(source.opportunities, at=at, allow_deleted=allow_deleted)
    latest = history.records.iloc[-1]
    say(
        f"Recorded {count(int(latest['rows']), 'opportunity')}, {number(latest['changed'])} changed, "
        f"in {folder} (record {number(len(history.records))})."
    )
