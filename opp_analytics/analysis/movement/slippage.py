"""`slippage`: outcome of the deals that were due in a period.

`slippage_deals`: each of these deals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics import schema
from opp_analytics.analysis.shared.groups import By, check_by
from opp_analytics.analysis.shared.history_query import (
    Span,
    day,
    find_span,
    instant,
    keep_group,
    lead,
    name_groups,
)
from opp_analytics.analysis.shared.tables import (
    annotate_span,
    fill_counts,
    index_by_groups,
    sort_groups,
)
from opp_analytics.history import TRANSFERRED, History, ibis, missing
from opp_analytics.periods import When, as_date


def slippage(
    history: History, *, start: When, end: When, by: By = None, tz: str | None = None
) -> pd.DataFrame:
    """Count the outcomes of the deals due in a period, and their value.

    Outcomes: won, lost, slipped, pulled out, removed or still due.

    Parameters
    ----------
    history : History
        Reads ``close_date``, ``value``, ``stage``, ``status`` and `by` of the change log.
    start, end : date or str
        First and last day of the period, both included. The cohort is as known at `start` (a naive
        date means the start of its day), outcomes are as known at `end`. For an `end` without a
        time zone, a deal still open in the last record of the period is also looked up in the next
        one.
    by : str or list of str, optional
        Columns to group by, with their values at `start`.
    tz : str, optional
        Business time zone; default: the org's, else UTC.

    Returns
    -------
    DataFrame
        Index ``outcome`` (below the columns of `by`): won, lost, slipped, pulled_out, removed,
        still_due, always all six; also transferred, where deals left a history made by
        ``history.where``. ``count`` (int64), ``value`` (float64, money, at `start`; a missing value
        counts 0), ``count_rate``, ``value_rate`` (fractions of the cohort; they sum to 1; NaN for
        an empty cohort). Note: ``n`` the cohort,
        ``unvalued`` deals without a value, ``to_date``: True when the last record is before the
        period's end. With `by`, an empty cohort gives no rows.

    Raises
    ------
    NotEnoughHistory
        When `start` is before the first record, no record lies between `start` and `end`, or an
        imported history lacks the planned dates of their months.
    ArgumentValueError, MissingColumnError
        When `end` is before `start`, or the history has no column of `by`.
    ArgumentTypeError
        When `history` is not a `History`: a single frame does not show changes.

    Notes
    -----
    Cohort B: open at `start` with ``close_date`` in the period. At `end`: won; lost; pulled_out
    (open, date moved before the period); removed (deleted, disqualified, or both won and lost);
    still_due (open, due between the day of the last record and `end`, and no later record tells its
    end); else slipped (open: moved past the period, its date cleared, or not closed by the day it
    was due). slip rate = slipped / B.

    People enter Friday's win on Monday. So a deal that is open in the last record of the period and
    won or lost in the next one counts as won or lost if its ``close_date`` there is in the period
    and not before that last record's day. For an instant as `end`, no later record is read.

    Examples
    --------
    >>> log = pd.DataFrame(
    ...     {
    ...         "unique_id": ["a", "b", "a"],
    ...         "seen_at": ["2026-01-01", "2026-01-01", "2026-02-20"],
    ...         "stage": ["proposal", "proposal", "closed_won"],
    ...         "value": 100.0,
    ...         "close_date": "2026-02-15",
    ...     }
    ... )
    >>> slippage(History.from_changes(log), start="2026-01-01", end="2026-03-31")["count"].to_dict()
    {'won': 1, 'lost': 0, 'slipped': 1, 'pulled_out': 0, 'removed': 0, 'still_due': 0}
    """
    return DueCohort.read(history, start, end, by, tz, "slippage").sum_up()


def _make_rates(counted: pd.DataFrame, groups: list[str]) -> pd.DataFrame:
    further = [TRANSFERRED] if (counted["end"] == TRANSFERRED).any() else []
    numbers = counted[[*name_groups(groups), "end", "count", "cents"]]
    numbers = numbers.rename(columns={"end": "outcome", "cents": "value"})
    table = fill_counts(numbers, groups, "outcome", [*SLIP_OUTCOMES, *further])
    whole = table.groupby(level=groups).transform("sum") if groups else table.sum()
    rates = table / whole.astype("float64").replace(0.0, np.nan)
    return table.assign(
        value=table["value"] / 100, count_rate=rates["count"], value_rate=rates["value"]
    )


SLIP_OUTCOMES = ("won", "lost", "slipped", "pulled_out", "removed", "still_due")
"""Outcomes of a due deal; each deal has exactly one. After ``history.where``, a further one is
`TRANSFERRED`."""
BOUND = "as known in the last record of the period, and for deals open there in the next record"


def slippage_deals(
    history: History, *, start: When, end: When, by: By = None, tz: str | None = None
) -> pd.DataFrame:
    """List the deals behind `slippage`: each deal that was due in a period, with its outcome.

    Parameters
    ----------
    history, start, end, by, tz
        As for `slippage`.

    Returns
    -------
    DataFrame
        One row per opportunity of the cohort, the largest first (with `by`, within each group,
        which is the index): ``unique_id``, ``name``, ``outcome`` (str: one of won, lost, slipped,
        pulled_out, removed, still_due; transferred after ``history.where``), ``value`` (float64,
        money, at `start`), ``close_date``, ``close_date_after`` (datetime64[us], at `start` and at
        `end`), ``stage``, ``stage_after`` (str). If nothing was due, no rows.

    Raises
    ------
    NotEnoughHistory, ArgumentError
        As for `slippage`, which sums these rows.

    Examples
    --------
    >>> log = pd.DataFrame(
    ...     {
    ...         "unique_id": ["a", "b", "a"],
    ...         "seen_at": ["2026-01-01", "2026-01-01", "2026-02-20"],
    ...         "stage": ["proposal", "proposal", "closed_won"],
    ...         "value": 100.0,
    ...         "close_date": "2026-02-15",
    ...     }
    ... )
    >>> slippage_deals(History.from_changes(log), start="2026-01-01", end="2026-03-31")[
    ...     ["unique_id", "outcome"]
    ... ].values.tolist()
    [['a', 'won'], ['b', 'slipped']]
    """
    return DueCohort.read(history, start, end, by, tz, "slippage_deals").list_deals()


_DEALS: dict[str, Any] = {
    **dict.fromkeys(("unique_id", "name", "outcome"), schema.TEXT),
    "value": "float64",
    **dict.fromkeys(("close_date", "close_date_after"), "datetime64[us]"),
    **dict.fromkeys(("stage", "stage_after"), schema.TEXT),
}


_SUMS = ["count", "cents", "unvalued"]


@dataclass(frozen=True)
class DueCohort:
    """The deals that were due in a period, by group."""

    asked: Span
    rows: pd.DataFrame
    """Each deal of `_select_cohort`."""

    @classmethod
    def read(
        cls,
        history: History,
        start: When,
        end: When,
        by: By,
        tz: str | None,
        asked_by: str,
        *,
        apart: bool = False,
    ) -> DueCohort:
        """Read a history, after checks; for `keep_group`, with each group `apart`."""
        groups = check_by(by, level="outcome")
        asked = find_span(
            history,
            start,
            end,
            asked_by=asked_by,
            by=groups,
            tz=tz,
            needs=("close_date",),
            apart=apart,
        )
        return cls(asked, history.collect(_select_cohort(asked)))

    def keep_group(self, name: str, part: History) -> DueCohort:
        """Keep one group of the first column, of which `part` is the history."""
        by, asked = self.asked.by, self.asked.keep_group(part)
        return DueCohort(asked, keep_group(self.rows, name, by, asked.by))

    def sum_up(self) -> pd.DataFrame:
        """Make the table of `slippage`."""
        asked, total = self.asked, self.rows[_SUMS].sum()
        counted = self.rows.groupby([*asked.keys, "end"], as_index=False)[_SUMS].sum()
        table = _make_rates(counted, asked.by)
        return annotate_span(
            table,
            "slippage",
            asked,
            n=int(total["count"]),
            unvalued=int(total["unvalued"]),
            to_date=bool(as_date(asked.newest, tz=asked.tz) < asked.last),
            period=[str(asked.first.date()), str(asked.last.date())],
            bound=BOUND,
        )

    def list_deals(self) -> pd.DataFrame:
        """Make the table of `slippage_deals`."""
        found = self.rows.sort_values(
            ["value", "unique_id"], ascending=[False, True], ignore_index=True
        )
        found = sort_groups(found, self.asked.keys)
        table = found.assign(outcome=found["end"])[list(_DEALS)].astype(_DEALS)
        indexed = index_by_groups(table, found, self.asked.by)
        return annotate_span(indexed, "slippage_deals", self.asked, n=len(table), bound=BOUND)


def _select_cohort(asked: Span) -> ibis.Table:
    """Select due opportunities: values at the start, their ``end``, and a ``count`` of 1."""
    first, last = day(asked.first), day(asked.last)
    known_on = day(as_date(asked.closing, tz=asked.tz))
    ends = _join_records(asked)
    due = ends.filter(
        ends["within"], ends["outcome"] == "open", ends["close_date"].between(first, last)
    )
    stayed, closed = due["here_after"] == due["here"], ["won", "lost"]
    # Entered only in the next record: won or lost in the period after its last record.
    late = due["outcome_next"].isin(closed) & due["close_date_next"].between(known_on, last)
    late = late.fill_null(False) & stayed & (due["outcome_after"] == "open")
    pending = due["close_date_after"].between(known_on, last) & (asked.following is None)
    end = ibis.cases(
        (~stayed, TRANSFERRED),
        (due["outcome_after"].isin(closed), due["outcome_after"]),
        (due["outcome_after"] != "open", "removed"),
        (late & (due["here_next"] != due["here"]), TRANSFERRED),
        (late, due["outcome_next"]),
        ((due["close_date_after"] < first).fill_null(False), "pulled_out"),
        (pending.fill_null(False), "still_due"),
        else_="slipped",
    )
    seen_next = {
        name: ibis.ifelse(late, due[f"{column}_next"], due[name])
        for name, column in (("close_date_after", "close_date"), ("stage_after", "stage"))
    }
    return due.mutate(end=end, count=1, **seen_next)


def _join_records(asked: Span) -> ibis.Table:
    """Join three records of each due opportunity.

    They are the opening one, the closing one (``_after``) and the following one (``_next``).
    """
    latest = asked.following or asked.closing
    log = asked.read_log("name", until=latest)
    due = log.filter(
        log["seen_at"] <= instant(asked.opening),
        log["close_date"].between(day(asked.first), day(asked.last)),
    )
    log = log.semi_join(due.select("unique_id").distinct(), "unique_id")
    log = log.mutate(unvalued=missing(log["value"]).ifelse(1, 0), until=lead(log["seen_at"]))
    moments = {"": asked.opening, "_after": asked.closing, "_next": latest}
    log = log.mutate(
        **{
            f"at{suffix}": (log["seen_at"] <= instant(at))
            & (missing(log["until"]) | (log["until"] > instant(at)))
            for suffix, at in moments.items()
        }
    )
    log = log.filter(log["at"] | log["at_after"] | log["at_next"])
    after = ["stage", "close_date", "outcome", "here"]
    first = ["name", "value", "within", *after, "cents", "unvalued", *asked.keys]
    wanted = {"": first, "_after": after, "_next": after}
    # Each has at most one row, so the maximum is its value.
    return log.group_by("unique_id").agg(
        **{
            f"{name}{suffix}": log[name].max(where=log[f"at{suffix}"])
            for suffix, names in wanted.items()
            for name in names
        }
    )
