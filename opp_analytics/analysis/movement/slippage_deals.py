"""`slippage_deals`: the deals that were due in a period, each with its outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from opp_analytics import schema
from opp_analytics.analysis.shared.annotate import annotate
from opp_analytics.analysis.shared.history_query import (
    Span,
    day,
    group_names,
    instant,
    missing,
    span,
    up_to,
    with_outcome,
)
from opp_analytics.periods import When, as_date

if TYPE_CHECKING:
    import ibis

    from opp_analytics.history import History


BOUND = "as known in the last record before the end; later changes appear in the next record"


def slippage_deals(history: History, *, start: When, end: When, tz: str = "UTC") -> pd.DataFrame:
    """The deals behind `slippage`: each deal that was due in a period, with its outcome.

    Parameters
    ----------
    history, start, end, tz
        As for `slippage`.

    Returns
    -------
    DataFrame
        One row per opportunity of the cohort, the largest first: ``unique_id``, ``name``, ``outcome`` (str: one of won,
        lost, slipped, pulled_out, removed), ``value`` (float64, money, at `start`), ``close_date``,
        ``close_date_after`` (datetime64[us], at `start` and at `end`), ``stage``, ``stage_after`` (str). If nothing was due, no rows.

    Raises
    ------
    NotEnoughHistory, ArgumentError
        As for `slippage`, which sums these rows.

    Examples
    --------
    >>> from opp_analytics.history import History
    >>> log = pd.DataFrame({"unique_id": ["a", "b", "a"], "seen_at": ["2026-01-01", "2026-01-01", "2026-02-20"],
    ...                     "stage": ["proposal", "proposal", "closed_won"], "value": 100.0, "close_date": "2026-02-15"})
    >>> slippage_deals(History.from_changes(log), start="2026-01-01", end="2026-03-31")[["unique_id", "outcome"]].values.tolist()
    [['a', 'won'], ['b', 'slipped']]
    """
    asked = span(history, start, end, asked_by="slippage_deals", tz=tz)
    found = history.collect(cohort(history.table, asked, []))
    text, date = schema.TEXT, "datetime64[us]"
    table = pd.DataFrame(
        {
            "unique_id": found["unique_id"].astype(text),
            "name": found["name"].astype(text),
            "outcome": found["end"].astype(text),
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
        bound=BOUND,
        **asked.notes(),
    )


def cohort(changes: ibis.Table, asked: Span, groups: list[str]) -> ibis.Table:
    """One row per due opportunity, with its values at the start and its ``end``."""
    import ibis

    both = _both_ends(changes, asked, groups)
    due = both.filter(
        both["outcome"] == "open", both["close_date"].between(day(asked.first), day(asked.last))
    )
    early = (due["close_date_after"] < day(asked.first)).fill_null(False)
    end = ibis.cases(
        (due["outcome_after"].isin(["won", "lost"]), due["outcome_after"]),
        (due["outcome_after"] != "open", "removed"),
        (early, "pulled_out"),
        else_="slipped",
    )
    return due.mutate(end=end)


def _both_ends(changes: ibis.Table, asked: Span, groups: list[str]) -> ibis.Table:
    """One row per opportunity: its values in the opening record and, with ``_after``, in the closing record."""
    import ibis

    log = with_outcome(up_to(changes, asked.closing), "name", by=groups)
    log = log.mutate(
        unvalued=missing(log["value"]).cast("int64"),
        until=log["seen_at"].lead().over(ibis.window(group_by="unique_id", order_by="seen_at")),
    )
    opening = instant(asked.opening)
    last = missing(log["until"])
    first = (log["seen_at"] <= opening) & (last | (log["until"] > opening))
    log = log.mutate(first=first, last=last).filter(first | last)
    before = [
        "name",
        "value",
        "stage",
        "close_date",
        "outcome",
        "cents",
        "unvalued",
        *group_names(groups),
    ]
    after = ["stage", "close_date", "outcome"]
    # Each has at most one row, so the maximum is its value.
    return log.group_by("unique_id").agg(
        **{name: log[name].max(where=log["first"]) for name in before},
        **{f"{name}_after": log[name].max(where=log["last"]) for name in after},
    )
