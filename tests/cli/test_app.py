"""What the command line offers: help, version, completion."""

from __future__ import annotations

import inspect
import re
import shlex
import subprocess
import sys
import textwrap
from importlib.metadata import version
from pathlib import Path
from typing import Any, get_args

import pandas as pd
import pytest
import typer.main

from opp_analytics.arguments import MethodName
from opp_analytics.cli import app
from opp_analytics.cli.app import _import
from opp_analytics.org import KINDS, PRESETS
from opp_analytics.text import joined
from tests.cli.kinds import Account, Command
from tests.support import row

COMMANDS = list(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
PAGE = (Path(__file__).parents[2] / "docs" / "command-line.md").read_text()


def test_commands__are_those_of_the_design_in_the_order_of_use() -> None:
    assert [
        *(
            "start",
            "demo",
            "sandbox",
            "doctor",
            "load",
            "org",
            "record",
            "import-crm",
            "report",
        ),
        *("changes", "forecast", "pacing", "act", "risk", "created"),
        *(
            "win-rate",
            "funnel",
            "slippage",
            "categories",
            "scorecard",
            "calls",
            "call",
            "prove",
            "audit",
            "ask",
        ),
        *(
            "export",
            "plan",
            "apply",
            "runs",
            "resume",
            "undo",
        ),
        *(
            "skill",
            "serve-tools",
        ),
    ] == COMMANDS


@pytest.mark.parametrize("name", COMMANDS)
def test_help__of_a_command_has_an_example_and_the_docs_tell_of_it(
    command: Command, name: str
) -> None:
    code, said, _ = command(name, "--help")
    assert code == 0
    assert f"Example: opp-analytics {name}" in said
    assert f"opp-analytics {name}" in PAGE


def test_help__lists_the_commands_in_their_order(command: Command) -> None:
    _, said, _ = command("--help")
    listed = re.findall(r"│ ([a-z][\w-]+) +[A-Z]", said)
    assert listed == COMMANDS


def test_version__is_that_of_the_package(command: Command) -> None:
    assert command("--version") == (0, f"opp-analytics {version('opp-analytics')}\n", "")


@pytest.mark.parametrize(
    "arguments", [["nosuch"], ["load", "--nosuch"], ["sandbox", "--port", "many"]]
)
def test_wrong_usage__is_exit_code_2(command: Command, arguments: list[str]) -> None:
    code, _, err = command(*arguments)
    assert code == 2
    assert "Usage" in err


@pytest.mark.slow
def test_completion__offers_the_commands_that_fit() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from opp_analytics.cli import app; app(prog_name='opp-analytics')"],
        env={
            "_OPP_ANALYTICS_COMPLETE": "complete_bash",
            "COMP_WORDS": "opp-analytics re",
            "COMP_CWORD": "1",
            "PYTHONPATH": str(Path(__file__).parents[2]),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["record", "report", "resume"]


@pytest.mark.slow
def test_docs__a_week_runs_as_printed(command: Command, account: Account, here: Path) -> None:
    won = row(
        9,
        owner_name="Ann",
        stage="closed_won",
        status="won",
        probability=60,
        close_date="2026-01-31",
    )
    account(pd.DataFrame([*(row(n, owner_name="Ann") for n in range(9)), won]))
    [week] = re.findall(r"## A week\n\n```sh\n(.*?)```", PAGE, re.S)
    for line in week.splitlines():
        program, *arguments = shlex.split(line, comments=True)
        code, said, err = command(*arguments)
        assert (program, code) == ("opp-analytics", 0), f"{line}: {said}{err}"
    assert sorted(file.name for file in here.glob("*.*")) == [
        *(
            "deals.xlsx",
            "findings.csv",
            "fixes.json",
            "pipeline.csv",
            "risk.xlsx",
            "undo.json",
            "weekly.html",
            "weekly.xlsx",
        ),
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("blocked", "helps"),
    [
        (("pandas", "numpy", "pyarrow", "requests"), [[]]),
        (
            ("scipy", "requests", "duckdb", "ibis", "matplotlib", "openpyxl", "xlsxwriter"),
            [*([name] for name in COMMANDS), ["org", "init"], ["org", "check"]],
        ),
    ],
    ids=["list", "command"],
)
def test_help_and_usage_errors__load_nothing_that_takes_long(
    blocked: tuple[str, ...], helps: list[list[str]]
) -> None:
    code = f"""
        import sys
        sys.modules.update(dict.fromkeys({blocked!r}))
        from opp_analytics.cli import app
        for words in {helps!r}:
            app([*words, "--help"], standalone_mode=False)
        try:
            app([*{helps[-1]!r}[:1], "--nosuch"])
        except SystemExit as stop:
            assert stop.code == 2
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.count("Usage:")) == (0, len(helps)), done.stderr
    assert done.stderr.count("Usage:") == 1


def test_help__names_what_the_code_takes(command: Command) -> None:
    _, said, _ = command("start", "--help")
    words = " ".join(said.replace("│", " ").split())
    assert joined(KINDS, last="or") in words
    assert joined(PRESETS, last="or") in words
    _, said, _ = command("forecast", "--help")
    assert ", ".join(get_args(MethodName)) in " ".join(said.replace("│", " ").split())


@pytest.mark.parametrize("name", COMMANDS)
def test_help__shows_the_brackets_of_its_texts(command: Command, name: str) -> None:
    _, said, _ = command(name, "--help")
    shown = " ".join(said.replace("│", " ").split())
    texts = [one.help for one in _import(name).params if one.help]
    for words in texts:
        for bracket in re.findall(r"\[[^\]\s]+\]", words):
            assert bracket in shown, words


def test_list__says_of_a_command_what_its_own_help_begins_with(command: Command) -> None:
    group: Any = typer.main.get_command(app)
    listed = group.list_commands(None)
    for name in COMMANDS:
        assert name in listed
        # Of a group the help is that line.
        if name != "org":
            function = _import(name).callback
            assert group.commands[name].help == inspect.getdoc(function).splitlines()[0], name
