"""The list of commands, in the order of ``--help``."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperGroup

import opp_analytics

_HELP = (
    "Sales pipeline analytics over the 23blocks CRM Opportunities API.\n\n"
    "Have a file? [bold]start FILE[/] makes the weekly page of an export. No file? [bold]demo[/] simulates half a year of a "
    "sales team on a local server and shows everything. If you have an account, go to 2. Each command has [bold]--help[/] with an example. "
    "Exit codes: 0 done, 1 error, 2 wrong usage, 3 an alert of the org file holds, 4 an edit was applied in part or its outcome is unknown."
)


class _Entry(NamedTuple):
    function: str
    """Module and name, such as ``load.load_command``; a group of commands is a mapping from their names."""
    first_line: str
    example: str


_ENTRIES: dict[str, _Entry] = {}


class _Commands(TyperGroup):
    """Commands that are imported when they run: ``--help`` and completion need their names and first lines only."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Import the command that `args` name."""
        name, listed, rest = super().resolve_command(ctx, args)
        return name, listed if name is None else _import(name), rest


def _typer(**options: Any) -> typer.Typer:
    return typer.Typer(
        name="opp-analytics",
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        **options,
    )


app = _typer(no_args_is_help=True, cls=_Commands)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"opp-analytics {opp_analytics.__version__}")
        raise typer.Exit


@app.callback(help=_HELP)
def _overview(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


def _add(panel: str, function: str, first_line: str, example: str) -> None:
    name = example.split()[0]
    _ENTRIES[name] = _Entry(function, first_line, example)

    def listed() -> None:
        """Stand in for the command in lists."""

    app.command(name, help=first_line, rich_help_panel=panel)(listed)


def _import(name: str) -> Any:
    """Import the command itself, with its options."""
    entry = _ENTRIES[name]
    module, function = entry.function.split(".")
    command = getattr(import_module(f"opp_analytics.cli.{module}"), function)
    example = f"Example: opp-analytics {entry.example}"
    alone = _typer(add_completion=False)
    if isinstance(command, dict):
        alone.callback(help=entry.first_line, epilog=example, no_args_is_help=True)(lambda: None)
        for each, own in command.items():
            alone.command(each)(_stop_politely(own))
    else:
        alone.command(name, epilog=example)(_stop_politely(command))
    return typer.main.get_command(alone)


def _stop_politely(command: Callable[..., Any]) -> Callable[..., Any]:
    """Let a command say on Ctrl-C what was done, where typer would say nothing."""

    @wraps(command)
    def run(*arguments: Any, **options: Any) -> Any:
        try:
            return command(*arguments, **options)
        except KeyboardInterrupt as stop:
            from opp_analytics.cli.console import say_stopped

            say_stopped(str(stop) or "stopped; nothing is half-done, so run the command again to continue")
            raise typer.Exit(130) from None

    return run


_PANELS = {
    "1. Begin, without an account": {
        "start deals.csv": (
            "start.start_command",
            "Read the files you have, ask at most three questions, and write the org file, the history and the weekly page.",
        ),
        "demo --out ./opp-demo": (
            "demo.demo_command",
            "Simulate half a year of a sales team: load, record, analyze, chart, edit in bulk.",
        ),
        "sandbox --port 8723 --weeks 26 --db team.db": (
            "demo.sandbox_command",
            "Run a local practice server of the same API with a simulated sales team. Ctrl-C stops it.",
        ),
    },
    "2. Connect: set BLOCKS_API_URL, BLOCKS_AUTH_TOKEN and BLOCKS_API_KEY": {
        "doctor": (
            "doctor.doctor_command",
            "Check the settings and the connection to the API; nothing is written to the server.",
        ),
        "load --out pipeline.csv": (
            "load.load_command",
            "Load all opportunities and show them by stage, or write them to a file.",
        ),
        "org init --from deals.csv   then: opp-analytics org check": (
            "org.ORG_COMMANDS",
            "Write an org file from what your data shows, and check one: stages, people, targets, calendar.",
        ),
    },
    "3. Record every day: the API keeps no history": {
        "record --history ./opp-history   (every day, from cron)": (
            "load.record_command",
            "Load all opportunities and add what changed to the history (the API keeps none).",
        ),
        "import-crm opportunities.csv field_history.csv --org salesforce --history ./opp-history": (
            "import_crm.import_crm_command",
            "Read another CRM's export or field history, show what each column became, and begin a history with it.",
        ),
    },
    "4. Review every Monday": {
        "report --target 500000 --freq M --out weekly.html   (every Monday, from cron)": (
            "report.report_command",
            "Write the weekly page and its workbook: will we make it, what changed, what each person must win, what to fix.",
        ),
        "changes --since 2026-03-24 --by owner_name --out changes.xlsx": (
            "review.changes_command",
            "Show what changed between two days: why the forecast moved, which deals did it, what moved the pipeline.",
        ),
        "forecast --target 500000 --by owner_name": (
            "review.forecast_command",
            "Show what each period will bring: closed, expected, the range, the chance of the target, the pipeline to add.",
        ),
        "risk --by owner_name --out risk.csv": (
            "review.risk_command",
            "List the open deals to question, the most money first, each with its reasons in words.",
        ),
        "created --freq Q --by owner_name": (
            "review.created_command",
            "Show whether enough comes in: pipeline created in each period, and the open pipeline at its end.",
        ),
        "win-rate --by owner_name --since 2026-01-01": (
            "measures.win_rate_command",
            "Show the share of closed deals that were won, by count and by money, with its interval.",
        ),
        "funnel --by team": (
            "measures.funnel_command",
            "Show the open deals in each stage, and how many deals reached it, at least and at most.",
        ),
        "slippage --start 2026-01-01 --end 2026-03-31 --by owner_name": (
            "measures.slippage_command",
            "Show the outcome of the deals that were due: won, lost, slipped, pulled out, removed or still due.",
        ),
        "categories --freq Q": (
            "measures.categories_command",
            "Show closed, commit, best case and pipeline money of each period, each alone and added up.",
        ),
        "scorecard --by team --json": (
            "measures.scorecard_command",
            "Compare owners or other groups: win rate, days to win, slip rate and forecast bias.",
        ),
        "prove --freq M --anonymous --out forecast-proof.html": (
            "review.prove_command",
            "Prove the forecast: past forecasts and the formulas of others against what closed, as a page to hand on.",
        ),
        "audit --out findings.csv --fix plan.json": (
            "audit.audit_command",
            "Find data problems: deals and money by check, each finding, and a plan of fixes.",
        ),
    },
    "5. Edit in bulk: a spreadsheet, a plan, then the server": {
        "export deals.xlsx": (
            "edit.export_command",
            "Export all opportunities to a file for editing; `plan` reads it back.",
        ),
        "plan deals.xlsx   or: opp-analytics plan before.csv after.csv": (
            "edit.plan_command",
            "Show the effect of the edits: changes, problems, conflicts, and the forecast before and after.",
        ),
        "apply plan.json": (
            "edit.apply_command",
            "Apply a plan: show its counts and money, ask, then write. Ctrl-C stops after the calls in flight.",
        ),
    },
    "6. After an edit: list runs, finish a run, undo a run": {
        "runs": (
            "edit.runs_command",
            "List the plans applied from this computer, newest first, with their outcomes.",
        ),
        "resume": (
            "edit.resume_command",
            "Finish an interrupted run: check unknown outcomes on the server, then send the rest, each change once.",
        ),
        "undo 20260331T101500-a1b2c3 --out undo.json": (
            "edit.undo_command",
            "Plan to undo a run; nothing is sent. Later changes by other people are kept.",
        ),
    },
}
"""The commands by panel: the example, which begins with the name; function and first line as in `_Entry`."""

for _panel, _commands in _PANELS.items():
    for _example, (_function, _first_line) in _commands.items():
        _add(_panel, _function, _first_line, _example)
