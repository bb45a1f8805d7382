"""Two years of weekly records: the change log against full snapshots, questions against their plain
forms, a record against reading and writing all deals once, and how it all grows.

Each is a process of its own; what is compared runs in turns.
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from opp_analytics.history import History
from tests.benchmarks import _large_log
from tests.benchmarks._figures import Figure, in_turns
from tests.benchmarks._process import Run, measured
from tests.benchmarks._two_years import ROWS, WEEKS, play

_ROUNDS = 3
_PLAIN = {
    "waterfall by": ("waterfall", 1.5),
    "deal_flags": ("deal_flags without history", None),
    "forecast_change": ("two forecasts", None),
    "learned month forecast": ("slippage", 5),
}
"""Question, its plain form, and the ratio that is wanted; 60 owners are the groups."""
_TIMES = 4
_AT_MOST = 5.8
"""Of four times the rows: twice 1.2 times for each doubling."""
_LOGS = (500_000, 2_000_000)
"""Deals of the large change logs, of ten rows each."""


def run(quick: bool) -> list[Figure]:
    """Seconds, peak growth of memory, bytes on disk."""
    with tempfile.TemporaryDirectory() as name:
        if quick:
            year = _play(Path(name, "year"), 10_000, 26)
            plain = (
                _against_plain(year, "26 weeks", question, rounds=1) for question in [*_PLAIN][:2]
            )
            return [figures[0] for figures in (*plain, _record(Path(name), 100_000, rounds=1))]
        years, fewer = (
            _play(Path(name, "years"), ROWS, WEEKS),
            _play(Path(name, "fewer"), ROWS // _TIMES, WEEKS),
        )
        log, full = ([_bytes(years / kept) / 1e6] for kept in ("history/changes", "snapshots"))
        disk = Figure.of("two years of history on disk", "weekly snapshots", log, full, unit="MB")
        return [
            disk,
            *_compare(
                "slippage, two years of history",
                "weekly snapshots",
                partial(_ask, "slippage", years),
                partial(measured, "_history_once", "snapshots", "slippage", years),
                agree=True,
            ),
            *(
                figure
                for question in _PLAIN
                for figure in _against_plain(years, "two years", question)
            ),
            *_record(Path(name), 1_000_000),
            *(
                figure
                for question in ("slippage", "waterfall", "forecast_change", "deal_flags")
                for figure in _compare(
                    f"{question} of {ROWS:,}",
                    f"{ROWS // _TIMES:,}",
                    partial(_ask, question, years),
                    partial(_ask, question, fewer),
                    at_most=_AT_MOST,
                    times=_TIMES,
                )
            ),
            *_logs(Path(name)),
        ]


def _play(folder: Path, rows: int, weeks: int) -> Path:
    play(History(folder / "history"), rows, weeks, snapshots=folder / "snapshots")
    return folder


def _ask(question: str, folder: Path) -> Run:
    return measured("_history_once", "ours", question, folder)


def _against_plain(
    folder: Path, span: str, question: str, *, rounds: int = _ROUNDS
) -> list[Figure]:
    plain, at_most = _PLAIN[question]
    asked = (partial(_ask, asked, folder) for asked in (question, plain))
    name = f"{question}, {span} of history"
    return _compare(name, plain, *asked, at_most=at_most, rounds=rounds)


def _record(folder: Path, rows: int, *, rounds: int = _ROUNDS) -> list[Figure]:
    record, parquet = (
        partial(measured, "_history_once", who, rows, folder) for who in ("record", "parquet")
    )
    record()
    name = f"record {rows:,} with 1% changed"
    return _compare(name, "read_parquet, to_parquet", record, parquet, rounds=rounds)


def _logs(folder: Path) -> list[Figure]:
    """Questions to change logs on disk of 5 and 20 million rows."""
    few, many = _LOGS
    for deals in _LOGS:
        (folder / str(deals)).mkdir()
        measured("_large_log", deals, folder / str(deals))
    return [
        figure
        for question in _large_log.QUESTIONS
        for figure in _compare(
            f"{question} of a log of {_large_log.MONTHS * many:,}",
            f"{_large_log.MONTHS * few:,}",
            partial(measured, "_large_log", many, folder / str(many), question),
            partial(measured, "_large_log", few, folder / str(few), question),
            at_most=_AT_MOST,
            times=_TIMES,
        )
    ]


def _compare(
    name: str,
    against: str,
    ours: Any,
    theirs: Any,
    *,
    agree: bool = False,
    rounds: int = _ROUNDS,
    at_most: float | None = None,
    **more: Any,
) -> list[Figure]:
    """Time and memory; where they are to agree, also that they do."""
    runs = in_turns(rounds, {"ours": ours, "theirs": theirs})
    both = runs["ours"], runs["theirs"]
    assert not agree or len({str(run.answer) for done in both for run in done}) == 1, both
    return [
        Figure.of_runs(name, against, *both, at_most=at_most, **more),
        Figure.of_memory(name, against, *both, **more),
    ]


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
