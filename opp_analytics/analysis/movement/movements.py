"""`movements`: every movement of every deal in the open pipeline, exact to the cent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from opp_analytics import schema
from opp_analytics.analysis.shared.groups import By, check_by
from opp_analytics.analysis.shared.history_query import (
    Span,
    day,
    find_span,
    instant,
    lag,
    lead,
)
from opp_analytics.analysis.shared.tables import annotate_span, index_by_groups, sort_groups
from opp_analytics.errors import ArgumentTypeError, ArgumentValueError
from opp_analytics.history import DELETED, History, ibis, missing
from opp_analytics.periods import When, as_date

MOVEMENTS = (
    "new",
    "reopened",
    "pulled_in",
    "pushed_in",
    "value_up",
    "value_down",
    "pushed_out",
    "pulled_out",
    "won",
    "lost",
    "disqualified",
    "deleted",
)
"""Movements that a waterfall always shows, in order."""
FURTHER_MOVEMENTS = (
    "transferred_in",
    "returned",
    "date_set",
    "date_cleared",
    "conflict",
    "unknown",
    "transferred_out",
)
"""Movements that a waterfall shows only if they occur."""
BOUND = "each movement is a lower bound: a change reversed between two records does not appear"
Due = tuple[When, When] | str | None
"""Due window: first and last day, both included, or the label of a period; None for all open
deals."""


@dataclass(frozen=True)
class Pool:
    """The deals in the waterfall: all open ones, or those due in a window of days."""

    first: pd.Timestamp | None
    last: pd.Timestamp | None

    @classmethod
    def of(cls, due: Any, asked: Span) -> Pool:
        """Make the pool of the deals due in a window; None is every open deal."""
        if due is None:
            return cls(None, None)
        if isinstance(due, str):
            return cls(*asked.org.period_days(due, name="due"))
        if not isinstance(due, (tuple, list)) or len(due) != 2:
            raise ArgumentTypeError(
                f"due={due!r} is not a time window; use a pair (first day, last day), or a "
                "period such as '2026Q4' or '2026-11'"
            )
        first = as_date(due[0], tz=asked.tz, name="due[0]")
        last = as_date(due[1], tz=asked.tz, name="due[1]")
        if last < first:
            raise ArgumentValueError(f"due={due!r} ends before it starts; swap its days")
        return cls(first, last)

    def notes(self) -> dict[str, Any]:
        """Name the window, for a table's note."""
        if self.first is None or self.last is None:
            return {}
        return {"due": [str(self.first.date()), str(self.last.date())]}

    def holds(self, outcome: Any, date: Any) -> Any:
        """Return True for a deal whose outcome and date are in the pool."""
        return ((outcome == "open") & self.is_due(date)).fill_null(False)

    def is_due(self, date: Any) -> Any:
        """Return True for a date in the window."""
        if self.first is None or self.last is None:
            return ibis.literal(True)
        return date.between(day(self.first), day(self.last)).fill_null(False)

    def is_past(self, date: Any) -> Any:
        """Return True for a date after the window; without a window, always False."""
        return (
            ibis.literal(False) if self.last is None else (date > day(self.last)).fill_null(False)
        )


def movements(
    history: History,
    *,
    start: When,
    end: When,
    due: Due = None,
    by: By = None,
    tz: str | None = None,
) -> pd.DataFrame:
    """List the movements of each opportunity in the open pipeline between two points in time.

    Parameters
    ----------
    history : History
        Reads ``name``, ``value``, ``close_date``, ``stage``, ``status`` and `by` of the change log.
    start, end : date or str
        A naive date means the start of its day for `start`, the end of its day for `end`.
    due : (date, date) or str, optional
        Only deals whose ``close_date`` is between these days, both included, or in the period of
        this label, such as "2026Q4" (of the org's fiscal year), "2026-11" or "2026"; default: all
        open deals.
    by : str or list of str, optional
        Columns to group by, with their values at the time. A deal that changes its group has
        ``transferred_out`` and ``transferred_in``, both at the value before; its other movements of
        that record belong to the new group.
    tz : str, optional
        Business time zone; default: the org's, else UTC.

    Returns
    -------
    DataFrame
        One row per opportunity and movement, sorted by ``unique_id`` and the order of `MOVEMENTS`
        (with `by`, within each group, which is the index): ``unique_id``, ``name`` (str, as last
        known), ``movement`` (str), ``value`` (float64, money, signed), ``count`` (int64, signed
        change in open deals: 0 for value moves). If nothing moved, no rows.

    Raises
    ------
    NotEnoughHistory
        When `start` is before the first record or no record lies between `start` and `end`.
    ArgumentError, MissingColumnError
        When an argument is of the wrong kind or out of range, or the history has no column of `by`.

    Notes
    -----
    Movements are summed over consecutive records, so a deal that entered and left in the window has
    both movements. A change reversed between two records does not appear, so each movement is a
    lower bound (``bound`` in the note), but their sum is exact. See `waterfall`.

    Examples
    --------
    >>> log = pd.DataFrame(
    ...     {
    ...         "unique_id": "a",
    ...         "seen_at": ["2026-01-05", "2026-01-12"],
    ...         "name": "Acme",
    ...         "value": [100.0, 120.0],
    ...         "stage": ["proposal", "closed_won"],
    ...     }
    ... )
    >>> moved = movements(History.from_changes(log), start="2026-01-05", end="2026-01-12")
    >>> moved[["movement", "value", "count"]].to_numpy().tolist()
    [['value_up', 20.0, 0], ['won', -120.0, -1]]
    """
    asked, _, steps, moved = read_moves(
        history, due, check_by(by), "name", start=start, end=end, tz=tz, asked_by="movements"
    )
    keys, per = asked.keys, ["unique_id", "movement"]
    sums = {name: moved[name].sum().cast("int64") for name in ("cents", "count")}
    names = steps.filter(missing(steps["until"])).select("unique_id", "name")
    found = history.collect(moved.group_by([*keys, *per]).agg(**sums).join(names, "unique_id"))
    order = pd.CategoricalDtype([*MOVEMENTS, *FURTHER_MOVEMENTS], ordered=True)
    found = found.assign(movement=found["movement"].astype(order))
    found = sort_groups(found, keys, *per)
    table = found[["unique_id", "name", "movement"]].astype(schema.TEXT)
    table = table.assign(
        value=found["cents"].astype("float64") / 100, count=found["count"].astype("int64")
    )
    indexed = index_by_groups(table, found, asked.by)
    return annotate_span(indexed, "movements", asked, n=table["unique_id"].nunique(), bound=BOUND)


def read_moves(
    history: History, due: Due, groups: Sequence[str], *further: str, **window: Any
) -> tuple[Span, Pool, ibis.Table, ibis.Table]:
    """Join each change row up to the closing record with its neighbors, and list the movements."""
    needs = () if due is None else ("close_date",)
    asked = find_span(history, by=groups, within_one_record=True, needs=needs, **window)
    pool, log = Pool.of(due, asked), asked.read_log(*further)
    befores = {key: _name_before(key) for key in asked.keys}
    before = {
        "was": "outcome",
        "was_due": "close_date",
        "cents_before": "cents",
        "was_within": "within",
    }
    before |= {name: key for key, name in befores.items()}
    steps = log.mutate(
        **{name: lag(log[column]) for name, column in before.items()},
        until=lead(log["seen_at"]),
    )
    # A deletion has no values and no group: the deal is deleted with its last ones.
    kept = {"cents": "cents_before", "within": "was_within", **befores}
    deleted = steps["outcome"] == DELETED
    steps = steps.mutate(
        **{name: ibis.ifelse(deleted, steps[last], steps[name]) for name, last in kept.items()},
        cents_before=steps["cents_before"].fill_null(0),
    )
    steps = steps.mutate(
        inside=pool.holds(steps["outcome"], steps["close_date"]),
        was_inside=pool.holds(steps["was"], steps["was_due"]),
    )
    return asked, pool, steps, _build_moves(steps, asked, pool, befores)


def _name_before(key: str) -> str:
    return f"{key}_before"


def _build_moves(
    steps: ibis.Table, asked: Span, pool: Pool, befores: Mapping[str, str]
) -> ibis.Table:
    """Build one row per opportunity, pair of records, and movement, with its group.

    `part_of` is True for a part of a history, which deals enter and leave.
    """
    log = steps.filter(steps["seen_at"] > instant(asked.opening))
    entry = ibis.cases(
        (missing(log["was"]), "new"),
        (log["was"] == DELETED, "returned"),
        (log["was"] != "open", "reopened"),
        (missing(log["was_due"]), "date_set"),
        (pool.is_past(log["was_due"]), "pulled_in"),
        else_="pushed_in",
    )
    leave = ibis.cases(
        (log["outcome"] == DELETED, "deleted"),
        (log["outcome"] != "open", log["outcome"]),
        (missing(log["close_date"]), "date_cleared"),
        (pool.is_past(log["close_date"]), "pushed_out"),
        else_="pulled_out",
    )
    change = log["cents"] - log["cents_before"]
    direction = ibis.ifelse(change > 0, "value_up", "value_down")
    # First seen when already closed: it entered and left between two records.
    at_once = (
        missing(log["was"]) & log["outcome"].isin(["won", "lost"]) & pool.is_due(log["close_date"])
    )
    within, own = log["within"], {key: key for key in befores}
    came = within & ((log["inside"] & ~log["was_inside"]) | at_once)
    went = within & ((log["was_inside"] & ~log["inside"]) | at_once)
    parts = [
        select_movement(log, came, entry, log["cents"], 1, own),
        select_movement(log, within & log["was_inside"] & (change != 0), direction, change, 0, own),
        select_movement(log, went, leave, -log["cents"], -1, own),
    ]
    if befores or asked.history.is_part:
        moved, before = log["within"] != log["was_within"], log["cents_before"]
        for key, name in befores.items():
            moved |= log[key] != log[name]
        moved &= log["was_inside"]
        out, into = ibis.literal("transferred_out"), ibis.literal("transferred_in")
        parts += [
            select_movement(log, moved & log["was_within"], out, -before, -1, befores),
            select_movement(log, moved & within, into, before, 1, own),
        ]
    first, *others = parts
    return first.union(*others)


def select_movement(
    log: ibis.Table, where: Any, movement: Any, cents: Any, count: int, keys: Mapping[str, str]
) -> ibis.Table:
    """Select the rows of one movement, with value in cents and count.

    `keys` maps each group to its column in the log.
    """
    groups = {key: log[column] for key, column in keys.items()}
    kept = log.select(
        "unique_id", "seen_at", **groups, movement=movement, cents=cents.cast("int64"), _kept=where
    ).filter("_kept")
    deals = ibis.literal(count, type="int64")
    return kept.select(*keys, "unique_id", "seen_at", "movement", "cents", count=deals)
