"""The `audit` command: data problems, and a plan that fixes them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

import opp_analytics as oa
from opp_analytics.cli.console import heading, note, say, show, write_command
from opp_analytics.cli.output import answer, with_tables
from opp_analytics.cli.source import CommandSource, reads_deals
from opp_analytics.text import count, joined

_KNOWN_BY = ("name", "owner_name", "stage")
_LISTED = ["check", "name", "field", "cell", "suggestion"]


@with_tables(plan_file=(".json",))
@reads_deals
def audit_command(
    source: CommandSource,
    plan_file: Annotated[
        Path | None,
        typer.Option("--fix", help="Save the suggested fixes as a plan for `apply`.", show_default=False),
    ] = None,
    stale_days: Annotated[
        int, typer.Option(min=1, help="Days without an update that make a deal stale.")
    ] = 30,
    most: Annotated[int, typer.Option(min=0, help="Number of findings to list.")] = 20,
) -> None:
    """Find data problems: deals and money by check, each finding, and a plan of fixes."""
    opportunities = source.opportunities
    findings = oa.audit(
        opportunities, as_of=source.day, stale_days=stale_days, own_writes=source.own_writes()
    )
    summary = oa.audit_summary(findings)
    heading("Audit", f"{count(len(opportunities), 'opportunity')}, as of {source.day:%Y-%m-%d}")
    lacks = findings.attrs.get("not_checked", [])
    if lacks:
        note(f"Not checked, as the data lacks it: {joined(lacks)}.")
    named = _name_findings(findings, opportunities)
    if summary.empty:
        say("Nothing found.")
    else:
        show(summary.reset_index()[["severity", "check", "deals", "value"]], index=False)
        if most:
            heading("Findings", "the most severe first")
            listed = [name for name in _LISTED if name in named]
            show(named[[*([] if "name" in named else ["unique_id"]), *listed]], index=False, most=most)
        _offer_fixes(opportunities, findings, plan_file)
    answer({"summary": summary, "findings": named})


def _name_findings(findings: pd.DataFrame, opportunities: pd.DataFrame) -> pd.DataFrame:
    """Add the name, owner and stage of each deal to the findings."""
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
        command = write_command("apply", file)
        say(f"{count(len(fixes), 'change')} planned in {file}. To review and apply: {command}")
