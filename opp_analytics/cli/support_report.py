"""The file of `doctor --report`: what a person who helps needs to know, without a secret."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

import opp_analytics as oa
from opp_analytics import text
from opp_analytics.api import TOKEN_COMMAND, VARIABLES, state_folder
from opp_analytics.cli.last_errors import last_errors
from opp_analytics.errors import OppAnalyticsError
from opp_analytics.files import write_whole

__all__ = ["write_support_report"]

_SHOWN = ("XDG_CACHE_HOME", "XDG_STATE_HOME", "TZ", "LANG")
_SET = (*VARIABLES, TOKEN_COMMAND, "http_proxy", "https_proxy", "all_proxy", "no_proxy")


def write_support_report(path: Path, checks: Iterable[str], cache: Path | None, history: Path | None) -> None:
    """Write versions, settings, checks, cache, journal, history and last errors to one file, for its owner alone."""
    sections: dict[str, Callable[[], Iterable[str]]] = {
        "Versions": _versions,
        "Settings": _settings,
        "Checks": lambda: checks,
        "Cache": lambda: [] if cache is None else _files(cache),
        "Journal": _journal,
        "History": lambda: [] if history is None else _history(history),
        "Last errors": _errors,
    }
    lines = [
        f"opp-analytics support report, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "Read it before you send it: an error may name a deal. It holds no token and no key.",
    ]
    for title, content in sections.items():
        lines += ["", title, *(f"  {text.printable(line)}" for line in _told(content))]
    write_whole(path, ("\n".join(lines) + "\n").encode("utf-8", "backslashreplace"), private=True)


def _told(content: Callable[[], Iterable[str]]) -> list[str]:
    try:
        return list(content()) or ["none"]
    except OppAnalyticsError as error:
        return [f"{type(error).__name__}: {error}"]


def _versions() -> Iterator[str]:
    yield f"opp-analytics {oa.__version__}"
    yield f"Python {platform.python_version()} on {platform.platform()}"
    names = {re.split(r"[^\w.-]", requirement)[0] for requirement in requires("opp-analytics") or []}
    for name in sorted(names - {"opp-analytics"}):
        try:
            yield f"{name} {version(name)}"
        except PackageNotFoundError:
            yield f"{name} not installed"


def _settings() -> Iterator[str]:
    for name in _SHOWN:
        yield f"{name} {os.environ.get(name, 'not set')}"
    for name in _SET:
        yield f"{name} {'set' if os.environ.get(name, '').strip() else 'not set'}"


def _files(folder: Path) -> Iterator[str]:
    if not folder.is_dir():
        yield f"{folder} does not exist"
        return
    yield str(folder)
    for file in sorted(folder.iterdir()):
        facts = file.lstat()
        changed = datetime.fromtimestamp(facts.st_mtime, UTC)
        yield f"{file.name}  {facts.st_size:,} bytes  mode {facts.st_mode & 0o777:o}  {changed:%Y-%m-%d %H:%M} UTC"


def _journal() -> Iterator[str]:
    yield from _files(state_folder() / "journals")
    runs = oa.runs().drop(columns="url").head(10)
    yield from runs.to_string(index=False).splitlines() if len(runs) else ["no runs"]


def _history(folder: Path) -> Iterator[str]:
    if not folder.is_dir():
        yield f"{folder} does not exist"
        return
    history = oa.History(folder)
    records, problems = history.records, history.check()
    yield f"{folder}: {text.count(len(records), 'record')}"
    for _, record in records.iloc[[0, -1] if len(records) > 1 else slice(None)].iterrows():
        yield f"{record['recorded_at']:%Y-%m-%d %H:%M} UTC: {text.count(record['rows'], 'row')}, complete {record['complete']}"
    yield f"{text.count(len(problems), 'problem')} in its files"
    yield from (f"{row['file']}: {row['problem']}" for _, row in problems.head(20).iterrows())


def _errors() -> Iterator[str]:
    for entry in last_errors():
        yield f"{entry['at']}  {entry['command']}  {entry['kind']}  at {' '.join(entry['where'][-3:]) or 'unknown'}"
        yield from (f"    {line}" for line in entry["message"].splitlines())
