"""Coverage: how well the records cover each period, and what is known of the deals closed in it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from opp_analytics import schema
from opp_analytics.periods import check_freq

_SECONDS_A_DAY = 86_400
_COVERAGE: dict[str, Any] = {
    "records": "int64",
    "opening_age_days": "float64",
    "longest_gap_days": "float64",
    "closing_age_days": "float64",
    "complete": "bool",
    "answers": schema.TEXT,
}
KNOWN = {"stage": "stage_known", "close_date": "date_known", "value": "value_known"}
"""Columns of a deal, and that of their share in `History.coverage`."""
LEAST_KNOWN = 0.9
"""Share of the deals closed in a month whose stage, or planned date, must be known, or questions that need it begin later."""


def coverage(records: pd.DataFrame, freq: str, closings: pd.DataFrame) -> pd.DataFrame:
    """Describe each period between the first and the last record, with `History.list_closings`; see `History.coverage`."""
    check_freq(freq)
    moments = records["recorded_at"].reset_index(drop=True)
    damaged = moments[~records["complete"].to_numpy()]
    naive = moments.dt.tz_localize(None)
    periods = pd.period_range(naive.iloc[0], naive.iloc[-1], freq=freq) if len(naive) else ()
    rows = {str(period): _row(period, moments, damaged) for period in periods}
    index = pd.Index(list(rows), dtype=schema.TEXT, name="period")
    table = pd.DataFrame(list(rows.values()), columns=list(_COVERAGE), index=index).astype(_COVERAGE)
    shares = share_known(closings, freq)
    shares.index = shares.index.astype("str")
    table = table.join(shares.reindex(index).fillna(1.0))
    unknown = table[["stage_known", "date_known"]] < LEAST_KNOWN
    said = {(True, False): ": no stages", (False, True): ": no dates", (True, True): ": no stages, no dates"}
    lacks = [said.get(tuple(row), "") for row in unknown.to_numpy().tolist()]
    table["answers"] += pd.Series(lacks, index=index, dtype=schema.TEXT)
    cadence = _days(pd.Timedelta(moments.diff().median())) if len(moments) > 1 else None
    due = None if cadence is None else (moments.iloc[-1] + pd.Timedelta(days=cadence)).isoformat()
    table.attrs = {"n": len(moments), "cadence_days": cadence, "next_due": due}
    return table


def share_known(closings: pd.DataFrame, freq: str) -> pd.DataFrame:
    """Share of the deals closed in each period whose stage, date and value are known from created to closed."""
    known = closings.set_index(pd.PeriodIndex(closings["closed_on"], freq=freq))[list(KNOWN)]
    return known.groupby(level=0).mean().astype("float64").rename(columns=KNOWN)


def _days(length: pd.Timedelta) -> float:
    return length / pd.Timedelta(days=1)


def _row(
    period: pd.Period, moments: pd.Series[Any], damaged: pd.Series[Any]
) -> tuple[int, float, float, float, bool, str]:
    start, end = period.start_time.tz_localize("UTC"), (period + 1).start_time.tz_localize("UTC")
    before, known = moments[moments <= start], moments[moments < end]
    inside = known[known > start]
    running = moments.iloc[-1] < end
    # In a running period, the time after the last record is not a gap yet.
    looks = pd.concat([before.tail(1), inside, moments[moments >= end].head(1)])
    gaps = looks.mask(looks < start, start).mask(looks > end, end).diff().dt.total_seconds()
    complete = not damaged.between(start, end, inclusive="left").any()
    return (
        int((known >= start).sum()),
        _days(start - before.iloc[-1]) if len(before) else np.nan,
        float(gaps.max()) / _SECONDS_A_DAY,
        _days(end - known.iloc[-1]) if not running and len(known) else np.nan,
        complete,
        _answers(bool(len(before)), bool(len(inside)), running),
    )


def _answers(opened: bool, looked: bool, running: bool) -> str:
    if not opened:
        return "from the first record on"
    if not looked:
        return "nothing: it has no record"
    return "to date" if running else "all"
