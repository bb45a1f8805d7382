"""The `doctor` command."""

from __future__ import annotations

import itertools
import platform
from collections.abc import Iterator

import pandas as pd
import typer

import opp_analytics as oa
from opp_analytics.cli.console import say
from opp_analytics.cli.output import answer, with_tables
from opp_analytics.cli.source import OrgFile, find_org
from opp_analytics.text import count, plural


@with_tables(out=())
def doctor_command(org_file: OrgFile = None) -> None:
    """Check the settings, the connection to the API and the login of the mail server.

    Nothing is written or sent.
    """
    checks: dict[str, str] = {}
    with oa.Client.from_env(retries=1, org=find_org(org_file)) as client:
        for check, result in itertools.chain(_check(client), _check_mail()):
            checks[check] = result
            say(f"{check:<11}{result}")
    answer(pd.DataFrame(checks.items(), columns=["check", "result"]))
    if not checks.get("mail", "ok").startswith("ok"):
        raise typer.Exit(1)


def _check(client: oa.Client) -> Iterator[tuple[str, str]]:
    python = f"Python {platform.python_version()} on {platform.platform()}"
    yield "versions", f"opp-analytics {oa.__version__}, pandas {pd.__version__}, {python}"
    yield "settings", f"ok: {client.settings.url}, token and key set"
    yield "org", f"{client.org or 'no org file: the stages that the API documents'}"
    page = client.list(1, 5, sort="-updated_at")
    yield "API", f"ok: {_count(page.total_records, 'opportunity')}"
    trash = client.list_deleted(1, 1)
    yield "trash", f"ok: {_count(trash.total_records, 'deleted opportunity')}"
    newest = [str(row.get("updated_at") or "") for row in page.rows]
    obeyed = newest == sorted(newest, reverse=True)
    yield "sorting", "ok" if obeyed else "not obeyed: loads may be incomplete"
    yield "cache", str(client.cache_folder)


def _check_mail() -> Iterator[tuple[str, str]]:
    # Here: the other checks need no report.
    from opp_analytics.report import check_mail

    if found := check_mail():
        server, failure = found
        yield "mail", failure or f"ok: {server} takes the login"


def _count(total: int | None, noun: str) -> str:
    return f"unknown number of {plural(noun)}" if total is None else count(total, noun)
