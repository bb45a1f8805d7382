"""Replay: a history in memory, for analyses that read many past records."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics import history as store
from opp_analytics import org, periods
from opp_analytics.analysis.shared.history_query import add_outcome, check_history, count_unknown_deals
from opp_analytics.history import History
from opp_analytics.org import LOST, OPEN, OUTCOMES, Org, outcome_codes

DELETED = len(OUTCOMES)
"""Outcome code of a deleted deal; it follows the codes of `OUTCOMES`."""
TRANSFERRED = DELETED + 1
"""Outcome code of a deal that left the part of a history that `History.where` selects."""
_CODED = pd.CategoricalDtype([*OUTCOMES, store.DELETED, store.TRANSFERRED])
_READ = (
    "seen_after", "seen_at", "operation", "unique_id",
    "value", "stage", "close_date", "probability", "status", "created_at",
)  # fmt: skip


@dataclass(frozen=True)
class Replay:
    """A history's changes in memory, with fast access to past records."""

    whole: pd.DataFrame
    """Every change, in order of deal and time."""
    moments: pd.DataFrame
    """Every record."""
    deal: NDArray[np.intp]
    """Number of the deal of each change."""
    seen_at: NDArray[np.datetime64]
    org: Org | None = None
    """What the stages mean, as the history has it."""
    until_: pd.Timestamp | None = None
    """Changes after this time are hidden; None hides none."""

    @classmethod
    def of(cls, history: History | Replay, asked_by: str, *further: str) -> Replay:
        """A replay of the columns that forecasts read, and `further` ones."""
        rows = change_rows(history, asked_by, *further)
        deal = pd.factorize(rows["unique_id"])[0].astype(np.intp)
        seen_at = rows["seen_at"].dt.tz_localize(None).to_numpy()
        return cls(rows, history.records, deal, seen_at, org=history.org)

    def until(self, moment: pd.Timestamp) -> Replay:
        """The replay up to a time, without anything later."""
        return replace(self, until_=moment)

    @property
    def rows(self) -> pd.DataFrame:
        """The changes."""
        return self.whole if self.until_ is None else self.whole.iloc[self._seen(self.until_)]

    @property
    def records(self) -> pd.DataFrame:
        """The records."""
        if self.until_ is None:
            return self.moments
        return self.moments[self.moments["recorded_at"] <= self.until_]

    def as_of(self, moment: pd.Timestamp) -> pd.DataFrame:
        """The opportunities as known at a time, without deleted ones."""
        seen = self._seen(moment if self.until_ is None else min(moment, self.until_))
        deal = self.deal[seen]
        last = seen[np.append(deal[1:] != deal[:-1], [True] * (len(seen) > 0)).astype(bool)]
        known: pd.DataFrame = self.whole.iloc[last]
        known = known[known["outcome"] < DELETED]
        return known.drop(columns=["seen_after", "seen_at", "operation", "outcome"]).reset_index(drop=True)

    def _seen(self, moment: pd.Timestamp) -> NDArray[np.intp]:
        return np.flatnonzero(self.seen_at <= moment.tz_convert("UTC").tz_localize(None).to_datetime64())


def change_rows(history: History | Replay, asked_by: str, *further: str) -> pd.DataFrame:
    """Every change, oldest first within each deal, with ``outcome``: its code, DELETED or TRANSFERRED.

    Other columns: those that forecasts read, and `further` ones if present.

    Raises
    ------
    ArgumentTypeError, NotEnoughHistory
        When `history` is not a `History`, or has no record.
    """
    if isinstance(history, Replay):
        return history.rows
    table = check_history(history, asked_by).table
    count_unknown_deals(history)
    wanted = [*_READ, *(name for name in further if name in table.columns and name not in _READ)]
    rows = history.collect(add_outcome(table, Org.of(history), *wanted).select(*wanted, "outcome"))
    codes = rows["outcome"].astype(_CODED).cat.codes
    rows = _meant(rows.drop(columns="outcome"), Org.of(history)).assign(outcome=codes)
    return rows.sort_values(["unique_id", "seen_at"], kind="stable", ignore_index=True)


def _meant(rows: pd.DataFrame, meaning: Org) -> pd.DataFrame:
    """The rows conformed to the history's org, which they keep."""
    rows.attrs = {"org": meaning.facts}
    return org.conform(rows)


def last_record(history: History | Replay) -> pd.Timestamp:
    """Time of the newest record."""
    return pd.Timestamp(history.records["recorded_at"].max())


def first_open(rows: pd.DataFrame) -> pd.DataFrame:
    """The first row in which each deal is open; the choice does not depend on its outcome."""
    return rows[rows["outcome"] == OPEN].drop_duplicates("unique_id")


def observed_ends(
    history: History | Replay, frame: pd.DataFrame, today: pd.Timestamp, tz: str
) -> pd.Series[Any]:
    """End date of each deal of the frame from the records up to `today`; missing where unknown.

    A won or lost deal keeps its ``close_date`` if that is between the records before and after its end; a deal that
    had already ended when first seen always keeps it.
    """
    until = periods.as_instant(today, tz=tz, end=True)
    rows = change_rows(history, "history=")
    rows = rows[rows["seen_at"] <= until]
    entered = rows["outcome"] != rows.groupby("unique_id")["outcome"].shift()
    last = rows[entered.to_numpy(dtype=bool)].drop_duplicates("unique_id", keep="last").set_index("unique_id")
    seen = last.reindex(frame["unique_id"]).reset_index(drop=True)
    after, at = (
        periods.to_dates(seen[name].astype("datetime64[us, UTC]"), tz=tz)
        for name in ("seen_after", "seen_at")
    )
    planned = frame["close_date"]
    inside = (planned >= after) & (planned <= at)
    agreed = after.notna() & (seen["outcome"].to_numpy() == outcome_codes(frame))
    won_or_lost = outcome_codes(frame) <= LOST
    return at.mask(won_or_lost & inside.to_numpy(), planned).where(agreed)
