"""The `demo` and `sandbox` commands."""

from __future__ import annotations

import datetime
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import opp_analytics as oa
from opp_analytics.cli import demo
from opp_analytics.errors import DataError
from opp_analytics.sandbox import Sandbox
from tests.cli.kinds import Command
from tests.report import reading

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the demo runs, in a terminal that does not find the environment's programs."""
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def said(folder: Path) -> str:
    """What the demo says."""
    done = subprocess.run(
        [sys.executable, "-m", "opp_analytics", "demo", "--out", "played"],
        capture_output=True,
        text=True,
        cwd=folder,
        env={
            **os.environ,
            "COLUMNS": "160",
            "PATH": "/usr/bin:/bin",
            "XDG_STATE_HOME": str(folder / "state"),
        },
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "section", ["A sales team", "Monday’s page", "Files", "A bulk edit", "What next"]
)
def test_demo__shows_the_product_on_a_screen(said: str, section: str) -> None:
    assert re.search(rf"^{section}", said, re.M)
    assert said.count("\n") < 45


def test_demo__proves_the_edit(said: str) -> None:
    planned = re.search(r"push (\d+) deals, overdue or due within a week", said)
    assert planned is not None
    assert f"Receipt: {planned[1]} applied." in said
    assert "0 deals overdue or due within a week" in said


def test_demo__says_what_the_page_says(said: str, folder: Path) -> None:
    page = reading.read(folder / "played" / "weekly.html")
    assert page.sentence in said
    assert page.second in said


def test_demo__writes_the_page_and_what_it_is_made_from(said: str, folder: Path) -> None:
    files = sorted(file.name for file in (folder / "played").iterdir())
    csv = ("calls.csv", "people.csv", "targets.csv")
    assert files == sorted(
        [*csv, "opp-analytics.toml", "opp-history", "weekly.html", "weekly.xlsx"]
    )
    for name in csv:
        assert name in (folder / "played" / "opp-analytics.toml").read_text()


def test_demo__writes_a_page_that_report_makes_again(
    said: str, folder: Path, command: Command
) -> None:
    again = re.search(r"^Make it again +\S+ (report .+)$", said, re.M)
    assert again is not None
    words = again[1].replace("played/", f"{folder}/played/").split()
    code, out, _ = command(*words, "--out", folder / "again" / "weekly.html")
    assert code == 3, out  # an alert holds
    first, second = (folder / name / "weekly.html" for name in ("played", "again"))
    assert first.read_bytes() == second.read_bytes()


def test_demo__replaces_an_earlier_demo_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "opp-history").mkdir()
    with pytest.raises(DataError, match="a history already"):
        demo._claim(tmp_path)
    (tmp_path / "opp-analytics.toml").write_text(demo._OURS)
    demo._claim(tmp_path)
    assert not (tmp_path / "opp-history").exists()


def test_demo__writes_the_org_that_the_team_works_by(tmp_path: Path) -> None:
    stages = [
        {"name": "Demo", "kind": "open"},
        {"name": "Signed", "kind": "won"},
        {"name": "Dead", "kind": "lost"},
    ]
    call = {"made_on": "2026-11-02", "period": "2026-11", "caller": "Ann", "owner_name": "Ann"}
    org = oa.Org(
        stages=stages,
        fiscal_year_start=2,
        api_columns={"total": "value"},
        people=[{"owner_name": "Ann", "team": "East"}],
        targets=[{"owner_name": "Ann", "period": "2026-11", "target": 100}],
        calls=[{**call, "commit": 80}],
    )
    demo._write_org(org, tmp_path)
    again = oa.Org.read(tmp_path / "opp-analytics.toml")
    assert again.to_dict() == org.to_dict()


def test_demo__leaves_no_run_in_the_journals_of_the_user(said: str, folder: Path) -> None:
    assert not (folder / "state").exists()


_DATES = [datetime.date(2025, 1, 1) + datetime.timedelta(days=number) for number in range(365)]
_MONDAYS = sorted({demo._find_monday(day) for day in _DATES})


def test_demo__ends_on_a_recent_monday_whose_month_has_days_before_and_behind_it() -> None:
    for day in _DATES:
        monday = demo._find_monday(day)
        assert monday.weekday() == 0
        assert 8 <= monday.day <= 21
        assert 0 <= (day - monday).days <= 27
    assert len(_MONDAYS) == 25


def test_demo__has_a_first_page_that_sells_at_the_end_of_a_year(tmp_path: Path) -> None:
    """It shows what it has: a chance that is open, an alert, calls, and every block."""
    day = _MONDAYS[0]
    _, history = oa.demo(today=day, progress=False)
    opportunities = history.as_of(history.records["recorded_at"].iloc[-1])
    report = oa.weekly_report(opportunities, history, as_of=day, out=tmp_path, progress=False)
    page = reading.read(report.html)
    chance = float(page.tiles["Chance of target"][0].rstrip("%"))
    assert 5 < chance < 95
    assert report.alerts
    assert page.warnings == []
    assert {
        *("trend", "people", "why_it_moved", "act_today", "at_risk", "to_win"),
        "past_ranges",
        "calls",
    } <= set(page.keys)
    assert all(figure.strip("–") for figure, *_ in page.tiles.values())


@pytest.mark.posix
def test_demo__says_how_to_go_on_in_lines_that_work_as_printed(said: str, folder: Path) -> None:
    last = said[said.index("What next") :]
    page = re.search(r"^Open the weekly page +(\S+)$", last, re.M)
    assert page is not None
    assert (folder / page[1]).is_file()
    helped = re.search(r"^See all commands +(.+)$", last, re.M)
    assert helped is not None
    assert helped[1].startswith("/")
    done = subprocess.run(
        ["bash", "-c", helped[1]],
        cwd=folder,
        env={**os.environ, "PATH": "/usr/bin:/bin"},
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.posix
def test_sandbox__says_what_it_holds_and_what_to_paste_and_stops_on_ctrl_c(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "opp_analytics", "sandbox", "--port", "0", "--weeks", "3"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "PATH": str(Path(sys.executable).parent)},
    )
    try:
        said = _until(process, "Ctrl-C")
        holds = re.search(
            r"^The sandbox is running at (http://127.0.0.1:\d+). It holds (\d+) opportunities", said
        )
        assert holds is not None
        pasted = re.findall(r"^export (\w+)=(\S+)$", said, re.M)
        assert [name for name, _ in pasted] == [
            "BLOCKS_API_URL",
            "BLOCKS_AUTH_TOKEN",
            "BLOCKS_API_KEY",
        ]
        assert dict(pasted)["BLOCKS_API_URL"] == holds[1]
        lines = re.search(r"^import opp_analytics as oa\n(?:.+\n)+", said, re.M)
        assert lines is not None
        names: dict[str, Any] = {}
        exec(lines[0], names)  # what a reader pastes
        assert len(names["opportunities"]) == int(holds[2])
        shell = (
            "".join(f"export {name}={value}\n" for name, value in pasted) + "opp-analytics doctor"
        )
        assert re.search(r"^opp-analytics doctor$", said, re.M)
        done = subprocess.run(
            ["/bin/sh", "-c", shell], env=process_environment(), capture_output=True, text=True
        )
        assert f"API        ok: {holds[2]} opportunities" in done.stdout
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=900)
    assert "Traceback" not in errors
    assert process.returncode == 0


def process_environment() -> dict[str, str]:
    """The environment of a terminal in which the environment's programs are found."""
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}


def _until(process: subprocess.Popen[str], last: str) -> str:
    """What a process says up to the line that holds `last`."""
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if last in line:
            break
    return said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("sandbox", "--port", "0", "--db", "{file}"), "is not a sandbox database"),
        (("sandbox", "--port", "0", "--db", "{file}/team.db"), "team.db"),
        (("sandbox", "--port", "{port}"), "in use"),
        (("demo", "--out", "{file}"), "cannot create the folder"),
    ],
)
def test_sandbox_and_demo__say_in_one_line_why_not(
    command: Command, tmp_path: Path, shared_sandbox: Sandbox, arguments: Any, says: str
) -> None:
    file = tmp_path / "file"
    file.write_text("no database" * 1000)
    port = shared_sandbox.url.rsplit(":", 1)[1]
    code, out, err = command(*(part.format(file=file, port=port) for part in arguments))
    assert code == 1
    assert out == ""
    assert says in err.replace("\n", " ")
    assert "Traceback" not in err
