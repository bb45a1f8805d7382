"""A random pipeline, recorded five weeks in a row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from opp_analytics import org
from opp_analytics.history import History

DAYS = ["2026-03-02", "2026-03-09", "2026-03-16", "2026-03-23", "2026-03-30"]
OWNERS = ["Ann", "Bo", 'O\'Cy "x"', None]


def states(rows: int = 60) -> list[pd.DataFrame]:
    """Five weekly states of deals that move, change hands, come, go and return at random."""
    dice = np.random.default_rng(7)
    frame = pd.DataFrame(
        {
            "unique_id": [f"d{k:02d}" for k in range(rows)],
            "name": [f"Deal {k} 'x'" for k in range(rows)],
            "value": dice.integers(1, 9_000, rows) * 10.25,
            "stage": dice.choice(org.STAGES.open, rows),
            "status": "active",
            "close_date": pd.Timestamp("2026-03-01")
            + pd.to_timedelta(dice.integers(0, 60, rows), unit="D"),
            "probability": dice.integers(5, 95, rows),
            "owner_name": dice.choice(np.array(OWNERS, dtype="object"), rows),
            "region": dice.choice(["East", "West"], rows),
        }
    )
    made = []
    for _ in DAYS:
        frame = frame.copy()
        for column, values in (
            ("stage", dice.choice(org.STAGES.names, rows)),
            ("value", dice.integers(1, 9_000, rows) * 10.25),
            ("status", dice.choice(["active", "active", "inactive"], rows)),
            ("owner_name", dice.choice(np.array(OWNERS, dtype="object"), rows)),
            (
                "close_date",
                frame["close_date"] + pd.to_timedelta(dice.integers(-20, 40, rows), unit="D"),
            ),
        ):
            hit = dice.random(rows) < 0.2
            frame.loc[hit, column] = values[hit]
        frame.loc[dice.random(rows) < 0.05, "value"] = None
        made.append(org.conform(frame[dice.random(rows) < 0.9]))
    return made


def record(frames: list[pd.DataFrame], folder: Path) -> History:
    """A history of the states."""
    history = History(folder)
    for day, frame in zip(DAYS, frames, strict=True):
        history.record(frame, at=f"{day}T08:00Z")
    return history
