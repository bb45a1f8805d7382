"""`slippage`: outcome of the deals that were due in a period."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from opp_analytics.analysis.movement.slippage_deals import BOUND, cohort
from opp_analytics.analysis.shared.annotate import annotate
from opp_analytics.analysis.shared.groups import By, by_columns
from opp_analytics.analysis.shared.history_query import Span, group_names, span
from opp_analytics.periods import When, as_date

if TYPE_CHECKING:
    import ibis

    from opp_analytics.history import History


SLIP_OUTCOMES = ("won", "lost", "slipped", "pulled_out", "removed")
"""Outcomes of a due deal; each deal has exactly one."""


def slippage(history: History, *, start: When, end: When, by: By = None, tz: str = "UTC") -> pd.DataFrame:
    """Outcome of each deal that was due in a period, by count and value: won, lost, slipped, pulled out or removed.

    Parameters
    ----------
    history : History
        Reads ``close_date``, ``value``, ``stage``, ``status`` and `by` of the change log.
    start, end : date-like
        First and last day of the period, both included. The cohort is as known at `start` (a naive date means
        the start of its day), outcomes are as known at `end` (a naive date means the end of its day).
    by : str or list of str, optional
        Columns to group by, with their values at `start`.
    tz : str
        Business time zone.

    Returns
    -------
    DataFrame
        Index ``outcome`` (below the columns of `by`, where given): won, lost, slipped, pulled_out, removed, always all
        five. ``count`` (int64), ``value`` (float64, money, at `start`; a missing value counts 0),
        ``count_rate``, ``value_rate`` (fractions of the cohort; the five sum to 1; NaN for an empty cohort).
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
    before the period); removed (deleted, disqualified, or both won and lost); else slipped
    (open: moved past the period, its date cleared, or simply not closed). slip rate = slipped / B. Outcomes are seen at
    records only: a change after the last record before `end` appears in the next record (``attrs["bound"]``).

    Examples
    --------
    >>> from opp_analytics.history import History
    >>> log = pd.DataFrame({"unique_id": ["a", "b", "a"], "seen_at": ["2026-01-01", "2026-01-01", "2026-02-20"],
    ...                     "stage": ["proposal", "proposal", "closed_won"], "value": 100.0, "close_date": "2026-02-15"})
    >>> slippage(History.from_changes(log), start="2026-01-01", end="2026-03-31")["count"].to_dict()
    {'won': 1, 'lost': 0, 'slipped': 1, 'pulled_out': 0, 'removed': 0}
    """
    groups = by_columns(by, level="outcome")
    asked = span(history, start, end, asked_by="slippage", by=groups, tz=tz)
    counted = history.collect(_outcomes(history.table, asked, groups))
    table = _table(counted, groups)
    total = counted[["count", "cents", "unvalued"]].sum()
    slipped = table[table.index.get_level_values("outcome") == "slipped"]
    return annotate(
        table,
        made_from=None,
        n=int(total["count"]),
        as_of=as_date(asked.closing, tz=tz),
        slip_rate=_rate(slipped["count"].sum(), int(total["count"])),
        value_slip_rate=_rate(slipped["value"].sum() * 100, int(total["cents"])),
        unvalued=int(total["unvalued"]),
        to_date=bool(as_date(asked.newest, tz=tz) < asked.last),
        period=[str(asked.first.date()), str(asked.last.date())],
        bound=BOUND,
        **asked.notes(),
    )


def _rate(part: float, whole: int) -> float:
    return float(part / whole) if whole else float("nan")


def _outcomes(changes: ibis.Table, asked: Span, groups: list[str]) -> ibis.Table:
    """Counts and cents of the cohort by group and outcome."""
    import ibis

    keys = group_names(groups)
    return (
        cohort(changes, asked, groups)
        .group_by([*keys, "end"])
        .agg(
            count=ibis._.count().cast("int64"),
            cents=ibis._["cents"].sum().cast("int64"),
            unvalued=ibis._["unvalued"].sum().cast("int64"),
        )
    )


def _table(counted: pd.DataFrame, groups: list[str]) -> pd.DataFrame:
    """The five outcomes of every group, with their rates."""
    keys = group_names(groups)
    outcome = pd.Index(SLIP_OUTCOMES, name="outcome")
    indexed = counted.set_index([*keys, "end"])[["count", "cents"]]
    if groups:
        held = counted[keys].drop_duplicates().sort_values(keys)
        full = held.merge(outcome.to_frame(index=False), how="cross")
        table = indexed.reindex(pd.MultiIndex.from_frame(full), fill_value=0)
        whole = table.groupby(level=keys).transform("sum")
        table.index = table.index.set_names([*groups, "outcome"])
        whole.index = table.index
    else:
        table = indexed.reindex(outcome, fill_value=0)
        whole = table.sum().to_frame().T.loc[[0] * len(table)].set_index(table.index)
    table, whole = table.astype("float64"), whole.astype("float64").replace(0.0, np.nan)
    rates = table / whole
    return pd.DataFrame(
        {
            "count": table["count"].astype("int64"),
            "value": table["cents"] / 100,
            "count_rate": rates["count"],
            "value_rate": rates["cents"],
        }
    )
