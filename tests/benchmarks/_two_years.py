"""A team over the last years, recorded every week: large and for two years by default."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

import opp_analytics as oa
from opp_analytics import org

ROWS, WEEKS = 20_000, 104
_LINES_A_DEAL = 10
TODAY = "2026-11-25"
_LAST = pd.Timestamp("2026-11-23T06:00Z")


def play(
    history: oa.History, rows: int = ROWS, weeks: int = WEEKS, *, snapshots: Path | None = None
) -> pd.DataFrame:
    """Weekly records in which 4% of the deals move, change value or are won; a file of each week's
    whole frame beside them where a folder is named."""
    dice = np.random.default_rng(0)
    stage = dice.choice(org.STAGES.names, rows, p=[0.2, 0.15, 0.1, 0.1, 0.15, 0.3])
    frame = pd.DataFrame(
        {
            "unique_id": [f"o{n:06d}" for n in range(rows)],
            "name": [f"Deal {n}" for n in range(rows)],
            "value": dice.lognormal(10, 1, rows).round(2),
            "stage": stage,
            "status": np.select(
                [stage == "closed_won", stage == "closed_lost"], ["won", "lost"], "active"
            ),
            "close_date": pd.Timestamp(TODAY)
            + pd.to_timedelta(dice.integers(-200, 200, rows), unit="D"),
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
        at = _LAST - pd.Timedelta(weeks=weeks - 1 - week)
        history.record(frame, at=at)
        if snapshots is not None:
            snapshots.mkdir(exist_ok=True)
            frame.to_parquet(snapshots / f"{at:%Y-%m-%d}.parquet", compression="zstd")
    return frame


def write_field_history(file: Path, lines: int) -> None:
    """A Salesforce field history of two years: deals are created, pushed, priced and moved from
    stage to stage."""
    dice = np.random.default_rng(0)
    deals = lines // _LINES_A_DEAL
    begin = pd.Timestamp(TODAY) - pd.Timedelta(days=730)
    made = dice.integers(0, 610 * 1_440, deals)
    fields = np.resize(["StageName", "CloseDate", "Amount"], _LINES_A_DEAL - 2)
    stages = np.array(
        ["Prospecting", "Qualification", "Proposal/Price Quote", "Negotiation/Review", "Closed Won"]
    )
    stages = np.where(dice.random((deals, 1)) < 0.6, stages, np.append(stages[:-1], "Closed Lost"))
    days = pd.Timestamp("2024-12-01") + pd.to_timedelta(made // 1_440, unit="D")
    amounts = dice.lognormal(10, 1, deals)
    parts = [
        ("created", made, np.full(deals, ""), np.full(deals, "")),
        (
            "Owner",
            made + 1,
            np.full(deals, "New"),
            np.char.add("Owner ", dice.integers(0, 60, deals).astype(str)),
        ),
    ]
    at = made + 2
    for step, field in enumerate(fields):
        turn, at = step // 3, at + dice.integers(1_440, 14 * 1_440, deals)
        if field == "StageName":
            old, new = stages[:, turn], stages[:, turn + 1 if turn < 2 else 4]
        elif field == "CloseDate":
            due = [days + pd.Timedelta(days=30 * (turn + n)) for n in (1, 2)]
            old, new = (day.strftime("%Y-%m-%d").to_numpy() for day in due)
        else:
            old, new = ((amounts * 1.1 ** (turn + n)).round(2).astype(str) for n in (0, 1))
        parts.append((field, at, old, new))
    pd.concat(
        pd.DataFrame(
            {
                "OpportunityId": [f"006Hs{n:010d}" for n in range(deals)],
                "CreatedDate": (begin + pd.to_timedelta(at, unit="min")).strftime(
                    "%Y-%m-%dT%H:%M:%SZ"
                ),
                "Field": field,
                "OldValue": old,
                "NewValue": new,
            }
        )
        for field, at, old, new in parts
    ).to_csv(file, index=False)
