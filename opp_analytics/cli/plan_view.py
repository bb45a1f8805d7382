"""Plans in the terminal."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

import opp_analytics as oa
from opp_analytics.cli.console import heading, out, program, say, show
from opp_analytics.writer import Words

__all__ = ["SHELL", "save_plan", "show_plan", "with_names"]


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
    command = " ".join([program(), "apply", str(file), *map(SHELL.option, made.needs)])
    if "clean" in statuses:
        say(f"Saved. To apply it: {command}")
    else:
        say(f"Saved. Only conflicts are left; to overwrite them: {command} --on-conflict overwrite")
