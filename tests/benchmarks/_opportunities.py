"""Any number of opportunities, and the same on a later day."""

from __future__ import annotations

import numpy as np
import pandas as pd

from opp_analytics import org, schema

_STAGES = np.array(
    ["discovery", "qualification", "proposal", "negotiation", "closed_won", "closed_lost"],
    dtype=object,
)


def opportunities(rows: int) -> pd.DataFrame:
    """A frame as `load` gives it, with owners and regions."""
    dice = np.random.default_rng(1)
    stage = _STAGES[dice.integers(0, len(_STAGES), rows)]
    status = pd.Series(stage).map({"closed_won": "won", "closed_lost": "lost"}).fillna("active")
    days = pd.to_timedelta(dice.integers(0, 1200, rows), unit="D")
    frame = org.conform(
        pd.DataFrame(
            {
                "unique_id": [f"0192f{number:027x}" for number in range(rows)],
                "name": [f"Account {number % 977}: renewal {number}" for number in range(rows)],
                "account_id": [f"account-{number % 5000}" for number in range(rows)],
                "value": dice.lognormal(9, 1, rows).round(2),
                "stage": stage,
                "close_date": pd.Timestamp("2023-06-01") + days,
                "probability": dice.integers(0, 101, rows),
                "status": status,
                "created_at": pd.Timestamp("2023-05-01", tz="UTC"),
                "updated_at": pd.Timestamp("2025-01-01", tz="UTC"),
                "owner_name": [f"Owner {number}" for number in dice.integers(0, 50, rows)],
                "region": [f"Region {number}" for number in dice.integers(0, 8, rows)],
            }
        )
    )
    return frame.astype({"owner_name": schema.TEXT, "region": schema.TEXT})


def on_day(frame: pd.DataFrame, share: float, day: int) -> pd.DataFrame:
    """The frame as it is that day: this share of its values changes every day."""
    touched = np.random.default_rng(2).choice(len(frame), int(len(frame) * share), replace=False)
    frame = frame.copy()
    frame.loc[touched, "value"] += day
    return frame
