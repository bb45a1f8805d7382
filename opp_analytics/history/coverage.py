"""What the records of a history can and cannot say about each period."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from opp_analytics import schema
from opp_analytics.periods import check_freq

__all__ = ["coverage"]

_DAY = pd.Timedelta(days=1)
_COLUMNS = ["records", "opening_age_days", "longest_gap_days", "closing_age_days", "answers"]


def coverage(records: pd.DataFrame, freq: str) -> pd.DataFrame:
    """One row per period between the first and the last record; see `History.coverage`."""
    check_freq(freq)
    moments = records["recorded_at"].reset_index(drop=True)
    gaps = moments.diff() / _DAY
    cadence = float(gaps.median()) if len(moments) > 1 else float("nan")
    naive = moments.dt.tz_localize(None)
    periods = (
        pd.period_range(naive.iloc[0], naive.iloc[-1], freq=freq)
        if len(moments)
        else pd.PeriodIndex([], freq=freq)
    )
    rows = [_row(period, moments) for period in periods]
    index = pd.Index([str(period) for period in periods], dtype=schema.TEXT, name="period")
    table = pd.DataFrame(rows, columns=_COLUMNS, index=index)
    table = table.astype(
        {"records": "int64", **dict.fromkeys(_COLUMNS[1:4], "float64"), "answers": schema.TEXT}
    )
    due = None if np.isnan(cadence) else (moments.iloc[-1] + pd.Timedelta(days=cadence)).isoformat()
    table.attrs = {"n": len(moments), "cadence_days": None if np.isnan(cadence) else cadence, "next_due": due}
    return table


def _row(period: pd.Period, moments: pd.Series[Any]) -> tuple[int, float, float, float, str]:
    start, end = period.start_time.tz_localize("UTC"), (period + 1).start_time.tz_localize("UTC")
    before, inside = moments[moments <= start], moments[(moments > start) & (moments < end)]
    opening = (start - before.iloc[-1]) / _DAY if len(before) else float("nan")
    running = moments.iloc[-1] < end
    # What follows the last record of a running period is not a gap yet.
    edges = pd.concat([before.tail(1), inside, moments[moments >= end].head(1)], ignore_index=True)
    gap = (edges.clip(lower=start, upper=end).diff() / _DAY).max() if len(edges) > 1 else float("nan")
    known = moments[moments < end]
    closing = (end - known.iloc[-1]) / _DAY if not running and len(known) else float("nan")
    if not len(before):
        answers = "from the first record on"
    elif not len(inside):
        answers = "nothing: no record saw what changed in it"
    else:
        answers = "to date" if running else "all"
    return len(inside) + int((moments == start).any()), opening, gap, closing, answers
