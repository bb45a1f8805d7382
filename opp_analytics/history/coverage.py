"""Coverage: how well the records cover each period, and what is known of the deals closed in it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from opp_analytics import schema
from opp_analytics.note import TableNote
from opp_analytics.periods import check_freq

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
    moments = records["recorded_at"].dt.tz_localize(None).to_numpy(dtype="datetime64[us]")
    damaged = moments[~records["complete"].to_numpy()]
    whole = pd.PeriodIndex([], freq=freq)
    periods = pd.period_range(moments[0], moments[-1], freq=freq) if len(moments) else whole
    starts, ends = (
        each.start_time.to_numpy(dtype="datetime64[us]") for each in (periods, periods + 1)
    )
    opened, known = moments.searchsorted(starts, side="right"), moments.searchsorted(ends)
    answers = {
        "from the first record on": opened == 0,
        "nothing: it has no record": known <= opened,
        "to date": ends > moments[-1:],
    }
    index = pd.Index(periods.astype("str"), dtype=schema.TEXT, name="period")
    table = pd.DataFrame(
        {
            "records": known - moments.searchsorted(starts),
            "complete": damaged.searchsorted(ends) == damaged.searchsorted(starts),
            "answers": np.select([*answers.values()], [*answers], "all"),
        },
        index=index,
    ).astype({"answers": schema.TEXT})
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
    cadence, due = None, None
    if len(moments) > 1:
        usual = pd.Timedelta(records["recorded_at"].diff().median())
        cadence, due = usual / pd.Timedelta(days=1), records["recorded_at"].iloc[-1] + usual
    told = {"n": len(moments), "cadence_days": cadence, "next_due": due and due.isoformat()}
    return TableNote("history.coverage", figures=told).write(table)


def share_known(closings: pd.DataFrame, freq: str) -> pd.DataFrame:
    """Compute the share of deals closed in each period with known stage, date and value.

    Known means from created to closed.
    """
    known = closings.set_index(pd.PeriodIndex(closings["closed_on"], freq=freq))[list(KNOWN)]
    return known.groupby(level=0).mean().astype("float64").rename(columns=KNOWN)
