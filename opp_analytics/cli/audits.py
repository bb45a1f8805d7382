"""The command that says what is wrong with the data, and plans the suggested fixes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from opp_analytics.analysis import audit as find
from opp_analytics.analysis import audit_summary
from opp_analytics.analysis import fix as fixed
from opp_analytics.cli.commands import app
from opp_analytics.cli.console import heading, out, show
from opp_analytics.errors import DataError
from opp_analytics.loading import load as load_opportunities
from opp_analytics.periods import as_date
from opp_analytics.text import count as counted
from opp_analytics.writer import own_writes
from opp_analytics.writer import plan as make_plan

__all__ = ["audit"]

_KNOWN_BY = ("name", "owner_name", "stage")
_LISTED = ["check", "name", "field", "cell", "suggestion"]


@app.command(epilog="Example: opp-analytics audit --out findings.csv --fix plan.json")
def audit(
    file: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="Write every finding, with name, owner and stage of its deal, to this .csv file.",
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
    most: Annotated[int, typer.Option(min=0, help="How many findings are listed.")] = 20,
    tz: Annotated[str, typer.Option(help="Business time zone.")] = "UTC",
) -> None:
    """What is wrong or doubtful in the data: deals and money by check, the findings, and a plan that fixes them."""
    for path, ending in ((file, ".csv"), (plan_file, ".json")):
        if path is not None and path.suffix.lower() != ending:
            raise DataError(f"{path} ends in {path.suffix!r}; use {ending}")
    day = as_date(datetime.now(UTC) if as_of is None else as_of, tz=tz)
    opportunities = load_opportunities()
    ours = own_writes(opportunities.attrs["load"]["tenant"])
    findings = find(opportunities, as_of=day, stale_days=stale_days, own_writes=ours, tz=tz)
    summary = audit_summary(findings)
    heading("Audit", f"{counted(len(opportunities), 'opportunity')}, as of {day:%Y-%m-%d}")
    if summary.empty:
        _say("nothing found")
        return
    show(summary.reset_index()[["severity", "check", "deals", "value"]], index=False)
    named = _named(findings, opportunities)
    if most:
        heading("Findings", "the most severe first")
        show(named.head(most)[_LISTED], index=False, most=most, shorten=("name", "cell", "suggestion"))
    if len(findings) > most:
        _say(
            f"[dim]… and {len(findings) - most:,} more{'' if file else '; --out findings.csv has them all'}[/]"
        )
    if file is not None:
        named.to_csv(file, index=False)
        _say(f"{counted(len(findings), 'finding')} written to {file}")
    _offer_fixes(opportunities, findings, plan_file)


def _named(findings: pd.DataFrame, opportunities: pd.DataFrame) -> pd.DataFrame:
    """The findings with what people know a deal by beside its id."""
    known = [name for name in _KNOWN_BY if name in opportunities]
    named = findings.merge(opportunities[["unique_id", *known]], on="unique_id", how="left")
    others = [name for name in findings.columns if name != "unique_id"]
    return named[["unique_id", *known, *others]]


def _offer_fixes(opportunities: pd.DataFrame, findings: pd.DataFrame, file: Path | None) -> None:
    cells = int(findings["suggestion"].notna().sum())
    if not cells:
        _say("No fix is obvious for any of them")
    elif file is None:
        _say(f"{counted(cells, 'suggested fix')}: --fix plan.json makes a plan of them")
    else:
        made = make_plan(opportunities, fixed(opportunities, findings))
        made.save(file)
        _say(
            f"{counted(len(made), 'change')} planned in {file}; review them, then run: opp-analytics apply {file}"
        )


def _say(text: str) -> None:
    out.print(text, highlight=False)
