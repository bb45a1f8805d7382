"""A history held in memory, so that any two of its records can be compared while somebody drags a slider."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from opp_analytics import analysis, org
from opp_analytics.analysis import FURTHER_MOVEMENTS, MOVEMENTS, SLIP_OUTCOMES
from opp_analytics.history import History

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["DELETED", "Past", "slippage_between", "waterfall_between"]

DELETED = "deleted"
"""The outcome of a deal that is not there any more."""
_ORDER = pd.CategoricalDtype([*MOVEMENTS, *FURTHER_MOVEMENTS], ordered=True)
_KEPT = 6
"""States that are kept ready."""


class Past:
    """Every state that a history knows; asking costs no query. Deals go by number: a place in the order of first sight."""

    def __init__(self, history: History) -> None:
        self.moments: list[pd.Timestamp] = list(history.records["recorded_at"])
        self._changes = history.changes()
        self._numbers, ids = pd.factorize(self._changes["unique_id"])
        self.deals = len(ids)
        self.movements = _numbered(history, pd.Index(ids)) if len(self.moments) > 1 else None
        self.known = lru_cache(_KEPT)(self._known)

    def _known(self, at: pd.Timestamp) -> pd.DataFrame:
        """Every deal seen by then as it was last seen, by number, with its ``outcome``: also those that are gone."""
        rows = int(self._changes["seen_at"].searchsorted(at, side="right"))
        newest = np.full(self.deals, -1)
        # Of several rows of one deal the last one stays.
        newest[self._numbers[:rows]] = np.arange(rows)
        seen = np.flatnonzero(newest >= 0)
        found = self._changes.iloc[newest[seen]].set_axis(seen)
        frame = found.drop(columns=["seen_after", "seen_at", "operation"])
        outcome = org.outcomes(frame).cat.add_categories([DELETED])
        return frame.assign(outcome=outcome.mask(found["operation"] == DELETED, DELETED))

    def among(self, numbers: pd.Index[Any]) -> NDArray[np.bool_]:
        """Whether each deal is one of these."""
        picked = np.zeros(self.deals, dtype=bool)
        picked[numbers.to_numpy()] = True
        return picked


def _numbered(history: History, ids: pd.Index[str]) -> pd.DataFrame:
    """All movements, record by record, each with its deal's ``number``."""
    moments = history.records["recorded_at"]
    found = analysis.movements(history, start=moments.iloc[0], end=moments.iloc[-1], by_record=True)
    found = found.assign(
        number=ids.get_indexer(pd.Index(found["unique_id"])), movement=found["movement"].astype(_ORDER)
    )
    return found.drop(columns=["unique_id", "name"]).sort_values("seen_at", ignore_index=True)


def waterfall_between(
    past: Past, start: pd.Timestamp, end: pd.Timestamp, picked: NDArray[np.bool_]
) -> pd.DataFrame:
    """`oa.waterfall` of some deals between two records, from what is in memory."""
    assert past.movements is not None
    first, last = past.movements["seen_at"].searchsorted([start, end], side="right")
    moved = past.movements.iloc[first:last]
    moved = moved[picked[moved["number"].to_numpy()]]
    by_movement = moved.groupby("movement", observed=True)
    summed = by_movement[["count", "value"]].sum().assign(deals=by_movement["number"].nunique())
    summed.index = summed.index.astype("str")
    for name, at in (("opening", start), ("closing", end)):
        known = past.known(at)
        values = known["value"].to_numpy()[(known["outcome"] == "open").to_numpy() & picked[known.index]]
        summed.loc[name] = [len(values), np.nansum(values), len(values)]
    further = [name for name in FURTHER_MOVEMENTS if name in summed.index]
    order = pd.Index(["opening", *MOVEMENTS, *further, "closing"], name="movement", dtype="str")
    table: pd.DataFrame = (
        summed.reindex(order).fillna(0.0).astype({"count": "int64", "deals": "int64"}).round({"value": 2})
    )
    table.attrs = {
        "n": int(table["count"].iloc[-1]),
        "as_of": str(end.date()),
        "opening_at": start.isoformat(),
        "closing_at": end.isoformat(),
    }
    return table


def slippage_between(
    past: Past, start: pd.Timestamp, end: pd.Timestamp, picked: NDArray[np.bool_]
) -> pd.DataFrame:
    """`oa.slippage` of some deals between two records, from what is in memory."""
    then, first, last = past.known(start), _day(start), _day(end)
    due = (then["outcome"] == "open") & then["close_date"].between(first, last)
    cohort = then[due.to_numpy() & picked[then.index]]
    later = past.known(end).loc[cohort.index]
    outcome = later["outcome"].astype("str")
    became = outcome.where(outcome.isin(["won", "lost", "open"]), "removed").to_numpy(dtype=object)
    became[(became == "open") & (later["close_date"] < first).to_numpy()] = "pulled_out"
    became[became == "open"] = "slipped"
    named = pd.Index(SLIP_OUTCOMES, name="outcome")
    deals = pd.DataFrame({"count": 1, "value": cohort["value"].fillna(0.0).to_numpy()})
    table = deals.groupby(became).sum().reindex(named, fill_value=0)
    rates = table / table.sum().replace(0, np.nan)
    table = table.astype({"count": "int64", "value": "float64"}).round({"value": 2})
    table[["count_rate", "value_rate"]] = rates[["count", "value"]].astype("float64")
    table.attrs = {
        "n": len(cohort),
        "as_of": str(end.date()),
        "slip_rate": float(rates["count"].to_dict()["slipped"]),
        "period": [str(first.date()), str(last.date())],
    }
    return table


def _day(moment: pd.Timestamp) -> pd.Timestamp:
    return moment.tz_localize(None).normalize()
