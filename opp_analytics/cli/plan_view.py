"""Plans in the terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

import opp_analytics as oa
from opp_analytics.cli.console import heading, out, program, say, show
from opp_analytics.errors import PlanError

__all__ = ["in_shell_words", "save_plan", "shell_words", "show_plan", "with_names"]

_WORDS = {
    r"clear_nulls=True": "--clear-nulls",
    r"allow_delete=True": "--allow-delete",
    r"again=True": "--again",
    r"see \.conflicts": "listed below",
    r"see \.table": "see --receipt",
    r"see \.problems": "all in the plan's file",
    r"runs\(\)": "opp-analytics runs",
    r"resume\(client, '([^']+)'\)": r"opp-analytics resume \1",
    r"resume\(client, '([^']+)', unknown='send'\)": r"opp-analytics resume \1 --unknown send",
}
"""What the package says in Python, and what a person types here."""


def shell_words(text: str) -> str:
    """A message of the package with options and commands in place of Python."""
    name = program().replace("\\", r"\\")
    for python, shell in _WORDS.items():
        text = re.sub(python, shell.replace("opp-analytics", name), text)
    return text


@contextmanager
def in_shell_words() -> Iterator[None]:
    """Say the refusals of a plan in the words of the command line."""
    try:
        yield
    except PlanError as error:
        raise PlanError(shell_words(str(error))) from None


def show_plan(made: oa.Plan) -> None:
    """Print a plan's changes, its counts and money, and its conflicts."""
    if len(made):
        out.print(made)
    say(shell_words(made.overview()))
    if len(made.conflicts):
        heading("Conflicts", "changed on the server since the export; left alone")
        show(with_names(made.conflicts, made), index=False)


def with_names(lines: pd.DataFrame, made: oa.Plan) -> pd.DataFrame:
    """Problems or conflicts, with the opportunity's name beside its id."""
    if "name" not in made.before:
        return lines
    named = made.before.drop_duplicates("unique_id").set_index("unique_id")["name"]
    table = lines.copy()
    table.insert(list(table.columns).index("unique_id") + 1, "name", lines["unique_id"].map(named))
    return table


def save_plan(made: oa.Plan, file: Path) -> None:
    """Save a plan that has changes to send, and print the command that applies it."""
    statuses = set(made.changes["status"])
    if statuses == {"already"}:
        say("Nothing to send: the server already has every change. No plan was saved.")
        return
    made.save(file)
    flags = {"clear_nulls": " --clear-nulls", "allow_delete": " --allow-delete"}
    needed = "".join(flags[option] for option in made.needs)
    command = f"{program()} apply {file}{needed}"
    if "clean" in statuses:
        say(f"Saved. To apply it: {command}")
    else:
        say(f"Saved. Only conflicts are left; to overwrite them: {command} --on-conflict overwrite")
