"""A year of history, 2 % of 100,000 opportunities changing a day: the change log against full daily snapshots."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics import schema
from opp_analytics.history import History

_HERE = Path(__file__).parent
_OPEN = np.array(schema.OPEN_STAGES, dtype=object)
_REPEATS = 3


def run(opportunities: int = 100_000, days: int = 365) -> list[dict[str, Any]]:
    """Rows of the benchmark table: seconds, peak growth of memory in MB, bytes on disk, and their ratios."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        appends = _year(folder, opportunities, days)
        log, full = _bytes(folder / "history" / "changes"), _bytes(folder / "snapshots")
        rows = [
            {"benchmark": "append one day, seconds", "ours": statistics.median(appends), "wanted": "< 1"},
            {
                "benchmark": "log on disk, MB",
                "ours": log / 1e6,
                "other": full / 1e6,
                "ratio": full / log,
                "wanted": "≥ 20",
            },
        ]
        for question in ("slippage", "transitions"):
            runs: dict[str, list[dict[str, Any]]] = {"ours": [], "snapshots": []}
            for _ in range(_REPEATS):
                for contender, done in runs.items():
                    done.append(_once(contender, question, folder))
            assert runs["ours"][0]["answer"] == runs["snapshots"][0]["answer"], "the two do not agree"
            for measure, wanted in (("seconds", "≥ 20"), ("peak_mb", "≥ 10")):
                ours, other = (statistics.median(r[measure] for r in runs[c]) for c in ("ours", "snapshots"))
                label = f"{question}, {measure.replace('_', ' ')}"
                rows.append(
                    {
                        "benchmark": label,
                        "ours": ours,
                        "other": other,
                        "ratio": other / ours,
                        "wanted": wanted,
                    }
                )
        return rows


def _year(folder: Path, opportunities: int, days: int) -> list[float]:
    """Record every day, and keep every day's full snapshot; the seconds that each record took."""
    random = np.random.default_rng(1)
    frame = _first_day(random, opportunities)
    history = History(folder / "history")
    (folder / "snapshots").mkdir()
    seconds = []
    for day in pd.date_range("2026-01-01", periods=days):
        start = time.perf_counter()
        history.record(frame, at=day)
        seconds.append(time.perf_counter() - start)
        frame.to_parquet(folder / "snapshots" / f"{day:%Y-%m-%d}.parquet", compression="zstd")
        frame = _next_day(random, frame)
    return seconds[1:]


def _first_day(random: np.random.Generator, count: int) -> pd.DataFrame:
    dates = pd.Timestamp("2026-01-01") + pd.to_timedelta(random.integers(0, 365, count), unit="D")
    return schema.conform(
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
    command = [sys.executable, str(_HERE / "_history_once.py"), contender, question, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
