"""Plans in the terminal."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

import opp_analytics as oa
from opp_analytics.cli.console import heading, out, program, say, show
from opp_analytics.writer import Words

__all__ = ["SHELL", "WRAPPED", "named", "save_plan", "show_plan"]

WRAPPED = ("opportunity", "value", "problem", "suggestion")
"""Columns of problems and conflicts that go on below."""


class _ShellWords(Words):
    more_conflicts = "listed below"
    more_problems = "all in the plan's file"
    more_outcomes = "see --receipt"

    def option(self, name: str) -> str:
        return f"--{name.replace('_', '-')}"

    def resume(self, run_id: str | None, *, send_unknown: bool = False) -> str:
        return f"{program()} resume {run_id}{' --unknown send' if send_unknown else ''}"


SHELL = _ShellWords()
"""What a person types here."""


def show_plan(made: oa.Plan) -> None:
    """Print a plan's changes, its counts and money, and its conflicts."""
    if len(made):
        out.print(made)
    say(made.overview(words=SHELL))
    if len(made.conflicts):
        heading("Conflicts", "changed on the server since the export; left alone")
        show(named(made.conflicts, made), index=False, wrap=WRAPPED)


def named(lines: pd.DataFrame, made: oa.Plan) -> pd.DataFrame:
    """Problems or conflicts, each with its opportunity's name; with the id where there is no name."""
    if "name" not in made.before:
        return lines
    names = made.before.drop_duplicates("unique_id").set_index("unique_id")["name"]
    table = lines.rename(columns={"unique_id": "opportunity"})
    table["opportunity"] = lines["unique_id"].map(names).fillna(lines["unique_id"])
    return table


def save_plan(made: oa.Plan, file: Path) -> None:
    """Save a plan that has changes to send, and print the command that applies it."""
    statuses = set(made.changes["status"])
    if statuses == {"already"}:
        say("Nothing to send: the server already has every change. No plan was saved.")
        return
    made.save(file)
    command = " ".join([program(), "apply", str(file), *map(SHELL.option, made.needs)])
    if "clean" in statuses:
        say(f"Saved. To apply it: {command}")
    else:
        say(f"Saved. Only conflicts are left; to overwrite them: {command} --on-conflict overwrite")
