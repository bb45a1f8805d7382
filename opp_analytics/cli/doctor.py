"""The `doctor` command."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

import opp_analytics as oa
from opp_analytics.cli.console import say
from opp_analytics.cli.org_file import find_org
from opp_analytics.cli.source import OrgFile
from opp_analytics.cli.support_report import write_support_report
from opp_analytics.errors import OppAnalyticsError
from opp_analytics.text import count, plural

__all__ = ["doctor_command"]


def doctor_command(
    report: Annotated[
        Path | None,
        typer.Option(
            help="Also write a file to send when you ask for help: versions, settings without secrets, last errors."
        ),
    ] = None,
    history: Annotated[Path, typer.Option(help="The history folder that the report describes.")] = Path(
        "opp-history"
    ),
    org_file: OrgFile = None,
) -> None:
    """Check the settings and the connection to the API; nothing is written to the server."""
    told: list[str] = []
    cache: Path | None = None
    try:
        with oa.Client.from_env(retries=1, org=find_org(org_file)) as client:
            cache = client.cache_folder
            for line in _checks(client):
                told.append(line)
                say(line)
    except OppAnalyticsError as error:
        told.append(f"failed     {type(error).__name__}: {error}")
        raise
    finally:
        if report is not None:
            write_support_report(report, told, cache, history)
            say(f"report     {report}: read it before you send it")


def _checks(client: oa.Client) -> Iterator[str]:
    yield f"settings   ok: {client.settings.url}, token and key set"
    yield f"org        {client.org or 'no org file: the stages that the API documents'}"
    page = client.list(1, 5, sort="-updated_at")
    yield f"API        ok: {_counted(page.total_records, 'opportunity')}"
    trash = client.list_deleted(1, 1)
    yield f"trash      ok: {_counted(trash.total_records, 'deleted opportunity')}"
    newest = [str(row.get("updated_at") or "") for row in page.rows]
    obeyed = newest == sorted(newest, reverse=True)
    yield f"sorting    {'ok' if obeyed else 'not obeyed: loads may be incomplete'}"
    yield f"cache      {client.cache_folder}"


def _counted(total: int | None, noun: str) -> str:
    return f"unknown number of {plural(noun)}" if total is None else count(total, noun)
