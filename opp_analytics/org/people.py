"""People with teams and regions, targets and rates, and the team of each deal at its moment."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, NamedTuple

import pandas as pd

from opp_analytics.inputs import find_habits, read_amount
from opp_analytics.schema import TEXT

DERIVED = ("team", "region")
"""Columns that a frame gains from an org with people."""
ALWAYS = pd.Timestamp(1678, 1, 1)
"""The first whole year that a nanosecond Timestamp holds; before every deal."""


class Person(NamedTuple):
    """One person, from a date on."""

    owner_name: str
    team: str | None = None
    region: str | None = None
    from_date: date | None = None
    """First day in this team and region; None for always."""


class Target(NamedTuple):
    """The target of a person, a team or the whole, for one period."""

    period: str
    owner_name: str | None
    team: str | None
    target: float


def read_target(typed: Any, currency: Any, timezone: Any) -> Any:
    """Read the amount of a target that is typed as text, as the country of a currency and time zone writes it."""
    if not isinstance(typed, str):
        return typed
    known, zone = (one if isinstance(one, str) else None for one in (currency, timezone))
    return read_amount(typed, known, decimal_comma=find_habits(zone, known)[1])


class Rate(NamedTuple):
    """What one unit of a currency is in the org's, from a date on."""

    date: date
    currency: str
    rate: float


_TYPES = {"target": "float64", "rate": "float64", "date": "datetime64[us]", "from_date": "datetime64[us]"}
"""Types of the columns that are no text."""


def tabulate_rows(
    kind: type[Person] | type[Target] | type[Rate], rows: Iterable[Person | Target | Rate]
) -> pd.DataFrame:
    """Tabulate people, targets or rates: a column of text, numbers or dates for each field."""
    table = pd.DataFrame(list(rows), columns=list(kind._fields), dtype="object")
    dated = {name: pd.to_datetime(table[name]) for name in table if name in ("date", "from_date")}
    return table.assign(**dated).astype({name: _TYPES.get(name, TEXT) for name in kind._fields})


def list_derived(people: pd.DataFrame) -> list[str]:
    """List the columns that a frame gains from people: those that somebody has a value in."""
    return [name for name in DERIVED if people[name].notna().any()]


def add_teams(frame: pd.DataFrame, people: pd.DataFrame, days: pd.Series[Any]) -> pd.DataFrame:
    """Add ``team`` and ``region`` of each deal's owner on its own day."""
    moves = people.assign(from_date=people["from_date"].fillna(ALWAYS))
    asked = pd.DataFrame(
        {
            "owner_name": frame["owner_name"].astype(TEXT).array,
            "from_date": days.astype("datetime64[us]").array,
        }
    )
    asked["row"] = range(len(asked))
    known = asked.dropna(subset=["owner_name", "from_date"]).sort_values("from_date", kind="stable")
    found = pd.merge_asof(
        known, moves.sort_values("from_date", kind="stable"), on="from_date", by="owner_name"
    ).set_index("row")
    gained = {name: found[name].reindex(asked["row"]).astype(TEXT).array for name in list_derived(people)}
    return frame.assign(**gained)
