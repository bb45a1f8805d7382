"""The command that begins a history with somebody else's change log."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Annotated

import typer

from opp_analytics.cli.commands import app
from opp_analytics.cli.console import heading, out, show
from opp_analytics.errors import DataError, DataWarning
from opp_analytics.history import History, read_changes

__all__ = ["import_history"]


@app.command(
    "import-history",
    epilog="Example: opp-analytics import-history changes.csv --history ./opp-history --rename deal_id=unique_id",
)
def import_history(
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV with a header. Long: unique_id,changed_at,field,new_value, a line per changed field. "
            "Wide: unique_id,seen_at, then the opportunity's columns, a line per change; operation (new, changed, deleted, "
            "returned) and seen_after may be added. Times are ISO 8601, in UTC unless they say otherwise.",
            show_default=False,
        ),
    ],
    history: Annotated[
        Path, typer.Option(help="Folder of the new history; it must not hold records yet.")
    ] = Path("opp-history"),
    rename: Annotated[
        list[str] | None,
        typer.Option(
            help="A column or field of the file, and ours: deal_id=unique_id. May be repeated.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Begin a history with a change log exported from another CRM or made by History.changes."""
    log = read_changes(file, rename=dict(map(_pair, rename or [])))
    with warnings.catch_warnings():
        # What was found wrong stands in the table below.
        warnings.simplefilter("ignore", DataWarning)
        store = History.from_changes(log, path=history)
    records, opportunities = store.records, log["unique_id"].nunique()
    out.print(
        f"imported {len(log):,} lines into {history}: {opportunities:,} opportunities, {records['changed'].sum():,} changes, "
        f"{len(records):,} records",
        highlight=False,
    )
    if len(records):
        first, last = records["recorded_at"].iloc[[0, -1]]
        out.print(f"from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC", highlight=False)
    problems = store.check()
    if len(problems):
        heading(
            "What is wrong with the log", "imported all the same; History.check() lists every opportunity"
        )
        problem = problems.groupby("problem", sort=False)
        show(problem.agg(opportunities=("unique_id", "size"), for_example=("unique_id", "first")))


def _pair(text: str) -> tuple[str, str]:
    old, equals, new = text.partition("=")
    if not (old and equals and new):
        raise DataError(f"--rename {text!r} is not a pair; write it as deal_id=unique_id")
    return old, new
