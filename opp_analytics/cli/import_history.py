"""The `import-history` command."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Annotated

import typer

from opp_analytics.cli.console import heading, say, show
from opp_analytics.errors import DataError, DataWarning
from opp_analytics.text import count

__all__ = ["import_history_command"]


def import_history_command(
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV file with a header. Long form: unique_id,changed_at,field,new_value, one line per changed field. "
            "Wide form: unique_id,seen_at, then the opportunity's columns, one line per change; operation (new, "
            "changed, deleted, returned) and seen_after are optional. Times are ISO 8601, UTC unless they name a zone.",
            show_default=False,
        ),
    ],
    folder: Annotated[
        Path, typer.Option("--history", help="Folder of the new history; it must not contain records.")
    ] = Path("opp-history"),
    rename: Annotated[
        list[str] | None,
        typer.Option(
            help="Rename a column or field of the file, as deal_id=unique_id. Repeat for more.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Start a history from the change log of another CRM, or from one made by History.changes."""
    from opp_analytics.history import History, read_changes

    log = read_changes(file, rename=dict(map(_pair, rename or [])))
    with warnings.catch_warnings():
        # The table below lists the same problems.
        warnings.simplefilter("ignore", DataWarning)
        history = History.from_changes(log, path=folder)
    records = history.records
    say(
        f"Imported {count(len(log), 'line')} into {folder}: {count(log['unique_id'].nunique(), 'opportunity')}, "
        f"{count(int(records['changed'].sum()), 'change')}, {count(len(records), 'record')}."
    )
    if len(records):
        first, last = records["recorded_at"].iloc[[0, -1]]
        say(f"From {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC.")
    problems = history.check()
    if len(problems):
        heading(
            "Problems in the log", "these lines were imported too; History.check() lists every opportunity"
        )
        problem = problems.groupby("problem", sort=False)
        show(problem.agg(opportunities=("unique_id", "size"), for_example=("unique_id", "first")))


def _pair(text: str) -> tuple[str, str]:
    old, equals, new = text.partition("=")
    if not (old and equals and new):
        raise DataError(f"--rename {text!r} is not a pair; write it as deal_id=unique_id")
    return old, new
