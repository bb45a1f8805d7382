"""People with teams and regions, targets, and the team of each deal at its moment."""

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


def people_table(people: Iterable[Person]) -> pd.DataFrame:
    """Tabulate the people: ``owner_name``, ``team``, ``region`` (str), ``from_date`` (date)."""
    table = pd.DataFrame(list(people), columns=list(Person._fields), dtype="object")
    dated = pd.to_datetime(table["from_date"]).astype("datetime64[us]")
    return table.astype(dict.fromkeys(["owner_name", *DERIVED], TEXT)).assign(from_date=dated)


def targets_table(targets: Iterable[Target]) -> pd.DataFrame:
    """Tabulate the targets: ``period``, ``owner_name``, ``team`` (str), ``target`` (float64, money)."""
    table = pd.DataFrame(list(targets), columns=list(Target._fields), dtype="object")
    return table.astype({**dict.fromkeys(["period", "owner_name", "team"], TEXT), "target": "float64"})


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
