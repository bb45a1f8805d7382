"""The `doctor` command, and its support report for a helper.

The report holds settings, checks and last errors, and no secret.
"""

from __future__ import annotations

import itertools
import json
import os
import platform
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any

import pandas as pd
import typer

import opp_analytics as oa
from opp_analytics import text
from opp_analytics.api import TOKEN_COMMAND, VARIABLES, state_folder
from opp_analytics.cli.console import note, say
from opp_analytics.cli.output import answer, check_ending, with_tables
from opp_analytics.cli.source import OrgFile, find_org
from opp_analytics.errors import OppAnalyticsError
from opp_analytics.files import make_private_folder, write_whole
from opp_analytics.text import count, plural


@with_tables(out=())
def doctor_command(
    report: Annotated[
        Path | None,
        typer.Option(
            help=(
                "Also write a file to send when you ask for help: versions, settings without "
                "secrets, last errors."
            )
        ),
    ] = None,
    history: Annotated[
        Path, typer.Option(help="The history folder that the report describes.")
    ] = Path("opp-history"),
    org_file: OrgFile = None,
) -> None:
    """Check the settings, the connection to the API and the login of the mail server.

    Nothing is written or sent.
    """
    check_ending(report, (".txt", ".md", ".log"))
    checks: dict[str, str] = {}
    cache: Path | None = None
    try:
        with oa.Client.from_env(retries=1, org=find_org(org_file)) as client:
            cache = client.cache_folder
            for check, result in itertools.chain(_check(client), _check_mail()):
                checks[check] = result
                say(_write_check(check, result))
    except OppAnalyticsError as error:
        checks["failed"] = f"{type(error).__name__}: {error}"
        raise
    finally:
        if report is not None:
            write_support_report(
                report, itertools.starmap(_write_check, checks.items()), cache, history
            )
            note(_write_check("report", f"{report}: read it before you send it"))
    answer(pd.DataFrame(checks.items(), columns=["check", "result"]))
    if not checks.get("mail", "ok").startswith("ok"):
        raise typer.Exit(1)


def _write_check(check: str, result: str) -> str:
    return f"{check:<11}{result}"


def _check(client: oa.Client) -> Iterator[tuple[str, str]]:
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


_SHOWN = ("XDG_CACHE_HOME", "XDG_STATE_HOME", "TZ", "LANG")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


def write_support_report(
    path: Path, checks: Iterable[str], cache: Path | None, history: Path | None
) -> None:
    """Write the support report: versions, settings, checks, files and last errors.

    The files are cache, journal and history. Only the owner can read the report.
    """
    sections: dict[str, Callable[[], Iterable[str]]] = {
        "Versions": _list_versions,
        "Settings": _list_settings,
        "Checks": lambda: checks,
        "Cache": lambda: [] if cache is None else _list_files(cache),
        "Journal": _list_runs,
        "History": lambda: [] if history is None else _describe_history(history),
        "Last errors": _list_errors,
    }
    lines = [
        f"opp-analytics support report, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "Read it before you send it: an error may name a deal. It holds no token and no key.",
    ]
    for title, content in sections.items():
        lines += ["", title, *(f"  {text.printable(line)}" for line in _try(content))]
    write_whole(path, ("\n".join(lines) + "\n").encode("utf-8", "backslashreplace"), private=True)


def _try(content: Callable[[], Iterable[str]]) -> list[str]:
    try:
        return list(content()) or ["none"]
    except OppAnalyticsError as error:
        return [f"{type(error).__name__}: {error}"]


def _list_versions() -> Iterator[str]:
    yield f"opp-analytics {oa.__version__}"
    yield f"Python {platform.python_version()} on {platform.platform()}"
    names = {
        re.split(r"[^\w.-]", requirement)[0] for requirement in requires("opp-analytics") or []
    }
    for name in sorted(names - {"opp-analytics"}):
        try:
            yield f"{name} {version(name)}"
        except PackageNotFoundError:
            yield f"{name} not installed"


def _list_settings() -> Iterator[str]:
    for name in _SHOWN:
        yield f"{name} {os.environ.get(name, 'not set')}"
    for name in (*VARIABLES, TOKEN_COMMAND, *_PROXIES):
        yield f"{name} {'set' if os.environ.get(name, '').strip() else 'not set'}"


def _list_files(folder: Path) -> Iterator[str]:
    if not folder.is_dir():
        yield f"{folder} does not exist"
        return
    yield str(folder)
    for file in sorted(folder.iterdir()):
        facts = file.lstat()
        changed = datetime.fromtimestamp(facts.st_mtime, UTC)
        yield (
            f"{file.name}  {facts.st_size:,} bytes  mode {facts.st_mode & 0o777:o}  "
            f"{changed:%Y-%m-%d %H:%M} UTC"
        )


def _list_runs() -> Iterator[str]:
    yield from _list_files(state_folder() / "journals")
    runs = oa.runs().drop(columns="url").head(10)
    yield from runs.to_string(index=False).splitlines() if len(runs) else ["no runs"]


def _describe_history(folder: Path) -> Iterator[str]:
    if not folder.is_dir():
        yield f"{folder} does not exist"
        return
    history = oa.History(folder)
    records, problems = history.records, history.check()
    yield f"{folder}: {text.count(len(records), 'record')}"
    for _, record in records.iloc[[0, -1] if len(records) > 1 else slice(None)].iterrows():
        yield (
            f"{record['recorded_at']:%Y-%m-%d %H:%M} UTC: {text.count(record['rows'], 'row')}, "
            f"complete {record['complete']}"
        )
    yield f"{text.count(len(problems), 'problem')} in its files"
    yield from (f"{row['file']}: {row['problem']}" for _, row in problems.head(20).iterrows())


def _list_errors() -> Iterator[str]:
    for entry in _read_errors():
        yield (
            f"{entry['at']}  {entry['command']}  {entry['kind']}  at "
            f"{' '.join(entry['where'][-3:]) or 'unknown'}"
        )
        yield from (f"    {line}" for line in entry["message"].splitlines())


_KEPT = 20
_OURS = "opp_analytics"


def note_error(error: BaseException, frames: TracebackType | None) -> None:
    """Keep an error for ``doctor --report``: its command, class, place and own message.

    Only a message that we wrote is kept.
    """
    known = type(error).__module__.startswith(_OURS)
    entry = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": next((word for word in sys.argv[1:] if not word.startswith("-")), ""),
        "kind": type(error).__name__,
        "message": str(error) if known else "",
        # Our own frames, outermost first: a message of another library may quote data.
        "where": [
            f"{Path(frame.filename).stem}:{frame.lineno}"
            for frame in traceback.extract_tb(frames)
            if _OURS in Path(frame.filename).parts
        ],
    }
    try:
        make_private_folder(_file().parent)
        write_whole(_file(), json.dumps([*_read_errors(), entry][-_KEPT:]).encode(), private=True)
    except OSError:
        return  # The error itself is what a person must see.


def _read_errors() -> list[dict[str, Any]]:
    """Read the errors kept, oldest first; an unreadable file counts as none."""
    try:
        return list(json.loads(_file().read_bytes()))
    except (OSError, ValueError, TypeError, RecursionError):
        return []


def _file() -> Path:
    return state_folder() / "last_errors.json"
