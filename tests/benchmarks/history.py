"""A year of history, 2 % of 100,000 opportunities changing a day: the change log against full daily snapshots."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics import org
from opp_analytics.history import History
from tests.benchmarks._history_once import QUESTIONS

_ROOT = Path(__file__).parents[2]
_OPEN = np.array(org.STAGES.open, dtype=object)
_REPEATS = 3
_LARGE = 2.74
"""How many times as many opportunities make 100 million snapshot rows a year of 100,000."""


def run(opportunities: int = 100_000, days: int = 365) -> list[dict[str, Any]]:
    """Rows of the benchmark table: seconds, peak growth of memory in MB, bytes on disk, and their ratios."""
    with tempfile.TemporaryDirectory() as name:
        small, large = Path(name, "small"), Path(name, "large")
        appends = _year(small, opportunities, days, snapshots=True)
        rows = [*_sizes(small, appends), *_against_snapshots(small)]
        shutil.rmtree(small / "snapshots")
        many = int(opportunities * _LARGE)
        appends = _year(large, many, days, snapshots=False)
        return rows + _large(large, appends, many * days)


def _sizes(folder: Path, appends: list[float]) -> list[dict[str, Any]]:
    log, full = _bytes(folder / "history" / "changes"), _bytes(folder / "snapshots")
    return [
        {"benchmark": "append one day, median seconds", "ours": statistics.median(appends), "wanted": "< 1"},
        {"benchmark": "append one day, slowest", "ours": max(appends), "wanted": "< 1"},
        {
            "benchmark": "log on disk, MB",
            "ours": log / 1e6,
            "other": full / 1e6,
            "ratio": full / log,
            "wanted": "≥ 20",
        },
    ]


def _against_snapshots(folder: Path) -> list[dict[str, Any]]:
    """The same questions to the log and to all snapshots, in turns, each in a process of its own."""
    rows = []
    for question, others in (("slippage", ["snapshots", "two_files"]), ("transitions", ["snapshots"])):
        runs: dict[str, list[dict[str, Any]]] = {contender: [] for contender in ("ours", *others)}
        for _ in range(_REPEATS):
            for contender, done in runs.items():
                done.append(_once(contender, question, folder))
        answers = {str(run["answer"]) for done in runs.values() for run in done}
        assert len(answers) == 1, f"they do not agree: {answers}"
        for other in others:
            for measure, wanted in (("seconds", "≥ 20"), ("peak_mb", "≥ 10")):
                ours, theirs = (statistics.median(r[measure] for r in runs[c]) for c in ("ours", other))
                rows.append(
                    {
                        "benchmark": f"{question}, {measure.replace('_', ' ')}, against {other.replace('_', ' ')}",
                        "ours": ours,
                        "other": theirs,
                        "ratio": theirs / ours,
                        "wanted": wanted if other == "snapshots" else "",
                    }
                )
    return rows


def _large(folder: Path, appends: list[float], snapshot_rows: int) -> list[dict[str, Any]]:
    """Seconds and peak memory of the whole process for every question to the larger log."""
    size = f"{snapshot_rows / 1e6:,.0f} M snapshot rows"
    rows: list[dict[str, Any]] = [
        {"benchmark": f"{size}: append one day, median seconds", "ours": statistics.median(appends)}
    ]
    for question in QUESTIONS:
        once = _once("ours", question, folder)
        rows.append({"benchmark": f"{size}: {question}, seconds", "ours": once["seconds"]})
        rows.append(
            {"benchmark": f"{size}: {question}, process MB", "ours": once["process_mb"], "wanted": "< 2,048"}
        )
    return rows


def _year(folder: Path, opportunities: int, days: int, *, snapshots: bool) -> list[float]:
    """Record every day, and keep every day's full snapshot where asked to; the seconds that each record took."""
    random = np.random.default_rng(1)
    frame = _first_day(random, opportunities)
    history = History(folder / "history")
    (folder / "snapshots").mkdir(parents=True)
    seconds = []
    for day in pd.date_range("2026-01-01", periods=days):
        start = time.perf_counter()
        history.record(frame, at=day)
        seconds.append(time.perf_counter() - start)
        if snapshots:
            frame.to_parquet(folder / "snapshots" / f"{day:%Y-%m-%d}.parquet", compression="zstd")
        frame = _next_day(random, frame)
    return seconds[1:]


def _first_day(random: np.random.Generator, count: int) -> pd.DataFrame:
    dates = pd.Timestamp("2026-01-01") + pd.to_timedelta(random.integers(0, 365, count), unit="D")
    return org.conform(
        pd.DataFrame(
            {
                "unique_id": [f"0192f{k:027x}" for k in range(count)],
                "name": [f"Opportunity {k}" for k in range(count)],
                "account_id": [f"account-{k % 5000}" for k in range(count)],
                "value": random.integers(100_000, 10_000_000, count) / 100,
                "stage": _OPEN[random.integers(0, 4, count)],
                "close_date": dates,
                "probability": random.integers(0, 100, count),
                "status": "active",
                "created_at": pd.Timestamp("2025-12-01", tz="UTC"),
                "updated_at": pd.Timestamp("2026-01-01", tz="UTC"),
            }
        )
    )


def _next_day(random: np.random.Generator, frame: pd.DataFrame) -> pd.DataFrame:
    """2 % of the rows change: half their date, the rest value, stage, or the end."""
    frame = frame.copy()
    chosen = random.permutation(len(frame))[: len(frame) // 50]
    dates, values, stages, ends = np.array_split(
        chosen, [len(chosen) // 2, len(chosen) * 7 // 10, len(chosen) * 9 // 10]
    )
    frame.loc[dates, "close_date"] += pd.to_timedelta(random.integers(1, 60, len(dates)), unit="D").as_unit(
        "us"
    )
    frame.loc[values, "value"] += 1.25
    frame.loc[stages, "stage"] = _OPEN[random.integers(0, 4, len(stages))]
    won = random.random(len(ends)) < 0.4
    frame.loc[ends, "stage"] = np.where(won, "closed_won", "closed_lost")
    frame.loc[ends, "status"] = np.where(won, "won", "lost")
    # A deal that is moved after it was closed is open again.
    frame.loc[stages, "status"] = "active"
    return frame


def _once(contender: str, question: str, folder: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", f"{__package__}._history_once", contender, question, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=_ROOT)
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
