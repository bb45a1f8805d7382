"""Loading 100,000 opportunities: cold against the plain loop, warm against cold; runs interleaved, medians."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent
_ROWS = 100_000
_PAGE = 500
_REPEATS = 5


@contextmanager
def _server(latency: float) -> Iterator[str]:
    command = [sys.executable, str(_HERE / "_pages.py"), str(_ROWS), str(_PAGE), str(latency)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.stdin.close()


def _once(contender: str, url: str, cache: str) -> dict[str, Any]:
    command = [sys.executable, "-m", f"{__package__}._load_once", contender, url, str(_PAGE), cache]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=_HERE.parents[1])
    measured: dict[str, Any] = json.loads(done.stdout)
    assert measured["rows"] == _ROWS
    return measured


def _medians(runs: list[dict[str, Any]]) -> tuple[float, float]:
    return statistics.median(r["seconds"] for r in runs), statistics.median(r["peak_mb"] for r in runs)


def run() -> list[dict[str, Any]]:
    """Rows of the benchmark table: seconds, peak growth of memory in MB, and their ratios."""
    cold, plain, warm, cold_near = [], [], [], []
    with _server(0.02) as far, _server(0.0) as near:
        for _ in range(_REPEATS):
            with tempfile.TemporaryDirectory() as cache:
                cold.append(_once("ours", far, cache))
            plain.append(_once("plain", far, ""))
            with tempfile.TemporaryDirectory() as cache:
                cold_near.append(_once("ours", near, cache))
                warm.append(_once("ours", near, cache))
    (ours_s, ours_mb), (plain_s, plain_mb) = _medians(cold), _medians(plain)
    (warm_s, _), (near_s, _) = _medians(warm), _medians(cold_near)
    return [
        _row("cold load, 20 ms, 500 a page, seconds", ours_s, plain_s, "≥ 4"),
        _row("cold load, peak memory growth, MB", ours_mb, plain_mb, "≥ 2"),
        _row("warm load against cold without latency, seconds", warm_s, near_s, "≥ 10"),
    ]


def _row(benchmark: str, ours: float, other: float, wanted: str) -> dict[str, Any]:
    return {"benchmark": benchmark, "ours": ours, "other": other, "ratio": other / ours, "wanted": wanted}
