"""Won, lost and open deals at every record, for the run rates of past records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics import periods
from opp_analytics.analysis.forecasting.past_deals import numbers
from opp_analytics.analysis.forecasting.past_points import Records, first_day, last_day
from opp_analytics.analysis.forecasting.run_rate import Book, days_or_never
from opp_analytics.analysis.shared.history_query import group_names, up_to, with_outcome
from opp_analytics.org import Org

if TYPE_CHECKING:
    import ibis

    from opp_analytics.history import History


@dataclass(frozen=True)
class PastBooks:
    """One row for each time that a deal was open, won or lost as it was."""

    records: Records
    seen: NDArray[np.intp]
    """The first record that shows it."""
    until: NDArray[np.intp]
    """The first record that no longer shows it."""
    created: NDArray[np.int64]
    closed: NDArray[np.int64]
    value: NDArray[np.float64]
    won: NDArray[np.bool_]
    open: NDArray[np.bool_]
    group: NDArray[np.intp]
    groups: list[tuple[str, ...]]

    def at(self, record: int) -> Book:
        """The deals as known at a record."""
        rows = np.flatnonzero((self.seen <= record) & (self.until > record))
        day = int(self.records.days[record])
        won = self.won[rows] & (self.closed[rows] <= day)
        return Book(
            day,
            self.created[rows],
            self.closed[rows],
            self.value[rows],
            won,
            self.open[rows],
            self.group[rows],
        )

    def booked(self, record: int, period: pd.Period) -> NDArray[np.float64]:
        """Money won in a period as known at a record, by group."""
        rows = (self.seen <= record) & (self.until > record) & self.won
        rows &= (self.closed >= first_day(period)) & (self.closed <= last_day(period))
        kept = np.flatnonzero(rows)
        return np.bincount(self.group[kept], weights=self.value[kept], minlength=len(self.groups)).astype(
            np.float64
        )

    def alive(self, record: int) -> NDArray[np.bool_]:
        """True for groups that held a won or open deal at a record."""
        rows = np.flatnonzero((self.seen <= record) & (self.until > record) & (self.won | self.open))
        return np.bincount(self.group[rows], minlength=len(self.groups)) > 0


def past_books(history: History, records: Records, *, by: Sequence[str], tz: str) -> PastBooks:
    """Read every time that a deal was open, won or lost as it was, up to the last of some records."""
    rows = history.collect(_spells(up_to(history.table, records.moments[-1]), Org.of(history), by))
    group, groups = numbers(rows, group_names(by))
    seen, until = (
        records.moments.searchsorted(rows[name].astype("datetime64[us, UTC]"))
        for name in ("seen_at", "until")
    )
    won, open_ = ((rows["outcome"] == name).to_numpy() for name in ("won", "open"))
    closed = np.where(
        open_, days_or_never(pd.Series(pd.NaT, index=rows.index)), days_or_never(rows["close_date"])
    )
    return PastBooks(
        records,
        seen,
        np.where(rows["until"].isna(), len(records.moments), until),
        days_or_never(periods.to_dates(rows["created_at"].astype("datetime64[us, UTC]"), tz=tz)),
        closed,
        rows["cents"].to_numpy(dtype=np.float64) / 100,
        won,
        open_,
        group,
        groups,
    )


def _spells(log: ibis.Table, meaning: Org, by: Sequence[str]) -> ibis.Table:
    """Versions of deals that differ in what a run rate reads: outcome, and of a closed deal its date and money."""
    import ibis

    rows = with_outcome(log, meaning, "created_at", by=by)
    names = group_names(by)
    closed = rows["outcome"] != "open"
    rows = rows.select(
        "unique_id",
        "seen_at",
        "outcome",
        "created_at",
        *names,
        close_date=ibis.ifelse(closed, rows["close_date"], ibis.null("date")),
        cents=ibis.ifelse(closed, rows["cents"], 0),
    )
    order = ibis.window(group_by="unique_id", order_by="seen_at")
    told = ["outcome", "close_date", "cents", *names]
    marked = rows.mutate(
        fresh=ibis.or_(
            *(
                ~rows[name]
                .cast("string")
                .fill_null("")
                .identical_to(rows[name].cast("string").fill_null("").lag().over(order))
                for name in told
            )
        )
    )
    kept = marked.filter(marked["fresh"])
    kept = kept.mutate(until=kept["seen_at"].lead().over(order))
    return kept.filter(kept["outcome"].isin(["open", "won", "lost"])).drop("fresh", "unique_id")
