"""`opp-analytics demo`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the demo runs, in a terminal that does not find the environment's programs."""
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def said(folder: Path) -> str:
    """What the demo says."""
    done = subprocess.run(
        [sys.executable, "-m", "opp_analytics", "demo", "--out", "charts"],
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
    "section",
    ["Stage funnel", "Win rate by owner", "Forecast by month", "Slippage", "A bulk edit", "What next"],
)
def test_demo__shows_the_product(said: str, section: str) -> None:
    assert re.search(rf"^{section}", said, re.M)


def test_demo__proves_the_edit(said: str) -> None:
    planned = re.search(r"push (\d+) deals, overdue or due within a week", said)
    assert planned is not None
    assert f"Receipt: {planned[1]} applied." in said
    assert "0 deals overdue or due within a week" in said


def test_demo__writes_charts_and_the_weekly_page(said: str, folder: Path) -> None:
    assert sorted(file.name for file in (folder / "charts").iterdir()) == [
        *("forecast.png", "funnel.png", "slippage.png", "weekly.html", "weekly.xlsx", "win_rate.png"),
    ]
    for chart in (folder / "charts").glob("*.png"):
        assert chart.read_bytes().startswith(b"\x89PNG")
    assert "Full data: weekly.xlsx" in (folder / "charts" / "weekly.html").read_text()


def test_demo__leaves_no_run_in_the_journals_of_the_user(said: str, folder: Path) -> None:
    assert not (folder / "state").exists()


@pytest.mark.skipif(os.name != "posix", reason="a POSIX shell pastes the lines")
def test_demo__says_how_to_go_on_in_lines_that_work_as_printed(said: str, folder: Path) -> None:
    last = said[said.index("What next") :]
    page = re.search(r"^Open the weekly page +(\S+)$", last, re.M)
    assert page is not None
    assert (folder / page[1]).is_file()
    activate = re.search(r"^Activate the environment +(source \S+)", last, re.M)
    assert activate is not None
    helped = re.search(r"^See all commands +(.+)$", last, re.M)
    assert helped is not None
    assert helped[1].startswith("/")
    for line in (helped[1], f"{activate[1]} && opp-analytics --version"):
        done = subprocess.run(
            ["bash", "-c", line], cwd=folder, env={**os.environ, "PATH": "/usr/bin:/bin"}, capture_output=True
        )
        assert done.returncode == 0, done.stderr
