"""The `import-crm` command."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

import opp_analytics as oa
from opp_analytics import crm
from opp_analytics.cli.console import heading, note, say, show, write_command
from opp_analytics.cli.load import (
    ENDINGS,
    count_stock,
    say_stock,
    write_opportunities,
)
from opp_analytics.cli.output import answer, check_ending, with_tables
from opp_analytics.cli.source import OrgFile, find_org, reads_cells, say_age
from opp_analytics.errors import DataError, DataWarning, HistoryError
from opp_analytics.table_files import quote_labels
from opp_analytics.text import capital, count, joined


@with_tables(out=())
@reads_cells
def import_crm_command(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="An export of deals, a field history, or one of each: .csv, .xlsx or .parquet, as "
            "Salesforce, HubSpot, Pipedrive and others write them. A log of your own has "
            "unique_id,changed_at,field,new_value, or unique_id,seen_at and the opportunity's "
            "columns.",
        ),
    ],
    folder: Annotated[
        Path | None,
        typer.Option(
            "--history",
            help=(
                "Begin a history in this folder, which must not contain records; `record` "
                "carries it on."
            ),
        ),
    ] = None,
    org_file: OrgFile = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the deals to this .csv, .parquet or .xlsx file.")
    ] = None,
    encoding: Annotated[
        str | None,
        typer.Option(
            help="Encoding of a CSV file, such as cp1252.", show_default="found in the file"
        ),
    ] = None,
    *,
    written: Mapping[str, Any],
) -> None:
    """Read another CRM's export or field history, and begin a history with it.

    The output shows what each column became.
    """
    check_ending(out, ENDINGS)
    org = find_org(org_file)
    found = {file: crm.recognize(file, org, encoding=encoding) for file in files}
    preset = None if org else choose_preset(found.values())
    if preset:
        say(
            f"No org file: read with the preset {preset}. Your own stages and columns go into "
            "opp-analytics.toml."
        )
    org = org or oa.Org(preset=preset)
    kinds = sort_files(found, ("opportunities", "history"))
    deals_file, log_file = kinds.get("opportunities"), kinds.get("history")
    if out is not None and deals_file is None:
        raise DataError(
            f"{log_file} is a field history, and --out writes deals; give the export of deals too"
        )
    if folder is not None and len(oa.History(folder).records):
        raise HistoryError(
            f"{folder} already contains records; import into a new folder, or carry it on with: "
            f"{write_command('record', '--from', 'FILE')}"
        )
    deals, tables = None, {}
    if deals_file is not None:
        export = crm.explain_export(deals_file, org, encoding=encoding, **written)
        deals, org = export.opportunities, oa.Org.of(export.opportunities)
        _say_reading(deals_file, count(len(deals), "opportunity"), export)
        tables["opportunities"] = export.mapping
        say_age(deals)
    if log_file is not None:
        log = crm.read_changes(log_file, org, opportunities=deals, encoding=encoding, **written)
        _say_reading(log_file, count(len(log.changes), "value"), log)
        tables["history"] = log.mapping
        if folder is not None:
            _say_begun(begin_history(log, folder, org), log, folder)
    elif deals is not None and folder is not None:
        oa.History(folder, org=org).record(deals)
        say(f"Recorded {count(len(deals), 'opportunity')} in {folder}.")
    if deals is not None and out is not None:
        write_opportunities(deals, out)
        say(f"Written to {out}.")
    elif deals is not None and len(deals):
        say_stock(deals)
        tables["stages"] = count_stock(deals)
    answer(tables)


def choose_preset(found: Collection[crm.Recognized]) -> str | None:
    """Choose the preset that the labels of files point to.

    None without one, and say where several fit.
    """
    for doubt in sorted({one.doubt for one in found} - {""}):
        say(f"{capital(doubt)}.")
    presets = {one.preset for one in found if one.preset}
    if len(presets) > 1:
        raise DataError(
            f"the files look like {joined(sorted(presets))}; give those of one CRM, or use --org"
        )
    return presets.pop() if presets else None


def sort_files(found: Mapping[Path, crm.Recognized], wanted: Collection[str]) -> dict[str, Path]:
    """Sort files by what they hold: at most one of each kind that is `wanted`.

    A field history is "history".
    """
    sorted_: dict[str, Path] = {}
    for file, one in found.items():
        kind = "history" if one.shape in crm.LOGS else one.shape
        if kind not in wanted:
            raise DataError(_refuse_kind(file, one, wanted))
        if kind in sorted_:
            raise DataError(
                f"{sorted_[kind]} and {file} both hold {KINDS[kind][0]}; give one file of each, "
                "or put the rows together"
            )
        sorted_[kind] = file
    return sorted_


KINDS = {
    "opportunities": ("deals", "an id and a stage"),
    "history": ("a field history", "a deal, a time, a field and its new value"),
    "targets": ("targets", "a period and a target"),
    "calls": ("calls", "a day, a period, a caller and a commit"),
    "people": ("people", "an owner, and a team or region"),
    "accounts": ("accounts", "an account id"),
    "activities": ("activities", "a deal or account, a date and a type"),
    "currency_rates": ("currency rates", "a date, a currency and a rate"),
}
"""What each kind of file holds, and the columns that tell it, in words."""


def _refuse_kind(file: Path, one: crm.Recognized, wanted: Collection[str]) -> str:
    if one.shape in KINDS:
        return f"{file} holds {KINDS[one.shape][0]}; start with it: {write_command('start', file)}"
    known = joined([f"{what} ({by})" for what, by in map(KINDS.__getitem__, wanted)], last="or")
    return (
        f"{file} holds nothing known: it has {quote_labels(one.labels)}, and is read if it holds "
        f"{known}; name its columns under [columns] of the org file"
    )


def _say_reading(file: Path, read: str, reading: crm.Reading) -> None:
    heading(f"{file.name}", f"{read}, {reading.read_as}")
    named = reading.mapping.rename(
        columns={"theirs": "your column", "ours": "read as", "how": "how sure"}
    )
    show(named.replace({"how sure": {"kept": "carried along"}}), index=False, most=40)
    say_notes(reading)


def say_notes(reading: crm.Reading) -> None:
    """Say what a file's reader left out, and what it noted."""
    for what in reading.left_out:
        note(f"Left out: {what}.")
    for one in reading.notes:
        note(f"{one}.")


def begin_history(log: crm.ChangeLog, folder: Path | None, org: oa.Org) -> oa.History:
    """Begin a history in a folder, or in memory, with a field history."""
    with DataWarning.muted():
        # The sentences below tell the same problems.
        return oa.History.from_changes(log, path=folder, org=org)


def _say_begun(history: oa.History, log: crm.ChangeLog, folder: Path) -> None:
    from opp_analytics.history import tell_problems

    deals, records = log.changes["unique_id"].nunique(), history.records
    say(
        f"\nBegan a history in {folder}: {count(deals, 'opportunity')}, "
        f"{count(int(records['changed'].sum()), 'change')}, {count(len(records), 'record')}."
    )
    problems = history.check()
    if len(problems):
        heading("Problems in the log", "these lines were imported too")
        say("\n".join(tell_problems(problems)))
