"""Coverage: how well the records cover each period, and what is known of the deals closed in it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics import schema
from opp_analytics.note import TableNote
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
"""Share of the deals closed in a month whose stage, or planned date, must be known, or questions
that need it begin later."""


def coverage(records: pd.DataFrame, freq: str, closings: pd.DataFrame) -> pd.DataFrame:
    """Describe each period between the first and the last record, with `History.list_closings`.

    See `History.coverage`.
    """
    check_freq(freq)
    moments = records["recorded_at"].reset_index(drop=True)
    naive = moments.dt.tz_localize(None).to_numpy(dtype="datetime64[us]")
    damaged = naive[~records["complete"].to_numpy()]
    periods = pd.period_range(naive[0], naive[-1], freq=freq) if len(naive) else ()
    rows = {str(period): _row(period, naive, damaged) for period in periods}
    index = pd.Index(list(rows), dtype=schema.TEXT, name="period")
    table = pd.DataFrame(list(rows.values()), columns=list(_COVERAGE), index=index).astype(
        _COVERAGE
    )
    shares = share_known(closings, freq)
    shares.index = shares.index.astype("str")
    table = table.join(shares.reindex(index).fillna(1.0))
    unknown = table[["stage_known", "date_known"]] < LEAST_KNOWN
    said = {
        (True, False): ": no stages",
        (False, True): ": no dates",
        (True, True): ": no stages, no dates",
    }
    lacks = [said.get(tuple(row), "") for row in unknown.to_numpy().tolist()]
    table["answers"] += pd.Series(lacks, index=index, dtype=schema.TEXT)
    cadence = _days(pd.Timedelta(moments.diff().median())) if len(moments) > 1 else None
    due = None if cadence is None else (moments.iloc[-1] + pd.Timedelta(days=cadence)).isoformat()
    told = {"n": len(moments), "cadence_days": cadence, "next_due": due}
    return TableNote("history.coverage", figures=told).write(table)


def share_known(closings: pd.DataFrame, freq: str) -> pd.DataFrame:
    """Compute the share of deals closed in each period with known stage, date and value.

    Known means from created to closed.
    """
    known = closings.set_index(pd.PeriodIndex(closings["closed_on"], freq=freq))[list(KNOWN)]
    return known.groupby(level=0).mean().astype("float64").rename(columns=KNOWN)


def _days(length: Any) -> float:
    return float(length / np.timedelta64(1, "D"))


def _row(
    period: pd.Period, moments: NDArray[np.datetime64], damaged: NDArray[np.datetime64]
) -> tuple[int, float, float, float, bool, str]:
    """Describe a period by the instants of all records, and of those damaged, in order."""
    start, end = (np.datetime64(one.start_time, "us") for one in (period, period + 1))
    opened, (first, known) = (
        moments.searchsorted(start, side="right"),
        moments.searchsorted([start, end]),
    )
    inside, running = moments[opened:known], bool(moments[-1] < end)
    # In a running period, the time after the last record is not a gap yet.
    gaps = np.diff([*[start][:opened], *inside, *([] if running else [end])])
    return (
        int(known - first),
        _days(start - moments[opened - 1]) if opened else np.nan,
        float(gaps.max() / np.timedelta64(1, "s") / _SECONDS_A_DAY) if len(gaps) else np.nan,
        _days(end - moments[known - 1]) if known and not running else np.nan,
        bool(np.diff(damaged.searchsorted([start, end])) == 0),
        _answers(bool(opened), bool(len(inside)), running),
    )


def _answers(opened: bool, looked: bool, running: bool) -> str:
    if not opened:
        return "from the first record on"
    if not looked:
        return "nothing: it has no record"
    return "to date" if running else "all"
