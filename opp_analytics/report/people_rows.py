"""The rows of the table of people: teams, their people, totals, and figures that add up in what is shown."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from opp_analytics.report.adding import whole_parts
from opp_analytics.report.scale import Scale, scale
from opp_analytics.report.tables import Tables
from opp_analytics.schema import ALL

__all__ = ["Key", "People", "read_people"]

Key = Any
"""Label of a row: a text, or a tuple of them."""

_MONEY = ["target", "booked", "expected", "gap", "change"]
_NOTHING = ["booked", "open_count", "open_value", "expected"]
"""What somebody without a deal has none of."""


@dataclass(frozen=True)
class People:
    """The table of people, row by row."""

    table: pd.DataFrame
    """The forecasts, with their ``change`` since the earlier record."""
    shown: pd.DataFrame
    """The same money, rounded to what the page shows."""
    unit: Scale
    aimed: bool
    """True when somebody has a target."""
    whole: Key
    """Label of the total."""

    def row(self, key: Key) -> pd.Series[Any]:
        """A row of the forecasts."""
        return self.table.iloc[self._place(key)]

    def figures(self, key: Key) -> pd.Series[Any]:
        """A row as it is shown."""
        return self.shown.iloc[self._place(key)]

    def _place(self, key: Key) -> int:
        place = self.table.index.get_loc(key)
        assert isinstance(place, int)
        return place

    def is_total(self, key: Key) -> bool:
        """True for the sum of others."""
        return ALL in (key if isinstance(key, tuple) else (key,))

    def name(self, key: Key) -> str:
        """What a row is called."""
        if key == self.whole:
            return "All"
        parts = key if isinstance(key, tuple) else (key,)
        return (
            " · ".join(str(part) for part in parts if part != ALL) if self.is_total(key) else str(parts[-1])
        )

    def teams(self) -> list[tuple[Any, ...]]:
        """The groups that people are in, the largest target or forecast first."""
        totals = [key for key in self.table.index if key[-1] == ALL and ALL not in key[:-1]]
        return [key[:-1] for key in self._sorted(totals)]

    def total_of(self, team: tuple[Any, ...]) -> Key:
        """The row of a group's total."""
        return (*team, ALL)

    def members(self, team: tuple[Any, ...]) -> list[Key]:
        """The people of a group, the largest target or forecast first."""
        found = [key for key in self.table.index if not self.is_total(key)]
        return self._sorted([key for key in found if not team or key[:-1] == team])

    def _sorted(self, keys: list[Key]) -> list[Key]:
        rows = self.table.iloc[[self._place(key) for key in keys]]
        order = rows.sort_values(
            ["target", "expected"] if self.aimed else ["expected", "booked"], ascending=False, kind="stable"
        )
        return list(order.index)


def read_people(tables: Tables) -> People:
    """The rows of the table of people."""
    table = _with_changes(tables)
    many = isinstance(table.index, pd.MultiIndex)
    whole: Key = (ALL,) * table.index.nlevels if many else ALL
    leaves = [ALL not in (key if many else (key,)) for key in table.index]
    unit = scale(table[_MONEY].to_numpy(dtype=float).ravel(), tables.inputs.currency)
    shown = _adding_up(table, whole) if unit.divisor == 1 else table
    return People(table, shown, unit, bool(table["target"][leaves].notna().any()), whole)


def _with_changes(tables: Tables) -> pd.DataFrame:
    """The forecasts with their ``change``, and those who had a deal at the earlier record and have none now."""
    table = tables.people
    if tables.no_changes:
        return table.assign(change=math.nan)
    then = tables.earlier.people["expected"]
    gone = then.index.difference(table.index, sort=False)
    rows = table.reindex(table.index.append(gone))
    rows.loc[gone, _NOTHING] = 0.0
    joined = rows.assign(change=rows["expected"] - then.reindex(rows.index).fillna(0.0))
    joined.attrs = table.attrs
    return joined


def _adding_up(table: pd.DataFrame, whole: Key) -> pd.DataFrame:
    """The money as whole figures, so that people add to their team and teams to the total in what is shown."""
    depth = table.index.nlevels
    keys = [key if depth > 1 else (key,) for key in table.index]
    shown = table.astype(dict.fromkeys(_MONEY, "float64"))
    for column in _MONEY:
        exact, rounded = table[column].to_numpy(dtype=float), np.full(len(table), np.nan)
        rounded[keys.index((ALL,) * depth)] = whole_parts([exact[keys.index((ALL,) * depth)]])[0]
        # A row's parts have one more label: the widest groups first.
        for level in range(depth):
            parents = [key for key in keys if key[:level].count(ALL) == 0 and set(key[level:]) == {ALL}]
            for parent in parents:
                parts = [
                    place
                    for place, key in enumerate(keys)
                    if key[:level] == parent[:level] and key[level] != ALL and set(key[level + 1 :]) <= {ALL}
                ]
                total = rounded[keys.index(parent)]
                known = None if math.isnan(total) else float(total)
                rounded[parts] = whole_parts(exact[parts].tolist(), known)
        shown[column] = rounded
    return shown
