"""The weekly page of 20,000 opportunities and two years of history, against two of the analyses that it shows."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import opp_analytics as oa
from tests.benchmarks._figures import Figure, timed
from tests.benchmarks._two_years import ROWS, TODAY, WEEKS, play

_WEEK_AGO = "2026-11-18"


def run(quick: bool) -> list[Figure]:
    """Seconds of page and workbook, and the size of the page."""
    extent = (5_000, 26) if quick else (ROWS, WEEKS)
    with tempfile.TemporaryDirectory() as folder:
        history = oa.History(Path(folder, "history"))
        frame = play(history, *extent)

        def report() -> Path:
            return oa.weekly_report(frame, history, as_of=TODAY, out=folder, target=5e6, by="owner_name").html

        def analyses() -> None:
            oa.forecast(frame, as_of=TODAY, history=history, target=5e6)
            oa.waterfall(history, start=_WEEK_AGO, end=TODAY)

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", oa.errors.DataWarning)
            size = report().stat().st_size / 1e6
            time = timed(
                f"weekly page of {len(frame):,} deals",
                "forecast and waterfall",
                report,
                analyses,
                rounds=1 if quick else 3,
            )
    return [time, Figure.of("weekly page, size", "one megabyte", [size], [1.0], unit="MB", at_most=1.0)]
