"""The `schedule` command: the files that let a scheduler of this machine, or of another, record and report."""

from __future__ import annotations

import json
import os
import re
import shlex
import stat
import sys
import sysconfig
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta, tzinfo
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import typer

import opp_analytics as oa
from opp_analytics.cli.app import runs
from opp_analytics.cli.source import (
    HISTORY_FOLDER,
    FromFile,
    HistoryFolder,
    OrgFile,
    find_history,
    find_org,
)

if runs():
    from opp_analytics.api import TOKEN_COMMAND, VARIABLES
    from opp_analytics.cli.console import heading, say, write_command
    from opp_analytics.errors import ConfigError, DataError, NotEnoughHistory
    from opp_analytics.files import say_failure, write_whole
    from opp_analytics.org import FILE
    from opp_analytics.report import SECRETS

Scheduler = Literal["cron", "systemd", "github", "docker", "windows"]
_SCRIPT = "opp-schedule.sh"
_FILES: dict[Scheduler, tuple[str, ...]] = {
    "cron": (_SCRIPT, "opp-schedule.crontab"),
    "systemd": (
        _SCRIPT,
        *(f"opp-{job}.{unit}" for job in ("record", "report") for unit in ("service", "timer")),
    ),
    "github": (_SCRIPT, "opp-analytics.yml"),
    "docker": (_SCRIPT, "Dockerfile"),
    "windows": ("opp-schedule.cmd",),
}
_NEXT: dict[Scheduler, str] = {
    "cron": "Add the lines of opp-schedule.crontab with crontab -e.",
    "systemd": "sudo cp opp-record.* opp-report.* /etc/systemd/system/ && sudo systemctl daemon-reload "
    "&& "
    "sudo systemctl enable --now opp-record.timer opp-report.timer",
    "github": (
        "Commit opp-schedule.sh, move opp-analytics.yml to .github/workflows/, and give the "
        "history its branch:"
    ),
    "docker": "Build and run it as the first lines of Dockerfile say; no Docker has built it yet.",
    "windows": (
        "Run the lines of schtasks in opp-schedule.cmd in PowerShell; nothing has run on Windows "
        "yet."
    ),
}
_ELSEWHERE = ("github", "docker", "windows")
"""Schedulers that run in another folder, or on another machine."""
_OURS = b"Made by opp-analytics schedule"
_RECORD, _REPORT = time(6, 0), time(6, 30)
"""Times of day in the org's zone."""


def schedule_command(
    scheduler: Annotated[
        Scheduler | None,
        typer.Option(
            "--for", help="What runs the commands.", show_default="what fits this machine"
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Write the files to this folder instead of printing them."),
    ] = None,
    folder: HistoryFolder = HISTORY_FOLDER,
    pages: Annotated[Path, typer.Option(help="Folder of the weekly pages.")] = Path("reports"),
    send: Annotated[
        bool,
        typer.Option(
            "--send", help="Send the page every Monday, and alerts when they begin or end."
        ),
    ] = False,
    for_each: Annotated[
        str | None, typer.Option(help="Also a page for each of these, as team,owner_name.")
    ] = None,
    keep: Annotated[
        int | None, typer.Option(min=1, help="Keep the pages of so many weeks.", show_default="all")
    ] = None,
    secrets: Annotated[
        Path | None,
        typer.Option(
            help="File of the API's and the mail server's secrets.",
            show_default="secrets.env beside the org file",
        ),
    ] = None,
    source_file: FromFile = None,
    org_file: OrgFile = None,
) -> None:
    """Print or write what cron, systemd, GitHub, Docker or Windows needs to record every day and report every Monday."""
    place, named = _find_place(org_file)
    org = find_org(org_file) or oa.Org()
    if find_history(folder, org) is None:
        raise NotEnoughHistory(
            f"{folder} holds no records; make the first one with "
            f"{write_command('record', '--history', folder)}, "
            "or name the folder of the history with --history"
        )
    usual: Scheduler = "systemd" if Path("/run/systemd/system").is_dir() else "cron"
    kind = scheduler or ("windows" if os.name == "nt" else usual)

    def name(path: Path, kept: bool = False) -> str:
        """Name a path from the folder that the commands run in."""
        whole = path.resolve()
        if len(str(whole).splitlines()) > 1:
            raise DataError(f"no scheduler takes a line break in a path: {str(whole)!r}; rename it")
        if not whole.is_relative_to(place):
            if kind in _ELSEWHERE:
                raise ConfigError(
                    f"{whole} is outside {place}, which is all that --for {kind} has; move it there"
                )
            return str(whole)
        within = str(whole.relative_to(place))
        return f"kept/{within}" if kept and kind == "github" else within

    recorded, written = name(folder, kept=True), name(pages, kept=True)
    secret = secrets or place / "secrets.env"
    common = [
        "--history",
        recorded,
        *named,
        *(["--from", name(source_file)] if source_file else []),
    ]
    report = ["report", *common, "--out", written, "--send" if send else "--eml"]
    each, kept = (
        [option, str(given)] if given else []
        for option, given in (("--for-each", for_each), ("--keep", keep))
    )
    program = _find_program(kind)
    needs = [] if source_file else ["BLOCKS_API_URL", "BLOCKS_API_KEY"]
    runner = program if kind == "windows" else ["run", "alerts"]
    values: dict[str, str | list[str]] = {
        "folder": {"github": ".", "docker": "/sales"}.get(kind, str(place)),
        "needs": needs if kind == "windows" else " ".join(needs),
        "secrets": name(secret) if kind in _ELSEWHERE else str(secret.resolve()),
        "pages": written,
        "program": program,
        "sends": "yes" if send else "no",
        "record": ["record", *common],
        "alerts": [*runner, *report, *each, "--alerts"]
        if send
        else ["rem" if kind == "windows" else ":"],
        "report": [*report, *each, *kept],
        "script": str((out or place).resolve() / _SCRIPT),
        "user": _find_user(),
    }
    if kind == "github":
        inside = [path.removeprefix("kept/") for path in (recorded, written)]
        root = next((up for up in (place, *place.parents) if (up / ".git").exists()), place)
        where = place.relative_to(root).as_posix()
        values |= {"history": inside[0], "pages_kept": inside[1], "place": where}
        values |= {
            "kept": f"{where}/kept",
            "artifact": "\n".join(f"{where}/{written}/*.{e}" for e in _PAGES),
        }
    owner = place.stat()
    plain = _write_times(org.zone(None), kind) | {
        # Root runs nothing.
        "owner": f"{owner.st_uid}:{owner.st_gid}" if owner.st_uid else "1000:1000",
        "extras": f"excel,report{',deliver' if send else ''}",
        "secret_names": ", ".join([*VARIABLES, *(SECRETS if send else ())]),
    }
    made = {file: _fill(file, values, plain) for file in _FILES[kind]}
    if out is None:
        for file, content in made.items():
            heading(file)
            typer.echo(content, nl=False)
    else:
        _write(made, out)
    _say_secrets(secret, kind, [] if source_file else list(VARIABLES), send)
    _say_next(kind, name(folder), org, send)


def _say_next(kind: Scheduler, history: str, org: oa.Org, send: bool) -> None:
    heading("Next")
    say(_NEXT[kind])
    if kind == "github":
        here, there = shlex.quote(history), shlex.quote(f"kept/{history}")
        say("git worktree add --orphan -b history kept")
        say(f"mkdir -p {there} && cp -R {here}/. {there}")
        say(
            f"git -C kept add {here} && git -C kept commit -m 'History' && git -C kept push "
            "origin history"
        )
        say("git worktree remove kept")
    if kind == "systemd" and _find_user() == "root":
        say("The services run as root; under User= name who owns the folder.")
    if send and not org.deliver:
        say(
            "The org file does not say who gets the mails: add [deliver] with mail_from and "
            "mail_to."
        )
    if org.timezone is None:
        say("The org file has no timezone, so the times are in UTC.")


_PAGES = ("html", "xlsx", "pdf")


def _find_place(org_file: Path | None) -> tuple[Path, list[str]]:
    """Find the folder of the org file, where the commands run, and the words that name the file there."""
    file = Path(FILE) if org_file is None else org_file
    if file.is_file():
        whole = file.resolve()
        return whole.parent, [] if whole.name == FILE else ["--org", whole.name]
    if org_file is not None:  # a preset, or refused
        find_org(org_file)
        return Path.cwd().resolve(), ["--org", str(org_file)]
    raise ConfigError(
        f"no {FILE} in {Path.cwd()}; write one with {write_command('start', 'FILE')} or "
        f"{write_command('org', 'init')}, "
        "or name another one with --org"
    )


def _find_program(kind: Scheduler) -> list[str]:
    """Find the program of this environment; where another machine runs it, by its name there."""
    if kind in ("github", "docker"):
        return ["opp-analytics"]
    if kind == "windows" and os.name != "nt":
        return [r".venv\Scripts\opp-analytics"]
    program = Path(sysconfig.get_path("scripts")) / (
        "opp-analytics.exe" if os.name == "nt" else "opp-analytics"
    )
    return [str(program)] if program.is_file() else [sys.executable, "-P", "-m", "opp_analytics"]


def _find_user() -> str:
    if os.name == "nt":
        return ""
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name


def _write_times(zone: str, kind: Scheduler) -> dict[str, str]:
    """Write the times of record and report: by the clock of the org's zone, and in cron's five fields by the scheduler's."""
    now = datetime.now(UTC)
    monday = now.astimezone(ZoneInfo(zone)).date() + timedelta(days=7)
    monday -= timedelta(days=monday.weekday())
    theirs: tzinfo | None = UTC if kind == "github" else None
    times = {"zone": zone, "clock": f"{now.astimezone():%Z, UTC%z}", "time": f"{_RECORD:%H%M}"}
    for name, at in {"record": _RECORD, "report": _REPORT}.items():
        moment = datetime.combine(monday, at, ZoneInfo(zone)).astimezone(theirs)
        weekday = "*" if name == "record" else f"{moment.isoweekday() % 7}"
        times |= {
            f"{name}_at": f"{at:%H:%M}",
            f"{name}_fields": f"{moment.minute} {moment.hour} * * {weekday}",
        }
    return times


def _fill(file: str, values: Mapping[str, str | list[str]], plain: Mapping[str, str]) -> str:
    """Fill a template: words, a list of words, or a path, quoted as the file's language reads them.

    `plain` as it is.
    """
    template = (files("opp_analytics.cli") / "schedules" / file).read_text(encoding="utf-8")
    words = {name: [value] if isinstance(value, str) else value for name, value in values.items()}
    language = Path(file).suffix
    return re.sub(
        r"@(\w+)@",
        lambda found: plain.get(found[1]) or _quote(language, found[1], words[found[1]]),
        template,
    )


def _quote(language: str, name: str, words: list[str]) -> str:
    match language:
        case ".sh":
            return shlex.join(words)
        case ".crontab":  # where % ends the command
            return shlex.join(words).replace("%", r"\%")
        case ".service":
            [word] = (word.replace("%", "%%") for word in words)
            if name != "script":  # a setting's value is read to the end of its line
                return word
            return '"{}"'.format(re.sub(r'["\\]', r"\\\g<0>", word).replace("$", "$$"))
        case ".yml":
            [word] = words
            return json.dumps(word, ensure_ascii=False).replace("${{", "${{ '${{' }}")
        case _:
            plain = re.compile(r"[\w.:\\/-]+")
            return " ".join(w if plain.fullmatch(w) else f'"{w.replace("%", "%%")}"' for w in words)


def _write(made: Mapping[str, str], folder: Path) -> None:
    """Write the files; one that is not ours is not replaced."""
    with say_failure(f"cannot write to {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
        for file in made:
            path = folder / file
            if path.exists() and _OURS not in path.read_bytes():
                raise DataError(
                    f"{path} was not made by this command; name another folder with --out"
                )
        for file, content in made.items():
            write_whole(folder / file, content.encode())
            (folder / file).chmod(0o755 if file == _SCRIPT else 0o644)
            say(f"Written to {folder / file}.")


def _say_secrets(file: Path, kind: Scheduler, needed: list[str], send: bool) -> None:
    """Say which secrets the schedule needs and where each one is now; no value is shown."""
    stored = _read_names(file) if kind not in ("github", "windows") else set()
    place = {"github": "the repository's secrets", "windows": "secrets.cmd"}.get(kind, str(file))
    form = "" if kind in ("github", "windows") else ", a line each: NAME='value'"
    heading("Secrets", f"in {place}{form}")
    shell = {key for key, value in os.environ.items() if value.strip()}
    commands = {"BLOCKS_AUTH_TOKEN": TOKEN_COMMAND} | SECRETS
    for name in [*needed, *(SECRETS if send else ())]:
        either = [name] if kind == "github" or name not in commands else [name, commands[name]]
        in_file, in_shell = ([one for one in either if one in where] for where in (stored, shell))
        only = f"; only for {'mail' if 'SMTP' in name else 'chats'}" if name in SECRETS else ""
        state = "there" if in_file else "set in this shell only" if in_shell else f"not set{only}"
        say(f"{' or '.join(in_file or in_shell or either):<56}{state}")
    if stored and os.name != "nt" and stat.S_IMODE(file.stat().st_mode) & 0o077:
        say(f"Others can read {file}: chmod 600 {shlex.quote(str(file))}")


def _read_names(file: Path) -> set[str]:
    if not file.is_file():
        return set()
    lines = file.read_text(encoding="utf-8", errors="replace")
    return set(re.findall(r"^(?:export )?(\w+)=(?=.*[^\s'\"])", lines, re.M))
