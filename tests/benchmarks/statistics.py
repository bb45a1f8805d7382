"""A million opportunities against one pandas groupby over the columns read; 10,000 deals against a numpy simulation.

Ours and the other are timed in turn, and their medians compared: the machine's mood hits both alike.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd

from opp_analytics import org, schema
from opp_analytics.analysis import forecast, stage_funnel, win_rate
from opp_analytics.analysis.forecasting import forecast as forecasts
from opp_analytics.analysis.stats.distribution import distribute

ROWS, DEALS, DRAWS, ROUNDS = 1_000_000, 10_000, 10_000, 7
AS_OF = "2025-01-10"


def run() -> list[dict[str, Any]]:
    """Rows of the benchmark table, in seconds."""
    return [*_tables(_opportunities(ROWS)), *_distribution()]


def _opportunities(rows: int) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    stage = np.array(org.STAGES.names)[rng.integers(0, len(org.STAGES.names), rows)]
    status = pd.Series(stage).map({"closed_won": "won", "closed_lost": "lost"}).fillna("active")
    owners, regions = (
        np.array([f"{name} {k}" for k in range(count)]) for name, count in (("owner", 50), ("region", 8))
    )
    frame = pd.DataFrame(
        {
            "unique_id": np.arange(rows).astype(str),
            "value": np.round(rng.lognormal(9, 1, rows), 2),
            "stage": stage,
            "close_date": pd.Timestamp("2023-06-01") + pd.to_timedelta(rng.integers(0, 1200, rows), unit="D"),
            "probability": rng.integers(0, 101, rows),
            "status": status,
            "owner_name": owners[rng.integers(0, len(owners), rows)],
            "region": regions[rng.integers(0, len(regions), rows)],
        }
    )
    return org.conform(frame).astype({"owner_name": schema.TEXT, "region": schema.TEXT})


def _tables(frame: pd.DataFrame) -> list[dict[str, Any]]:
    two = ["owner_name", "region"]

    def grouped(*keys: Any) -> Callable[[], Any]:
        return lambda: frame.groupby([*keys, "stage", "status"], observed=True)["value"].agg(["size", "sum"])

    def by_month() -> Any:
        return grouped(frame["close_date"].dt.to_period("M"))()

    def without_range() -> None:
        with patch.object(forecasts, "_add_ranges", return_value={}):
            forecast(frame, as_of=AS_OF)

    pairs: list[tuple[str, Callable[[], Any], Callable[[], Any], str]] = [
        ("win_rate by two columns", lambda: win_rate(frame, by=two), grouped(*two), "≤ 3"),
        ("stage_funnel", lambda: stage_funnel(frame), grouped(), "≤ 3"),
        ("stage_funnel by two columns", lambda: stage_funnel(frame, by=two), grouped(*two), "≤ 3"),
        ("forecast by month, range excepted", without_range, by_month, "≤ 3"),
        ("forecast by month with range", lambda: forecast(frame, as_of=AS_OF), by_month, ""),
    ]
    rows = []
    for name, work, other_work, wanted in pairs:
        ours, other = _in_turn(work, other_work)
        label = f"{name}, {len(frame):,} rows / groupby-aggregate"
        rows.append(
            {"benchmark": label, "ours": ours, "other": other, "ratio": ours / other, "wanted": wanted}
        )
    return rows


def _distribution() -> list[dict[str, Any]]:
    """Time and error, both against drawing; the truth is a convolution step by step on a grid that holds every amount."""
    rng = np.random.default_rng(1)
    steps, chances = rng.integers(1, 60, DEALS), np.round(rng.random(DEALS), 2)
    amounts = (steps * 1000.0).astype(np.float64)
    truth = _step_by_step(steps, chances)
    ours, other = _in_turn(lambda: distribute(amounts, chances), lambda: _drawn(amounts, chances))
    total, draws = distribute(amounts, chances), _drawn(amounts, chances)
    targets = np.searchsorted(truth, np.linspace(0.01, 0.99, 99)) * 1000.0
    exact = 1 - truth[(targets / 1000).astype(int) - 1]
    error = max(abs(total.at_least(t) - e) for t, e in zip(targets, exact, strict=True))
    drawn_error = max(abs(float((draws >= t).mean()) - e) for t, e in zip(targets, exact, strict=True))
    label = f"distribution of {DEALS:,} deals / {DRAWS:,} draws"
    return [
        {"benchmark": label, "ours": ours, "other": other, "ratio": other / ours, "wanted": "≥ 5"},
        {
            "benchmark": f"{label}, largest error of P(total ≥ x)",
            "ours": error,
            "other": drawn_error,
            "ratio": drawn_error / error,
            "wanted": "> 1",
        },
    ]


def _step_by_step(steps: np.ndarray, chances: np.ndarray) -> np.ndarray:
    """P(total ≤ k thousand), one deal after another."""
    mass = np.zeros(int(steps.sum()) + 1)
    mass[0], reach = 1.0, 0
    for step, chance in zip(steps, chances, strict=True):
        mass[step : reach + step + 1] = (1 - chance) * mass[step : reach + step + 1] + chance * mass[
            : reach + 1
        ]
        mass[: min(step, reach + 1)] *= 1 - chance
        reach += step
    return np.cumsum(mass)


def _drawn(amounts: np.ndarray, chances: np.ndarray) -> np.ndarray:
    """The simulation that people write, in blocks that fit into memory."""
    rng = np.random.default_rng(0)
    return np.concatenate(
        [(rng.random((500, len(amounts)), dtype=np.float32) < chances) @ amounts for _ in range(DRAWS // 500)]
    )


def _in_turn(ours: Callable[[], Any], other: Callable[[], Any]) -> tuple[float, float]:
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for work, spent in zip((ours, other), times, strict=True):
            began = time.perf_counter()
            work()
            spent.append(time.perf_counter() - began)
    return statistics.median(times[0]), statistics.median(times[1])
