"""The order in which ``--help`` tells of the commands: from the first try to the way back."""

from __future__ import annotations

import typer

__all__ = ["TOUR", "guide"]

TOUR = {
    "1. Try it, without an account": ("demo", "sandbox"),
    "2. Connect: set BLOCKS_API_URL, BLOCKS_AUTH_TOKEN, BLOCKS_API_KEY": ("doctor", "load"),
    "3. Remember, every day: the API keeps no history": ("record", "import-history"),
    "4. Read, every Monday": ("report", "audit"),
    "5. Edit in bulk: a spreadsheet, a plan, only then the server": (
        "export",
        "plan",
        "apply",
    ),
    "6. Afterwards: what was written, the unfinished rest, the way back": ("runs", "resume", "undo"),
}
"""Panels of ``--help`` and their commands, in order."""


def guide(app: typer.Typer) -> None:
    """Put the commands of `app` into the panels and the order of the tour."""
    commands = {_name(command): command for command in app.registered_commands}
    for panel, names in TOUR.items():
        for name in names:
            commands[name].rich_help_panel = panel
    order = [name for names in TOUR.values() for name in names]
    app.registered_commands = [commands[name] for name in order]


def _name(command: typer.models.CommandInfo) -> str:
    assert command.callback is not None
    return command.name or command.callback.__name__.replace("_", "-")
