"""A year of history, 2 % of 50,000 opportunities changing a day: the change log against full daily
snapshots."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics import org
from opp_analytics.history import History
from tests.benchmarks._figures import Figure, in_turns
from tests.benchmarks._history_once import FORECASTS
from tests.benchmarks._process import Run, measured

_OPEN = np.array(["discovery", "qualification", "proposal", "negotiation"], dtype=object)
_ROUNDS = 3
_ROWS, _FEWER = 50_000, 20_000
_PLAIN = (
    ("waterfall by", "waterfall", 1.5),
    ("forecast_change", "two forecasts", None),
    ("forecast_change by", "forecast_change", 1.5),
    ("deal_flags", "deal_flags without history", None),
)
"""Question, its plain form, and the ratio that is wanted; 200 owners are the groups."""
_OWNERS = 200
_DAYS = 60
"""Days of the short form, which has fewer rows."""


def run(quick: bool) -> list[Figure]:
    """Seconds, peak growth of memory, bytes on disk."""
    with tempfile.TemporaryDirectory() as name:
        if quick:
            play(Path(name), _FEWER, _DAYS, snapshots=False)
            return _against_plain(Path(name), f"{_DAYS} days", (_PLAIN[0], _PLAIN[-1]))
        year, twice = Path(name, "year"), Path(name, "twice")
        play(year, _ROWS, 365, snapshots=True)
        play(twice, _ROWS, 365, snapshots=False, halves=True)
        return [
            _size(year),
            *_against_snapshots(year),
            *_against_plain(year, "a year"),
            *_forecasts(year),
            *_flat(year, twice),
        ]


def _size(folder: Path) -> Figure:
    log, full = ([_bytes(folder / name) / 1e6] for name in ("history/changes", "snapshots"))
    return Figure.of(
        "a year of history on disk", "daily snapshots", log, full, at_most=0.05, unit="MB"
    )


def _against_snapshots(folder: Path) -> list[Figure]:
    """The same questions to the log and to all snapshots, in turns, each in a process of its
    own."""
    figures = []
    for question, others in (
        ("slippage", ["snapshots", "two_files"]),
        ("transitions", ["snapshots"]),
    ):
        runs = in_turns(
            _ROUNDS, {who: partial(_once, who, question, folder) for who in ("ours", *others)}
        )
        answers = {str(run.answer) for done in runs.values() for run in done}
        assert len(answers) == 1, f"they do not agree: {answers}"
        for other in others:
            against = {"snapshots": "daily snapshots", "two_files": "the two files it needs"}[other]
            figures += _both(f"{question}, a year of history", against, runs["ours"], runs[other])
    return figures


def _forecasts(folder: Path) -> list[Figure]:
    """What a forecast that learns, and a backtest of all records, take against one question to the
    same history."""
    runs = in_turns(
        _ROUNDS,
        {
            question: partial(_once, "ours", question, folder)
            for question in ("slippage", *FORECASTS)
        },
    )
    figures = []
    for question, at_most in zip(FORECASTS, (5.0, 25.0), strict=True):
        name = f"{question}, a year of history"
        figures += _both(name, "slippage", runs[question], runs["slippage"], at_most=at_most)
    return figures


def _against_plain(
    folder: Path, span: str, questions: tuple[tuple[str, str, float | None], ...] = _PLAIN
) -> list[Figure]:
    """Questions by group, and of what changed, against their plain forms."""
    figures = []
    for question, plain, at_most in questions:
        runs = in_turns(
            _ROUNDS,
            {
                "ours": partial(_once, "ours", question, folder),
                "plain": partial(_once, "ours", plain, folder),
            },
        )
        figures += _both(f"{question}, {span} of history", plain, *runs.values(), at_most=at_most)
    return figures


def _flat(year: Path, twice: Path) -> list[Figure]:
    """The same changes in twice as many records."""
    figures = []
    for question in (*(question for question, _, _ in _PLAIN), "waterfall"):
        runs = in_turns(
            _ROUNDS,
            {
                "twice": partial(_once, "ours", question, twice),
                "year": partial(_once, "ours", question, year),
            },
        )
        against = "the same changes in one record a day"
        figures += _both(f"{question}, twice the records", against, *runs.values(), at_most=1.5)
    return figures


def _both(
    name: str, against: str, ours: list[Run], theirs: list[Run], **further: Any
) -> list[Figure]:
    """Time and memory."""
    return [
        Figure.of_runs(name, against, ours, theirs, **further),
        Figure.of_memory(name, against, ours, theirs),
    ]


def play(
    folder: Path, opportunities: int, days: int, *, snapshots: bool, halves: bool = False
) -> None:
    """Record every day, with `halves` each half of a day's changes alone, and keep every day's full
    snapshot where asked to."""
    random = np.random.default_rng(1)
    frame = _first_day(random, opportunities)
    history = History(folder / "history")
    (folder / "snapshots").mkdir(parents=True)
    before = frame
    for day in pd.date_range("2026-01-01", periods=days):
        if halves and frame is not before:
            history.record(_halfway(before, frame), at=day - pd.Timedelta(hours=12))
        history.record(frame, at=day)
        if snapshots:
            frame.to_parquet(folder / "snapshots" / f"{day:%Y-%m-%d}.parquet", compression="zstd")
        before, frame = frame, _next_day(random, frame)


def _halfway(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """The day on which only the first half of the rows have changed."""
    half = len(after) // 2
    return pd.concat([after.iloc[:half], before.iloc[half:]], ignore_index=True)


def _first_day(random: np.random.Generator, count: int) -> pd.DataFrame:
    dates = pd.Timestamp("2026-01-01") + pd.to_timedelta(random.integers(0, 365, count), unit="D")
    return org.conform(
        pd.DataFrame(
            {
                "unique_id": [f"0192f{k:027x}" for k in range(count)],
                "name": [f"Opportunity {k}" for k in range(count)],
                "account_id": [f"account-{k % 5000}" for k in range(count)],
                "owner_name": [f"Owner {k % _OWNERS:03d}" for k in range(count)],
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
    frame.loc[dates, "close_date"] += pd.to_timedelta(
        random.integers(1, 60, len(dates)), unit="D"
    ).as_unit("us")
    frame.loc[values, "value"] += 1.25
    frame.loc[stages, "stage"] = _OPEN[random.integers(0, 4, len(stages))]
    won = random.random(len(ends)) < 0.4
    frame.loc[ends, "stage"] = np.where(won, "closed_won", "closed_lost")
    frame.loc[ends, "status"] = np.where(won, "won", "lost")
    # A deal that is moved after it was closed is open again.
    frame.loc[stages, "status"] = "active"
    return frame


def _once(contender: str, question: str, folder: Path) -> Run:
    return measured("_history_once", contender, question, folder)


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
