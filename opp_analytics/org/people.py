"""People with teams and regions, targets, calls and rates.

They also give the team of each deal at its moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from opp_analytics.arrays import Series
from opp_analytics.schema import TEXT
from opp_analytics.text import compose

DERIVED = ("team", "region")
"""Columns that a frame gains from an org with people."""
ALWAYS, _FOREVER = pd.Timestamp(1678, 1, 1), pd.Timestamp(2262, 1, 1)
"""The bounds of the whole years that a nanosecond Timestamp holds: before and after every deal."""


CALL_KEY = ["caller", "owner_name", "team", "period"]
"""Columns that tell whose number a call is, by whom and for which period."""


def mask_in_force(calls: pd.DataFrame) -> pd.Series[bool]:
    """Mark the last call of each caller for each number and period, unless it withdraws.

    Of one day, the later row is the last.
    """
    dated = calls.sort_values("made_on", kind="stable")
    later = dated.duplicated(CALL_KEY, keep="last").reindex(calls.index)
    return ~later & calls["commit"].notna()


TABLES: Mapping[str, tuple[str, ...]] = {
    "people": ("owner_name", "team", "region", "from_date", "email"),
    "targets": ("period", "owner_name", "team", "target"),
    "calls": ("made_on", "period", "caller", "owner_name", "team", "commit", "best_case", "reason"),
    "currency_rates": ("date", "currency", "rate"),
}
"""The tables of an org file, and the columns of each."""
AMOUNTS, DAYS = ("target", "rate", "commit", "best_case"), ("date", "from_date", "made_on")
"""Columns that are no text."""
_NAMES = {"owner_name", "team", "region", "caller"}
"""Columns of the names of people and of their groups."""


def tabulate_rows(name: str, rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Tabulate the rows of one of the `TABLES`, with every column as text, numbers or dates."""
    columns = list(TABLES[name])
    table = pd.DataFrame(list(rows), columns=columns, dtype="object")
    dated = {day: pd.to_datetime(table[day]) for day in DAYS if day in columns}
    types = dict.fromkeys(AMOUNTS, "float64") | dict.fromkeys(DAYS, "datetime64[us]")
    for column in _NAMES.intersection(columns):
        table[column] = table[column].map(compose, na_action="ignore")
    return table.assign(**dated).astype({column: types.get(column, TEXT) for column in columns})


def list_derived(people: pd.DataFrame) -> list[str]:
    """List the columns that a frame gains from people: those that somebody has a value in."""
    return [name for name in DERIVED if people[name].notna().any()]


def list_stays(people: pd.DataFrame) -> pd.DataFrame:
    """List each person's stays in a team and region, by ``from_date``.

    Every row has ``from_date`` and ``until``.
    """
    stays = people.assign(from_date=people["from_date"].fillna(ALWAYS)).sort_values(
        "from_date", kind="stable"
    )
    return stays.assign(until=stays.groupby("owner_name")["from_date"].shift(-1).fillna(_FOREVER))


def add_teams(frame: pd.DataFrame, people: pd.DataFrame, days: Series) -> pd.DataFrame:
    """Add ``team`` and ``region`` of each deal's owner on its own day."""
    owners, dates = frame["owner_name"].astype(TEXT).array, days.astype("datetime64[us]").array
    asked = pd.DataFrame({"owner_name": owners, "from_date": dates, "row": range(len(frame))})
    known = asked.dropna(subset=["owner_name", "from_date"]).sort_values("from_date", kind="stable")
    found = pd.merge_asof(known, list_stays(people), on="from_date", by="owner_name").set_index(
        "row"
    )
    gained = {
        name: found[name].reindex(asked["row"]).astype(TEXT).array for name in list_derived(people)
    }
    return frame.assign(**gained)


def find_teams(people: pd.DataFrame, day: pd.Timestamp) -> dict[str, str]:
    """Find the team of each person on a day, "" for none."""
    begun = people[~(people["from_date"] > day)].sort_values(
        "from_date", kind="stable", na_position="first"
    )
    return dict(zip(begun["owner_name"], begun["team"].fillna(""), strict=True))
