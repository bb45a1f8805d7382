"""The `demo` and `sandbox` commands: a simulated sales team to try everything on."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import pandas as pd
import tomlkit
import typer

import opp_analytics as oa
from opp_analytics import text
from opp_analytics.cli.console import heading, say, show, write_command
from opp_analytics.cli.output import write_csv
from opp_analytics.cli.source import HISTORY_FOLDER, OrgFile, find_org
from opp_analytics.errors import DataError
from opp_analytics.files import say_failure, write_whole
from opp_analytics.org import FILE
from opp_analytics.text import count

_STATE = "XDG_STATE_HOME"
_PUSH = timedelta(days=30)
_OURS = (
    "# The simulated team of `opp-analytics demo`, which writes this file and those that it "
    "names anew."
)


def demo_command(
    folder: Annotated[
        Path,
        typer.Option("--out", help="Folder for the weekly page, the org file and the history."),
    ] = Path("opp-demo"),
    seed: Annotated[
        int, typer.Option(min=0, help="Random seed; another seed gives another sales team.")
    ] = 1,
    org_file: OrgFile = None,
) -> None:
    """Simulate a year of a sales team: load, record, write Monday’s page, edit in bulk."""
    org = find_org(org_file)
    _claim(folder)
    heading(
        "A sales team at work",
        "seven reps in two teams, loaded over HTTP and recorded every week for a year",
    )
    monday = _find_monday(datetime.now(UTC).date())
    client, history = oa.demo(seed=seed, today=monday, org=org, folder=folder / HISTORY_FOLDER)
    last = history.records["recorded_at"].iloc[-1]
    opportunities = history.as_of(last)
    today = last.tz_localize(None).normalize()
    say(
        f"{text.count(len(history.records), 'record')} of history, "
        f"{text.count(int(history.records['changed'].sum()), 'change')}, "
        f"{text.count(len(opportunities), 'opportunity')} on {text.day(today, year=True)}."
    )
    _write_org(oa.Org.of(history), folder)
    page = oa.weekly_report(opportunities, history, as_of=today, out=folder / "weekly.html")
    _say_page(page, folder, text.day(today, year=True))
    with _keep_journal_apart():
        _edit(client, today)
    heading("What next")
    say(f"Open the weekly page       {folder / 'weekly.html'}")
    again = ("--org", folder / FILE, "--history", folder / HISTORY_FOLDER)
    say(
        "Make it again              "
        f"{write_command('report', *again, '--as-of', f'{today:%Y-%m-%d}')}"
    )
    say(f"Start from your own deals  {write_command('start')} deals.csv")
    say(f"Practice on a server       {write_command('sandbox')}     (prints what to paste where)")
    say(f"See all commands           {write_command('--help')}")


def _find_monday(today: date) -> date:
    """Find the latest Monday from the 8th to the 21st: a month that is half over shows most."""
    monday = today - timedelta(days=today.weekday())
    while not 8 <= monday.day <= 21:
        monday -= timedelta(weeks=1)
    return monday


def _claim(folder: Path) -> None:
    """Make room for a demo, in a new folder or that of an earlier one."""
    file, recorded = folder / FILE, folder / HISTORY_FOLDER
    with say_failure(f"cannot create the folder {folder}", "; name another one with --out"):
        folder.mkdir(parents=True, exist_ok=True)
        earlier = file.exists() and file.read_text(encoding="utf-8").startswith(_OURS)
        if not earlier and (file.exists() or recorded.exists()):
            raise DataError(
                f"{folder} has an org file or a history already; name another folder with --out"
            )
        write_whole(file, f"{_OURS}\n".encode())
        if recorded.exists():
            shutil.rmtree(recorded)


def _write_org(org: oa.Org, folder: Path) -> None:
    """Write the org file and the tables that it names."""
    settings = org.to_dict()
    stages, api = settings.pop("stages"), settings.pop("api_columns", None)
    for name, table in {"people": org.people, "targets": org.targets, "calls": org.calls}.items():
        write_csv(table.dropna(axis="columns", how="all"), folder / f"{name}.csv")
        settings[name] = {"file": f"{name}.csv"}
    if api:
        settings["api"] = {"columns": api}
    if stages != oa.Org().to_dict()["stages"]:
        settings["stages"] = (
            stages  # Last: in TOML a line after a table's head belongs to that table.
        )
    write_whole(folder / FILE, f"{_OURS}\n{tomlkit.dumps(settings)}".encode())


def _say_page(page: oa.WeeklyReport, folder: Path, day: str) -> None:
    heading("Monday’s page", f"as of {day}, the latest Monday in the middle of a month")
    for line in (*page.alerts, *page.sentences):
        say(str(line))
    heading("Files", f"in {folder}")
    for names, what in {
        "weekly.html, weekly.xlsx": "the page, and its numbers as a workbook",
        FILE: "the org file: currency, alert, and where teams, targets and calls are",
        "people.csv, targets.csv, calls.csv": (
            "who is in which team, what each should win, what each called"
        ),
        str(HISTORY_FOLDER): "the records, one a week",
    }.items():
        say(f"{names:<36}{what}")


def _edit(client: oa.Client, today: pd.Timestamp) -> None:
    before = oa.load(client, progress=False)
    due = _find_due(before, today)
    to = today + _PUSH
    after = before.copy()
    after.loc[due, "close_date"] = to
    changes = oa.plan(before, after)
    pushed = (
        f"push {text.count(int(due.sum()))}, overdue or due within a week, to "
        f"{text.day(to, year=True)}"
    )
    heading("A bulk edit", pushed)
    show(changes.changes[["name", "field", "before", "after"]], index=False, most=8)
    receipt = oa.apply(changes, client, progress=False)
    say(f"Receipt: {text.joined(f'{n:,} {outcome}' for outcome, n in receipt.counts().items())}.")
    again = oa.load(client, progress=False)
    say(
        f"Loaded again from the server: {text.count(int(_find_due(again, today).sum()))} overdue "
        f"or due within a week, {text.count(int((again['close_date'] == to).sum()))} due on "
        f"{text.day(to, year=True)}."
    )


def _find_due(opportunities: pd.DataFrame, today: pd.Timestamp) -> pd.Series[bool]:
    """Mark open deals that are overdue or due within seven days."""
    still_open = oa.outcomes(opportunities) == "open"
    return still_open & (opportunities["close_date"] < today + pd.Timedelta(days=7))


@contextmanager
def _keep_journal_apart() -> Iterator[None]:
    """Keep the demo's run out of the user's own journals: its server is temporary."""
    old = os.environ.get(_STATE)
    with tempfile.TemporaryDirectory(prefix="opp-demo-") as folder:
        os.environ[_STATE] = folder
        try:
            yield
        finally:
            os.environ.pop(_STATE)
            if old is not None:
                os.environ[_STATE] = old


def sandbox_command(
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Port on this computer; 0 picks a free one.")
    ] = 8723,
    weeks: Annotated[int, typer.Option(min=0, help="Weeks of simulated sales at the start.")] = 26,
    db: Annotated[
        Path | None,
        typer.Option(
            help="Keep the data in this file; the next start with the same file continues from it."
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(help="Random seed; another seed gives another sales team.")
    ] = 1,
    org_file: OrgFile = None,
) -> None:
    """Run a local practice server of the same API with a simulated sales team. Ctrl-C stops it."""
    with oa.sandbox.start(
        port=port, weeks=weeks, seed=seed, path=db, org=find_org(org_file)
    ) as server:
        say(f"The sandbox is running at {server.url}. It holds {_count(server)}.")
        say(f"\nPaste into another terminal:\n\n{server.exports}\n{write_command('doctor')}")
        keys = f'"{server.url}", "{server.token}", "{server.api_key}"'
        say("\nOr into Python:\n\nimport opp_analytics as oa")
        say(f"client = oa.Client({keys})\nopportunities = oa.load(client)")
        kept = (
            f"The data stays in {db}."
            if db
            else "The data is then deleted; use --db FILE to keep it."
        )
        say(f"\nPress Ctrl-C here to stop it. {kept}")
        server.wait()


def _count(server: oa.sandbox.Sandbox) -> str:
    with oa.Client(server.url, server.token, server.api_key) as client:
        return count(client.list(1, 1).total_records or 0, "opportunity")
