"""The `audit` command."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

import opp_analytics as oa
from opp_analytics.cli.console import heading, program, say, show
from opp_analytics.cli.output import check_ending, write_csv
from opp_analytics.cli.source import DayFirst, FromFile, OrgFile, read_source
from opp_analytics.periods import as_date
from opp_analytics.text import count, joined

__all__ = ["audit_command"]

_KNOWN_BY = ("name", "owner_name", "stage")
_LISTED = ["check", "name", "field", "cell", "suggestion"]


def audit_command(
    file: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="Write every finding, with the deal's name, owner and stage, to this .csv file.",
            show_default=False,
        ),
    ] = None,
    plan_file: Annotated[
        Path | None,
        typer.Option("--fix", help="Save the suggested fixes as a plan for `apply`.", show_default=False),
    ] = None,
    as_of: Annotated[
        str | None, typer.Option(help="Day of the audit, as 2026-03-31.", show_default="today")
    ] = None,
    stale_days: Annotated[
        int, typer.Option(min=1, help="Days without an update that make a deal stale.")
    ] = 30,
    most: Annotated[int, typer.Option(min=0, help="Number of findings to list.")] = 20,
    source_file: FromFile = None,
    day_first: DayFirst = None,
    org_file: OrgFile = None,
) -> None:
    """Find data problems: deals and money by check, each finding, and a plan of fixes."""
    for path, ending in ((file, ".csv"), (plan_file, ".json")):
        if path is not None:
            check_ending(path, (ending,))
    source = read_source(source_file, org_file, day_first=day_first)
    opportunities = source.opportunities
    day = as_date(datetime.now(UTC) if as_of is None else as_of, tz=oa.Org.of(opportunities).zone(None))
    findings = oa.audit(opportunities, as_of=day, stale_days=stale_days, own_writes=source.own_writes())
    summary = oa.audit_summary(findings)
    heading("Audit", f"{count(len(opportunities), 'opportunity')}, as of {day:%Y-%m-%d}")
    lacks = findings.attrs.get("not_checked", [])
    if lacks:
        say(f"Not checked, as the data lacks it: {joined(lacks)}.")
    if summary.empty:
        say("Nothing found.")
        return
    show(summary.reset_index()[["severity", "check", "deals", "value"]], index=False)
    named = _named(findings, opportunities)
    if most:
        heading("Findings", "the most severe first")
        listed = [name for name in _LISTED if name in named]
        known_by = [] if "name" in named else ["unique_id"]
        show(
            named.head(most)[[*known_by, *listed]],
            index=False,
            most=most,
            shorten=("name", "cell", "suggestion"),
        )
    if len(findings) > most:
        say(f"… and {len(findings) - most:,} more{'' if file else '; --out findings.csv lists them all'}")
    if file is not None:
        write_csv(named, file)
        say(f"{count(len(findings), 'finding')} written to {file}.")
    _offer_fixes(opportunities, findings, plan_file)


def _named(findings: pd.DataFrame, opportunities: pd.DataFrame) -> pd.DataFrame:
    """The findings, with the name, owner and stage of each deal."""
    known = [name for name in _KNOWN_BY if name in opportunities]
    named = findings.merge(opportunities[["unique_id", *known]], on="unique_id", how="left")
    others = [name for name in findings.columns if name != "unique_id"]
    return named[["unique_id", *known, *others]]


def _offer_fixes(opportunities: pd.DataFrame, findings: pd.DataFrame, file: Path | None) -> None:
    cells = int(findings["suggestion"].notna().sum())
    if not cells:
        say("No finding has a suggested fix.")
    elif file is None:
        say(f"{count(cells, 'suggested fix')}; --fix plan.json plans {'it' if cells == 1 else 'them'}.")
    else:
        fixes = oa.plan(opportunities, oa.fix(opportunities, findings))
        fixes.save(file)
        say(f"{count(len(fixes), 'change')} planned in {file}. To review and apply: {program()} apply {file}")
