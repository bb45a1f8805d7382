"""One record in a process of its own: ``python -m tests.benchmarks._record_once CONTENDER ROWS DAY
FOLDER``.

Day 1 is the first record, and writes the Parquet file.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import pyarrow.parquet  # noqa: F401  imported before the clock starts

from opp_analytics.history import History
from tests.benchmarks._opportunities import on_day, opportunities
from tests.benchmarks._process import tell

_FIRST = pd.Timestamp("2026-01-01T06:00Z")


def record(frame: pd.DataFrame, day: int, folder: Path) -> None:
    """Ours: what changed since the day before."""
    History(folder / "history").record(frame, at=_FIRST + pd.Timedelta(days=day))


def parquet(frame: pd.DataFrame, day: int, folder: Path) -> None:
    """What reading and writing all of it once costs."""
    pd.read_parquet(folder / "all.parquet").to_parquet(folder / f"{day}.parquet")


def main() -> None:
    """Measure one contender."""
    contender, rows, day, folder = (
        sys.argv[1],
        int(sys.argv[2]),
        int(sys.argv[3]),
        Path(sys.argv[4]),
    )
    frame = opportunities(rows)
    if day == 1:
        frame.to_parquet(folder / "all.parquet")
    frame = on_day(frame, 0.01, day)
    tell(lambda: {"record": record, "parquet": parquet}[contender](frame, day, folder))


if __name__ == "__main__":
    main()
