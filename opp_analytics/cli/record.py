"""The `record` command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

import opp_analytics as oa
from opp_analytics.cli.console import program, say
from opp_analytics.cli.source import DayFirst, FromFile, OrgFile, read_source
from opp_analytics.errors import PartialExport, RecordRefused
from opp_analytics.text import count, number

__all__ = ["add_record", "record_command"]


def record_command(
    folder: Annotated[Path, typer.Option("--history", help="Folder of the history.")] = Path("opp-history"),
    source_file: FromFile = None,
    day_first: DayFirst = None,
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
    source = read_source(source_file, org_file, day_first=day_first, refresh="full")
    history = oa.History(folder, org=source.org)
    add_record(history, source.opportunities, at=at, allow_deleted=allow_deleted)
    latest = history.records.iloc[-1]
    say(
        f"Recorded {count(int(latest['rows']), 'opportunity')}, {number(latest['changed'])} changed, "
        f"in {folder} (record {number(len(history.records))})."
    )


def add_record(
    history: oa.History, opportunities: pd.DataFrame, *, at: str | None = None, allow_deleted: bool = False
) -> None:
    """Record opportunities; a refusal says the option, not the argument.

    Raises
    ------
    RecordRefused
        When the frame can't be the next record.
    """
    try:
        history.record(opportunities, at=at, allow_deleted=allow_deleted)
    except PartialExport as error:
        raise RecordRefused(
            f"{error.finding}; record all opportunities, or use {program()} record --allow-deleted if these were deleted"
        ) from None
