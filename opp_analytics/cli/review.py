"""The Monday commands: each asks questions of the pipeline and shows the answers."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

import opp_analytics as oa
from opp_analytics import text
from opp_analytics.cli.ask import FILES, asks, show_answers, takes
from opp_analytics.cli.console import OUTPUT, note, say, write_command
from opp_analytics.cli.output import with_tables, write_staged
from opp_analytics.cli.source import CommandSource, reads_deals, reads_records
from opp_analytics.schema import Json

_FORECAST = ("part", "freq", "target", "by", "since", "method", "confidence")


@asks("will_we_make_it", "months", options=_FORECAST)
def forecast_command() -> None:
    """Show whether the target is made, and each period's forecast, range, chance and coverage."""


@asks("why_it_moved", options=("part", "freq", "period", "since", "method"), records=True)
def changes_command() -> None:
    """Show why the forecast moved since a week ago: its steps, with the largest deals of each."""


@asks("act_today", options=("part", "freq", "target", "by", "method"))
def act_command() -> None:
    """List the deals to act on by what they add to the target, and what each person must win."""


@asks("at_risk", options=("part", "freq", "by", "method"))
def risk_command() -> None:
    """List the open deals to question, those to act on first, each with its reasons in words."""


@asks("pipeline_created", options=("part", "freq", "by"), records=True)
def created_command() -> None:
    """Show whether enough comes in: pipeline created week by week, and who brought it."""


@asks("win_rates", options=("part", "freq", "by", "start"))
def win_rate_command() -> None:
    """Show the share of closed deals that were won, by person and by period, with its interval."""


@asks("stages", options=("part",))
def funnel_command() -> None:
    """Show where the deals that entered each stage are now; without a history what is open."""


@asks("slippage", options=("part", "freq"), records=True)
def slippage_command() -> None:
    """Show how the deals due in the last periods ended, and which keep being moved later."""


@asks("coverage", options=("part", "freq", "target"))
def pacing_command() -> None:
    """Show what has closed beside earlier periods at the same point, and the usual coverage."""


@asks("categories", options=("part", "freq", "period", "target"))
def categories_command() -> None:
    """Show closed, commit, best case and pipeline money of a period, each alone and added up."""


@asks("scorecard", options=("part", "freq", "by", "start", "method"))
def scorecard_command() -> None:
    """Compare owners or other groups: win rate, days to win, slip rate and forecast bias."""


@with_tables((*FILES, ".png"))
@reads_records
@partial(takes, ("freq",))
def prove_command(source: CommandSource, history: oa.History | None, *, typed: Json) -> None:
    """Prove the forecast: score past forecasts and the formulas of others against what closed."""
    from opp_analytics import answers

    found = show_answers(["proof"], source, history, typed)
    picture = OUTPUT.get().file
    if picture is not None and picture.suffix.lower() == ".png":
        table = answers.tables.proof(found.context)
        figure = oa.plots.score(table[table["n"] > 0]).get_figure(root=True)
        assert figure is not None
        with write_staged(picture) as staged:
            figure.savefig(staged, format="png")
        note(f"Written to {picture}.")


@with_tables(FILES, plan_file=(".json",))
@reads_deals
@partial(takes, ("part", "by"))
def audit_command(
    source: CommandSource,
    history: oa.History | None,
    plan_file: Annotated[
        Path | None, typer.Option("--fix", help="Save the suggested fixes as a plan for `apply`.")
    ] = None,
    *,
    typed: Json,
) -> None:
    """Find data problems: deals and money by check, each finding, and a plan of fixes."""
    from opp_analytics import answers

    found = show_answers(["data_to_fix"], source, history, typed)
    findings = answers.tables.findings(found.context)
    cells = int(findings["suggestion"].notna().sum())
    if not cells:
        say("No finding has a suggested fix.")
    elif plan_file is None:
        them = "it" if cells == 1 else "them"
        say(f"{text.count(cells, 'suggested fix')}; --fix plan.json plans {them}.")
    else:
        opportunities = found.context.opportunities
        fixes = oa.plan(opportunities, oa.fix(opportunities, findings))
        fixes.save(plan_file)
        command = write_command("apply", plan_file)
        planned = f"{text.count(len(fixes), 'change')} planned in {plan_file}"
        say(f"{planned}. To review and apply: {command}")
