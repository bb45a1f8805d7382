"""`start` in a process of its own, killed while it moves what it made: python -m
tests.cli.killed_start STEP WORD…"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import opp_analytics as oa
from opp_analytics.cli import main
from opp_analytics.report import WeeklyReport


def write_page(*_: Any, out: Path, **__: Any) -> WeeklyReport:
    """Two files in place of the page and its workbook, which take seconds."""
    for file in (out, out.with_suffix(".xlsx")):
        file.write_text("made by a test")
    return WeeklyReport(out, out.with_suffix(".xlsx"))


def _kill_at_move(step: int) -> None:
    """Kill this process before its step-th move of a file into its folder."""
    count = 0

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal count
        if event == "os.rename" and "content" not in str(arguments[1]):
            count += 1
            if count > step:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


if __name__ == "__main__":
    oa.weekly_report = write_page  # type: ignore[assignment]
    _kill_at_move(int(sys.argv[1]))
    sys.argv = ["opp-analytics", *sys.argv[2:]]
    main()
