"""The list of commands, in the order of ``--help``."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

import opp_analytics

_HELP = (
    "Sales pipeline analytics over the 23blocks CRM Opportunities API.\n\n"
    "Have a file? [bold]start FILE[/] makes the weekly page of an export. No file? [bold]demo[/] "
    "simulates a year of a "
    "sales team on a local server and shows everything. If you have an account, go to 2. Each "
    "command has [bold]--help[/] with an example. "
    "Exit codes: 0 done, 1 error, 2 wrong usage, 3 an alert of the org file holds, 4 an edit was "
    "applied in part or its outcome is unknown."
)


_PANELS = {
    "1. Begin, without an account": {
        "start deals.csv": "start",
        "demo --out ./opp-demo": "demo",
        "sandbox --port 8723 --weeks 26 --db team.db": "demo",
    },
    "2. Connect: set BLOCKS_API_URL, BLOCKS_AUTH_TOKEN and BLOCKS_API_KEY": {
        "doctor": "doctor",
        "load --out pipeline.csv": "load",
        "org init --from deals.csv   then: opp-analytics org check": "org",
    },
    "3. Record every day: the API keeps no history": {
        "record --history ./opp-history   (every day, from cron)": "load",
        "import-crm opportunities.csv field_history.csv --org salesforce": "import_crm",
    },
    "4. Review every Monday": {
        "report --target 500000 --freq M --out weekly.html   (every Monday, from cron)": "report",
        "changes --since 2026-03-24 --for North --out changes.xlsx": "review",
        "forecast --target 500000 --by owner_name": "review",
        "pacing --target 500000": "review",
        "act --for North": "review",
        "risk --by owner_name --out risk.csv": "review",
        "created --freq Q --by owner_name": "review",
        "win-rate --by owner_name --start 2026-01-01": "review",
        "funnel --for North": "review",
        "slippage --freq Q": "review",
        "categories --period 2026-04": "review",
        "scorecard --by team --json": "review",
        "calls   or: opp-analytics calls --list": "calls",
        "call Ann 2026-12 450k --best 520k --reason 'Oak signed'": "calls",
        "prove --freq M --out proof.png": "review",
        "audit --out findings.csv --fix plan.json": "review",
        "ask at_risk --for North --json": "ask",
    },
    "5. Edit in bulk: a spreadsheet, a plan, then the server": {
        "export deals.xlsx": "edit",
        "plan deals.xlsx   or: opp-analytics plan before.csv after.csv": "edit",
        "apply plan.json": "edit",
    },
    "6. After an edit: list runs, finish a run, undo a run": {
        "runs": "edit",
        "resume": "edit",
        "undo 20260331T101500-a1b2c3 --out undo.json": "edit",
    },
    "7. Let an assistant ask, and propose edits that wait for you": {
        "skill": "tools",
        "serve-tools --history ./opp-history": "tools",
    },
}
"""The commands by panel: the example, which begins with the name, and the module, which has a
function of that name."""
_ORG = (
    "Write an org file from what your data shows, and check one: stages, people, targets, calendar."
)
_ENTRIES = {
    example.split()[0]: (example, module)
    for commands in _PANELS.values()
    for example, module in commands.items()
}


class _Commands(TyperGroup):
    """Commands that are imported when they run.

    ``--help`` and completion need only their names and first lines.
    """

    def list_commands(self, ctx: Any) -> list[str]:
        """List the commands, each with the first line of its docstring."""
        for name, listed in self.commands.items():
            listed.help = _read_first_line(name)
        return super().list_commands(ctx)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Import the command that `args` name."""
        name, listed, rest = super().resolve_command(ctx, args)
        return name, listed if name is None else _import(name), rest


class _Command(TyperCommand):
    """A command that words an error of ours for the shell, and then exits with code 1.

    On Ctrl-C it says what was done, where typer says nothing.
    """

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            from opp_analytics.cli.console import say_stopped

            say_stopped(
                str(stop) or "stopped; nothing is half-done, so run the command again to continue"
            )
            raise typer.Exit(130) from None
        except Exception as error:
            from opp_analytics.cli.console import complain, say_gathered
            from opp_analytics.errors import OppAnalyticsError
            from opp_analytics.sandbox import SandboxError

            if isinstance(error, OppAnalyticsError):
                said = error.in_shell(
                    {
                        str(name): one.opts[0]
                        for one in self.params
                        for name in (one.name, one.opts[0][2:].replace("-", "_"))
                    }
                )
            elif isinstance(error, SandboxError):
                said = str(error)
            else:
                raise
            say_gathered()
            complain(said)
            raise typer.Exit(1) from None


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
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    pass


def _read_first_line(name: str) -> str:
    """Read the first line of a command's docstring, without the imports of its module."""
    if name == "org":
        return _ORG
    _, file = _ENTRIES[name]
    module = ast.parse(Path(__file__).with_name(f"{file}.py").read_text(encoding="utf-8"))
    functions = {node.name: node for node in module.body if isinstance(node, ast.FunctionDef)}
    return (ast.get_docstring(functions[_name_function(name)]) or "").partition("\n")[0]


def _name_function(name: str) -> str:
    return f"{name.replace('-', '_')}_command"


def _import(name: str) -> Any:
    example, file = _ENTRIES[name]
    module = import_module(f"opp_analytics.cli.{file}")
    example = f"Example: opp-analytics {example}"
    alone = _typer(add_completion=False)
    if name == "org":
        alone.callback(help=_ORG, epilog=example, no_args_is_help=True)(lambda: None)
        for each, own in module.ORG_COMMANDS.items():
            alone.command(each, cls=_Command)(own)
    else:
        # An amount below 0 is no option, and the command refuses it.
        amounts = {"ignore_unknown_options": True} if name == "call" else None
        alone.command(name, cls=_Command, context_settings=amounts, epilog=example)(
            getattr(module, _name_function(name))
        )
    return typer.main.get_command(alone)


for _panel, _commands in _PANELS.items():
    for _example in _commands:
        # A placeholder: lists of commands show it.
        app.command(_example.split()[0], rich_help_panel=_panel)(lambda: None)
