"""Double the rows, double the time: from an eighth of a million opportunities to a million.

A load, a record of which 1% changed, analyses of the frame, and questions to a history of 45 days of which 2% changed
each; and questions to change logs of 10 to 40 million rows on disk. Each is a process of its own; all sizes run in turns.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from itertools import count, pairwise
from pathlib import Path
from typing import Any

from tests.benchmarks import _large_log
from tests.benchmarks._figures import Figure, in_turns
from tests.benchmarks._process import measured
from tests.benchmarks.history import play
from tests.benchmarks.loading import load_once, serving_pages
from tests.benchmarks.statistics import QUESTIONS

SIZES = (125_000, 250_000, 500_000, 1_000_000)
_ROUNDS, _DAYS = 3, 45
LOGS = (1_000_000, 2_000_000, 4_000_000)
"""Deals of the large change logs, of ten rows each."""
_HISTORY = ("slippage", "waterfall", "transitions", "forecast_change", "deal_flags", "as_of")
Work = Callable[[], dict[str, Any]]


def run(quick: bool) -> list[Figure]:
    """Seconds of each size against twice those of its half, and memory of the largest against that of its half."""
    if quick:
        return []
    return [*_loads(), *_records(), *_analyses(), *_questions(), *_logs()]


def _grown(name: str, works: dict[int, Work], memory: str = "peak_mb") -> list[Figure]:
    runs = in_turns(_ROUNDS, {str(size): work for size, work in works.items()})
    figures = []
    for half, size in pairwise(works):
        ours, theirs = ([run["seconds"] for run in runs[str(rows)]] for rows in (size, half))
        against = f"twice that of {half:,}"
        figures.append(Figure.of(f"{name} of {size:,}", against, ours, [2 * s for s in theirs], at_most=1.2))
    ours, theirs = ([run[memory] for run in runs[str(rows)]] for rows in (size, half))
    label = f"{name} of {size:,}, memory"
    return [*figures, Figure.of(label, f"twice that of {half:,}", ours, [2 * mb for mb in theirs], unit="MB")]


def _loads() -> list[Figure]:
    with ExitStack() as servers:
        urls = {size: servers.enter_context(serving_pages(size, 1_000, 0.020)) for size in SIZES}
        return _grown("load", {size: partial(load_once, "ours", urls[size], 1_000, size) for size in SIZES})


def _records() -> list[Figure]:
    with ExitStack() as folders:
        works: dict[int, Work] = {}
        for size in SIZES:
            folder, days = folders.enter_context(tempfile.TemporaryDirectory()), count(1)
            works[size] = partial(_record, size, days, folder)
            works[size]()
        return _grown("record", works)


def _record(size: int, days: count[int], folder: str) -> dict[str, Any]:
    return measured("_record_once", "record", size, next(days), folder)


def _analyses() -> list[Figure]:
    return [
        figure
        for question in QUESTIONS
        for figure in _grown(
            question, {size: partial(measured, "_analyze_once", question, size) for size in SIZES}
        )
    ]


def _questions() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        for size in SIZES:
            play(Path(folder, str(size)), size, _DAYS, snapshots=False)
        return [
            figure
            for question in _HISTORY
            for figure in _grown(
                question,
                {
                    size: partial(measured, "_history_once", "ours", question, Path(folder, str(size)))
                    for size in SIZES
                },
                memory="process_mb",
            )
        ]


def _logs() -> list[Figure]:
    with tempfile.TemporaryDirectory() as name:
        folders = {deals: Path(name, str(deals)) for deals in LOGS}
        sizes = {}
        for deals, folder in folders.items():
            folder.mkdir()
            sizes[measured("_large_log", deals, folder)["rows"]] = deals, folder
        return [
            figure
            for question in _large_log.QUESTIONS
            for figure in _grown(
                f"{question} of a log",
                {rows: partial(measured, "_large_log", *log, question) for rows, log in sizes.items()},
                memory="process_mb",
            )
        ]
