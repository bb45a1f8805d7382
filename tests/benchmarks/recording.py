"""Recording with 1% of the opportunities changed, against reading and writing all of them as
Parquet once.

Each a process of its own, in turns.
"""

from __future__ import annotations

import tempfile
from functools import partial
from itertools import count

from tests.benchmarks._figures import Figure, in_turns
from tests.benchmarks._process import Run, measured

_PARQUET = "read_parquet, to_parquet"


def run(quick: bool) -> list[Figure]:
    """Seconds and peak growth of memory."""
    if quick:
        return [_figures(100_000, rounds=3)[0]]
    return _figures(1_000_000, rounds=3)


def _figures(rows: int, *, rounds: int) -> list[Figure]:
    name = f"record {rows:,} with 1% changed"
    with tempfile.TemporaryDirectory() as folder:
        days = count(1)
        _once("record", rows, days, folder)
        runs = in_turns(
            rounds, {who: partial(_once, who, rows, days, folder) for who in ("record", "parquet")}
        )
    ours, theirs = runs["record"], runs["parquet"]
    return [figure(name, _PARQUET, ours, theirs) for figure in (Figure.of_runs, Figure.of_memory)]


def _once(contender: str, rows: int, days: count[int], folder: str) -> Run:
    return measured("_record_once", contender, rows, next(days), folder)
