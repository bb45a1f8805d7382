"""The `load` and `record` commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import pandas as pd
import typer

import opp_analytics as oa
from opp_analytics import text
from opp_analytics.certificate import Certificate
from opp_analytics.cli.console import (
    escape_markup,
    heading,
    note,
    say,
    say_marked,
    show,
)
from opp_analytics.cli.output import answer, check_ending, with_tables, write_csv, write_staged
from opp_analytics.cli.source import (
    HISTORY_FOLDER,
    FromFile,
    HistoryFolder,
    OrgFile,
    read_source,
    reads_cells,
    say_age,
)
from opp_analytics.periods import as_instant
from opp_analytics.schema import Json, label_groups
from opp_analytics.text import count, number

ENDINGS = (".csv", ".parquet", ".xlsx")
"""Of files of opportunities."""


@with_tables(out=())
def load_command(
    file: Annotated[
        Path | None,
        typer.Option("--out", help="Write the opportunities to this .csv, .parquet or .xlsx file."),
    ] = None,
    refresh: Annotated[
        Literal["changes", "full"] | None,
        typer.Option(
            help="Fetch now, even if the cached copy is recent: only what changed, or everything."
        ),
    ] = None,
    max_age: Annotated[
        str, typer.Option(help="Oldest cached copy to use, such as 15min.")
    ] = "15min",
    search: Annotated[
        str | None, typer.Option(help="Load only opportunities that match this text.")
    ] = None,
    deleted: Annotated[
        bool, typer.Option("--deleted", help="Load the trash instead of the list.")
    ] = False,
    org_file: OrgFile = None,
) -> None:
    """Load all opportunities and show them by stage, or write them to a file."""
    check_ending(file, ENDINGS)
    opportunities = read_source(
        None,
        org_file,
        max_age=max_age,
        refresh=refresh,
        search=search,
        deleted=deleted,
    ).opportunities
    certificate = Certificate.of(opportunities) or Certificate()
    state = "[green]complete[/]" if certificate.complete else "[bold red]NOT complete[/]"
    say_marked(
        f"{text.count(certificate.rows or 0, 'opportunity')} from "
        f"{escape_markup(certificate.source)}, {text.count(certificate.pages or 0, 'page')}, "
        f"fetched {certificate.fetched_at:%Y-%m-%d %H:%M} UTC: {state}"
    )
    for reason in certificate.reasons:
        say_marked(f"  [red]{escape_markup(reason)}[/]")
    if file is not None:
        write_opportunities(opportunities, file)
        lost = " It keeps neither the org nor the time of the load; .parquet and .xlsx files do."
        note(f"Written to {file}.{lost if file.suffix.lower() == '.csv' else ''}")
    elif opportunities["stage"].notna().any():
        say_stock(opportunities)
    answer(count_stock(opportunities))


def say_stock(opportunities: pd.DataFrame) -> None:
    """Print number and value of the opportunities in each stage."""
    heading("By stage")
    show(count_stock(opportunities))


def count_stock(opportunities: pd.DataFrame) -> pd.DataFrame:
    """Count the opportunities in each stage, with their value; those without one come last."""
    stages = opportunities.groupby("stage", observed=True, dropna=False)
    counts = stages.agg(count=("unique_id", "size"), value=("value", "sum"))
    return counts.set_axis(label_groups(counts.index.to_series()).rename("stage"))


def write_opportunities(opportunities: pd.DataFrame, file: Path) -> None:
    """Write opportunities to a file of the kind that its ending names."""
    match file.suffix.lower():
        case ".csv":
            write_csv(opportunities, file)
        case ".parquet":
            with write_staged(file) as staged:
                opportunities.to_parquet(staged, index=False)
        case _:
            oa.to_excel(opportunities, file)


@reads_cells
def record_command(
    folder: HistoryFolder = HISTORY_FOLDER,
    source_file: FromFile = None,
    org_file: OrgFile = None,
    at: Annotated[
        str | None,
        typer.Option(
            help="Time that the file shows, as 2026-03-31T18:00.",
            show_default="now, or the time of the load",
        ),
    ] = None,
    allow_deleted: Annotated[
        bool,
        typer.Option(
            "--allow-deleted",
            help="Record many deals as deleted, where a file without them is not a partial export.",
        ),
    ] = False,
    allow_missing: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help=(
                "Record this column's values as missing, where it is gone or empty in every row; "
                "repeat it for more."
            ),
        ),
    ] = None,
    *,
    written: Json,
) -> None:
    """Load all opportunities and add what changed to the history (the API keeps none)."""
    if at is not None:
        as_instant(at, name="at")  # A mistake is told before anything is loaded.
    source = read_source(source_file, org_file, written, refresh="full")
    if at is None:
        say_age(source.opportunities, option="--at")
    history = oa.History(folder, org=source.org)
    history.record(
        source.opportunities,
        at=at,
        allow_deleted=allow_deleted,
        allow_missing=allow_missing or (),
    )
    latest = history.records.iloc[-1]
    say(
        f"Recorded {count(int(latest['rows']), 'opportunity')}, {number(latest['changed'])} "
        f"changed, in {folder} (record {number(len(history.records))})."
    )
