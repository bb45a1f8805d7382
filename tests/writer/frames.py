"""Opportunities that the writer's tests edit."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pandas as pd

from opp_analytics.org import conform


def changed(frame: pd.DataFrame, row: int, **cells: Any) -> pd.DataFrame:
    """The frame with cells of one row replaced, columns as objects so that anything fits."""
    return frame.assign(
        **{c: frame[c].astype("object").where(frame.index != row, v) for c, v in cells.items()}
    )


def edited(before: pd.DataFrame) -> pd.DataFrame:
    """Two cells of o000 and one of o001 changed, o005 removed, one opportunity added."""
    after = before.astype({"stage": "str", "value": "object"})
    after.loc[0, ["stage", "probability"]] = ["negotiation", 80]  # type: ignore[assignment, index]
    after.loc[1, "value"] = Decimal("1234.56")  # type: ignore[call-overload]
    new = pd.DataFrame({"name": ["New"], "value": [500], "close_date": ["2026-12-01"]})
    return pd.concat([after.drop(index=5).astype({"close_date": "object"}), new], ignore_index=True)


def opportunities(rows: int = 6) -> pd.DataFrame:
    """Open deals `o000`, `o001`, … worth 1000, 1100, …, every one in proposal at 40 %."""
    numbers = range(rows)
    frame = pd.DataFrame(
        {
            "unique_id": [f"o{n:03d}" for n in numbers],
            "name": [f"Deal {n}" for n in numbers],
            "account_id": "acc-1",
            "value": [1000.0 + 100 * n for n in numbers],
            "stage": "proposal",
            "close_date": "2026-06-30",
            "probability": 40,
            "status": "active",
            "created_at": "2026-01-10T10:30:00Z",
            "updated_at": "2026-01-10T10:30:00Z",
        }
    )
    return conform(frame)


def adding(before: pd.DataFrame, *names: str, **cells: Any) -> pd.DataFrame:
    """The frame with a row to create for each name, the other cells alike."""
    return pd.concat([before, conform(pd.DataFrame({"name": names} | cells))], ignore_index=True)
