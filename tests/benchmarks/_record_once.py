"""One record in a process of its own: ``python -m tests.benchmarks._record_once CONTENDER ROWS DAY FOLDER``.

Prints seconds and how far the peak memory rose in MB. Day 1 is the first record, and writes the Parquet file.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pandas as pd
import pyarrow.parquet  # noqa: F401  imported before the clock starts

from opp_analytics.history import History
from tests.benchmarks._memory import forget_peak, peak_mb
from tests.benchmarks._opportunities import on_day, opportunities

_FIRST = pd.Timestamp("2026-01-01T06:00Z")


def record(frame: pd.DataFrame, day: int, folder: Path) -> None:
    """Ours: what changed since the day before."""
    History(folder / "history").record(frame, at=_FIRST + pd.Timedelta(days=day))


def parquet(frame: pd.DataFrame, day: int, folder: Path) -> None:
    """What reading and writing all of it once costs."""
    pd.read_parquet(folder / "all.parquet").to_parquet(folder / f"{day}.parquet")


def main() -> None:
    """Measure one contender."""
    contender, rows, day, folder = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
    frame = opportunities(rows)
    if day == 1:
        frame.to_parquet(folder / "all.parquet")
    frame = on_day(frame, 0.01, day)
    forget_peak()
    before = peak_mb()
    began = time.perf_counter()
    {"record": record, "parquet": parquet}[contender](frame, day, folder)
    print(json.dumps({"seconds": time.perf_counter() - began, "peak_mb": peak_mb() - before}))


if __name__ == "__main__":
    main()
