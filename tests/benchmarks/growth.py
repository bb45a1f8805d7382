"""Four times the rows: what a size takes against a quarter of it, and the exponent between the two.

A load, a record of which 1% changed, analyses of the frame, and questions to a history of 45 days
of which 2% changed each; and questions to change logs on disk of 5 and 20 million rows. Each is a
process of its own; both sizes run in turns.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from itertools import count
from pathlib import Path

from tests.benchmarks import _large_log
from tests.benchmarks._figures import Figure, in_turns
from tests.benchmarks._process import Run, measured
from tests.benchmarks.history import play
from tests.benchmarks.loading import load_once, serving_pages
from tests.benchmarks.statistics import QUESTIONS

SIZES = (250_000, 1_000_000)
_HISTORY_SIZES, _DAYS = (100_000, 400_000), 45
LOGS = (500_000, 2_000_000)
"""Deals of the large change logs, of ten rows each."""
_ROUNDS = 3
_HISTORY = ("slippage", "waterfall", "transitions", "forecast_change", "deal_flags", "as_of")
_TIMES = 4
Work = Callable[[], Run]


def run(quick: bool) -> list[Figure]:
    """Time and memory of each size against those of a quarter of it."""
    if quick:
        return []
    return [*_loads(), *_records(), *_analyses(), *_questions(), *_logs()]


def _grown(name: str, works: dict[int, Work]) -> list[Figure]:
    """The figures of one work at two sizes; 5.8 times is what twice 1.2 times for each doubling
    makes."""
    (fewer, _), (more, _) = works.items()
    runs = in_turns(_ROUNDS, {str(size): work for size, work in works.items()})
    label, against, ours, theirs = (
        f"{name} of {more:,}",
        f"{fewer:,}",
        runs[str(more)],
        runs[str(fewer)],
    )
    return [
        Figure.of_runs(label, against, ours, theirs, times=_TIMES, at_most=5.8),
        Figure.of_memory(label, against, ours, theirs, times=_TIMES),
    ]


def _loads() -> list[Figure]:
    with ExitStack() as servers:
        urls = {size: servers.enter_context(serving_pages(size, 1_000, 0.020)) for size in SIZES}
        return _grown(
            "load", {size: partial(load_once, "ours", urls[size], 1_000, size) for size in SIZES}
        )


def _records() -> list[Figure]:
    with ExitStack() as folders:
        works: dict[int, Work] = {}
        for size in SIZES:
            folder, days = folders.enter_context(tempfile.TemporaryDirectory()), count(1)
            works[size] = partial(_record, size, days, folder)
            works[size]()
        return _grown("record", works)


def _record(size: int, days: count[int], folder: str) -> Run:
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
    with tempfile.TemporaryDirectory() as name:
        folders = {size: Path(name, str(size)) for size in _HISTORY_SIZES}
        for size, folder in folders.items():
            play(folder, size, _DAYS, snapshots=False)
        return [
            figure
            for question in _HISTORY
            for figure in _grown(
                question,
                {
                    size: partial(measured, "_history_once", "ours", question, folder)
                    for size, folder in folders.items()
                },
            )
        ]


def _logs() -> list[Figure]:
    with tempfile.TemporaryDirectory() as name:
        folders = {deals: Path(name, str(deals)) for deals in LOGS}
        for deals, folder in folders.items():
            folder.mkdir()
            measured("_large_log", deals, folder)
        return [
            figure
            for question in _large_log.QUESTIONS
            for figure in _grown(
                f"{question} of a log",
                {
                    _large_log.MONTHS * deals: partial(
                        measured, "_large_log", deals, folder, question
                    )
                    for deals, folder in folders.items()
                },
            )
        ]
