"""The `record` command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import opp_analytics as oa
from opp_analytics.cli.console import say
from opp_analytics.text import count, number

__all__ = ["record_command"]


def record_command(
    folder: Annotated[Path, typer.Option("--history", help="Folder of the history.")] = Path("opp-history"),
) -> None:
    """Load all opportunities and add what changed to the history (the API keeps none)."""
    history = oa.History(folder)
    history.record(oa.load(refresh="full"))
    latest = history.records.iloc[-1]
    say(
        f"Recorded {count(int(latest['rows']), 'opportunity')}, {number(latest['changed'])} changed, "
        f"in {folder} (record {number(len(history.records))})."
    )
