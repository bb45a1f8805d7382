"""A click in the explorer at 100,000 opportunities and 26 weeks of history, against the cell that asks the same."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import opp_analytics as oa
from opp_analytics import org
from tests.benchmarks._figures import Figure, timed

ROWS, WEEKS = 100_000, 26
_REPEATS = 7
_FIRST = pd.Timestamp("2026-06-01T06:00Z")
_TODAY = "2026-11-23"


def run(quick: bool) -> list[Figure]:
    """Seconds of a click and of the cell."""
    if quick:
        return []
    with tempfile.TemporaryDirectory() as folder:
        history = oa.History(Path(folder))
        frame = _play(history)
        explorer = oa.explore(frame, history, as_of=_TODAY)
        moments = explorer.moments.options
        stretch = {"start": moments[-6][1], "end": moments[-2][1]}
        asks: dict[str, Callable[[], Any]] = {
            "funnel": lambda: oa.plots.stage_funnel(oa.stage_funnel(frame)),
            "win rate": lambda: oa.plots.win_rate(oa.win_rate(frame, by="owner_name", as_of=_TODAY)),
            "forecast": lambda: oa.plots.forecast(oa.forecast(frame, as_of=_TODAY)),
            "changes": lambda: oa.plots.waterfall(oa.waterfall(history, **stretch)),
            "slippage": lambda: oa.plots.slippage(oa.slippage(history, **stretch)),
        }
        figures = []
        for view, ask in asks.items():
            explorer.view.value = view
            owners = explorer.values.options
            clicks = [("choose owners", partial(_choose, explorer, owners))]
            clicks += [("drag as-of", partial(_drag, explorer, len(moments)))]
            for name, click in clicks:
                figures.append(_measured(f"explorer, {view}: {name}", click, ask))
            explorer.values.value = ()
    return figures


def _choose(explorer: Any, owners: tuple[str, ...], turn: int) -> None:
    explorer.values.value = owners[turn : turn + 20]


def _drag(explorer: Any, many: int, turn: int) -> None:
    explorer.moments.index = (many - 10 - turn, many - 3 - turn)


def _measured(name: str, click: Callable[[int], None], ask: Callable[[], Any]) -> Figure:
    turns = count()
    click(next(turns))
    return timed(
        name,
        "the cell that asks the same",
        lambda: click(next(turns)),
        lambda: ask().figure.savefig(io.BytesIO(), format="png", dpi=100),
        rounds=_REPEATS,
    )


def _play(history: oa.History) -> pd.DataFrame:
    """Weekly records in which 4 % of the deals move, change value or are won."""
    dice = np.random.default_rng(0)
    stage = dice.choice(org.STAGES.names, ROWS, p=[0.2, 0.15, 0.1, 0.1, 0.15, 0.3])
    frame = pd.DataFrame(
        {
            "unique_id": [f"o{n:06d}" for n in range(ROWS)],
            "name": [f"Deal {n}" for n in range(ROWS)],
            "value": dice.lognormal(10, 1, ROWS).round(2),
            "stage": stage,
            "status": np.select([stage == "closed_won", stage == "closed_lost"], ["won", "lost"], "active"),
            "close_date": pd.Timestamp(_TODAY) + pd.to_timedelta(dice.integers(-200, 200, ROWS), unit="D"),
            "probability": dice.integers(5, 95, ROWS),
            "owner_name": [f"Owner {n}" for n in dice.integers(0, 60, ROWS)],
        }
    )
    frame = org.conform(frame)
    for week in range(WEEKS):
        moved = dice.choice(ROWS, ROWS // 25, replace=False)
        pushed, priced, won = np.split(moved, [ROWS // 50, 3 * ROWS // 100])
        frame = frame.copy()
        frame.loc[pushed, "close_date"] += pd.Timedelta(days=30)
        frame.loc[priced, "value"] = (frame.loc[priced, "value"] * 1.1).round(2)
        frame.loc[won, ["stage", "status"]] = ["closed_won", "won"]
        history.record(frame, at=_FIRST + pd.Timedelta(weeks=week))
    return frame
