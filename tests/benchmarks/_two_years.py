"""A team over the last years, recorded every week: large and for two years by default."""

from __future__ import annotations

import numpy as np
import pandas as pd

import opp_analytics as oa
from opp_analytics import org

ROWS, WEEKS = 20_000, 104
TODAY = "2026-11-25"
_LAST = pd.Timestamp("2026-11-23T06:00Z")


def play(history: oa.History, rows: int = ROWS, weeks: int = WEEKS) -> pd.DataFrame:
    """Weekly records in which 4% of the deals move, change value or are won."""
    dice = np.random.default_rng(0)
    stage = dice.choice(org.STAGES.names, rows, p=[0.2, 0.15, 0.1, 0.1, 0.15, 0.3])
    frame = pd.DataFrame(
        {
            "unique_id": [f"o{n:06d}" for n in range(rows)],
            "name": [f"Deal {n}" for n in range(rows)],
            "value": dice.lognormal(10, 1, rows).round(2),
            "stage": stage,
            "status": np.select([stage == "closed_won", stage == "closed_lost"], ["won", "lost"], "active"),
            "close_date": pd.Timestamp(TODAY) + pd.to_timedelta(dice.integers(-200, 200, rows), unit="D"),
            "probability": dice.integers(5, 95, rows),
            "owner_name": [f"Owner {n}" for n in dice.integers(0, 60, rows)],
        }
    )
    frame = org.conform(frame)
    for week in range(weeks):
        moved = dice.choice(rows, rows // 25, replace=False)
        pushed, priced, won = np.split(moved, [rows // 50, 3 * rows // 100])
        frame = frame.copy()
        frame.loc[pushed, "close_date"] += pd.Timedelta(days=30)
        frame.loc[priced, "value"] = (frame.loc[priced, "value"] * 1.1).round(2)
        frame.loc[won, ["stage", "status"]] = ["closed_won", "won"]
        history.record(frame, at=_LAST - pd.Timedelta(weeks=weeks - 1 - week))
    return frame
