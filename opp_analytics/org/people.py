"""People with teams and regions, targets, calls and rates, and the team of each deal at its moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, NamedTuple

import pandas as pd

from opp_analytics.inputs import find_habits, read_amount
from opp_analytics.periods import read_period
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
    email: str | None = None
    """Address for the person's own page."""


class Target(NamedTuple):
    """The target of a person, a team or the whole, for one period."""

    period: str
    owner_name: str | None
    team: str | None
    target: float


class Call(NamedTuple):
    """A number that somebody submitted for a period: a person's, a team's or, without both, the whole's."""

    made_on: date
    period: str
    caller: str
    owner_name: str | None = None
    team: str | None = None
    commit: float | None = None
    """Money; None withdraws what the caller said before."""
    best_case: float | None = None
    reason: str | None = None


CALL_KEY = ["caller", "owner_name", "team", "period"]
"""Columns that tell whose number a call is, by whom and for which period."""


def mask_in_force(calls: pd.DataFrame) -> pd.Series[bool]:
    """Mark the last call of each caller for each number and period; of one day, the later row."""
    dated = calls.sort_values("made_on", kind="stable")
    return ~dated.duplicated(CALL_KEY, keep="last").reindex(calls.index)


def read_money(typed: Any, currency: Any, timezone: Any) -> Any:
    """Read an amount that is typed as text, as the country of a currency and time zone writes it."""
    if not isinstance(typed, str):
        return typed
    known, zone = (one if isinstance(one, str) else None for one in (currency, timezone))
    return read_amount(typed, known, decimal_comma=find_habits(zone, known)[1])


class Rate(NamedTuple):
    """What one unit of a currency is in the org's, from a date on."""

    date: date
    currency: str
    rate: float


_DAY = "datetime64[us]"
_TYPES = dict.fromkeys(("target", "rate", "commit", "best_case"), "float64") | dict.fromkeys(
    ("date", "from_date", "made_on"), _DAY
)
"""Types of the columns that are no text."""


_Row = Person | Target | Call | Rate
TABLES: Mapping[str, type[_Row]] = {
    "people": Person,
    "targets": Target,
    "calls": Call,
    "currency_rates": Rate,
}
"""The tables of an org file, and what a row of each is."""


def read_row(kind: type[_Row], settings: Mapping[str, Any], currency: Any, timezone: Any) -> _Row:
    """Read a person, target, call or rate of checked settings, whose amounts, days and periods may be typed."""
    given = {name: value for name, value in settings.items() if value is not None}
    for name, typed in given.items():
        if name in _TYPES:
            is_day = _TYPES[name] == _DAY
            given[name] = (
                pd.Timestamp(typed).date() if is_day else float(read_money(typed, currency, timezone))
            )
        elif name in ("period", "currency"):
            given[name] = read_period(typed) if name == "period" else typed.strip()
    return kind(**{**dict.fromkeys(kind._fields), **given})


def write_row(row: _Row) -> dict[str, Any]:
    """Write a person, target, call or rate as an org file does."""
    given = {name: value for name, value in row._asdict().items() if value is not None}
    return {name: str(value) if isinstance(value, date) else value for name, value in given.items()}


def tabulate_rows(kind: type[_Row], rows: Iterable[_Row]) -> pd.DataFrame:
    """Tabulate people, targets, calls or rates: a column of text, numbers or dates for each field."""
    table = pd.DataFrame(list(rows), columns=list(kind._fields), dtype="object")
    types = {name: _TYPES.get(name, TEXT) for name in kind._fields}
    dated = {name: pd.to_datetime(table[name]) for name in kind._fields if types[name] == _DAY}
    return table.assign(**dated).astype(types)


def list_derived(people: pd.DataFrame) -> list[str]:
    """List the columns that a frame gains from people: those that somebody has a value in."""
    return [name for name in DERIVED if people[name].notna().any()]


def add_teams(frame: pd.DataFrame, people: pd.DataFrame, days: pd.Series[Any]) -> pd.DataFrame:
    """Add ``team`` and ``region`` of each deal's owner on its own day."""
    moves = people.assign(from_date=people["from_date"].fillna(ALWAYS))
    moves = moves.sort_values("from_date", kind="stable")
    owners, dates = frame["owner_name"].astype(TEXT).array, days.astype("datetime64[us]").array
    asked = pd.DataFrame({"owner_name": owners, "from_date": dates, "row": range(len(frame))})
    known = asked.dropna(subset=["owner_name", "from_date"]).sort_values("from_date", kind="stable")
    found = pd.merge_asof(known, moves, on="from_date", by="owner_name").set_index("row")
    gained = {name: found[name].reindex(asked["row"]).astype(TEXT).array for name in list_derived(people)}
    return frame.assign(**gained)


def find_teams(people: pd.DataFrame, day: pd.Timestamp) -> dict[str, str]:
    """Find the team of each person on a day, "" for none."""
    begun = people[~(people["from_date"] > day)].sort_values("from_date", kind="stable", na_position="first")
    return dict(zip(begun["owner_name"], begun["team"].fillna(""), strict=True))
