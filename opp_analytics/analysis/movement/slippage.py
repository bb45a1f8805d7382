"""`slippage`: outcome of the deals that were due in a period."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from opp_analytics.analysis.movement.slippage_deals import BOUND, SLIP_OUTCOMES, cohort
from opp_analytics.analysis.shared.groups import By, check_by
from opp_analytics.analysis.shared.history_query import Span, find_span, name_groups
from opp_analytics.analysis.shared.tables import annotate, fill_counts
from opp_analytics.history import TRANSFERRED
from opp_analytics.periods import When, as_date

if TYPE_CHECKING:
    import ibis

    from opp_analytics.history import History


def slippage(
    history: History, *, start: When, end: When, by: By = None, tz: str | None = None
) -> pd.DataFrame:
    """Outcome of each deal that was due in a period, by count and value: won, lost, slipped, pulled out, removed or still due.

    Parameters
    ----------
    history : History
        Reads ``close_date``, ``value``, ``stage``, ``status`` and `by` of the change log.
    start, end : date-like
        First and last day of the period, both included. The cohort is as known at `start` (a naive date means
        the start of its day), outcomes are as known at `end`. For an `end` without a time zone, a deal still open in the last
        record of the period is also looked up in the next one.
    by : str or list of str, optional
        Columns to group by, with their values at `start`.
    tz : str, optional
        Business time zone; default: the org's, else UTC.

    Returns
    -------
    DataFrame
        Index ``outcome`` (below the columns of `by`): won, lost, slipped, pulled_out, removed, still_due, always all six;
        also transferred, where deals left a history made by ``history.where``. ``count`` (int64), ``value`` (float64, money, at `start`; a missing value counts 0),
        ``count_rate``, ``value_rate`` (fractions of the cohort; they sum to 1; NaN for an empty cohort).
        ``attrs``: ``n`` the cohort, ``slip_rate``, ``value_slip_rate``, ``unvalued`` deals without a value,
        ``to_date``: True when the last record is before the period's end. With `by`, an empty cohort gives no rows.

    Raises
    ------
    NotEnoughHistory
        When `start` is before the first record or no record lies between `start` and `end`.
    ArgumentValueError, MissingColumnError
        When `end` is before `start`, or the history has no column of `by`.
    ArgumentTypeError
        When `history` is not a `History`: a single frame does not show changes.

    Notes
    -----
    Cohort B: open at `start` with ``close_date`` in the period. At `end`: won; lost; pulled_out (open, date moved
    before the period); removed (deleted, disqualified, or both won and lost); still_due (open, due between the day of
    the last record and `end`, and no later record tells its end); else slipped (open: moved past the period, its date
    cleared, or not closed by the day it was due). slip rate = slipped / B.

    People enter Friday's win on Monday. So a deal that is open in the last record of the period and won or lost in the next
    one counts as won or lost if its ``close_date`` there is in the period and not before that last record's day.
    For an instant as `end`, no later record is read.

    Examples
    --------
    >>> from opp_analytics.history import History
    >>> log = pd.DataFrame({"unique_id": ["a", "b", "a"], "seen_at": ["2026-01-01", "2026-01-01", "2026-02-20"],
    ...                     "stage": ["proposal", "proposal", "closed_won"], "value": 100.0, "close_date": "2026-02-15"})
    >>> slippage(History.from_changes(log), start="2026-01-01", end="2026-03-31")["count"].to_dict()
    {'won': 1, 'lost': 0, 'slipped': 1, 'pulled_out': 0, 'removed': 0, 'still_due': 0}
    """
    groups = check_by(by, level="outcome")
    asked = find_span(history, start, end, asked_by="slippage", by=groups, tz=tz)
    counted = history.collect(_outcomes(history, asked, groups))
    table = _table(counted, groups)
    total = counted[["count", "cents", "unvalued"]].sum()
    slipped = table[table.index.get_level_values("outcome") == "slipped"]
    return annotate(
        table,
        made_from=history,
        n=int(total["count"]),
        as_of=as_date(asked.closing, tz=asked.tz),
        slip_rate=_rate(slipped["count"].sum(), int(total["count"])),
        value_slip_rate=_rate(slipped["value"].sum() * 100, int(total["cents"])),
        unvalued=int(total["unvalued"]),
        to_date=bool(as_date(asked.newest, tz=asked.tz) < asked.last),
        period=[str(asked.first.date()), str(asked.last.date())],
        bound=BOUND,
        **asked.notes(),
    )


def _rate(part: float, whole: int) -> float:
    return float(part / whole) if whole else float("nan")


def _outcomes(history: History, asked: Span, groups: list[str]) -> ibis.Table:
    """Counts and cents of the cohort by group and outcome."""
    import ibis

    keys = name_groups(groups)
    return (
        cohort(history, asked, groups)
        .group_by([*keys, "end"])
        .agg(
            count=ibis._.count().cast("int64"),
            cents=ibis._["cents"].sum().cast("int64"),
            unvalued=ibis._["unvalued"].sum().cast("int64"),
        )
    )


def _table(counted: pd.DataFrame, groups: list[str]) -> pd.DataFrame:
    """The outcomes of every group, with their rates."""
    further = [TRANSFERRED] if (counted["end"] == TRANSFERRED).any() else []
    numbers = counted[[*name_groups(groups), "end", "count", "cents"]].rename(columns={"end": "outcome"})
    table = fill_counts(numbers, groups, "outcome", [*SLIP_OUTCOMES, *further])
    whole = table.groupby(level=groups).transform("sum") if groups else table.sum()
    rates = table / whole.astype("float64").replace(0.0, np.nan)
    return pd.DataFrame(
        {
            "count": table["count"],
            "value": table["cents"] / 100,
            "count_rate": rates["count"],
            "value_rate": rates["cents"],
        }
    )
