"""Analyses of a million opportunities against one pandas groupby over the columns read.

And the distribution of 10,000 deals against a numpy simulation of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics.analysis import forecast, stage_funnel, win_rate
from opp_analytics.analysis.stats.distribution import distribute
from tests.benchmarks._figures import Figure, timed
from tests.benchmarks._opportunities import opportunities

ROWS, DEALS, DRAWS = 1_000_000, 10_000, 10_000
AS_OF = "2025-01-10"
TWO = ["owner_name", "region"]
QUESTIONS: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "win_rate by two columns": lambda frame: win_rate(frame, by=TWO),
    "stage_funnel": stage_funnel,
    "stage_funnel by two columns": lambda frame: stage_funnel(frame, by=TWO),
    "forecast by month with range": lambda frame: forecast(frame, as_of=AS_OF),
}


def run(quick: bool) -> list[Figure]:
    """Seconds, and the error of the distribution."""
    if quick:
        return _against_groupby(opportunities(ROWS // 2), rounds=5)
    return [*_against_groupby(opportunities(ROWS), rounds=5), *_distribution(rounds=5)]


def _against_groupby(frame: pd.DataFrame, *, rounds: int) -> list[Figure]:
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


def _distribution(*, rounds: int) -> list[Figure]:
    """Time and error, both against drawing; the truth is a convolution step by step on a grid that
    holds every amount."""
    rng = np.random.default_rng(1)
    steps, chances = rng.integers(1, 60, DEALS), np.round(rng.random(DEALS), 2)
    amounts = (steps * 1000.0).astype(np.float64)
    truth = _step_by_step(steps, chances)
    total, draws = distribute(amounts, chances), _drawn(amounts, chances)
    targets = np.searchsorted(truth, np.linspace(0.01, 0.99, 99)) * 1000.0
    exact = 1 - truth[(targets / 1000).astype(int) - 1]
    error = max(abs(total.at_least(t) - e) for t, e in zip(targets, exact, strict=True))
    drawn_error = max(
        abs(float((draws >= t).mean()) - e) for t, e in zip(targets, exact, strict=True)
    )
    name, against = f"distribution of {DEALS:,} deals", f"{DRAWS:,} draws"
    return [
        timed(
            name,
            against,
            lambda: distribute(amounts, chances),
            lambda: _drawn(amounts, chances),
            rounds=rounds,
            at_most=0.2,
        ),
        Figure.of(
            f"{name}, largest error of P(total ≥ x)",
            against,
            [error],
            [drawn_error],
            at_most=1,
            unit="",
        ),
    ]


def _step_by_step(steps: np.ndarray, chances: np.ndarray) -> np.ndarray:
    """P(total ≤ k thousand), one deal after another."""
    mass = np.zeros(int(steps.sum()) + 1)
    mass[0], reach = 1.0, 0
    for step, chance in zip(steps, chances, strict=True):
        mass[step : reach + step + 1] = (1 - chance) * mass[
            step : reach + step + 1
        ] + chance * mass[: reach + 1]
        mass[: min(step, reach + 1)] *= 1 - chance
        reach += step
    return np.cumsum(mass)


def _drawn(amounts: np.ndarray, chances: np.ndarray) -> np.ndarray:
    """The simulation that people write, in blocks that fit into memory."""
    rng = np.random.default_rng(0)
    return np.concatenate(
        [
            (rng.random((500, len(amounts)), dtype=np.float32) < chances) @ amounts
            for _ in range(DRAWS // 500)
        ]
    )
