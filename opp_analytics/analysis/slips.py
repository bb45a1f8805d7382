"""What became of the opportunities that were due in a period."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from opp_analytics import schema
from opp_analytics.analysis._groups import NO_LABEL, By, by_columns
from opp_analytics.analysis._log import Span, day, has_column, instant, marked, missing, span, up_to
from opp_analytics.analysis._notes import annotate
from opp_analytics.periods import When, as_date

if TYPE_CHECKING:
    import ibis

    from opp_analytics.history import History

__all__ = ["SLIP_OUTCOMES", "slippage", "slippage_deals"]

SLIP_OUTCOMES = ("won", "lost", "slipped", "pulled_out", "gone")
"""What can become of an opportunity that was due; every one is exactly one of these."""
_BOUND = "as known in the last record before the end: what happened after it shows in the next one"


def slippage(history: History, *, start: When, end: When, by: By = None, tz: str = "UTC") -> pd.DataFrame:
    """How many of the opportunities due in a period were won or lost in it, slipped out of it, or left it otherwise.

    Parameters
    ----------
    history : History
        Reads ``close_date``, ``value``, ``stage``, ``status`` and `by` of the change log.
    start, end : date-like
        The period, from `start`'s to `end`'s date, both inside. The cohort is as known at `start` (a naive date:
        the start of its day), outcomes as known at `end` (a naive date: the end of its day).
    by : str or list of str, optional
        Columns to group by, as they stood at `start`.
    tz : str
        Business time zone.

    Returns
    -------
    DataFrame
        Index ``outcome`` (below the columns of `by`, where given): won, lost, slipped, pulled_out, gone, always all
        five. ``count`` (int64), ``value`` (float64, money, as it stood at `start`; a missing value counts 0),
        ``count_rate``, ``value_rate`` (fraction of the cohort, which the five sum to; NaN for an empty cohort).
        ``attrs``: ``n`` the cohort, ``slip_rate``, ``value_slip_rate``, ``unvalued`` deals without a value,
        ``to_date`` when the last record is before the period's end. With `by`, an empty cohort gives no rows.

    Raises
    ------
    NotEnoughHistory
        When `start` is before the first record or no record lies between `start` and `end`.
    DataError
        When `end` is before `start` or a column of `by` is unknown.
    ArgumentError
        When given a frame: what moved cannot be guessed from one state.

    Notes
    -----
    Cohort B: open at `start` with ``close_date`` in the period. At `end`: won; lost; pulled_out (open, date moved
    before the period); gone (deleted, disqualified, or contradicting itself on whether it was won); else slipped
    (open: moved past the period, its date cleared, or simply not closed). slip rate = slipped / B. Outcomes are seen at
    records only: what happened after the last record before `end` shows in the next one (``attrs["bound"]``).

    Examples
    --------
    >>> from opp_analytics.history import History
    >>> log = pd.DataFrame({"unique_id": ["a", "b", "a"], "seen_at": ["2026-01-01", "2026-01-01", "2026-02-20"],
    ...                     "stage": ["proposal", "proposal", "closed_won"], "value": 100.0, "close_date": "2026-02-15"})
    >>> slippage(History.from_changes(log), start="2026-01-01", end="2026-03-31")["count"].to_dict()
    {'won': 1, 'lost': 0, 'slipped': 1, 'pulled_out': 0, 'gone': 0}
    """
    groups = by_columns(by)
    asked = span(history, start, end, asked_by="slippage", tz=tz)
    has_column(history, *groups)
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
        bound=_BOUND,
        **asked.notes(),
    )


def _rate(part: float, whole: int) -> float:
    return float(part / whole) if whole else float("nan")


def slippage_deals(history: History, *, start: When, end: When, tz: str = "UTC") -> pd.DataFrame:
    """The opportunities behind `slippage`: each one that was due in a period, with what became of it.

    Parameters
    ----------
    history, start, end, tz
        As for `slippage`.

    Returns
    -------
    DataFrame
        One row per opportunity of the cohort, the largest first: ``unique_id``, ``name``, ``outcome`` (str: one of won,
        lost, slipped, pulled_out, gone), ``value`` (float64, money, as it stood at `start`), ``close_date``,
        ``close_date_after`` (datetime64[us], at `start` and at `end`), ``stage``, ``stage_after`` (str). Nothing due: no rows.

    Raises
    ------
    NotEnoughHistory, DataError, ArgumentError
        As `slippage`, which is the sum of these rows.

    Examples
    --------
    >>> from opp_analytics.history import History
    >>> log = pd.DataFrame({"unique_id": ["a", "b", "a"], "seen_at": ["2026-01-01", "2026-01-01", "2026-02-20"],
    ...                     "stage": ["proposal", "proposal", "closed_won"], "value": 100.0, "close_date": "2026-02-15"})
    >>> slippage_deals(History.from_changes(log), start="2026-01-01", end="2026-03-31")[["unique_id", "outcome"]].values.tolist()
    [['a', 'won'], ['b', 'slipped']]
    """
    asked = span(history, start, end, asked_by="slippage_deals", tz=tz)
    found = history.collect(_cohort(history.table, asked, []))
    text, date = schema.TEXT, "datetime64[us]"
    table = pd.DataFrame(
        {
            "unique_id": found["unique_id"].astype(text),
            "name": found["name"].astype(text),
            "outcome": found["became"].astype(text),
            "value": found["value"].astype("float64"),
            "close_date": found["close_date"].astype(date),
            "close_date_after": found["close_date_after"].astype(date),
            "stage": found["stage"].astype(text),
            "stage_after": found["stage_after"].astype(text),
        }
    ).sort_values(["value", "unique_id"], ascending=[False, True], ignore_index=True)
    return annotate(
        table,
        made_from=None,
        n=len(table),
        as_of=as_date(asked.closing, tz=tz),
        bound=_BOUND,
        **asked.notes(),
    )


def _cohort(changes: ibis.Table, asked: Span, groups: list[str]) -> ibis.Table:
    """One row per opportunity that was due, as it stood at the start, with what it ``became``."""
    import ibis

    both = _both_ends(changes, asked, groups)
    due = both.filter(
        both["outcome"] == "open", both["close_date"].between(day(asked.first), day(asked.last))
    )
    early = (due["close_date_after"] < day(asked.first)).fill_null(False)
    became = ibis.cases(
        (due["outcome_after"].isin(["won", "lost"]), due["outcome_after"]),
        (due["outcome_after"] != "open", "gone"),
        (early, "pulled_out"),
        else_="slipped",
    )
    return due.mutate(became=became)


def _both_ends(changes: ibis.Table, asked: Span, groups: list[str]) -> ibis.Table:
    """One row per opportunity: as it stood in the opening record, and, ``_after``, in the closing one; one reading of the log."""
    import ibis

    log = marked(up_to(changes, asked.closing), "name", *groups)
    log = log.mutate(
        unvalued=missing(log["value"]).cast("int64"),
        **{_group(k): log[name].cast("string").fill_null(NO_LABEL) for k, name in enumerate(groups)},
        until=log["seen_at"].lead().over(ibis.window(group_by="unique_id", order_by="seen_at")),
    )
    opening = instant(asked.opening)
    last = missing(log["until"])
    stood = (log["seen_at"] <= opening) & (last | (log["until"] > opening))
    log = log.mutate(stood=stood, last=last).filter(stood | last)
    before = [
        "name",
        "value",
        "stage",
        "close_date",
        "outcome",
        "cents",
        "unvalued",
        *map(_group, range(len(groups))),
    ]
    after = ["stage", "close_date", "outcome"]
    # At most one row each, which is its own maximum.
    return log.group_by("unique_id").agg(
        **{name: log[name].max(where=log["stood"]) for name in before},
        **{f"{name}_after": log[name].max(where=log["last"]) for name in after},
    )


def _outcomes(changes: ibis.Table, asked: Span, groups: list[str]) -> ibis.Table:
    """Counts and cents of the cohort by group and outcome."""
    import ibis

    keys = [_group(k) for k in range(len(groups))]
    return (
        _cohort(changes, asked, groups)
        .group_by([*keys, "became"])
        .agg(
            count=ibis._.count().cast("int64"),
            cents=ibis._["cents"].sum().cast("int64"),
            unvalued=ibis._["unvalued"].sum().cast("int64"),
        )
    )


def _group(place: int) -> str:
    """A grouping column's name inside the query, where the user's own name might stand for something else."""
    return f"group_{place}"


def _table(counted: pd.DataFrame, groups: list[str]) -> pd.DataFrame:
    """All five outcomes of every group, with their rates."""
    keys = [_group(k) for k in range(len(groups))]
    outcome = pd.Index(SLIP_OUTCOMES, name="outcome")
    indexed = counted.set_index([*keys, "became"])[["count", "cents"]]
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
