"""Analyses of a million opportunities against one pandas groupby over the columns read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from opp_analytics.analysis import forecast, stage_funnel, win_rate
from tests.benchmarks._figures import Figure, timed
from tests.benchmarks._opportunities import opportunities

ROWS = 1_000_000
AS_OF = "2025-01-10"
TWO = ["owner_name", "region"]
QUESTIONS: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "win_rate by two columns": lambda frame: win_rate(frame, by=TWO),
    "stage_funnel": stage_funnel,
    "stage_funnel by two columns": lambda frame: stage_funnel(frame, by=TWO),
    "forecast by month with range": lambda frame: forecast(frame, as_of=AS_OF),
}


def run(quick: bool) -> list[Figure]:
    """Seconds of each analysis."""
    frame, rounds = opportunities(ROWS // 4 if quick else ROWS), 3 if quick else 5

    def grouped(*keys: Any) -> object:
        return frame.groupby([*keys, "stage", "status"], observed=True)["value"].agg(
            ["size", "sum"]
        )

    plain: dict[str, Callable[[], object]] = {
        "win_rate by two columns": lambda: grouped(*TWO),
        "stage_funnel": grouped,
        "stage_funnel by two columns": lambda: grouped(*TWO),
        "forecast by month with range": lambda: grouped(frame["close_date"].dt.to_period("M")),
    }
    return [
        timed(
            f"{name}, {len(frame):,} rows",
            "groupby, agg",
            lambda ask=ask: ask(frame),  # type: ignore[misc]
            plain[name],
            rounds=rounds,
            at_most=None if name.endswith("with range") else 3,
        )
        for name, ask in QUESTIONS.items()
    ]
