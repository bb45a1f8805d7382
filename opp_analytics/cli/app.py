"""The list of commands, in the order of ``--help``."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

import typer

import opp_analytics
from opp_analytics.cli.apply import apply_command, resume_command, runs_command, undo_command
from opp_analytics.cli.audit import audit_command
from opp_analytics.cli.console import say_stopped
from opp_analytics.cli.demo import demo_command
from opp_analytics.cli.doctor import doctor_command
from opp_analytics.cli.import_crm import import_crm_command
from opp_analytics.cli.load import load_command
from opp_analytics.cli.plan import export_command, plan_command
from opp_analytics.cli.record import record_command
from opp_analytics.cli.report import report_command
from opp_analytics.cli.sandbox import sandbox_command

__all__ = ["app"]

_TRY = "1. Try it without an account"
_CONNECT = "2. Connect: set BLOCKS_API_URL, BLOCKS_AUTH_TOKEN and BLOCKS_API_KEY"
_RECORD = "3. Record every day: the API keeps no history"
_REVIEW = "4. Review every Monday"
_EDIT = "5. Edit in bulk: a spreadsheet, a plan, then the server"
_AFTER = "6. After an edit: list runs, finish a run, undo a run"

_HELP = (
    "Sales pipeline analytics over the 23blocks CRM Opportunities API.\n\n"
    "Start with [bold]demo[/]: it simulates half a year of a sales team on a local server and shows everything. "
    "If you have an account, go to 2. Each command has [bold]--help[/] with an example. "
    "Exit codes: 0 done, 1 error, 2 wrong usage, 4 an edit was applied in part or its outcome is unknown."
)

app = typer.Typer(
    name="opp-analytics",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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


def _add(panel: str, command: Callable[..., Any], example: str) -> None:
    name = example.split()[0]
    app.command(name, epilog=f"Example: opp-analytics {example}", rich_help_panel=panel)(_stoppable(command))


def _stoppable(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command; on Ctrl-C it says what was done, where typer would say nothing."""

    @wraps(command)
    def run(*arguments: Any, **options: Any) -> Any:
        try:
            return command(*arguments, **options)
        except KeyboardInterrupt as stop:
            say_stopped(str(stop) or "stopped; nothing is half-done, so run the command again to continue")
            raise typer.Exit(130) from None

    return run


_add(_TRY, demo_command, "demo --out ./opp-demo")
_add(_TRY, sandbox_command, "sandbox --port 8723 --weeks 26 --db team.db")
_add(_CONNECT, doctor_command, "doctor")
_add(_CONNECT, load_command, "load --out pipeline.csv")
_add(_RECORD, record_command, "record --history ./opp-history   (every day, from cron)")
_add(
    _RECORD,
    import_crm_command,
    "import-crm opportunities.csv field_history.csv --org salesforce --history ./opp-history",
)
_add(
    _REVIEW,
    report_command,
    "report --target 500000 --freq M --out weekly.html   (every Monday, from cron)",
)
_add(_REVIEW, audit_command, "audit --out findings.csv --fix plan.json")
_add(_EDIT, export_command, "export deals.xlsx")
_add(_EDIT, plan_command, "plan deals.xlsx   or: opp-analytics plan before.csv after.csv")
_add(_EDIT, apply_command, "apply plan.json")
_add(_AFTER, runs_command, "runs")
_add(_AFTER, resume_command, "resume")
_add(_AFTER, undo_command, "undo 20260331T101500-a1b2c3 --out undo.json")
