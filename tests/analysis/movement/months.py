"""Histories with so many deals created, won and lost in each month."""

from __future__ import annotations

from typing import Any

import pandas as pd

import opp_analytics as oa

__all__ = ["STEADY", "history_of"]

STEADY = [20, 24, 18, 22, 25, 19, 21, 23, 20, 18, 24, 22]
"""Deals created in each month of a steady year."""


def history_of(
    created: list[int], won: list[int], lost: list[int], *, begin: str = "2024-01", **columns: Any
) -> oa.History:
    """Deals created, won and lost in the middle of each month, recorded once a week; `columns` are
    of every row."""
    rows: list[tuple[Any, ...]] = []
    for k, month in enumerate(pd.period_range(begin, periods=len(created), freq="M")):
        day = month.start_time + pd.Timedelta(days=14)
        rows += [(f"new {k} {i}", day, "discovery", pd.NaT, day) for i in range(created[k])]
        for stage, count in (("closed_won", won[k]), ("closed_lost", lost[k])):
            rows += [
                (f"{stage} {k} {i}", day, stage, day, pd.Timestamp("2020-01-01"))
                for i in range(count)
            ]
    first = pd.Period(begin, "M").start_time
    last = first + pd.DateOffset(months=len(created)) + pd.Timedelta(days=16)
    looks = sorted({*pd.date_range(first, last, freq="7D"), last})
    rows += [
        (f"week {day:%F}", day, "proposal", pd.NaT, pd.Timestamp("2020-01-01")) for day in looks
    ]
    log = pd.DataFrame(rows, columns=["unique_id", "seen_at", "stage", "close_date", "created_at"])
    return oa.History.from_changes(
        log.assign(value=1.0, **columns).sort_values("seen_at", kind="stable")
    )
