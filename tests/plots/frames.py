"""Frames and a history that drawings are tried on: none, one and many deals, groups and letters."""

from typing import Any

import numpy as np
import pandas as pd

from opp_analytics import History, org

AS_OF = "2026-03-31"
LONG = "An extraordinarily long customer name $ with_underscores & Söhne GmbH, Zweigstelle Nr."


def _pipeline(groups, deals, name="{long} {k}", scale=1.0):
    dice = np.random.default_rng(3)
    k = np.arange(deals)
    stage = dice.choice(org.STAGES.names, deals)
    return pd.DataFrame(
        {
            "unique_id": [f"d{n:05d}" for n in k],
            "name": [name.format(long=LONG, k=n) for n in k],
            "account_id": "x",
            "value": (dice.lognormal(9, 2, deals) * scale).round(2),
            "stage": stage,
            "status": np.select(
                [stage == "closed_won", stage == "closed_lost"], ["won", "lost"], "active"
            ),
            "close_date": pd.Timestamp("2025-06-01")
            + pd.to_timedelta(dice.integers(0, 500, deals), unit="D"),
            "probability": dice.integers(1, 100, deals),
            "created_at": pd.Timestamp("2025-05-01", tz="UTC")
            + pd.to_timedelta(dice.integers(0, 300, deals), unit="D"),
            "updated_at": pd.Timestamp("2026-03-01", tz="UTC"),
            "owner_name": [name.format(long=LONG, k=n % groups) for n in k],
        }
    )


FRAMES = {
    "no deals": _pipeline(1, 0),
    "one deal": _pipeline(1, 1),
    "seven groups, billions": _pipeline(7, 300, scale=1e7),
    "sixty long names": _pipeline(60, 900),
}
LOOKS: dict[str, Any] = {
    "light": {},
    "dark and large": {
        "figure.facecolor": "#111418",
        "axes.facecolor": "#111418",
        "font.size": 13.0,
    },
}


def past_and_now(frame, folder):
    """The frame a month ago and now, with some of it moved."""
    kept = History(folder)
    before = frame.assign(
        stage=frame["stage"].astype(str).replace("closed_won", "proposal"), status="active"
    )
    kept.record(
        before.assign(close_date=before["close_date"] - pd.Timedelta(days=20)),
        at="2026-02-28T12:00Z",
    )
    kept.record(before, at="2026-03-10T12:00Z")
    kept.record(frame, at="2026-03-31T12:00Z")
    return kept
