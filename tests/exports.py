"""``python -m tests.exports [KILLS]``: every export of the package, killed with ``kill -9`` while
it writes its file.

One process imports the package and forks a child for each kill. The child replaces the file again
and again; as soon as a staged file appears beside it, it is killed. The file must then be one that
the export wrote whole.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["EXPORTS", "Outcome", "fill_disk", "kill"]

EXPORTS = {
    "to_csv": "deals.csv",
    "to_excel": "deals.xlsx",
    "plan": "plan.json",
    "load_csv": "loaded.csv",
    "load_parquet": "loaded.parquet",
    "load_excel": "loaded.xlsx",
    "report_page": "weekly.html",
    "report_workbook": "weekly.xlsx",
}
"""Each export with the file it writes."""
FORKS = multiprocessing.get_context("fork")
SLOW, FEW = {"report_page", "report_workbook"}, 3
"""Exports that take a second, and how often they are killed at most."""
_SECONDS = 60.0
"""A child that stages no file for so long does not write as it should."""


@dataclass
class Outcome:
    """What kills did to a file."""

    kills: int = 0
    in_mid_write: int = 0
    broken: list[str] = field(default_factory=list)


def kill(kills: int, folder: Path) -> dict[str, Outcome]:
    """Kill each export so many times, in a process of its own."""
    return {name: Outcome(**seen) for name, seen in _run("kill", str(kills), str(folder)).items()}


def fill_disk(folder: Path) -> dict[str, dict[str, Any]]:
    """Digest of each file before and after an export to a full disk, its error, and what was left
    beside the file."""
    return _run("fill", "1", str(folder))


def _run(*command: str) -> dict[str, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.exports", *command],
        capture_output=True,
        text=True,
        timeout=580,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    outcomes: dict[str, dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return outcomes


def _callables() -> dict[str, Callable[[Path], object]]:
    """The exports as functions of the file to write."""
    import pandas as pd

    import opp_analytics as oa
    from opp_analytics.cli import load as cli_load
    from tests.writer.frames import opportunities

    frame = opportunities(300)
    edited = frame.assign(value=frame["value"] + 1)
    as_of = pd.Timestamp("2026-07-01")

    def report(path: Path) -> object:
        return oa.weekly_report(frame, as_of=as_of, out=path.with_suffix(".html"))

    return {
        "to_csv": lambda path: oa.to_csv(frame, path),
        "to_excel": lambda path: oa.to_excel(frame, path),
        "plan": lambda path: oa.plan(frame, edited).save(path),
        "load_csv": lambda path: cli_load.write_opportunities(frame, path),
        "load_parquet": lambda path: cli_load.write_opportunities(frame, path),
        "load_excel": lambda path: cli_load.write_opportunities(frame, path),
        "report_page": report,
        "report_workbook": report,
    }


def _is_whole(path: Path) -> bool:
    """Whether a file is complete, by its own form."""
    content = path.read_bytes()
    if path.suffix == ".csv":
        return content.endswith(b"\n") and content.count(b"\n") == 301
    if path.suffix == ".json":
        return bool(json.loads(content))
    if path.suffix == ".html":
        return content.rstrip().endswith(b"</html>")
    if path.suffix == ".parquet":
        import pandas as pd

        return len(pd.read_parquet(path)) == 300
    return zipfile.ZipFile(path).testzip() is None


def _kill_all(name: str, kills: int, folder: Path) -> Outcome:
    path = folder / EXPORTS[name]
    export, outcome = _callables()[name], Outcome()
    export(path)
    for _ in range(kills):
        child = os.fork()
        if child == 0:
            while True:
                export(path)
        outcome.in_mid_write += _await_staged(path)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        outcome.kills += 1
        try:
            whole = _is_whole(path)
        except Exception as error:
            outcome.broken.append(f"{type(error).__name__}: {error}")
        else:
            outcome.broken += [] if whole else [f"cut off at {path.stat().st_size} bytes"]
        for left in folder.glob(".*"):
            left.unlink()
    return outcome


def _await_staged(path: Path) -> bool:
    ends = time.monotonic() + _SECONDS
    while time.monotonic() < ends:
        if any(entry.name.startswith(f".{path.name}.") for entry in os.scandir(path.parent)):
            return True
    return False


def _fill(name: str, folder: Path) -> dict[str, Any]:
    """Export under a limit on the size of files, which cuts a write off as a full disk does."""
    import resource  # here, since Windows has none

    from opp_analytics.files import digest

    path = folder / EXPORTS[name]
    export = _callables()[name]
    export(path)
    before, there = digest(path), sorted(folder.iterdir())
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
    error = "none"
    try:
        export(path)
    except Exception as caught:
        error = f"{type(caught).__name__}: {caught}"
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    left = [entry.name for entry in folder.iterdir() if entry not in there]
    return {"before": before, "after": digest(path), "error": error, "left": left}


def _outcome(task: str, name: str, kills: int, folder: Path) -> dict[str, Any]:
    """What a fork of this process finds: no export meets the threads of those before it, and none
    imports anew."""
    _callables()
    answers = FORKS.SimpleQueue()

    def find() -> None:
        own = folder / name
        own.mkdir()
        times = min(kills, FEW) if name in SLOW else kills
        answers.put(_fill(name, own) if task == "fill" else vars(_kill_all(name, times, own)))

    fork = FORKS.Process(target=find)
    fork.start()
    found: dict[str, Any] = answers.get()
    fork.join()
    return found


def _main() -> None:
    if len(sys.argv) == 4:
        task, kills, place = sys.argv[1:]
        print(json.dumps({name: _outcome(task, name, int(kills), Path(place)) for name in EXPORTS}))
        return
    with tempfile.TemporaryDirectory() as folder:
        outcomes = kill(int(sys.argv[1]) if len(sys.argv) > 1 else 30, Path(folder))
    for name, outcome in outcomes.items():
        print(
            f"{name}: {outcome.kills} kills, {outcome.in_mid_write} in mid-write, broken: "
            f"{outcome.broken}"
        )


if __name__ == "__main__":
    _main()
