"""The `import-crm` command."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

import opp_analytics as oa
from opp_analytics.cli.console import heading, say, show, write_command
from opp_analytics.cli.load import add_record, say_stock, write_opportunities
from opp_analytics.cli.output import check_ending
from opp_analytics.cli.source import DayFirst, DecimalComma, OrgFile, find_org, say_age
from opp_analytics.crm import ChangeLog, Reading, explain_export, read_changes, recognize
from opp_analytics.errors import DataError, DataWarning, HistoryError
from opp_analytics.files import read_whole
from opp_analytics.text import count, joined

_ENDINGS = (".csv", ".parquet", ".xlsx")


def import_crm_command(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="An export of deals, a field history, or one of each: .csv, .xlsx or .parquet, as Salesforce, HubSpot "
            "and Pipedrive write them. A log of your own has unique_id,changed_at,field,new_value, or unique_id,seen_at "
            "and the opportunity's columns.",
            show_default=False,
        ),
    ],
    folder: Annotated[
        Path | None,
        typer.Option(
            "--history",
            help="Begin a history in this folder, which must not contain records; `record` carries it on.",
            show_default=False,
        ),
    ] = None,
    org_file: OrgFile = None,
    ids: Annotated[
        Path | None,
        typer.Option(
            help="CSV file of two columns, the CRM's id and the id of the records that follow, where they come from "
            "another system.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Write the deals to this .csv, .parquet or .xlsx file.", show_default=False),
    ] = None,
    day_first: DayFirst = None,
    decimal_comma: DecimalComma = None,
    encoding: Annotated[
        str | None,
        typer.Option(help="Encoding of a CSV file, such as cp1252.", show_default="found in the file"),
    ] = None,
) -> None:
    """Read another CRM's export or field history, show what each column became, and begin a history with it."""
    check_ending(out, _ENDINGS)
    org = find_org(org_file)
    found = {file: recognize(file, org, encoding=encoding) for file in files}
    org = org or _use_preset({one.preset for one in found.values() if one.preset})
    deals_file, log_file = _sort_files({file: one.shape for file, one in found.items()})
    if out is not None and deals_file is None:
        raise DataError(
            f"{log_file} is a field history, and --out writes deals; give the export of deals too"
        )
    if ids is not None and log_file is None:
        raise DataError(f"--ids belongs to a field history, and {deals_file} is an export of deals")
    if folder is not None and len(oa.History(folder).records):
        raise HistoryError(
            f"{folder} already contains records; import into a new folder, or carry it on with: {write_command('record', '--from', 'FILE')}"
        )
    deals = None
    if deals_file is not None:
        export = explain_export(
            deals_file, org, day_first=day_first, decimal_comma=decimal_comma, encoding=encoding
        )
        deals, org = export.opportunities, oa.Org.of(export.opportunities)
        _say_reading(deals_file, count(len(deals), "opportunity"), export)
        say_age(deals)
    if log_file is not None:
        log = read_changes(
            log_file,
            org,
            opportunities=deals,
            ids=_read_ids(ids),
            day_first=day_first,
            decimal_comma=decimal_comma,
            encoding=encoding,
        )
        _say_reading(log_file, count(len(log.changes), "value"), log)
        if folder is not None:
            _begin(log, folder, org)
    elif deals is not None and folder is not None:
        add_record(oa.History(folder, org=org), deals)
        say(f"Recorded {count(len(deals), 'opportunity')} in {folder}.")
    if deals is not None and out is not None:
        write_opportunities(deals, out)
        say(f"Written to {out}.")
    elif deals is not None and len(deals):
        say_stock(deals)


def _use_preset(presets: set[str]) -> oa.Org:
    """Use the preset that the files' labels point to; the API's own stages without one."""
    if len(presets) > 1:
        raise DataError(f"the files look like {joined(sorted(presets))}; import each CRM alone, or use --org")
    if not presets:
        return oa.Org()
    [preset] = presets
    say(
        f"No org file: read with the preset {preset}. Your own stages and columns go into opp-analytics.toml."
    )
    return oa.Org(preset=preset)


def _sort_files(shapes: Mapping[Path, str]) -> tuple[Path | None, Path | None]:
    """Tell the file of deals from the field history."""
    deals = [file for file, shape in shapes.items() if shape == "opportunities"]
    logs = [file for file, shape in shapes.items() if shape != "opportunities"]
    for kind, several in (("deals", deals), ("a field history", logs)):
        if len(several) > 1:
            raise DataError(
                f"{several[0]} and {several[1]} both hold {kind}; give one file of each, or put the rows together"
            )
    return (deals[0] if deals else None), (logs[0] if logs else None)


def _say_reading(file: Path, read: str, reading: Reading) -> None:
    heading(f"{file.name}", f"{read}, {reading.read_as}")
    named = reading.mapping.rename(columns={"theirs": "your column", "ours": "read as", "how": "how sure"})
    show(named.replace({"how sure": {"kept": "carried along"}}), index=False, most=40)
    for what in reading.left_out:
        say(f"Left out: {what}.")
    for note in reading.notes:
        say(f"{note}.")


def _read_ids(file: Path | None) -> dict[str, str] | None:
    if file is None:
        return None
    content = io.BytesIO(read_whole(file))
    try:
        table = pd.read_csv(content, dtype="str", encoding="utf-8-sig").dropna()
    except ValueError as error:
        raise DataError(
            f"cannot read {file} ({error}); use a CSV file of two columns, theirs and ours"
        ) from None
    if table.shape[1] != 2:
        raise DataError(f"{file} has {count(table.shape[1], 'column')}; use two: the CRM's id, and ours")
    theirs, ours = (table.iloc[:, place].str.strip() for place in range(2))
    if theirs.duplicated().any():
        raise DataError(
            f"{file}: the id {theirs[theirs.duplicated()].iloc[0]!r} occurs twice; keep one row each"
        )
    return dict(zip(theirs, ours, strict=True))


def _begin(log: ChangeLog, folder: Path, org: oa.Org) -> None:
    with warnings.catch_warnings():
        # The table below lists the same problems.
        warnings.simplefilter("ignore", DataWarning)
        history = oa.History.from_changes(log, path=folder, org=org)
    records = history.records
    say(
        f"\nBegan a history in {folder}: {count(log.changes['unique_id'].nunique(), 'opportunity')}, "
        f"{count(int(records['changed'].sum()), 'change')}, {count(len(records), 'record')}."
    )
    if len(records):
        first, last = records["recorded_at"].iloc[[0, -1]]
        say(f"From {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC.")
    problems = history.check()
    if len(problems):
        heading("Problems in the log", "these lines were imported too")
        problem = problems.groupby("problem", sort=False)
        show(problem.agg(opportunities=("unique_id", "size"), for_example=("unique_id", "first")))
