"""Every change of a history in memory, for analyses that follow single deals."""

from __future__ import annotations

from typing import Any

import pandas as pd

from opp_analytics import history as store
from opp_analytics import org, periods
from opp_analytics.analysis.shared.history_query import (
    add_outcome,
    check_history,
    check_same_deals,
    count_unknown_deals,
)
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


def read_changes(history: History, asked_by: str, *further: str) -> pd.DataFrame:
    """Read every change, oldest first within each deal, with ``outcome``: its code, DELETED or TRANSFERRED.

    Other columns: those that forecasts read, and `further` ones if present. Read once for the same records.
    """
    table = check_history(history, asked_by).table
    count_unknown_deals(history)
    wanted = [*_READ, *(name for name in further if name in table.columns and name not in _READ)]

    def collect() -> pd.DataFrame:
        rows = history.collect(add_outcome(table, Org.of(history), *wanted).select(*wanted, "outcome"))
        codes = rows["outcome"].astype(_CODED).cat.codes
        # Conformed to the history's org, which they keep.
        rows = rows.drop(columns="outcome")
        rows.attrs = {"org": Org.of(history).facts}
        rows = org.conform(rows).assign(outcome=codes)
        return rows.sort_values(["unique_id", "seen_at"], kind="stable", ignore_index=True)

    found: pd.DataFrame = history.remember(("change rows", *wanted), collect)
    return found


def find_first_open(rows: pd.DataFrame) -> pd.DataFrame:
    """Pick the first row in which each deal is open; the choice does not depend on its outcome."""
    return rows[rows["outcome"] == OPEN].drop_duplicates("unique_id")


def find_ends(history: History, frame: pd.DataFrame, today: pd.Timestamp, tz: str) -> pd.Series[Any]:
    """Find the end date of each deal of the frame from the records up to `today`; missing where unknown.

    A won or lost deal keeps its ``close_date`` if that is between the records before and after its end; a deal that
    had already ended when first seen always keeps it.
    """
    until = periods.as_instant(today, tz=tz, end=True)
    rows = read_changes(history, "history=")
    check_same_deals(frame, history)
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
