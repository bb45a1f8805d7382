"""Columns of an export at their types, with every cell that cannot be read named."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from opp_analytics.crm.mapping import Mapped
from opp_analytics.crm.problems import BadValue
from opp_analytics.crm.values.amounts import read_amounts, read_percents
from opp_analytics.crm.values.dates import Times
from opp_analytics.crm.values.distinct import Distinct
from opp_analytics.crm.values.wordings import (
    as_flags,
    as_ids,
    as_texts,
    read_categories,
    read_stages,
    read_statuses,
)
from opp_analytics.org import Org

__all__ = ["FLAGS", "Reader", "is_time"]

DATES = ("close_date",)
INSTANTS = (
    "created_at",
    "updated_at",
    "won_at",
    "lost_at",
    "closed_at",
    "changed_at",
    "seen_at",
    "seen_after",
)
IDS = ("unique_id", "account_id", "owner_id")
FLAGS = ("is_won", "is_lost", "is_closed", "is_deleted")
_FRACTIONS = ("deal probability", "hs_deal_stage_probability")
"""Labels under which HubSpot writes 0.8 for 80%."""


def is_time(ours: str) -> bool:
    """Whether a column of ours holds dates or times."""
    return ours in DATES or ours in INSTANTS


@dataclass
class Reader:
    """Reads columns, and remembers what cannot be read and what was guessed."""

    org: Org
    day_first: bool | None
    """Whether the day comes first in the file's dates; None when no row tells."""
    zone: str
    """Zone of a time that names none."""
    bad: list[BadValue] = field(default_factory=list)
    lines: list[Mapped] = field(default_factory=list)

    def read(self, ours: str, column: pd.Series[Any] | Times, label: str) -> pd.Series[Any]:
        """A column at the type that its name has here; dates and times come as `Times`."""
        if isinstance(column, Times):
            return self._times(ours, column)
        if ours == "value":
            amounts, bad = read_amounts(Distinct.of(column, label), self.org.currency)
            self.bad += bad
            return pd.Series(amounts, index=column.index)
        if ours == "probability":
            return self._percents(column, label)
        if ours == "stage":
            return self._worded(read_stages(column, self.org.stages))
        if ours == "status":
            return self._worded(read_statuses(column))
        if ours == "category":
            return self._worded(read_categories(column))
        if ours in FLAGS:
            flags, bad = as_flags(column, label)
            self.bad += bad
            return flags
        if ours in IDS:
            return as_ids(column)
        return as_texts(column) if column.dtype == "object" or ours in ("name", "owner_name") else column

    def _times(self, ours: str, times: Times) -> pd.Series[Any]:
        found, bad = (
            times.dates(self.day_first) if ours in DATES else times.instants(self.day_first, self.zone)
        )
        self.bad += bad
        return found

    def _percents(self, column: pd.Series[Any], label: str) -> pd.Series[Any]:
        percents, bad, fractional = read_percents(
            Distinct.of(column, label), fractions=label.casefold() in _FRACTIONS
        )
        self.bad += bad
        if fractional:
            self.lines.append(Mapped(label, "probability", "guessed", "fractions, so 0.8 is 80%"))
        return pd.Series(percents, index=column.index)

    def _worded(self, read: tuple[pd.Series[Any], list[Mapped]]) -> pd.Series[Any]:
        column, lines = read
        self.lines += lines
        return column
