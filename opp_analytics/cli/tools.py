"""The commands for assistants: the skill that tells them how to ask, and the server of tools."""

from __future__ import annotations

import logging
import os
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from opp_analytics.cli.console import OUTPUT, Output
from opp_analytics.cli.source import (
    HISTORY_FOLDER,
    HistoryFolder,
    OrgFile,
    find_history,
    find_org,
    open_history,
    read_source,
)

_SECRET = ("BLOCKS_AUTH_TOKEN", "BLOCKS_API_KEY")


def skill_command() -> None:
    """Print SKILL.md, which tells an assistant the command of each question."""
    typer.echo((files("opp_analytics.tools") / "SKILL.md").read_text(encoding="utf-8"), nl=False)


def serve_tools_command(
    read_api: Annotated[
        bool,
        typer.Option("--read-api", help="Read the API with the credentials of the environment."),
    ] = False,
    plans: Annotated[
        Path, typer.Option(help="Folder for the plans that the assistant proposes.")
    ] = Path("opp-plans"),
    folder: HistoryFolder = HISTORY_FOLDER,
    org_file: OrgFile = None,
) -> None:
    """Answer an assistant on stdin and stdout, from the history; it can propose, never write."""
    from opp_analytics.tools import Calculator, Pipeline, serve

    if not read_api and (found := [name for name in _SECRET if os.environ.get(name)]):
        raise typer.BadParameter(
            f"{' and '.join(found)} are in the environment, and the tools need none: start without "
            "them, or with --read-api to read the API in place of the history"
        )
    if not read_api:
        open_history(folder, find_org(org_file))

    def read(as_of: str | None) -> Pipeline:
        source = read_source(None, org_file, asked=as_of, recorded=folder)
        history = find_history(folder, source.org)
        return Pipeline(source.opportunities, history, source.org, source.client)

    logging.basicConfig(level=logging.WARNING)
    # The protocol owns stdout.
    OUTPUT.set(Output(quiet=True, as_json=True))
    serve(Calculator(read, plans))
