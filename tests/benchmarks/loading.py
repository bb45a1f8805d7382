"""Cold loads against the best client somebody would write by hand, and against the loop that people
write.

Each load is a process of its own, and runs in turn with the others. The servers answer pages
rendered beforehand.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from tests.benchmarks._figures import Figure, in_turns
from tests.benchmarks._process import Run, measured

_HERE = Path(__file__).parent
_BEST = "aiohttp, msgspec, Arrow"
_LOOP = "requests, json_normalize"
_LATENCY = 0.020


def run(quick: bool) -> list[Figure]:
    """Seconds, and peak growth of memory where that is much."""
    if quick:
        return [*_cold(20_000, 500, _LATENCY, rounds=1), *_cold(20_000, 500, 0, rounds=1)]
    return [
        *_cold(100_000, 500, _LATENCY, rounds=5, by_clock=True, at_most=1.15, loop=True),
        *_cold(100_000, 100, _LATENCY, rounds=3, by_clock=True, at_most=1.05),
        *_cold(100_000, 500, 0, rounds=5, at_most=1.8),
        *_cold(1_000_000, 1_000, _LATENCY, rounds=3, by_clock=True, at_most=1.3, memory=True),
    ]


def _cold(
    rows: int,
    size: int,
    latency: float,
    *,
    rounds: int,
    loop: bool = False,
    memory: bool = False,
    **further: Any,
) -> Iterator[Figure]:
    away = f"{latency * 1000:g} ms latency" if latency else "no latency"
    name = f"cold load of {rows:,}, {away}, {size:,} a page"
    with serving_pages(rows, size, latency) as url:
        contenders = ["arrow", "ours", *(["plain"] if loop else [])]
        loads = {who: partial(load_once, who, url, size, rows) for who in contenders}
        # What is imported under the clock is compiled before it.
        for load in (loads["arrow"], loads["ours"]):
            load()
        runs = in_turns(rounds, loads)

    ours, best = runs["ours"], runs["arrow"]
    yield Figure.of_runs(name, _BEST, ours, best, **further)
    if loop:
        yield Figure.of_runs(name, _LOOP, ours, runs["plain"], by_clock=further["by_clock"])
    if memory:
        yield Figure.of_memory(name, _BEST, ours, best, at_most=1.0)


@contextmanager
def serving_pages(rows: int, size: int, latency: float) -> Iterator[str]:
    """The address of a server of so many opportunities that answers after so many seconds."""
    command = [sys.executable, str(_HERE / "_pages.py"), str(rows), str(size), str(latency)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.stdin.close()


def load_once(contender: str, url: str, size: int, rows: int) -> Run:
    with tempfile.TemporaryDirectory() as cache:
        found = measured("_load_once", contender, url, size, cache)
    assert found.answer == rows
    return found
