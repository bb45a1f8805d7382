"""A large team over two years, recorded every week."""

from __future__ import annotations

import numpy as np
import pandas as pd

import opp_analytics as oa
from opp_analytics import org

ROWS, WEEKS = 20_000, 104
TODAY = "2026-11-25"
_FIRST = pd.Timestamp("2024-12-02T06:00Z")


def play(history: oa.History) -> pd.DataFrame:
    """Weekly records in which 4% of the deals move, change value or are won."""
    dice = np.random.default_rng(0)
    stage = dice.choice(org.STAGES.names, ROWS, p=[0.2, 0.15, 0.1, 0.1, 0.15, 0.3])
    frame = pd.DataFrame(
        {
            "unique_id": [f"o{n:06d}" for n in range(ROWS)],
            "name": [f"Deal {n}" for n in range(ROWS)],
            "value": dice.lognormal(10, 1, ROWS).round(2),
            "stage": stage,
            "status": np.select([stage == "closed_won", stage == "closed_lost"], ["won", "lost"], "active"),
            "close_date": pd.Timestamp(TODAY) + pd.to_timedelta(dice.integers(-200, 200, ROWS), unit="D"),
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
