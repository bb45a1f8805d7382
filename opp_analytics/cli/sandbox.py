"""The `sandbox` command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

import opp_analytics as oa
from opp_analytics.cli.console import program, say
from opp_analytics.cli.org_file import find_org
from opp_analytics.cli.source import OrgFile
from opp_analytics.text import count

__all__ = ["sandbox_command"]


def sandbox_command(
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Port on this computer; 0 picks a free one.")
    ] = 8723,
    weeks: Annotated[int, typer.Option(min=0, help="Weeks of simulated sales at the start.")] = 26,
    db: Annotated[
        Path | None,
        typer.Option(
            help="Keep the data in this file; the next start with the same file continues from it.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Random seed; another seed gives another sales team.")] = 1,
    org_file: OrgFile = None,
) -> None:
    """Run a local practice server of the same API with a simulated sales team. Ctrl-C stops it."""
    with oa.sandbox.start(port=port, weeks=weeks, seed=seed, path=db, org=find_org(org_file)) as server:
        say(f"The sandbox is running at {server.url}. It holds {_contents(server)}.")
        say(f"\nPaste into another terminal:\n\n{server.exports}\n{program()} doctor")
        say(f"\nOr into Python:\n\n{_python(server)}")
        kept = f"The data stays in {db}." if db else "The data is then deleted; use --db FILE to keep it."
        say(f"\nPress Ctrl-C here to stop it. {kept}")
        server.wait()


def _contents(server: oa.sandbox.Sandbox) -> str:
    """Number of opportunities, and their time span."""
    with oa.Client(server.url, server.token, server.api_key) as client:
        page = client.list(1, 1, sort="created_at")
    total = page.total_records or 0
    if not page.rows:
        return count(total, "opportunity")
    age = pd.Timestamp(server.now) - pd.Timestamp(page.rows[0]["created_at"])
    return f"{count(total, 'opportunity')} from {count(-(-age // pd.Timedelta(weeks=1)), 'week')} of simulated sales"


def _python(server: oa.sandbox.Sandbox) -> str:
    return (
        "import opp_analytics as oa\n"
        f'client = oa.Client("{server.url}", "{server.token}", "{server.api_key}")\n'
        "opportunities = oa.load(client)"
    )
